//! Puts the subtasks' shares of a checkpoint together, by operator.

use std::collections::BTreeMap;

use super::super::event::Acknowledgement;
use crate::sink::Committable;
use crate::source::{Position, SplitId};
use crate::state::OperatorState;

/// Prepared output by the sink's operator id.
pub type Committables = BTreeMap<String, Vec<Committable>>;

/// A checkpoint that every subtask has contributed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Checkpoint number.
    pub checkpoint: u64,
    /// The snapshot it is to become.
    pub snapshot: Option<String>,
    /// Whether the sources have stopped after it.
    pub stop: bool,
    /// When its barrier was injected, ms since 1970.
    pub started_ms: i64,
    /// When the last subtask had contributed, ms since 1970.
    pub collected_ms: i64,
    /// What each operator needs to go on, by operator id.
    pub operators: BTreeMap<String, CollectedOperator>,
}

/// One operator's part of a [`Collected`] checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectedOperator {
    /// When the last of its subtasks had contributed, ms since 1970. One that had ended before does
    /// not count; 0 if all had.
    pub acknowledged_ms: i64,
    /// States, with the index of the subtask each comes from.
    pub states: Vec<(usize, OperatorState)>,
    /// Whether it is a source (that may have no split yet).
    pub is_source: bool,
    /// Positions of all splits of a source.
    pub splits: BTreeMap<SplitId, Position>,
    /// Prepared output of a sink, also of checkpoints that failed before.
    pub committables: Vec<Committable>,
}

/// Adds to what waits for the next checkpoint.
pub(super) fn carry(
    carried: &mut Committables,
    more: impl IntoIterator<Item = (String, Vec<Committable>)>,
) {
    for (operator_id, committables) in more {
        carried.entry(operator_id).or_default().extend(committables);
    }
}

/// A subtask's share and when it came, ms since 1970; 0 = it had ended before.
pub(super) type Part = (Acknowledgement, i64);

/// `carried` comes first: it was prepared earlier.
pub(super) fn collect(
    parts: Vec<Part>,
    carried: Committables,
) -> BTreeMap<String, CollectedOperator> {
    let mut operators: BTreeMap<String, CollectedOperator> = BTreeMap::new();
    for (id, committables) in carried {
        operators.entry(id).or_default().committables = committables;
    }
    for (part, at_ms) in parts {
        let subtask = part.subtask.index;
        let seen = |operator: &mut CollectedOperator| {
            operator.acknowledged_ms = operator.acknowledged_ms.max(at_ms);
        };
        for (id, state) in part.states {
            let operator = operators.entry(id).or_default();
            seen(operator);
            operator.states.push((subtask, state));
        }
        for (id, splits) in part.splits {
            let operator = operators.entry(id).or_default();
            seen(operator);
            operator.is_source = true;
            operator.splits.extend(splits);
        }
        for (id, committables) in part.committables {
            let operator = operators.entry(id).or_default();
            seen(operator);
            operator.committables.extend(committables);
        }
    }
    operators
}
