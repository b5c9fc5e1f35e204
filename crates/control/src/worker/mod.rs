//! What workers ask and report. Every report carries the attempt it is about; what an older
//! attempt says changes nothing.

mod claim;
mod cleanup;
mod ending;
mod measuring;
mod orders;
mod reconcile;
mod registration;
mod reports;

pub use claim::{Claim, Program};
pub use cleanup::CheckpointsFolder;
pub use orders::JobOrder;
pub use registration::WorkerInfo;
pub use reports::Verdict;

pub(crate) use ending::{life, remove_application, stop_run};

use model::ids::{ApplicationName, RunId};

/// One attempt of one run: what a worker's process works for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobKey {
    /// Name of the application.
    pub application: ApplicationName,
    /// The run.
    pub run: RunId,
    /// The attempt (fencing token), rising within the application.
    pub attempt: u64,
}
