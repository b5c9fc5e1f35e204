//! What workers ask and report. Every report carries the attempt it is about; what an older
//! attempt says changes nothing.

mod claim;
mod cleanup;
mod copies;
mod ending;
mod enhanced;
mod measuring;
mod orders;
mod reconcile;
mod registration;
mod reports;
mod rollback;
mod room;
mod scaling;

pub use claim::{Claim, Program};
pub use cleanup::CheckpointsFolder;
pub use copies::{Copied, CopyProblem, CopyTask, CopyWork, exported_folder};
pub use measuring::{ApplicationMetrics, KeptMetrics};
pub use orders::JobOrder;
pub use registration::WorkerInfo;
pub use reports::Verdict;

pub(crate) use ending::{
    cancel_keeping_snapshot, life, newest_state, remove_application, stop_run,
};
pub(crate) use rollback::{go_back, journal, wish_for};

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
