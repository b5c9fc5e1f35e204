//! The topic settings this broker understands.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;

use super::catalog::Refusal;
use super::log::MAX_BATCH_BYTES;

/// Which values a setting may have.
#[derive(Debug, Clone, Copy)]
enum Allowed {
    /// One of these: what the broker does anyway.
    OneOf(&'static [&'static str]),
    /// A whole number. These settings permit a broker to delete or merge records; this one keeps
    /// everything for ever, which they permit as well.
    Number,
}

/// A setting with its default, as Kafka documents it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    /// How Kafka's protocol numbers the type: 2 text, 3 a number of 32 bits, 5 of 64 bits, 7 list.
    pub(super) kind: i8,
    allowed: Allowed,
}

/// All settings, by name.
pub(super) const TOPIC_SETTINGS: &[Setting] = &[
    Setting {
        name: "cleanup.policy",
        default: "delete",
        kind: 7,
        allowed: Allowed::OneOf(&["delete", "compact", "compact,delete", "delete,compact"]),
    },
    Setting {
        name: "compression.type",
        default: "producer",
        kind: 2,
        allowed: Allowed::OneOf(&["producer"]),
    },
    Setting {
        name: "message.timestamp.type",
        default: "CreateTime",
        kind: 2,
        allowed: Allowed::OneOf(&["CreateTime"]),
    },
    Setting { name: "min.insync.replicas", default: "1", kind: 3, allowed: Allowed::OneOf(&["1"]) },
    Setting { name: "retention.bytes", default: "-1", kind: 5, allowed: Allowed::Number },
    Setting { name: "retention.ms", default: "-1", kind: 5, allowed: Allowed::Number },
    Setting { name: "segment.bytes", default: "1073741824", kind: 3, allowed: Allowed::Number },
    Setting { name: "segment.ms", default: "604800000", kind: 5, allowed: Allowed::Number },
];

/// The largest record batch; the same for all topics.
pub(super) fn max_message_bytes() -> String {
    MAX_BATCH_BYTES.to_string()
}

/// Refuses settings that this broker would not follow.
pub(super) fn check(settings: &BTreeMap<String, String>) -> Result<(), Refusal> {
    for (name, value) in settings {
        let refuse = |reason| Err(Refusal::new(ResponseError::InvalidConfig, reason));
        let Some(setting) = TOPIC_SETTINGS.iter().find(|setting| setting.name == name) else {
            let names: Vec<_> = TOPIC_SETTINGS.iter().map(|setting| setting.name).collect();
            let known = names.join(", ");
            return refuse(format!("setting `{name}` is not supported; there are: {known}"));
        };
        match setting.allowed {
            Allowed::OneOf(values) if !values.contains(&value.as_str()) => {
                let values = values.join(" or ");
                return refuse(format!("setting `{name}` can be {values} here, not `{value}`"));
            }
            Allowed::Number if value.parse::<i64>().is_err() => {
                return refuse(format!("setting `{name}` is a whole number, not `{value}`"));
            }
            Allowed::OneOf(_) | Allowed::Number => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_allowed_and_what_would_not_be_followed_is_refused() {
        let defaults = TOPIC_SETTINGS.iter().map(|s| (s.name.to_owned(), s.default.to_owned()));
        assert_eq!(check(&defaults.collect()), Ok(()));
        for (name, value, words) in [
            ("message.timestamp.type", "LogAppendTime", "can be CreateTime here"),
            ("retention.ms", "a week", "is a whole number"),
            ("no.such.setting", "1", "is not supported"),
        ] {
            let refusal = check(&BTreeMap::from([(name.into(), value.into())])).unwrap_err();
            assert_eq!(refusal.code, ResponseError::InvalidConfig);
            assert!(refusal.reason.contains(words), "{}", refusal.reason);
        }
    }
}
