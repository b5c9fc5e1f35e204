//! State handed back to the subtasks at a start.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::graph::{NodeKind, StreamGraph};
use crate::source::{Position, SplitId};
use crate::state::{OperatorState, RestoredState};
use crate::{Error, Result};

/// What a checkpoint holds, read back into memory.
#[derive(Debug, Clone, Default)]
pub struct RestoredGraph {
    /// By operator id.
    pub operators: BTreeMap<String, RestoredOperator>,
}

/// One operator's part of a [`RestoredGraph`].
#[derive(Debug, Clone, Default)]
pub struct RestoredOperator {
    /// States of all its old subtasks.
    pub state: Vec<OperatorState>,
    /// Positions of all its splits; `None` when it was no source.
    pub splits: Option<BTreeMap<SplitId, Position>>,
}

/// Hands restored state to subtasks; the last subtask of an operator gets it without a copy.
#[derive(Debug, Default)]
pub(super) struct Restorer {
    operators: Mutex<BTreeMap<String, Share>>,
}

#[derive(Debug)]
struct Share {
    /// Subtasks that have not asked yet.
    waiting: usize,
    operator: RestoredOperator,
}

impl Restorer {
    /// Refuses state that was made by an operator of another meaning.
    pub(super) fn new(
        graph: &StreamGraph,
        parallelism: &[usize],
        restored: Option<RestoredGraph>,
    ) -> Result<Self> {
        let mut operators = restored.unwrap_or_default().operators;
        let mut shares = BTreeMap::new();
        for (node, waiting) in graph.nodes.iter().zip(parallelism) {
            let Some(operator) = operators.remove(&node.operator_id) else { continue };
            if let NodeKind::Operator(factory) = &node.kind {
                let fingerprint = factory.fingerprint();
                if operator.state.iter().any(|state| state.fingerprint != fingerprint) {
                    return Err(Error::user(format!(
                        "the checkpoint's state of `{}` (operator `{}`) was made by another \
                         version of the query; start without a snapshot, or bring back the \
                         query that made it",
                        node.name, node.operator_id
                    )));
                }
            }
            let share = Share { waiting: *waiting, operator };
            shares.insert(node.operator_id.clone(), share);
        }
        Ok(Self { operators: Mutex::new(shares) })
    }

    /// State for one subtask of an operator; `None` = nothing to restore.
    pub(super) fn state(&self, operator_id: &str, groups: Range<u16>) -> Option<RestoredState> {
        let operator = self.share(operator_id)?;
        (!operator.state.is_empty()).then_some(RestoredState { parts: operator.state, groups })
    }

    /// Positions for one subtask of a source; `None` = a fresh start.
    pub(super) fn splits(&self, operator_id: &str) -> Option<BTreeMap<SplitId, Position>> {
        self.share(operator_id)?.splits
    }

    fn share(&self, operator_id: &str) -> Option<RestoredOperator> {
        let mut operators = self.operators.lock().unwrap_or_else(PoisonError::into_inner);
        let share = operators.get_mut(operator_id)?;
        share.waiting -= 1;
        if share.waiting == 0 {
            operators.remove(operator_id).map(|share| share.operator)
        } else {
            Some(share.operator.clone())
        }
    }
}
