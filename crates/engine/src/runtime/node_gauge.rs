//! What is measured of one node: its counters, subtask by subtask and summed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use model::protocol::{OperatorKind, OperatorMetrics};

use super::gauge::SubtaskGauge;
use crate::graph::NodeIndex;
use crate::metrics::{NodeMetrics, UNKNOWN};
use crate::sample::Sample;

/// What is measured of one node.
#[derive(Debug)]
pub(super) struct NodeGauge {
    pub(super) operator_id: String,
    pub(super) name: String,
    pub(super) kind: OperatorKind,
    /// Operator id of the first node of its chain.
    pub(super) task: String,
    /// Whether it is that node, and whether an edge leaves the chain here (or it is a sink).
    pub(super) enters: bool,
    pub(super) leaves: bool,
    /// One per subtask, like the others.
    pub(super) metrics: Vec<Arc<NodeMetrics>>,
    pub(super) watermarks: Vec<Arc<AtomicI64>>,
    pub(super) subtasks: Vec<Arc<SubtaskGauge>>,
}

impl NodeGauge {
    /// A counter, summed over the subtasks.
    pub(super) fn sum(&self, counter: impl Fn(&NodeMetrics) -> &AtomicU64) -> u64 {
        self.metrics.iter().map(|one| counter(one).load(Ordering::Relaxed)).sum()
    }

    /// One of what the subtasks have kept; they begin anew.
    pub(super) fn sample<T>(&self, of: impl Fn(&NodeMetrics) -> &Sample<T>) -> Option<T> {
        self.metrics.iter().filter_map(|one| of(one).take()).reduce(|first, _| first)
    }

    /// Late records by source, summed over the subtasks.
    pub(super) fn late_by_source(&self) -> BTreeMap<NodeIndex, u64> {
        let mut all = BTreeMap::new();
        for (source, count) in self.metrics.iter().flat_map(|one| one.late_by_source()) {
            *all.entry(source).or_default() += count;
        }
        all
    }

    /// Counters so far, with those of each subtask.
    pub(super) fn read(&self) -> OperatorMetrics {
        let subtasks: Vec<OperatorMetrics> =
            (0..self.metrics.len()).map(|index| self.read_subtask(index)).collect();
        let sum = |of: fn(&OperatorMetrics) -> u64| subtasks.iter().map(of).sum();
        // Whoever has none yet holds the others up.
        let watermark = subtasks.iter().map(|it| it.watermark).min().flatten();
        OperatorMetrics {
            records_in: sum(|it| it.records_in),
            records_out: sum(|it| it.records_out),
            bytes: sum(|it| it.bytes),
            late_records: sum(|it| it.late_records),
            malformed_records: sum(|it| it.malformed_records),
            watermark,
            lag_records: sum(|it| it.lag_records),
            behind_ms: subtasks.iter().filter_map(|it| it.behind_ms).max(),
            parallelism: u32::try_from(subtasks.len()).unwrap_or(u32::MAX),
            busy_ms: sum(|it| it.busy_ms),
            backpressured_ms: sum(|it| it.backpressured_ms),
            subtasks,
            ..self.named()
        }
    }

    fn read_subtask(&self, index: usize) -> OperatorMetrics {
        let metrics = &self.metrics[index];
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        OperatorMetrics {
            records_in: count(&metrics.records_in),
            records_out: count(&metrics.records_out),
            bytes: count(&metrics.bytes),
            late_records: count(&metrics.late_records),
            malformed_records: count(&metrics.malformed_records),
            watermark: Some(self.watermarks[index].load(Ordering::Relaxed))
                .filter(|watermark| *watermark != i64::MIN),
            lag_records: count(&metrics.lag_records),
            behind_ms: Some(count(&metrics.behind_ms)).filter(|ms| *ms != UNKNOWN),
            parallelism: 1,
            busy_ms: count(&metrics.busy_ns) / 1_000_000,
            backpressured_ms: count(&metrics.backpressured_ns) / 1_000_000,
            ..self.named()
        }
    }

    /// What it is, without any counts.
    fn named(&self) -> OperatorMetrics {
        OperatorMetrics {
            name: self.name.clone(),
            kind: self.kind,
            task: self.task.clone(),
            enters: self.enters,
            leaves: self.leaves,
            ..OperatorMetrics::default()
        }
    }
}
