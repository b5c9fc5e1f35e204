//! Telemetry, and what must come of it, computed without Weir.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Producer;

/// First event time: 2026-01-01T00:00:00Z.
const START_MS: i64 = 1_767_225_600_000;
/// Event time between two steps.
const STEP_MS: i64 = 1_000;
/// Time between two steps.
const PACE: Duration = Duration::from_millis(50);

/// One reading.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) sensor: String,
    pub(crate) amount: i64,
    pub(crate) at_ms: i64,
}

/// Sum and count of readings, by sensor and start of the window in ms.
pub(crate) type Windows = BTreeMap<(String, i64), (i64, i64)>;

/// What must come out for windows of so many seconds.
pub(crate) fn sums(readings: &[Reading], seconds: i64) -> Windows {
    let mut windows = Windows::new();
    for reading in readings {
        let start = reading.at_ms - reading.at_ms.rem_euclid(seconds * 1000);
        let (sum, count) = windows.entry((reading.sensor.clone(), start)).or_default();
        *sum += reading.amount;
        *count += 1;
    }
    windows
}

/// A reading as it stands in a topic.
pub(crate) fn json_line(reading: &Reading) -> String {
    let time = chrono::DateTime::from_timestamp_millis(reading.at_ms).unwrap();
    format!(
        r#"{{"sensor_id":"{}","amount":{},"event_time":"{}"}}"#,
        reading.sensor,
        reading.amount,
        time.format("%Y-%m-%dT%H:%M:%S%.3f")
    )
}

/// Writes readings all the time, on a thread of its own.
pub(crate) struct Feeder {
    stop: Sender<()>,
    thread: JoinHandle<Vec<Reading>>,
}

impl Feeder {
    pub(crate) fn start(mut producer: Producer) -> Self {
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let mut random = fastrand::Rng::with_seed(7);
            let (mut readings, mut at_ms) = (Vec::new(), START_MS);
            while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                let step: Vec<Reading> = (0..10)
                    .map(|i| Reading {
                        sensor: (i % 5).to_string(),
                        amount: random.i64(-1000..1000),
                        at_ms: at_ms + random.i64(0..STEP_MS),
                    })
                    .collect();
                producer.write(step.iter().map(json_line));
                readings.extend(step);
                at_ms += STEP_MS;
            }
            producer.write(marks(at_ms));
            readings
        });
        Self { stop, thread }
    }

    /// Writes what closes all windows; gives all readings.
    pub(crate) fn finish(self) -> Vec<Reading> {
        drop(self.stop);
        self.thread.join().unwrap()
    }
}

/// Much later readings, in every partition, whose own windows stay open.
fn marks(now_ms: i64) -> impl Iterator<Item = String> {
    let mark = Reading { sensor: "mark".to_owned(), amount: 0, at_ms: now_ms + 60_000 };
    std::iter::repeat_n(json_line(&mark), 16)
}

impl Producer {
    /// Writes what closes all windows of these readings.
    pub(crate) fn close_windows(&mut self, readings: &[Reading]) {
        let last = readings.iter().map(|reading| reading.at_ms).max().unwrap();
        self.write(marks(last));
    }
}
