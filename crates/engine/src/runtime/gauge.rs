//! What one subtask of a node shows of itself to whoever watches from another thread.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::waiting::{SplitCounts, SplitState};

use crate::operator::Firing;

const UNTIMED: u8 = 0;
const EVENT_TIME: u8 = 1;
const PROCESSING_TIME: u8 = 2;

/// Gauges of one subtask of one node; written by its thread, read by any.
#[derive(Debug, Default)]
pub(super) struct SubtaskGauge {
    /// Which time the operator goes by.
    time: AtomicU8,
    /// When it fires next; `i64::MAX` = it holds nothing.
    firing: AtomicI64,
    /// While it waits for room downstream.
    pub(super) blocked: Stopwatch,
    /// While it waits for a barrier on some channels that has come on others.
    pub(super) aligning: Stopwatch,
    /// The checkpoint of that barrier.
    pub(super) checkpoint: AtomicU64,
    /// Of a source: its splits.
    source: Mutex<Option<SourceState>>,
}

/// Where a source subtask stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceState {
    /// The watermark it has sent; `i64::MIN` = none.
    pub(super) watermark: i64,
    /// No split of it counts, and it has said so.
    pub(super) idle: bool,
    /// Whether it knows its splits.
    pub(super) known: bool,
    /// Its slowest splits, slowest first.
    pub(super) slowest: Vec<SplitState>,
    /// How many splits it has.
    pub(super) counts: SplitCounts,
}

impl SubtaskGauge {
    pub(super) fn set_firing(&self, firing: Firing) {
        let (time, at) = match firing {
            Firing::Untimed => return,
            Firing::EventTime(at) => (EVENT_TIME, at),
            Firing::ProcessingTime(at) => (PROCESSING_TIME, at),
        };
        self.firing.store(at.unwrap_or(i64::MAX), Ordering::Relaxed);
        self.time.store(time, Ordering::Relaxed);
    }

    pub(super) fn firing(&self) -> Firing {
        let at = Some(self.firing.load(Ordering::Relaxed)).filter(|at| *at != i64::MAX);
        match self.time.load(Ordering::Relaxed) {
            EVENT_TIME => Firing::EventTime(at),
            PROCESSING_TIME => Firing::ProcessingTime(at),
            UNTIMED.. => Firing::Untimed,
        }
    }

    pub(super) fn set_source(&self, state: SourceState) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }

    pub(super) fn source(&self) -> Option<SourceState> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Tells from another thread for how long something has been going on.
#[derive(Debug)]
pub(super) struct Stopwatch {
    base: Instant,
    /// Nanoseconds after `base`; 0 = it does not run.
    began: AtomicU64,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self { base: Instant::now(), began: AtomicU64::new(0) }
    }
}

impl Stopwatch {
    pub(super) fn begin(&self) {
        let began = u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.began.store(began.max(1), Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.began.store(0, Ordering::Relaxed);
    }

    pub(super) fn runs(&self) -> bool {
        self.began.load(Ordering::Relaxed) != 0
    }

    /// For how long it has run; `None` = it does not.
    pub(super) fn runs_for(&self) -> Option<Duration> {
        match self.began.load(Ordering::Relaxed) {
            0 => None,
            began => Some(self.base.elapsed().saturating_sub(Duration::from_nanos(began))),
        }
    }
}
