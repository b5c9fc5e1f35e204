//! When a partition is complete (Flink's `ProcTimeCommitTrigger` and `PartitionTimeCommitTrigger`).

use chrono::{NaiveDateTime, TimeZone};

use super::options::{CommitPolicy, Trigger, Zone};
use super::partition;

/// What is known at a checkpoint, over all subtasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Lowest watermark in ms; `i64::MAX` = the input has ended, and everything is complete.
    pub(super) watermark: i64,
    /// Processing time in ms.
    pub(super) now_ms: i64,
}

impl CommitPolicy {
    /// Whether a partition is complete with its first file, so that nothing has to be remembered.
    pub(super) fn at_once(&self) -> bool {
        self.trigger == Trigger::ProcessTime && self.delay.is_zero()
    }

    /// Whether the partition whose first record came at `first_ms` is complete.
    pub(super) fn complete(&self, partition: &str, first_ms: i64, moment: Moment) -> bool {
        if moment.watermark == i64::MAX || self.at_once() {
            return true;
        }
        let delay_ms = i64::try_from(self.delay.as_millis()).unwrap_or(i64::MAX);
        match &self.trigger {
            Trigger::ProcessTime => moment.now_ms > first_ms.saturating_add(delay_ms),
            Trigger::PartitionTime { pattern, formatter, zone } => {
                let time = time_of(partition, pattern.as_deref(), formatter.as_deref());
                let Some(time) = time.and_then(|local| in_zone(local, zone)) else {
                    tracing::warn!(
                        partition,
                        "the partition has no time and gets its success file only at the end of \
                         the input"
                    );
                    return false;
                };
                moment.watermark > time.saturating_add(delay_ms)
            }
        }
    }
}

fn time_of(
    partition: &str,
    pattern: Option<&str>,
    formatter: Option<&str>,
) -> Option<NaiveDateTime> {
    let mut values = partition::values_in(&format!("{partition}/"));
    let text = match pattern {
        None => values.first()?.1.clone(),
        Some(pattern) => {
            // `$hours` must not be taken for `$hour` and an s.
            values.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
            values.iter().fold(pattern.to_owned(), |text, (key, value)| {
                text.replace(&format!("${key}"), value)
            })
        }
    };
    match formatter {
        Some(formatter) => parse(&text, formatter),
        None => parse(&text, "%Y-%m-%d %H:%M:%S").or_else(|| partition::local_from(&text)),
    }
}

fn parse(text: &str, formatter: &str) -> Option<NaiveDateTime> {
    let whole = NaiveDateTime::parse_from_str(text, formatter).ok();
    whole.or_else(|| chrono::NaiveDate::parse_from_str(text, formatter).ok()?.and_hms_opt(0, 0, 0))
}

fn in_zone(local: NaiveDateTime, zone: &Zone) -> Option<i64> {
    match zone {
        Zone::Fixed(offset) => {
            Some(offset.from_local_datetime(&local).earliest()?.timestamp_millis())
        }
        Zone::Named(zone) => Some(zone.from_local_datetime(&local).earliest()?.timestamp_millis()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn by_time(pattern: &str, zone: &str) -> CommitPolicy {
        CommitPolicy {
            file_name: "_SUCCESS".to_owned(),
            trigger: Trigger::PartitionTime {
                pattern: Some(pattern.to_owned()),
                formatter: None,
                zone: Zone::Named(zone.parse().unwrap()),
            },
            delay: Duration::from_secs(3600),
        }
    }

    #[test]
    fn partition_time_waits_for_the_watermark() {
        // 2024-01-01 05:00 and one hour of delay.
        let end = 1_704_067_200_000 + 6 * 3_600_000;
        for (pattern, partition) in [
            ("$dt $hour:00:00", "dt=2024-01-01/hour=05"),
            ("$year-$month-$day $hour:00:00", "year=2024/month=1/day=1/hour=5"),
        ] {
            let policy = by_time(pattern, "UTC");
            let at = |watermark| policy.complete(partition, 0, Moment { watermark, now_ms: 0 });
            assert!(!at(i64::MIN) && !at(end) && at(end + 1) && at(i64::MAX), "{partition}");
        }
        let berlin = by_time("$dt", "Europe/Berlin");
        let moment = Moment { watermark: 1_704_067_200_001, now_ms: 0 };
        assert!(berlin.complete("dt=2024-01-01", 0, moment));
        assert!(!berlin.complete("dt=__DEFAULT_PARTITION__", 0, moment));
    }

    #[test]
    fn process_time_waits_for_its_delay() {
        let mut policy = CommitPolicy::with_first_file("_SUCCESS");
        let at = |now_ms| Moment { watermark: i64::MIN, now_ms };
        assert!(policy.complete("d=1", 100, at(100)));
        policy.delay = Duration::from_millis(50);
        assert!(!policy.complete("d=1", 100, at(150)) && policy.complete("d=1", 100, at(151)));
    }
}
