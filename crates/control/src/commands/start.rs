//! StartApplication.

use model::{
    configuration::{RestoreWish, RunConfiguration, SnapshotMode},
    enhanced::EnhancedStatus,
    ids::{ApplicationName, EnhancedName, OperationId},
    lifecycle::{Command, admit},
};
use serde_json::json;
use store::{Application, NewEvent, NewOperation, NewRun, OperationStatus, SnapshotStatus, Tx};

use crate::{
    Control,
    audit::Audit,
    control::{new_operation_id, new_run_id},
    error::{Error, Result},
};

/// An application to be started.
#[derive(Debug, Clone)]
pub struct StartApplication {
    /// Which.
    pub name: ApplicationName,
    /// What from; the default is the latest snapshot.
    pub run_configuration: RunConfiguration,
}

impl Control {
    /// Wishes an application to run; a worker will claim it.
    ///
    /// # Errors
    /// It is not READY, has no code, or the snapshot to restore is none or does not fit the code.
    pub async fn start(&self, command: StartApplication) -> Result<OperationId> {
        self.check_start(&command.name, &command.run_configuration).await?;
        let mut tx = self.store.begin().await?;
        let mut application = Self::locked(&mut tx, &command.name).await?;
        let next = admit(application.status, Command::Start)?;
        check_restore(&mut tx, &application, &command.run_configuration).await?;
        let version = Self::current(&mut tx, &application).await?;
        if version.configuration.code.is_none() {
            return Err(Error::NoCode(command.name));
        }
        let parallelism = &version.configuration.flink.parallelism;
        let run = NewRun {
            id: new_run_id(),
            version: version.version,
            parallelism: parallelism.parallelism,
            kpus: parallelism.kpus(),
            configuration: &command.run_configuration,
            traceparent: self.caller.traceparent,
        };
        self.check_quota(&mut tx, run.kpus, 0).await?;
        tx.insert_run(application.id, &run).await?;
        let operation = new_operation_id();
        let journaled = NewOperation {
            id: &operation,
            kind: Command::Start.as_str(),
            status: OperationStatus::InProgress,
            versions: None,
        };
        tx.insert_operation(application.id, &journaled).await?;
        let wish = command.run_configuration.restore.as_str();
        let event = NewEvent {
            kind: "StartRequested",
            message: &format!("start requested with {wish}"),
            version: version.version,
            attempt: None,
        };
        tx.insert_event(application.id, &event).await?;
        let before = application.status;
        if !tx.set_status(&mut application, next).await? {
            return Err(Error::Overtaken(command.name));
        }
        let audit = Audit::of("StartApplication", &command.name)
            .changed("status", before.as_str(), application.status.as_str())
            .with("run_configuration", json!(command.run_configuration))
            .with("version", version.version.get())
            .with("operation", operation.as_str());
        self.audit(&mut tx, audit).await?;
        tx.notify().await?;
        tx.commit().await?;
        tracing::info!(application = %command.name, version = %version.version, "start requested");
        Ok(operation)
    }
}

/// Refuses a wish for a snapshot that cannot be restored.
pub(super) async fn check_restore(
    tx: &mut Tx,
    application: &Application,
    wish: &RunConfiguration,
) -> Result<()> {
    let name = match &wish.restore {
        RestoreWish::Snapshot { name } => name,
        RestoreWish::Enhanced { name, .. } => return check_enhanced(tx, application, name).await,
        RestoreWish::Skip | RestoreWish::LatestSnapshot => return Ok(()),
    };
    match tx.snapshot(application.id, name).await? {
        None => Err(Error::NoSnapshotToRestore(name.clone())),
        Some(snapshot) if snapshot.status != SnapshotStatus::Ready => {
            Err(Error::SnapshotNotReady(name.clone()))
        }
        Some(_) => Ok(()),
    }
}

async fn check_enhanced(tx: &mut Tx, application: &Application, name: &EnhancedName) -> Result<()> {
    let version = Control::current(tx, application).await?;
    if version.configuration.snapshot_mode() != SnapshotMode::Enhanced {
        return Err(Error::EnhancedNotEnabled(application.name.clone()));
    }
    // Locked, so that it is not deleted before the run that needs it is there.
    match tx.lock_enhanced(name).await? {
        Some(snapshot) if snapshot.status == EnhancedStatus::Ready => Ok(()),
        Some(_) | None => Err(Error::NoEnhancedToRestore(name.clone())),
    }
}
