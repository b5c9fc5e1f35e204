//! What the coordinator is told once, and what it answers with.

use super::super::event::Positions;
use super::collect::{Collected, Committables};
use crate::batch::Barrier;

/// When checkpoints are taken; all times in ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoordinatorSettings {
    /// Whether checkpoints are taken by themselves.
    pub enabled: bool,
    /// Time between the starts of two of them.
    pub interval_ms: u64,
    /// Least time between the end of one and the start of the next.
    pub min_pause_ms: u64,
    /// A checkpoint that is not recorded after this time has failed.
    pub timeout_ms: u64,
    /// Checkpoints that may fail in a row before the job does.
    pub tolerated_failures: u32,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// [`crate::runtime::Execution::inject`].
    Inject(Barrier),
    /// Store states and manifest (or call [`super::Coordinator::failed`]), ask
    /// [`super::Coordinator::written`], get it recorded, then call [`super::Coordinator::recorded`].
    Write(Box<Collected>),
    /// Past the commit point: call the committers, then [`crate::runtime::Execution::committed`], then
    /// [`super::Coordinator::committed`].
    Commit {
        /// Checkpoint number.
        checkpoint: u64,
        /// What to commit, by the sink's operator id.
        committables: Committables,
        /// Where the sources stood.
        positions: Positions,
    },
    /// A checkpoint came to nothing; the job goes on.
    Failed {
        /// Checkpoint number; `None` when it was not even begun.
        checkpoint: Option<u64>,
        /// The snapshot it was to become.
        snapshot: Option<String>,
        /// Why.
        message: String,
    },
    /// The job cannot go on.
    GiveUp {
        /// Why.
        message: String,
    },
    /// Everything is committed and all subtasks have ended.
    Finish {
        /// By a stop order (else: the input is exhausted).
        stopped: bool,
    },
}
