//! Sensor telemetry, made up but reproducible.

use chrono::{DateTime, Utc};

/// Sensors are called "1" to "5".
pub(crate) const SENSORS: i64 = 5;

/// Event time between two readings of one sensor, in ms.
const READING_EVERY_MS: i64 = 3_000;

/// Readings come up to this much later than their neighbours, in ms: less than the 5 s by which
/// the application's watermark waits, so none is late.
const DISORDER_MS: i64 = 4_000;

/// One reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) sensor_id: String,
    pub(crate) temperature: i64,
    /// Milliseconds since 1970 UTC.
    pub(crate) event_time_ms: i64,
}

/// Makes readings in the order in which they arrive.
#[derive(Debug)]
pub(crate) struct Telemetry {
    random: fastrand::Rng,
    next_ms: i64,
}

impl Telemetry {
    /// Starts at event time `start_ms`; the same seed gives the same readings.
    pub(crate) fn new(start_ms: i64, seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), next_ms: start_ms }
    }

    /// All readings of the next `span_ms` of event time, slightly out of order.
    pub(crate) fn readings(&mut self, span_ms: i64) -> Vec<Reading> {
        let end = self.next_ms + span_ms;
        let mut arriving = Vec::new();
        let mut at = self.next_ms;
        while at < end {
            for sensor in 1..=SENSORS {
                let event_time_ms = (at + self.random.i64(0..READING_EVERY_MS)).min(end - 1);
                let reading = Reading {
                    sensor_id: sensor.to_string(),
                    temperature: self.random.i64(27..=32),
                    event_time_ms,
                };
                arriving.push((event_time_ms + self.random.i64(0..DISORDER_MS), reading));
            }
            at += READING_EVERY_MS;
        }
        self.next_ms = end;
        arriving.sort_by_key(|(arrives_ms, _)| *arrives_ms);
        arriving.into_iter().map(|(_, reading)| reading).collect()
    }

    /// `count` readings at the current event time: they push the watermark in every partition.
    pub(crate) fn marks(&mut self, count: usize) -> Vec<Reading> {
        let event_time_ms = self.next_ms;
        let mark = |i: usize| Reading {
            sensor_id: (i as i64 % SENSORS + 1).to_string(),
            temperature: 27,
            event_time_ms,
        };
        (0..count).map(mark).collect()
    }

    /// Event time up to which readings were made, in ms.
    pub(crate) fn now_ms(&self) -> i64 {
        self.next_ms
    }
}

/// `2026-01-01T00:00:00.000`
pub(crate) fn iso(ms: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S%.3f").to_string()
}
