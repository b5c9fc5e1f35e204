//! Counters of a running graph; written by subtasks, read by whoever reports.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::graph::NodeIndex;
use crate::sample::{LateRecord, Sample};

/// Value of [`NodeMetrics::behind_ms`] that stands for none.
pub const UNKNOWN: u64 = u64::MAX;

/// Counters of one subtask of one node.
#[derive(Debug)]
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
    /// Records not yet read from the outside, where the source knows; otherwise 0.
    pub lag_records: AtomicU64,
    /// How old the newest record read is while there are records not yet read, in ms; 0 = there are
    /// none, [`UNKNOWN`] = the source does not know.
    pub behind_ms: AtomicU64,
    /// One of the late records.
    pub late_sample: Sample<LateRecord>,
    /// Where one of the malformed records stood and what was wrong with it, without its contents.
    pub malformed_sample: Sample<String>,
    /// Late records by the source that feeds this node.
    late_by_source: Vec<(NodeIndex, AtomicU64)>,
}

impl Default for NodeMetrics {
    fn default() -> Self {
        Self::fed_by([])
    }
}

impl NodeMetrics {
    /// Counters of a node that these sources feed.
    #[must_use]
    pub fn fed_by(sources: impl IntoIterator<Item = NodeIndex>) -> Self {
        let late_by_source = sources.into_iter().map(|source| (source, AtomicU64::new(0)));
        Self {
            records_in: AtomicU64::default(),
            records_out: AtomicU64::default(),
            bytes: AtomicU64::default(),
            late_records: AtomicU64::default(),
            malformed_records: AtomicU64::default(),
            busy_ns: AtomicU64::default(),
            backpressured_ns: AtomicU64::default(),
            lag_records: AtomicU64::default(),
            behind_ms: AtomicU64::new(UNKNOWN),
            late_sample: Sample::default(),
            malformed_sample: Sample::default(),
            late_by_source: late_by_source.collect(),
        }
    }

    /// Counts `n` late records of a batch that came from `origin`; `first` is one of them.
    pub fn late(&self, origin: Option<NodeIndex>, n: usize, first: impl FnOnce() -> LateRecord) {
        if n > 0 {
            let origin = self.count_late(origin, n);
            self.late_sample.offer(|| LateRecord { origin, ..first() });
        }
    }

    /// Counts `n` records of a batch that came from `origin` and fell into no window; gives the
    /// source they came from.
    pub fn count_late(&self, origin: Option<NodeIndex>, n: usize) -> Option<NodeIndex> {
        Self::add(&self.late_records, n);
        let own = match self.late_by_source.as_slice() {
            // Whatever lies between: it can only come from there.
            [only] => Some(only),
            several => several.iter().find(|(source, _)| Some(*source) == origin),
        };
        let (source, counter) = own?;
        Self::add(counter, n);
        Some(*source)
    }

    /// Late records by source. Of nodes behind an operator that mixes the records of several
    /// sources they do not add up to all.
    pub fn late_by_source(&self) -> impl Iterator<Item = (NodeIndex, u64)> + '_ {
        self.late_by_source.iter().map(|(source, count)| (*source, count.load(Ordering::Relaxed)))
    }

    /// Adds `n` to a counter.
    pub fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }
}
