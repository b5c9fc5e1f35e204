//! Which Flink an application was written for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{invalid::Invalid, text_enum::text_enum};

text_enum!(
    /// How an application is used (AWS `ApplicationMode`).
    ApplicationMode, "ApplicationMode" {
        /// A program that is started and stopped.
        Streaming = "STREAMING",
    }
);

/// A Flink runtime, `FLINK-1_6` and newer.
///
/// The engine is the same for all of them; the name is kept and shown. Newer names than those
/// known to AWS today are accepted, so that clients need not wait for a release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuntimeEnvironment {
    major: u16,
    minor: u16,
}

impl RuntimeEnvironment {
    /// `(major, minor)` of the Flink release.
    pub fn release(&self) -> (u16, u16) {
        (self.major, self.minor)
    }
}

/// Runtimes that AWS has beside Flink: SQL and Studio.
const OTHERS: [&str; 4] =
    ["SQL-1_0", "ZEPPELIN-FLINK-1_0", "ZEPPELIN-FLINK-2_0", "ZEPPELIN-FLINK-3_0"];

/// Whether AWS knows the runtime, but no program for it can be run here.
pub fn is_foreign_runtime(name: &str) -> bool {
    OTHERS.contains(&name)
}

impl FromStr for RuntimeEnvironment {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let number = |digits: &str| -> Option<u16> {
            let plain = !digits.is_empty()
                && digits.len() <= 3
                && digits.bytes().all(|b| b.is_ascii_digit())
                && (digits == "0" || !digits.starts_with('0'));
            plain.then(|| digits.parse().ok()).flatten()
        };
        let release = text
            .strip_prefix("FLINK-")
            .and_then(|rest| rest.split_once('_'))
            .and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
        match release {
            Some((major, minor)) if (major, minor) >= (1, 6) => Ok(Self { major, minor }),
            _ => Err(Invalid::new(
                "RuntimeEnvironment",
                format!(
                    "must be a Flink runtime from `FLINK-1_6` on, for example `FLINK-1_20`, not \
                     `{}`",
                    text.chars().take(100).collect::<String>().escape_debug()
                ),
            )),
        }
    }
}

impl TryFrom<String> for RuntimeEnvironment {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<RuntimeEnvironment> for String {
    fn from(runtime: RuntimeEnvironment) -> Self {
        runtime.to_string()
    }
}

impl fmt::Display for RuntimeEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FLINK-{}_{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flink_runtimes_from_1_6_on_are_accepted() {
        for name in ["FLINK-1_6", "FLINK-1_11", "FLINK-1_20", "FLINK-2_2", "FLINK-2_3"] {
            assert_eq!(name.parse::<RuntimeEnvironment>().unwrap().to_string(), name);
        }
        for name in ["FLINK-1_5", "SQL-1_0", "FLINK-9", "flink-1_20", "FLINK-01_20", "FLINK-1_x"] {
            assert!(name.parse::<RuntimeEnvironment>().is_err(), "{name}");
        }
    }
}
