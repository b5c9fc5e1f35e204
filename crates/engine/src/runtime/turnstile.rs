//! What a subtask's thread passes wherever it depends on other threads.
//!
//! In production there is none: threads wait on their channels. A simulation puts one in, lets one
//! thread go at a time and decides which, so that a seed stands for a schedule.

use std::fmt::Debug;
use std::time::Duration;

use super::event::SubtaskId;

/// Whether what a thread waits for is there.
pub(crate) type Ready = Box<dyn Fn() -> bool + Send>;

/// Decides when a subtask's thread may go on.
pub(crate) trait Turnstile: Debug + Send + Sync {
    /// The subtask's thread begins its loop.
    fn enter(&self, subtask: &SubtaskId);

    /// The thread is about to look at, or to change, what others can see.
    fn pass(&self);

    /// The thread has nothing to do until `ready`, or until `wait` has passed on the clock of the
    /// execution (`None` = as long as it takes). It may be let go earlier.
    fn wait(&self, ready: Ready, wait: Option<Duration>);

    /// The subtask's thread is at its end.
    fn leave(&self);
}
