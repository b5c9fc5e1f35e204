//! What a program SETs about how it is run: checkpoints and restarts, by Flink's options.

use std::collections::BTreeMap;

use model::protocol::RestartStrategy;

use super::settings::duration_ms;

const TIMEOUT: &str = "execution.checkpointing.timeout";
const TOLERATED: &str = "execution.checkpointing.tolerable-failed-checkpoints";
const STRATEGY: &str = "restart-strategy.type";
/// What older Flink versions call it.
const OLD_STRATEGY: &str = "restart-strategy";
const FIXED_ATTEMPTS: &str = "restart-strategy.fixed-delay.attempts";
const FIXED_DELAY: &str = "restart-strategy.fixed-delay.delay";
const FIRST: &str = "restart-strategy.exponential-delay.initial-backoff";
const LONGEST: &str = "restart-strategy.exponential-delay.max-backoff";
const MULTIPLIER: &str = "restart-strategy.exponential-delay.backoff-multiplier";
const ATTEMPTS: &str = "restart-strategy.exponential-delay.attempts-before-reset-backoff";

/// What a program SETs about how it is run; absent = the default of whoever runs it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunSettings {
    /// `execution.checkpointing.timeout` in ms.
    pub checkpoint_timeout_ms: Option<u64>,
    /// `execution.checkpointing.tolerable-failed-checkpoints`.
    pub tolerated_checkpoint_failures: Option<u32>,
    /// `restart-strategy.type` and what belongs to it.
    pub restart: Option<RestartStrategy>,
}

impl RunSettings {
    /// Of checked settings.
    pub(super) fn of(values: &BTreeMap<String, String>) -> Self {
        let value = |key: &str| values.get(key).map(String::as_str);
        let duration = |key: &str, default| value(key).and_then(duration_ms).unwrap_or(default);
        let number = |key: &str| value(key).and_then(number);
        let restart = value(STRATEGY).or(value(OLD_STRATEGY)).and_then(kind).map(|it| match it {
            Kind::Off => RestartStrategy::Off,
            // The defaults are Flink's.
            Kind::FixedDelay => RestartStrategy::FixedDelay {
                attempts: number(FIXED_ATTEMPTS).unwrap_or(1),
                delay_ms: duration(FIXED_DELAY, 1000),
            },
            Kind::ExponentialDelay => RestartStrategy::ExponentialDelay {
                initial_ms: duration(FIRST, 1000),
                max_ms: duration(LONGEST, 60_000),
                multiplier_percent: value(MULTIPLIER).and_then(percent).unwrap_or(150),
                attempts: number(ATTEMPTS),
            },
        });
        Self {
            checkpoint_timeout_ms: value(TIMEOUT).and_then(duration_ms),
            tolerated_checkpoint_failures: number(TOLERATED),
            restart,
        }
    }
}

/// What would be right when a key of this file has a value that cannot be.
pub(super) fn wrong(key: &str, value: &str) -> Option<&'static str> {
    let (right, hint) = match key {
        TIMEOUT | FIRST | LONGEST => (
            duration_ms(value).is_some_and(|ms| ms > 0),
            "give a duration such as `10 s`, longer than nothing",
        ),
        FIXED_DELAY => (duration_ms(value).is_some(), "give a duration such as `10 s`"),
        TOLERATED => (number(value).is_some(), "give a number, 0 or more"),
        FIXED_ATTEMPTS | ATTEMPTS => {
            (number(value).is_some_and(|it| it > 0), "give a number, 1 or more")
        }
        MULTIPLIER => (percent(value).is_some(), "give a number such as `1.5`, 1 or more"),
        STRATEGY | OLD_STRATEGY => {
            (kind(value).is_some(), "known are `exponential-delay`, `fixed-delay` and `none`")
        }
        _ => return None,
    };
    (!right).then_some(hint)
}

enum Kind {
    Off,
    FixedDelay,
    ExponentialDelay,
}

fn kind(text: &str) -> Option<Kind> {
    match text.trim().to_ascii_lowercase().as_str() {
        "none" | "off" | "disable" => Some(Kind::Off),
        "fixed-delay" | "fixeddelay" => Some(Kind::FixedDelay),
        "exponential-delay" | "exponentialdelay" => Some(Kind::ExponentialDelay),
        _ => None,
    }
}

fn number(text: &str) -> Option<u32> {
    text.trim().parse().ok()
}

/// A multiplier in hundredths, from 1 to 1000 times.
fn percent(text: &str) -> Option<u32> {
    let times: f64 = text.trim().parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    #[expect(clippy::cast_sign_loss, reason = "the range is checked before")]
    (1.0..=1000.0).contains(&times).then(|| (times * 100.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(of: &[(&str, &str)]) -> RunSettings {
        for (key, value) in of {
            assert_eq!(wrong(key, value), None, "{key} {value}");
        }
        let owned = of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        RunSettings::of(&owned.collect())
    }

    #[test]
    fn nothing_set_is_nothing_wished() {
        assert_eq!(settings(&[("table.local-time-zone", "UTC")]), RunSettings::default());
        // As in Flink the parts say nothing without a type.
        assert_eq!(settings(&[(FIXED_ATTEMPTS, "5")]), RunSettings::default());
    }

    #[test]
    fn checkpoints_may_have_limits_of_their_own() {
        let set = settings(&[(TIMEOUT, "30 s"), (TOLERATED, "0")]);
        assert_eq!(set.checkpoint_timeout_ms, Some(30_000));
        assert_eq!(set.tolerated_checkpoint_failures, Some(0));
    }

    #[test]
    fn strategies_have_flinks_defaults() {
        assert_eq!(settings(&[(OLD_STRATEGY, "none")]).restart, Some(RestartStrategy::Off));
        assert_eq!(settings(&[(STRATEGY, "off")]).restart, Some(RestartStrategy::Off));
        let fixed = RestartStrategy::FixedDelay { attempts: 1, delay_ms: 1000 };
        assert_eq!(settings(&[(STRATEGY, "fixed-delay")]).restart, Some(fixed));
        let fixed = RestartStrategy::FixedDelay { attempts: 3, delay_ms: 10_000 };
        let set = [(STRATEGY, "fixed-delay"), (FIXED_ATTEMPTS, "3"), (FIXED_DELAY, "10 s")];
        assert_eq!(settings(&set).restart, Some(fixed));
        let set = [
            (STRATEGY, "exponential-delay"),
            (FIRST, "500 ms"),
            (LONGEST, "2 min"),
            (MULTIPLIER, "2.5"),
            (ATTEMPTS, "7"),
        ];
        let exponential = RestartStrategy::ExponentialDelay {
            initial_ms: 500,
            max_ms: 120_000,
            multiplier_percent: 250,
            attempts: Some(7),
        };
        assert_eq!(settings(&set).restart, Some(exponential));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (key, value) in [
            (TIMEOUT, "soon"),
            (TIMEOUT, "0 s"),
            (TOLERATED, "-1"),
            (STRATEGY, "failure-rate"),
            (FIXED_ATTEMPTS, "0"),
            (FIXED_DELAY, "later"),
            (MULTIPLIER, "0.5"),
            (MULTIPLIER, "NaN"),
        ] {
            assert!(wrong(key, value).is_some(), "{key} {value}");
        }
        assert_eq!(wrong("pipeline.name", "x"), None);
    }
}
