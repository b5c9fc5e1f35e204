//! Runs a stream graph on threads of this process.
//!
//! **Is for**: chaining nodes into subtasks, exchange between them, event time, barriers.
//! **Must not**: write state or manifests anywhere; that is the caller's, who gets them as events.
//! **Start at**: [`Execution`] (the outside), then `plan.rs` (which nodes share a thread),
//! `source_task.rs` and `operator_task.rs` (the two loops), `chain.rs` (what happens within one).

mod cancellation;
mod chain;
pub mod coordinator;
mod dropped;
mod event;
mod event_time;
mod execution;
mod gate;
mod gauge;
mod lineage;
mod local;
mod node_gauge;
mod operator_task;
mod outlet;
mod plan;
mod restored;
mod source_task;
mod subtask;
mod turnstile;
mod watch;
mod wiring;

pub use event::{Acknowledgement, Ended, ExecutionEvent, Positions, SubtaskId};
pub use execution::{Execution, ExecutionOptions};
pub use local::{Summary, run_to_end};
pub use restored::{RestoredGraph, RestoredOperator};
pub use watch::{Look, Watch};

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
