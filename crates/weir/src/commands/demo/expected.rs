//! What must come out, computed from the telemetry alone, without Weir's engine.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Timelike, Utc};

use super::telemetry::Reading;

const ALERT_WINDOW_MS: i64 = 30_000;
const AVERAGE_WINDOW_MS: i64 = 60_000;
/// The application's watermark waits this long.
const DELAY_MS: i64 = 5_000;

/// Sensor and start of the window in ms.
pub(crate) type Key = (String, i64);

/// One expected average.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Average {
    pub(crate) average: f64,
    pub(crate) readings: i64,
    /// `year=2026/month=1/day=1/hour=0`
    pub(crate) partition: String,
}

/// An application version's share of the story: up to event time `until_ms` (its last watermark plus the
/// delay), alerts need more than `more_than` high readings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chapter {
    pub(crate) until_ms: i64,
    pub(crate) more_than: i64,
}

/// High readings of every window that must raise an alert.
pub(crate) fn alerts(readings: &[Reading], chapters: &[Chapter]) -> BTreeMap<Key, i64> {
    let mut high = BTreeMap::<Key, i64>::new();
    for reading in readings.iter().filter(|reading| reading.temperature > 30) {
        *high.entry(key(reading, ALERT_WINDOW_MS)).or_default() += 1;
    }
    high.retain(|(_, start), count| {
        let fired_in = chapters.iter().find(|c| fired(*start + ALERT_WINDOW_MS, c.until_ms));
        fired_in.is_some_and(|chapter| *count > chapter.more_than)
    });
    high
}

/// The average of every window that must be in S3.
pub(crate) fn averages(readings: &[Reading], until_ms: i64) -> BTreeMap<Key, Average> {
    let mut sums = BTreeMap::<Key, (i64, i64)>::new();
    for reading in readings {
        let (sum, count) = sums.entry(key(reading, AVERAGE_WINDOW_MS)).or_default();
        *sum += reading.temperature;
        *count += 1;
    }
    sums.retain(|(_, start), _| fired(*start + AVERAGE_WINDOW_MS, until_ms));
    let average = |(key, (sum, readings)): (Key, (i64, i64))| {
        let value = Average {
            average: sum as f64 / readings as f64,
            readings,
            partition: partition(key.1),
        };
        (key, value)
    };
    sums.into_iter().map(average).collect()
}

fn key(reading: &Reading, size_ms: i64) -> Key {
    (reading.sensor_id.clone(), reading.event_time_ms.div_euclid(size_ms) * size_ms)
}

fn fired(end_ms: i64, until_ms: i64) -> bool {
    end_ms - 1 <= until_ms - DELAY_MS
}

fn partition(start_ms: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_millis(start_ms).unwrap_or_default();
    format!("year={}/month={}/day={}/hour={}", time.year(), time.month(), time.day(), time.hour())
}

/// How found results compare with expected ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) expected: usize,
    pub(crate) once: usize,
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    pub(crate) wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn good(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.wrong.is_empty()
    }
}

/// Compares each expected result with all found for its key; anything not expected is wrong.
pub(crate) fn compare<V: PartialEq + std::fmt::Debug>(
    expected: &BTreeMap<Key, V>,
    found: &[(Key, V)],
) -> Tally {
    let name =
        |(sensor, start): &Key| format!("sensor {sensor}, {}", super::telemetry::iso(*start));
    let mut tally = Tally { expected: expected.len(), ..Tally::default() };
    let mut by_key = BTreeMap::<&Key, Vec<&V>>::new();
    for (key, value) in found {
        by_key.entry(key).or_default().push(value);
    }
    for (key, value) in expected {
        match by_key.remove(key).as_deref() {
            None => tally.lost.push(name(key)),
            Some([one]) if *one == value => tally.once += 1,
            Some([one]) => tally.wrong.push(format!("{}: {one:?}, not {value:?}", name(key))),
            Some(_) => tally.doubled.push(name(key)),
        }
    }
    for (key, values) in by_key {
        tally.wrong.push(format!("{}: {values:?} was not expected", name(key)));
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(sensor: &str, temperature: i64, event_time_ms: i64) -> Reading {
        Reading { sensor_id: sensor.to_owned(), temperature, event_time_ms }
    }

    #[test]
    fn a_window_counts_once_its_end_is_behind_the_watermark() {
        let readings: Vec<_> = (0..4).map(|i| reading("1", 31, i * 1000)).collect();
        let fires = |until_ms, more_than| {
            alerts(&readings, &[Chapter { until_ms, more_than }]).into_values().collect::<Vec<_>>()
        };
        assert_eq!(fires(34_998, 3), [0; 0]);
        assert_eq!(fires(34_999, 3), [4]);
        assert_eq!(fires(34_999, 4), [0; 0]);
    }

    #[test]
    fn lost_doubled_and_wrong_results_are_told_apart() {
        let key = |s: &str| (s.to_owned(), 0);
        let expected = BTreeMap::from([(key("1"), 1), (key("2"), 2), (key("3"), 3), (key("4"), 4)]);
        let found = [(key("1"), 1), (key("2"), 2), (key("2"), 2), (key("3"), 0), (key("5"), 5)];
        let tally = compare(&expected, &found);
        assert_eq!((tally.expected, tally.once), (4, 1));
        assert_eq!((tally.lost.len(), tally.doubled.len(), tally.wrong.len()), (1, 1, 2));
        assert!(!tally.good());
    }
}
