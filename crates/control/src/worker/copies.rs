//! Copying enhanced snapshots: what a worker is to copy, and what it says of it.

use std::time::Duration;

use model::{
    configuration::RuntimeEnvironment,
    enhanced::{EnhancedStatus, S3Prefix, SnapshotOperationKind},
    exported::About,
    ids::{EnhancedName, OperationId, WorkerId},
    object_keys::enhanced_snapshot_folder,
};
use store::{Enhanced, OperationStatus, SnapshotOperation, Tx};

use crate::{Control, error::Result};

/// How long nobody else begins a copy whose worker does not answer.
const LEASE: Duration = Duration::from_secs(15);

/// Pause before a copy is tried again that failed for a cause which may pass.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What a worker is to copy. Doing it twice, or by two workers at once, does no harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyTask {
    /// The operation it is for.
    pub operation: OperationId,
    /// How often it was begun.
    pub attempt: u64,
    /// The snapshot.
    pub snapshot: EnhancedName,
    /// What to do.
    pub work: CopyWork,
}

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyWork {
    /// A checkpoint to a folder of its own. Keys are relative to the installation's prefix.
    Keep {
        /// Key of the checkpoint's manifest.
        manifest: String,
        /// The folder, without a slash at its end.
        folder: String,
    },
    /// An enhanced snapshot to a bucket.
    Export {
        /// Key of its manifest.
        manifest: String,
        /// What is told of it.
        about: About,
        /// The bucket.
        bucket: String,
        /// The folder there, without slashes at its ends.
        to: String,
    },
    /// What an export wrote, to a folder of its own.
    Import {
        /// The bucket.
        bucket: String,
        /// The folder there, without slashes at its ends; may be empty.
        from: String,
        /// The folder here, without a slash at its end.
        folder: String,
    },
}

/// What a copy turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Key of the manifest of the copy.
    pub manifest: String,
    /// Number of the checkpoint that it is.
    pub checkpoint: u64,
    /// Bytes of its state.
    pub state_bytes: u64,
    /// Runtime it was taken of, if an import says so.
    pub runtime: Option<String>,
}

/// Why a copy came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CopyProblem {
    /// One word (AWS `ErrorCode`).
    pub code: &'static str,
    /// For the customer.
    pub message: String,
    /// Whether trying again may help.
    pub passes: bool,
}

impl Control {
    /// Takes the next copy that is to be made.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn take_copy(&self, worker: WorkerId) -> Result<Option<CopyTask>> {
        loop {
            let mut tx = self.store.begin().await?;
            let Some(operation) = tx.take_snapshot_operation(worker, LEASE).await? else {
                return Ok(None);
            };
            let found = tx.enhanced(&operation.snapshot).await?;
            let task = found.and_then(|snapshot| task(&operation, &snapshot));
            if task.is_none() {
                let why = ("NothingToCopy", "the snapshot is gone");
                let failed = OperationStatus::Failed;
                tx.end_snapshot_operation(&operation.id, failed, Some(why)).await?;
            }
            tx.commit().await?;
            if task.is_some() {
                return Ok(task);
            }
        }
    }

    /// The worker is still at it; false if it need not go on.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn copy_goes_on(&self, task: &CopyTask) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let mine = tx.lease_snapshot_operation(&task.operation, task.attempt, LEASE).await?;
        tx.commit().await?;
        Ok(mine)
    }

    /// How often [`Control::copy_goes_on`] is to be called.
    pub fn copy_sign_of_life(&self) -> Duration {
        LEASE / 5
    }

    /// A copy is made, or could not be.
    ///
    /// # Errors
    /// The database does not answer; the report may be repeated.
    pub async fn copy_done(
        &self,
        task: &CopyTask,
        result: &Result<Copied, CopyProblem>,
    ) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let Some(snapshot) = tx.lock_enhanced(&task.snapshot).await? else { return Ok(()) };
        let pause = match result {
            Err(problem) if problem.passes => AGAIN_AFTER,
            Ok(_) | Err(_) => LEASE,
        };
        if !tx.lease_snapshot_operation(&task.operation, task.attempt, pause).await? {
            return Ok(());
        }
        match result {
            Ok(copied) => end_well(&mut tx, task, copied).await?,
            Err(problem) if problem.passes => {
                tracing::warn!(snapshot = %task.snapshot, %problem, "a copy is tried again");
            }
            Err(problem) => {
                fail(&mut tx, &snapshot, &task.operation, problem.code, &problem.message).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Ends what takes too long, and deletes what is to be deleted. Any number of processes may do
    /// so at once.
    pub(crate) async fn reconcile_enhanced(&self) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let all = tx.snapshot_operations_in_progress().await?;
        drop(tx);
        for operation in &all {
            let exported = all.iter().any(|other| {
                other.snapshot == operation.snapshot && other.kind == SnapshotOperationKind::Export
            });
            match operation.kind {
                SnapshotOperationKind::Delete if !exported => self.finish_delete(operation).await?,
                SnapshotOperationKind::Delete => {}
                SnapshotOperationKind::Create
                | SnapshotOperationKind::SystemCreate
                | SnapshotOperationKind::Import
                | SnapshotOperationKind::Export => self.give_up_copy(operation).await?,
            }
        }
        Ok(())
    }

    async fn give_up_copy(&self, operation: &SnapshotOperation) -> Result<()> {
        let waited = (operation.now - operation.started_at).to_std().unwrap_or_default();
        let timing = &self.settings.timing;
        if waited <= timing.snapshot_deadline.min(timing.copy_deadline) {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        let Some(snapshot) = tx.lock_enhanced(&operation.snapshot).await? else { return Ok(()) };
        let taken = snapshot.source_manifest.is_some() || snapshot.source.is_none();
        if snapshot.status == EnhancedStatus::Creating && !taken {
            let why = "the job did not take it in time";
            fail(&mut tx, &snapshot, &operation.id, "NotTaken", why).await?;
        } else if waited > timing.copy_deadline {
            let limit = timing.copy_deadline.as_secs();
            let why = format!("it was not copied within {limit} s");
            fail(&mut tx, &snapshot, &operation.id, "DeadlineExceeded", &why).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn finish_delete(&self, operation: &SnapshotOperation) -> Result<()> {
        let mut tx = self.store.begin().await?;
        if let Some(snapshot) = tx.lock_enhanced(&operation.snapshot).await?
            && snapshot.status == EnhancedStatus::Deleting
        {
            tx.insert_garbage(&enhanced_snapshot_folder(&snapshot.name, snapshot.id)).await?;
            tx.delete_enhanced(&snapshot.name).await?;
        }
        tx.end_snapshot_operation(&operation.id, OperationStatus::Successful, None).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What an operation needs to have copied; `None` if that is not there.
fn task(operation: &SnapshotOperation, snapshot: &Enhanced) -> Option<CopyTask> {
    let folder = enhanced_snapshot_folder(&snapshot.name, snapshot.id);
    let work = match operation.kind {
        SnapshotOperationKind::Create | SnapshotOperationKind::SystemCreate => {
            CopyWork::Keep { manifest: snapshot.source_manifest.clone()?, folder }
        }
        SnapshotOperationKind::Export => {
            let place = operation.location.as_ref()?;
            CopyWork::Export {
                manifest: snapshot.manifest.clone()?,
                about: about(snapshot),
                bucket: place.bucket().to_owned(),
                to: exported_folder(place, &operation.id),
            }
        }
        SnapshotOperationKind::Import => {
            let place = operation.location.as_ref()?;
            CopyWork::Import {
                bucket: place.bucket().to_owned(),
                from: place.folder().to_owned(),
                folder,
            }
        }
        SnapshotOperationKind::Delete => return None,
    };
    Some(CopyTask {
        operation: operation.id.clone(),
        attempt: operation.attempt,
        snapshot: snapshot.name.clone(),
        work,
    })
}

/// The folder an export writes to, without slashes at its ends.
pub fn exported_folder(place: &S3Prefix, operation: &OperationId) -> String {
    match place.folder() {
        "" => operation.to_string(),
        folder => format!("{folder}/{operation}"),
    }
}

fn about(snapshot: &Enhanced) -> About {
    About {
        snapshot: snapshot.name.to_string(),
        application: snapshot.source.as_ref().map(|it| it.name.to_string()),
        application_version: snapshot.source.as_ref().map(|it| it.version.get()),
        runtime: snapshot.runtime.as_ref().map(ToString::to_string),
        created_ms: snapshot.created_at.timestamp_millis(),
    }
}

async fn end_well(tx: &mut Tx, task: &CopyTask, copied: &Copied) -> Result<()> {
    match task.work {
        CopyWork::Keep { .. } | CopyWork::Import { .. } => {
            let runtime: Option<RuntimeEnvironment> =
                copied.runtime.as_ref().and_then(|text| text.parse().ok());
            let Copied { manifest, checkpoint, state_bytes, .. } = copied;
            let name = &task.snapshot;
            tx.set_enhanced_ready(name, manifest, *state_bytes, *checkpoint, runtime.as_ref())
                .await?;
        }
        CopyWork::Export { .. } => {}
    }
    tx.end_snapshot_operation(&task.operation, OperationStatus::Successful, None).await?;
    tracing::info!(snapshot = %task.snapshot, operation = %task.operation, "copied");
    Ok(())
}

/// Ends an operation that came to nothing, and the snapshot that it was to make. What was copied of
/// it becomes garbage.
pub(crate) async fn fail(
    tx: &mut Tx,
    snapshot: &Enhanced,
    operation: &OperationId,
    code: &str,
    message: &str,
) -> Result<()> {
    let failed = OperationStatus::Failed;
    let ended = tx.end_snapshot_operation(operation, failed, Some((code, message))).await?;
    if ended && snapshot.status == EnhancedStatus::Creating {
        tx.set_enhanced_status(&snapshot.name, EnhancedStatus::Failed).await?;
        tx.insert_garbage(&enhanced_snapshot_folder(&snapshot.name, snapshot.id)).await?;
    }
    tracing::warn!(snapshot = %snapshot.name, code, message, "a snapshot operation failed");
    Ok(())
}

/// Ends the operation that makes a snapshot, whichever that is.
pub(crate) async fn fail_making(
    tx: &mut Tx,
    snapshot: &Enhanced,
    code: &str,
    message: &str,
) -> Result<()> {
    let status = Some(OperationStatus::InProgress);
    let all = tx.list_snapshot_operations(&snapshot.name, None, status, None, 10).await?;
    for operation in all.iter().filter(|operation| operation.kind.makes()) {
        fail(tx, snapshot, &operation.id, code, message).await?;
    }
    Ok(())
}
