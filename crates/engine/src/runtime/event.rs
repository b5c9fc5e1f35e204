//! What a running graph tells its owner.

use std::collections::BTreeMap;

use crate::Error;
use crate::sink::Committable;
use crate::source::{Position, SplitId};
use crate::state::OperatorState;

/// Names one subtask of an execution: the operator id of its first node, and its index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubtaskId {
    /// Operator id of the first node of the chain.
    pub operator_id: String,
    /// Index, from 0.
    pub index: usize,
}

impl std::fmt::Display for SubtaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.operator_id, self.index)
    }
}

/// Positions of the splits of each source, by operator id.
pub type Positions = BTreeMap<String, BTreeMap<SplitId, Position>>;

/// One subtask's share of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Number of the barrier.
    pub checkpoint: u64,
    /// Who acknowledges.
    pub subtask: SubtaskId,
    /// States of the subtask's operators (those that have any), by operator id.
    pub states: Vec<(String, OperatorState)>,
    /// Positions of the subtask's splits, by operator id.
    pub splits: Vec<(String, BTreeMap<SplitId, Position>)>,
    /// Prepared output of the subtask's sinks, by operator id.
    pub committables: Vec<(String, Vec<Committable>)>,
}

/// A subtask has reached the end of its input, or of what precedes a stop barrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What it leaves behind: counts as its acknowledgement of every barrier that it has not
    /// acknowledged. `checkpoint` is the number its sinks prepared for: one more than the last
    /// barrier it saw. After a stop barrier nothing is prepared: `committables` is empty.
    pub last: Acknowledgement,
    /// Whether a stop barrier ended it.
    pub stopped: bool,
}

/// What a running graph tells its owner, from the subtasks' threads.
#[derive(Debug)]
pub enum ExecutionEvent {
    /// A subtask has passed a barrier. One per running subtask and barrier.
    Acknowledged(Acknowledgement),
    /// A subtask has ended. It acknowledges no further barrier.
    Ended(Ended),
    /// All subtasks have ended; comes after all `Ended`.
    AllEnded,
    /// The first failure. The other subtasks are cancelled; no event follows from them.
    Failed(Error),
}
