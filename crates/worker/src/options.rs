//! What a worker must be told.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use control::{Copied, CopyProblem, CopyWork, KeptMetrics};
use model::protocol::Storage;

/// Removes every object below a key of the installation's bucket (relative to its prefix). May block.
pub type RemoveFolder =
    Arc<dyn Fn(&str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Send + Sync>;

/// Lists the folders directly below a key of the installation's bucket, as keys relative to its
/// prefix and without slashes at their ends. May block.
pub type ListFolders = Arc<
    dyn Fn(&str) -> Result<Vec<String>, Box<dyn std::error::Error + Send + Sync>> + Send + Sync,
>;

/// Copies an enhanced snapshot. May block; doing it again, or at the same time elsewhere, does no harm.
pub type Copy = Arc<dyn Fn(&CopyWork) -> Result<Copied, CopyProblem> + Send + Sync>;

/// Takes metrics that this worker has kept, to tell others of them. Does not wait.
pub type Publish = Arc<dyn Fn(KeptMetrics) + Send + Sync>;

/// How a worker works.
#[derive(Clone)]
pub struct Options {
    /// For people: host name and process id.
    pub name: String,
    /// Program that is started for each job.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All of their environment but `PATH` and `LANG`.
    pub environment: Vec<(String, String)>,
    /// Folder for the jobs' private files.
    pub folder: PathBuf,
    /// Where checkpoints lie.
    pub storage: Storage,
    /// How long jobs may take for their last checkpoints when the worker is told to stop.
    pub drain_within: Duration,
    /// KPUs to offer (1 CPU and 4 GiB each).
    pub kpus: u32,
    /// Removes what is not needed any more from the object store.
    pub remove_folder: RemoveFolder,
    /// Lists what is there, to find what nothing knows.
    pub list_folders: ListFolders,
    /// Copies enhanced snapshots.
    pub copy: Copy,
    /// Hears of kept metrics.
    pub publish: Option<Publish>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("name", &self.name)
            .field("program", &self.program)
            .field("folder", &self.folder)
            .field("kpus", &self.kpus)
            .finish_non_exhaustive()
    }
}

/// KPUs of this machine: four for each CPU, since most applications idle most of the time.
#[must_use]
pub fn all_kpus() -> u32 {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cpus * 4).unwrap_or(u32::MAX)
}
