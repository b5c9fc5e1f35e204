//! The connector's options (Flink's names) and what they mean.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use engine::connector::{TableRefused, TableSpec};
use regex::Regex;

use super::properties::{self, Role};
use crate::format::Format;
use crate::options::{OptionSpec, OptionType, Options};

const SPECS: &[OptionSpec] = &[
    OptionSpec::new("topic", OptionType::Text, "topic name; for reading also a list `a;b`"),
    OptionSpec::new("topic-pattern", OptionType::Text, "regular expression of topics to read"),
    OptionSpec::new("properties.*", OptionType::Text, "the Kafka client's properties"),
    OptionSpec::new("format", OptionType::Format, "spelling of the record values"),
    OptionSpec::new("value.format", OptionType::Format, "the same as `format`"),
    OptionSpec::new("key.format", OptionType::Format, "spelling of the record keys"),
    OptionSpec::new("key.fields", OptionType::Text, "columns that stand in the key, `a;b`"),
    OptionSpec::new("key.fields-prefix", OptionType::Text, "prefix of the key columns' names")
        .default(""),
    OptionSpec::new(
        "value.fields-include",
        OptionType::Choice(&["ALL", "EXCEPT_KEY"]),
        "whether key columns stand in the value too",
    )
    .default("ALL"),
    OptionSpec::new(
        "scan.startup.mode",
        OptionType::Choice(&[
            "group-offsets",
            "earliest-offset",
            "latest-offset",
            "timestamp",
            "specific-offsets",
        ]),
        "where a start without snapshot begins",
    )
    .default("group-offsets"),
    OptionSpec::new("scan.startup.timestamp-millis", OptionType::Int, "for the mode `timestamp`"),
    OptionSpec::new(
        "scan.startup.specific-offsets",
        OptionType::Text,
        "for that mode: `partition:0,offset:42;partition:1,offset:300`",
    ),
    OptionSpec::new(
        "scan.bounded.mode",
        OptionType::Choice(&[
            "unbounded",
            "latest-offset",
            "group-offsets",
            "timestamp",
            "specific-offsets",
        ]),
        "where reading ends",
    )
    .default("unbounded"),
    OptionSpec::new("scan.bounded.timestamp-millis", OptionType::Int, "for the mode `timestamp`"),
    OptionSpec::new("scan.bounded.specific-offsets", OptionType::Text, "for that mode"),
    OptionSpec::new(
        "scan.topic-partition-discovery.interval",
        OptionType::Duration,
        "how often new partitions are looked for; 0 = never",
    )
    .default("5 min"),
    OptionSpec::new("scan.parallelism", OptionType::Int, "not supported"),
    OptionSpec::new("scan.watermark.alignment.group", OptionType::Text, "not supported"),
    OptionSpec::new("sink.partitioner", OptionType::Text, "`default`, `fixed` or `round-robin`")
        .default("default"),
    OptionSpec::new(
        "sink.delivery-guarantee",
        OptionType::Choice(&["at-least-once", "exactly-once", "none"]),
        "what holds after a failure",
    ),
    OptionSpec::new(
        "sink.semantic",
        OptionType::Choice(&["at-least-once", "exactly-once", "none"]),
        "old name of `sink.delivery-guarantee`",
    ),
    OptionSpec::new(
        "sink.transactional-id-prefix",
        OptionType::Text,
        "for `exactly-once`: prefix of the transactional id, and of the group of the sink's marker",
    ),
    OptionSpec::new(
        "sink.lost-marker",
        OptionType::Choice(&["fail", "send", "skip"]),
        "for `exactly-once`: what to do when the broker has forgotten whether output was sent",
    )
    .default("fail"),
    OptionSpec::new("sink.parallelism", OptionType::Int, "not supported"),
];

/// What source and sink have in common.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) options: Options,
    /// In librdkafka's words.
    pub(super) properties: BTreeMap<String, String>,
    pub(super) value_format: Format,
    pub(super) key_format: Option<Format>,
}

/// Without options and properties: they may hold passwords.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Table {
    pub(super) fn plan(table: &TableSpec, role: Role) -> Result<Self, TableRefused> {
        let options = Options::read(table, SPECS)?;
        for key in ["scan.parallelism", "sink.parallelism", "scan.watermark.alignment.group"] {
            if options.given(key) {
                return Err(options.refuse(key, "it is not supported; leave it out"));
            }
        }
        let given = options.prefixed("properties.");
        let properties = properties::translate(&given, role).map_err(|refusal| {
            let option = format!("properties.{}", refusal.key);
            let message = format!("table `{}`: option `{option}`: {}", table.name, refusal.why);
            TableRefused { message, option: table.options.contains_key(&option).then_some(option) }
        })?;
        let value_key = if options.given("value.format") { "value.format" } else { "format" };
        let Some(value_format) = Format::of(&options, value_key)? else {
            let message = format!("table `{}` lacks the required option `format`", table.name);
            return Err(TableRefused { message, option: None });
        };
        let key_format = Format::of(&options, "key.format")?;
        Ok(Self { name: table.name.clone(), options, properties, value_format, key_format })
    }

    /// A property as the user wrote it.
    pub(super) fn property(&self, key: &str) -> Option<&str> {
        self.options.text(&format!("properties.{key}"))
    }

    /// Names in `key.fields`.
    pub(super) fn key_fields(&self) -> Vec<String> {
        list(self.options.text("key.fields").unwrap_or_default())
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What is read.
#[derive(Debug, Clone)]
pub(super) enum Topics {
    Named(Vec<String>),
    /// Whole names must match, as in Java.
    Matching(Regex),
}

impl Topics {
    pub(super) fn plan(options: &Options) -> Result<Self, TableRefused> {
        match (options.text("topic"), options.text("topic-pattern")) {
            (Some(_), Some(_)) => {
                Err(options.refuse("topic-pattern", "`topic` is given too; leave one of them out"))
            }
            (Some(topics), None) => {
                let mut names = list(topics);
                names.dedup();
                if names.is_empty() {
                    return Err(options.refuse("topic", "name a topic"));
                }
                Ok(Self::Named(names))
            }
            (None, Some(pattern)) => {
                let whole = Regex::new(&format!("^(?:{pattern})$"));
                let refuse = |_| options.refuse("topic-pattern", "it is no regular expression");
                whole.map(Self::Matching).map_err(refuse)
            }
            (None, None) => Err(options.refuse("topic", "name a topic, or give `topic-pattern`")),
        }
    }
}

/// A place in every partition, before it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Earliest,
    Latest,
    /// The first record at or after this time in ms; the end if there is none.
    Timestamp(i64),
    /// What the group has committed, else this.
    Group(Fallback),
    /// By partition number; partitions not named begin at the group's offset or the earliest.
    Specific(BTreeMap<i32, i64>),
}

/// Where a partition begins for which the group has committed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fallback {
    Earliest,
    Latest,
    /// It is an error (Flink's default).
    None,
}

/// Where reading starts, and where it ends if it does.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    pub(super) topics: Topics,
    pub(super) start: Place,
    pub(super) stop: Option<Place>,
    /// `None` = new partitions are not looked for.
    pub(super) discovery: Option<Duration>,
    /// Offsets are committed for this group.
    pub(super) group: Option<String>,
    /// What librdkafka does when an offset exists no more: `earliest`, `latest`, or `error`.
    pub(super) reset: &'static str,
}

impl Scan {
    pub(super) fn plan(table: &Table) -> Result<Self, TableRefused> {
        let options = &table.options;
        let group = table.property("group.id").filter(|id| !id.is_empty()).map(str::to_owned);
        let reset_key = "properties.auto.offset.reset";
        let reset = match table.property("auto.offset.reset") {
            None => None,
            Some("earliest" | "smallest") => Some(Fallback::Earliest),
            Some("latest" | "largest") => Some(Fallback::Latest),
            Some("none" | "error") => Some(Fallback::None),
            Some(_) => {
                return Err(options.refuse(reset_key, "write `earliest`, `latest` or `none`"));
            }
        };
        let place = |mode_key: &str, prefix: &str| -> Result<Option<Place>, TableRefused> {
            let timestamp_key = format!("{prefix}.timestamp-millis");
            let offsets_key = format!("{prefix}.specific-offsets");
            Ok(Some(match options.choice(mode_key) {
                Some("earliest-offset") => Place::Earliest,
                Some("latest-offset") => Place::Latest,
                Some("timestamp") => {
                    Place::Timestamp(options.int(&timestamp_key).ok_or_else(|| {
                        options.refuse(mode_key, &format!("it needs the option `{timestamp_key}`"))
                    })?)
                }
                Some("specific-offsets") => {
                    let text = options.text(&offsets_key).ok_or_else(|| {
                        options.refuse(mode_key, &format!("it needs the option `{offsets_key}`"))
                    })?;
                    let offsets = offsets(text).ok_or_else(|| {
                        options.refuse(
                            &offsets_key,
                            "write `partition:0,offset:42;partition:1,offset:300`",
                        )
                    })?;
                    Place::Specific(offsets)
                }
                Some("group-offsets") if group.is_none() => {
                    return Err(options.refuse(
                        mode_key,
                        "it needs the option `properties.group.id`; or set `scan.startup.mode` to \
                         `earliest-offset` or `latest-offset`",
                    ));
                }
                Some("group-offsets") => Place::Group(reset.unwrap_or(Fallback::None)),
                _ => return Ok(None),
            }))
        };
        let start = place("scan.startup.mode", "scan.startup")?.unwrap_or(Place::Earliest);
        let stop = place("scan.bounded.mode", "scan.bounded")?;
        let interval = options.duration("scan.topic-partition-discovery.interval");
        let reset = match (reset, &start) {
            (Some(Fallback::Earliest), _) | (None, Place::Earliest) => "earliest",
            (Some(Fallback::Latest), _) => "latest",
            _ => "error",
        };
        Ok(Self {
            topics: Topics::plan(options)?,
            start,
            discovery: interval.filter(|interval| !interval.is_zero() && stop.is_none()),
            stop,
            group,
            reset,
        })
    }
}

/// `partition:0,offset:42;partition:1,offset:300`
fn offsets(text: &str) -> Option<BTreeMap<i32, i64>> {
    let one = |pair: &str| {
        let (partition, offset) = pair.split_once(',')?;
        let partition = partition.trim().strip_prefix("partition:")?.trim().parse().ok()?;
        let offset: i64 = offset.trim().strip_prefix("offset:")?.trim().parse().ok()?;
        (offset >= 0).then_some((partition, offset))
    };
    let found = text.split(';').filter(|pair| !pair.trim().is_empty()).map(one);
    found.collect::<Option<BTreeMap<_, _>>>().filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_as_flink_writes_them() {
        let want = BTreeMap::from([(0, 42), (1, 300)]);
        assert_eq!(offsets("partition:0,offset:42;partition:1,offset:300"), Some(want.clone()));
        assert_eq!(offsets("partition:0, offset:42; partition:1, offset:300;"), Some(want));
        for bad in ["", "0:42", "partition:0", "partition:x,offset:1", "partition:0,offset:-1"] {
            assert_eq!(offsets(bad), None, "{bad}");
        }
    }
}
