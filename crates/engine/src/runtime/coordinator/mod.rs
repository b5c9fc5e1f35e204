//! Decides when checkpoints are taken and when they are complete: no threads, no clock, no I/O.
//!
//! Whoever owns it tells it what happens and performs the [`Action`]s it answers with, in order.
//! One checkpoint is under way at a time, from its barrier until its output is committed:
//!
//! ```text
//! Inject ─ acknowledged / ended of every subtask ─► Write ─ written ─ recorded ─► Commit ─ committed
//! ```
//!
//! A subtask that has ended counts with what it left behind in every later checkpoint. When all
//! have ended, a last checkpoint is taken without a barrier, so that bounded programs commit
//! through the same door.

mod action;
mod collect;
mod decide;

pub use action::{Action, CoordinatorSettings};
pub use collect::{Collected, CollectedOperator, Committables};
pub use decide::Coordinator;

#[cfg(test)]
mod tests;
