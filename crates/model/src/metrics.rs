//! What a job process counts and measures, as it reports it about once a second.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::waiting::Waiting;

/// Counters and gauges of a job process. Shares and rates are of the last minute, or of the time
/// since it runs if that is shorter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct JobMetrics {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// CPU time of the process and of the processes it has waited for (a user's Python program) so
    /// far, in ms.
    pub cpu_ms: u64,
    /// CPU time by time, in thousandths of one CPU.
    #[serde(default)]
    pub cpu_permille: u32,
    /// Resident memory of the process, in bytes.
    pub resident_bytes: u64,
    /// Threads of the process.
    #[serde(default)]
    pub threads: u32,
    /// Counters by operator id.
    pub operators: BTreeMap<String, OperatorMetrics>,
    /// What the operators that wait for time wait for, by operator id.
    #[serde(default)]
    pub waiting: BTreeMap<String, Waiting>,
}

/// Where an operator stands in the stream graph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorKind {
    /// It reads.
    Source,
    /// It computes.
    #[default]
    Operator,
    /// It writes.
    Sink,
}

/// Counters of one operator, summed over its subtasks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatorMetrics {
    /// For people.
    pub name: String,
    /// Where it stands.
    #[serde(default)]
    pub kind: OperatorKind,
    /// Operator id of the first operator of its chain.
    #[serde(default)]
    pub task: String,
    /// Whether records come to it from outside its chain.
    #[serde(default)]
    pub enters: bool,
    /// Whether what it emits or writes leaves its chain.
    #[serde(default)]
    pub leaves: bool,
    /// Records received.
    pub records_in: u64,
    /// Records emitted.
    pub records_out: u64,
    /// Bytes read or written outside.
    pub bytes: u64,
    /// Records received a second.
    #[serde(default)]
    pub records_in_per_second: f64,
    /// Records emitted a second.
    #[serde(default)]
    pub records_out_per_second: f64,
    /// Bytes read or written outside a second.
    #[serde(default)]
    pub bytes_per_second: f64,
    /// Records dropped as late.
    pub late_records: u64,
    /// Those of them whose source table is known, by table.
    #[serde(default)]
    pub late_by_table: BTreeMap<String, u64>,
    /// The tables that feed it, sorted.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Records skipped as malformed.
    pub malformed_records: u64,
    /// Watermark, event-time ms; `None` = none yet.
    pub watermark: Option<i64>,
    /// Records not yet read, where known.
    pub lag_records: u64,
    /// Age of the newest record read while there are records not yet read, in ms; 0 = there are none,
    /// `None` = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind_ms: Option<u64>,
    /// Number of its subtasks.
    #[serde(default)]
    pub parallelism: u32,
    /// Time spent computing so far, summed over its subtasks, in ms.
    #[serde(default)]
    pub busy_ms: u64,
    /// Time spent waiting for room downstream so far, summed over its subtasks, in ms.
    #[serde(default)]
    pub backpressured_ms: u64,
    /// Share of its subtasks' time spent computing, in thousandths.
    pub busy_permille: u32,
    /// Share of its subtasks' time spent waiting for room downstream, in thousandths.
    pub backpressured_permille: u32,
    /// The same of each subtask, in their order; empty in a subtask's own, and unless it is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtasks: Vec<OperatorMetrics>,
}

/// Metrics of one thing at one time: CloudWatch's name → value.
pub type MetricValues = BTreeMap<String, f64>;

/// An application's metrics at one time, as fine as its `MetricsLevel` says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricSet {
    /// Of the whole application.
    pub application: MetricValues,
    /// By operator id of each task's first operator.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<String, MetricValues>,
    /// By operator id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operators: BTreeMap<String, MetricValues>,
    /// By operator id: of each subtask, in their order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subtasks: BTreeMap<String, Vec<MetricValues>>,
}

/// What metrics are of, as CloudWatch's dimensions tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricScope<'a> {
    /// The whole application.
    Application,
    /// A task, by operator id of its first operator.
    Task(&'a str),
    /// An operator, by its id.
    Operator(&'a str),
    /// A subtask of an operator, by that one's id and its index from 0 (CloudWatch: `Parallelism`).
    Subtask(&'a str, usize),
}

impl MetricScope<'_> {
    /// What tells it apart in exports: `level`, the id under the level's own name, `subtask`.
    pub fn labels(&self) -> Vec<(&'static str, String)> {
        let (level, rest): (_, &[(&str, &dyn ToString)]) = match self {
            Self::Application => ("application", &[]),
            Self::Task(id) => ("task", &[("task", id)]),
            Self::Operator(id) => ("operator", &[("operator", id)]),
            Self::Subtask(id, index) => ("parallelism", &[("operator", id), ("subtask", index)]),
        };
        let rest = rest.iter().map(|(label, value)| (*label, value.to_string()));
        std::iter::once(("level", level.to_owned())).chain(rest).collect()
    }
}

impl MetricSet {
    /// Everything that has values.
    pub fn scopes(&self) -> impl Iterator<Item = (MetricScope<'_>, &MetricValues)> {
        let subtasks = self.subtasks.iter().flat_map(|(operator, all)| {
            let scope = move |index| MetricScope::Subtask(operator, index);
            all.iter().enumerate().map(move |(index, values)| (scope(index), values))
        });
        std::iter::once((MetricScope::Application, &self.application))
            .chain(self.tasks.iter().map(|(id, values)| (MetricScope::Task(id), values)))
            .chain(self.operators.iter().map(|(id, values)| (MetricScope::Operator(id), values)))
            .chain(subtasks)
    }
}
