//! Telemetry, written all the time on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use connectors::Registry;

use super::streams::Writer;
use super::tally::{MARK, Reading};
use super::{Error, INPUT, PARTITIONS};
use crate::terminal::say;

/// Sensors.
const SENSORS: u64 = 10;
/// Time between two steps.
const PACE: Duration = Duration::from_millis(100);
/// Event time that passes in one step: ten times as fast as real time.
const STEP_MS: i64 = 1_000;
/// Records come up to this much later than their neighbours; the watermark waits 5 s.
const DISORDER_MS: i64 = 4_000;
/// First event time: 2026-01-01T00:00:00Z.
const START_MS: i64 = 1_767_225_600_000;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Ids that the brokers acknowledged.
    pub(super) acknowledged: Vec<i64>,
    /// Ids of which the client gave up to know, because it broke.
    pub(super) uncertain: Vec<i64>,
}

/// The thread that writes.
pub(super) struct Generator {
    stop: Sender<()>,
    thread: JoinHandle<Result<Written, Error>>,
    count: Arc<AtomicU64>,
}

impl Generator {
    /// Writes about `rate` records a second.
    pub(super) fn start(registry: Arc<Registry>, servers: &str, rate: u64, seed: u64) -> Self {
        let (stop, stopped) = channel();
        let servers = servers.to_owned();
        let count = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&count);
        let thread = std::thread::spawn(move || {
            let mut output = Output {
                registry,
                servers,
                writer: None,
                written: Written::default(),
                count: counted,
            };
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut next, mut at_ms) = (0, START_MS);
            let a_step = usize::try_from(rate / 10).unwrap_or(1).max(1);
            let mut due = Instant::now();
            loop {
                // After a time without a broker it goes on at its pace; nothing is made up for.
                due = (due + PACE).max(Instant::now());
                let pause = due.saturating_duration_since(Instant::now());
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                let step: Vec<Reading> = (0..a_step)
                    .map(|_| {
                        next += 1;
                        Reading {
                            id: next,
                            sensor: format!("sensor-{}", random.u64(0..SENSORS)),
                            at_ms: at_ms + random.i64(0..STEP_MS) - random.i64(0..DISORDER_MS),
                        }
                    })
                    .collect();
                output.write(&step)?;
                at_ms += STEP_MS;
            }
            // Much later, in every partition: closes all windows before it.
            loop {
                let mark = |i: i64| Reading {
                    id: next + i,
                    sensor: MARK.to_owned(),
                    at_ms: at_ms + 3_600_000,
                };
                let marks: Vec<Reading> = (1..=i64::from(PARTITIONS) * 2).map(mark).collect();
                next += i64::from(PARTITIONS) * 2;
                if output.write(&marks)? {
                    break;
                }
            }
            Ok(output.written)
        });
        Self { stop, thread, count }
    }

    /// Records acknowledged so far.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Writes what closes all windows, and ends. Blocks.
    pub(super) fn finish(self) -> Result<Written, Error> {
        drop(self.stop);
        self.thread.join().map_err(|_| "the generator broke")?
    }
}

struct Output {
    registry: Arc<Registry>,
    servers: String,
    writer: Option<Writer>,
    written: Written,
    count: Arc<AtomicU64>,
}

impl Output {
    /// Whether the brokers acknowledged all.
    fn write(&mut self, readings: &[Reading]) -> Result<bool, Error> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::open(&self.registry, &self.servers, INPUT)?,
        };
        let ids = readings.iter().map(|reading| reading.id);
        match writer.write(readings) {
            Ok(()) => {
                self.written.acknowledged.extend(ids);
                self.count.fetch_add(readings.len() as u64, Ordering::Relaxed);
                self.writer = Some(writer);
                Ok(true)
            }
            Err(error) => {
                say(format!("  the generator begins with a new client: {error}"));
                self.written.uncertain.extend(ids);
                Ok(false)
            }
        }
    }
}
