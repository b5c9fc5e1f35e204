//! What is not needed any more.

use std::time::Duration;

use model::{
    ids::ApplicationId,
    object_keys::{application_folder, checkpoints_folder},
};
use store::Garbage;

use crate::{Control, error::Result, rules::orphans};

/// Checkpoints kept of each application besides those of snapshots.
const CHECKPOINTS_KEPT: i64 = 3;
/// A folder of the object store with checkpoints in it, to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointsFolder {
    application: ApplicationId,
    /// Its key relative to the installation's bucket and prefix, without a slash at its end.
    pub folder: String,
}

/// Log lines kept of each application.
const LOG_LINES_KEPT: i64 = 10_000;

/// Operations on enhanced snapshots are kept for 90 days, as AWS does.
const SNAPSHOT_OPERATIONS_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

impl Control {
    /// Retires old checkpoints, log lines, artifacts and silent workers, and lists up to `limit`
    /// folders of the object store that nothing needs any more. The worker removes every object
    /// in them, then says so by [`Control::garbage_removed`]. To be called now and then, about
    /// every half minute; empty while another worker does the same.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn cleanup(&self, limit: i64) -> Result<Vec<Garbage>> {
        let mut tx = self.store.begin().await?;
        if !tx.try_lock_cleanup().await? {
            return Ok(Vec::new());
        }
        tx.retire_checkpoints(CHECKPOINTS_KEPT).await?;
        tx.trim_logs(LOG_LINES_KEPT).await?;
        tx.trim_snapshot_operations(SNAPSHOT_OPERATIONS_KEPT).await?;
        tx.delete_silent_workers(self.settings.timing.worker_silence).await?;
        let garbage = tx.list_garbage(limit).await?;
        tx.commit().await?;
        self.store.delete_unused_artifacts().await?;
        Ok(garbage)
    }

    /// Takes up to `limit` applications whose checkpoint folders are to be looked at. The worker
    /// lists the folders in each and tells them by [`Control::folders_found`].
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn folders_to_look_at(&self, limit: i64) -> Result<Vec<CheckpointsFolder>> {
        let mut tx = self.store.begin().await?;
        let sweeps = tx.take_sweeps(limit, self.settings.timing.sweep_every).await?;
        tx.commit().await?;
        let folder = |it: store::Sweep| CheckpointsFolder {
            application: it.application,
            folder: checkpoints_folder(&application_folder(&it.name, it.application)),
        };
        Ok(sweeps.into_iter().map(folder).collect())
    }

    /// These folders are in a folder of checkpoints. What a crash left between upload and record
    /// becomes garbage; returns how many folders that are.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn folders_found(
        &self,
        place: &CheckpointsFolder,
        found: Vec<String>,
    ) -> Result<usize> {
        let mut tx = self.store.begin().await?;
        let Some(progress) = tx.progress(place.application).await? else { return Ok(0) };
        let known = tx.known_manifests(place.application).await?;
        let orphans = orphans(found, &known, progress);
        for folder in &orphans {
            tx.insert_garbage(folder).await?;
        }
        tx.commit().await?;
        Ok(orphans.len())
    }

    /// The objects of these folders are removed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn garbage_removed(&self, ids: &[i64]) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.delete_garbage(ids).await?;
        tx.commit().await?;
        Ok(())
    }
}
