//! Bodies as they travel: AWS member names, lenient on the way in.

pub(crate) mod audit;
pub(crate) mod code;
pub(crate) mod configuration;
pub(crate) mod detail;
pub(crate) mod enhanced;
pub(crate) mod history;
pub(crate) mod log;
pub(crate) mod run;
pub(crate) mod scaling;
pub(crate) mod sub_resources;

use chrono::{DateTime, Utc};
use model::configuration::{ApplicationMode, RuntimeEnvironment, is_foreign_runtime};
use serde::{Deserialize, Deserializer};

/// A time as AWS writes it: seconds since 1970, cut to whole ones.
pub(crate) fn seconds(at: DateTime<Utc>) -> f64 {
    // Exact for every year that chrono knows.
    at.timestamp() as f64
}

/// A truth value, also as text (`"true"`), as the AWS guide's examples have it.
pub(crate) fn lenient_bool<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Truth(bool),
        Text(String),
    }
    match Option::<Given>::deserialize(from)? {
        None => Ok(None),
        Some(Given::Truth(value)) => Ok(Some(value)),
        Some(Given::Text(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(serde::de::Error::custom(format!("`{text}` is neither true nor false"))),
        },
    }
}

/// The runtime, which must be one of Flink.
pub(crate) fn runtime(text: &str) -> Result<RuntimeEnvironment, control::Error> {
    if is_foreign_runtime(text) {
        return Err(control::Error::Unsupported(format!(
            "runtime `{text}` is not supported: applications are for Flink runtimes, for example \
             `FLINK-1_20`, whose code may also be a Flink SQL script (`PLAINTEXT`)"
        )));
    }
    Ok(text.parse()?)
}

/// The mode, which must not be that of Studio.
pub(crate) fn mode(text: Option<&str>) -> Result<ApplicationMode, control::Error> {
    if text == Some("INTERACTIVE") {
        return Err(control::Error::Unsupported(
            "mode `INTERACTIVE` (Studio) is not supported; leave it out or say `STREAMING`"
                .to_owned(),
        ));
    }
    Ok(parsed(text)?.unwrap_or(ApplicationMode::Streaming))
}

/// Text of a member that has a closed set of values.
pub(crate) fn parsed<T: std::str::FromStr<Err = model::invalid::Invalid>>(
    text: Option<&str>,
) -> Result<Option<T>, model::invalid::Invalid> {
    text.map(str::parse).transpose()
}
