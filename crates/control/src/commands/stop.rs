//! StopApplication.

use model::{
    ids::{ApplicationName, OperationId},
    lifecycle::{Command, admit},
};
use store::{Desired, NewEvent, NewOperation, OperationStatus};

use crate::{
    Control,
    audit::Audit,
    control::new_operation_id,
    error::{Error, Result},
    worker::stop_run,
};

impl Control {
    /// Wishes a RUNNING application to stop, after a snapshot if its configuration says so.
    ///
    /// When its job is down, the latest checkpoint becomes the snapshot.
    ///
    /// # Errors
    /// It is not RUNNING.
    pub async fn stop(&self, name: &ApplicationName) -> Result<OperationId> {
        self.stop_by(name, Command::Stop).await
    }

    /// Wishes an application to stop at once, without a snapshot. What was in progress is
    /// cancelled.
    ///
    /// # Errors
    /// It is READY or about to end already.
    pub async fn force_stop(&self, name: &ApplicationName) -> Result<OperationId> {
        self.stop_by(name, Command::ForceStop).await
    }

    async fn stop_by(&self, name: &ApplicationName, command: Command) -> Result<OperationId> {
        let mut tx = self.store.begin().await?;
        let mut application = Self::locked(&mut tx, name).await?;
        let next = admit(application.status, command)?;
        let version = Self::current(&mut tx, &application).await?;
        let snapshot = command == Command::Stop && version.configuration.snapshots_enabled;
        tx.end_operation(
            application.id,
            OperationStatus::Cancelled,
            Some("superseded by StopApplication"),
        )
        .await?;
        let operation = new_operation_id();
        let journaled = NewOperation {
            id: &operation,
            kind: Command::Stop.as_str(),
            status: OperationStatus::InProgress,
            versions: None,
        };
        tx.insert_operation(application.id, &journaled).await?;
        let event = NewEvent {
            kind: "StopRequested",
            message: if snapshot { "stop requested" } else { "stop without snapshot requested" },
            version: application.version,
            attempt: None,
        };
        tx.insert_event(application.id, &event).await?;
        let before = application.status;
        if !tx.set_status(&mut application, next).await? {
            return Err(Error::Overtaken(name.clone()));
        }
        let audit = Audit::of("StopApplication", name)
            .changed("status", before.as_str(), application.status.as_str())
            .with("force", command == Command::ForceStop)
            .with("operation", operation.as_str());
        self.audit(&mut tx, audit).await?;
        if let Some(run) = tx.lock_open_run(application.id).await? {
            tx.set_successor(run.id, None).await?;
            let run = store::Run { successor: None, ..run };
            let desired = if snapshot { Desired::SnapshotAndStop } else { Desired::Cancel };
            stop_run(&mut tx, &mut application, run, desired, "STOP").await?;
        }
        tx.notify().await?;
        tx.commit().await?;
        tracing::info!(application = %name, snapshot, "stop requested");
        Ok(operation)
    }
}
