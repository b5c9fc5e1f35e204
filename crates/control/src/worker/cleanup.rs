//! What is not needed any more.

use store::Garbage;

use crate::{Control, error::Result};

/// Checkpoints kept of each application besides those of snapshots.
const CHECKPOINTS_KEPT: i64 = 3;
/// Log lines kept of each application.
const LOG_LINES_KEPT: i64 = 10_000;

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
        tx.delete_silent_workers(self.settings.timing.worker_silence).await?;
        let garbage = tx.list_garbage(limit).await?;
        tx.commit().await?;
        self.store.delete_unused_artifacts().await?;
        Ok(garbage)
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
