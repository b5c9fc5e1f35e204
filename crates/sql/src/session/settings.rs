//! `SET 'key' = 'value'`.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr;

use super::run_settings;

const TIME_ZONE: &str = "table.local-time-zone";
const NOT_NULL: &str = "table.exec.sink.not-null-enforcer";
const IDLE_TIMEOUT: &str = "table.exec.source.idle-timeout";

/// The settings of a session. Keys nobody here knows are kept for those who do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    values: BTreeMap<String, String>,
    zone: Option<Tz>,
    idle_timeout_ms: Option<u64>,
}

impl Settings {
    /// Sets a key; values that are read here are checked.
    pub(crate) fn set(&mut self, key: &str, value: &str, place: Place) -> Result<()> {
        let refused = |hint: &str| {
            let message = format!("`{value}` is no value for `{key}`");
            Err(Diagnostic::new(place, message).hint(hint))
        };
        match key {
            TIME_ZONE => match zone(value) {
                Some(zone) => self.zone = Some(zone),
                None => return refused("give a name such as `UTC` or `Europe/Paris`"),
            },
            NOT_NULL if !matches!(value.to_ascii_uppercase().as_str(), "ERROR" | "DROP") => {
                return refused("known are ERROR and DROP");
            }
            IDLE_TIMEOUT => match duration_ms(value) {
                Some(ms) => self.idle_timeout_ms = (ms > 0).then_some(ms),
                None => return refused("give a duration such as `10 s`"),
            },
            "execution.runtime-mode" if !value.eq_ignore_ascii_case("streaming") => {
                return refused("only STREAMING is there");
            }
            _ => {
                if let Some(hint) = run_settings::wrong(key, value) {
                    return refused(hint);
                }
            }
        }
        self.values.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    /// Takes one key or all back.
    pub(crate) fn reset(&mut self, key: Option<&str>) {
        match key {
            None => *self = Self::default(),
            Some(key) => {
                self.values.remove(key);
                match key {
                    TIME_ZONE => self.zone = None,
                    IDLE_TIMEOUT => self.idle_timeout_ms = None,
                    _ => {}
                }
            }
        }
    }

    /// All keys with their values.
    pub(crate) fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// `table.local-time-zone`; UTC when not set.
    pub(crate) fn zone(&self) -> Tz {
        self.zone.unwrap_or(Tz::UTC)
    }

    /// `table.exec.source.idle-timeout` in milliseconds.
    pub(crate) fn idle_timeout_ms(&self) -> Option<u64> {
        self.idle_timeout_ms
    }

    /// Whether a NULL for a NOT NULL sink column drops the record.
    pub(crate) fn drops_nulls(&self) -> bool {
        self.values.get(NOT_NULL).is_some_and(|value| value.eq_ignore_ascii_case("drop"))
    }

    /// What expressions are bound with.
    pub(crate) fn expression_session(&self) -> expr::Session {
        expr::Session { zone: self.zone(), ..expr::Session::default() }
    }
}

/// An IANA name, or `GMT+08:00` with whole hours.
fn zone(name: &str) -> Option<Tz> {
    if let Ok(zone) = name.parse() {
        return Some(zone);
    }
    let offset = name.strip_prefix("GMT").or_else(|| name.strip_prefix("UTC")).unwrap_or(name);
    let sign = match offset.chars().next()? {
        // The Etc zones count westwards.
        '+' => '-',
        '-' => '+',
        _ => return None,
    };
    let (hours, minutes) = offset[1..].split_once(':').unwrap_or((&offset[1..], "00"));
    let hours: u8 = hours.parse().ok()?;
    if minutes != "00" {
        return None;
    }
    if hours == 0 { Some(Tz::UTC) } else { format!("Etc/GMT{sign}{hours}").parse().ok() }
}

/// A duration as Flink writes it: `500 ms`, `10 s`, `1min`, `2 h`; a bare number is milliseconds.
pub(super) fn duration_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().ok()?;
    let factor = match text[end..].trim().to_ascii_lowercase().as_str() {
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_and_zones() {
        assert_eq!(duration_ms("10 s"), Some(10_000));
        assert_eq!(duration_ms("1min"), Some(60_000));
        assert_eq!(duration_ms("250"), Some(250));
        assert_eq!(duration_ms("soon"), None);
        assert_eq!(zone("GMT+08:00"), Some(Tz::Etc__GMTMinus8));
        assert_eq!(zone("Europe/Paris"), Some(Tz::Europe__Paris));
        assert_eq!(zone("Middle/Earth"), None);
    }
}
