//! Counters of a running graph; written by subtasks, read by whoever reports.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Counters of one node, shared by its subtasks.
#[derive(Debug, Default)]
pub struct NodeMetrics {
    /// Records received.
    pub records_in: AtomicU64,
    /// Records emitted (for a sink: written).
    pub records_out: AtomicU64,
    /// Bytes read from or written to the outside.
    pub bytes: AtomicU64,
    /// Records dropped because every window of theirs had fired.
    pub late_records: AtomicU64,
    /// Records that could not be decoded and were skipped.
    pub malformed_records: AtomicU64,
    /// Nanoseconds spent computing.
    pub busy_ns: AtomicU64,
    /// Nanoseconds spent waiting for room downstream.
    pub backpressured_ns: AtomicU64,
    /// Lowest current watermark of the subtasks, event-time ms; `i64::MIN` = none.
    pub watermark: AtomicI64Min,
    /// Records not yet read from the outside, where the source knows; otherwise 0.
    pub lag_records: AtomicU64,
}

impl NodeMetrics {
    /// Adds `n` to a counter.
    pub fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }
}

/// A gauge that starts at `i64::MIN`.
#[derive(Debug)]
pub struct AtomicI64Min(pub AtomicI64);

impl Default for AtomicI64Min {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}
