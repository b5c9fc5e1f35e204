//! UpdateApplication: a new version, at once for a READY application, by snapshot, stop and
//! restore for a RUNNING one.

use model::{
    configuration::RunConfiguration,
    ids::{ApplicationName, OperationId, VersionId},
    lifecycle::{Command, Event, admit, settle},
};
use store::{
    Application, Desired, NewEvent, NewOperation, NewVersion, OperationStatus, Successor, Tx,
    Version,
};

use crate::{
    Control,
    audit::Audit,
    commands::{
        change::{Change, Changed, Seen},
        start::check_restore,
    },
    control::{new_operation_id, new_token},
    detail::ApplicationDetail,
    error::{Error, Result},
    rules::parallelism_after,
    worker::stop_run,
};

/// A change to be made.
#[derive(Debug, Clone)]
pub struct UpdateApplication {
    /// Of which application.
    pub name: ApplicationName,
    /// What the customer has seen of it.
    pub seen: Seen,
    /// The change.
    pub change: Change,
    /// What a RUNNING application goes on from; absent = the latest snapshot, which is the one
    /// that the update takes. Of no effect on a READY application.
    pub run_configuration: Option<RunConfiguration>,
}

/// What an update became.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// The application at its new version.
    pub detail: ApplicationDetail,
    /// The journaled operation; in progress if the application runs.
    pub operation: OperationId,
}

impl Control {
    /// Makes a new version. A READY application has it at once; a RUNNING one takes a snapshot
    /// (if enabled), ends its job and starts the new version from it.
    ///
    /// # Errors
    /// Another version is present, a value breaks a rule, the code is not valid, the status does
    /// not admit it; a RUNNING application could not go on at the new version.
    pub async fn update(&self, command: UpdateApplication) -> Result<Updated> {
        let UpdateApplication { name, seen, change, run_configuration } = command;
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, &name).await?;
        admit(application.status, Command::Update)?;
        let before = Self::current(&mut tx, &application).await?;
        seen.check(&before).map_err(|stale| stale.of(&name))?;
        drop(tx);
        let given = change.flink.parallelism.as_ref().is_some_and(|it| it.sets_parallelism());
        let changed = self.change(&before.configuration, change, before.version.next()?).await?;
        let wish = run_configuration.unwrap_or_default();
        self.check_update(&application, &before.configuration, &changed.configuration, &wish)
            .await?;

        let mut tx = self.store.begin().await?;
        let mut application = Self::locked(&mut tx, &name).await?;
        let updating = admit(application.status, Command::Update)?;
        if application.version != before.version {
            return Err(Error::Overtaken(name));
        }
        check_restore(&mut tx, &application, &wish).await?;
        let version = keep_version(&mut tx, &mut application, &before, &changed).await?;
        let operation = new_operation_id();
        let journaled = |status| NewOperation {
            id: &operation,
            kind: Command::Update.as_str(),
            status,
            versions: Some((before.version, version)),
        };
        let audit = Audit::of("UpdateApplication", &name)
            .configuration(Some(&before.configuration), &changed.configuration)
            .changed("version", before.version.get(), version.get())
            .changed("status", application.status.as_str(), updating.as_str())
            .with("operation", operation.as_str());
        self.audit(&mut tx, audit).await?;
        set_status(&mut tx, &mut application, updating).await?;
        if let Some(run) = tx.lock_open_run(application.id).await? {
            tx.insert_operation(application.id, &journaled(OperationStatus::InProgress)).await?;
            let scaling = &changed.configuration.flink.parallelism;
            let most = self.settings.room.kpus_per_application;
            let parallelism = parallelism_after(run.parallelism, given, scaling, most);
            let successor = Successor {
                version,
                parallelism,
                kpus: scaling.kpus_at(parallelism),
                configuration: wish,
                traceparent: self.caller.traceparent,
            };
            self.check_quota(&mut tx, successor.kpus, run.kpus).await?;
            tx.set_successor(run.id, Some(&successor)).await?;
            let run = store::Run { successor: Some(successor), ..run };
            // The new value decides: switching snapshots off is the way out when none succeeds.
            let snapshot =
                before.configuration.snapshots_enabled && changed.configuration.snapshots_enabled;
            let desired = if snapshot { Desired::SnapshotAndStop } else { Desired::Cancel };
            stop_run(&mut tx, &mut application, run, desired, "UPDATEAPPLICATION").await?;
            tx.notify().await?;
        } else {
            tx.insert_operation(application.id, &journaled(OperationStatus::Successful)).await?;
            let ready = settle(application.status, Event::ChangeApplied);
            set_status(&mut tx, &mut application, ready).await?;
        }
        let newest = Self::current(&mut tx, &application).await?;
        let detail = self.detail(&mut tx, application, newest).await?;
        tx.commit().await?;
        tracing::info!(application = %name, version = %version, "application updated");
        Ok(Updated { detail, operation })
    }
}

async fn set_status(
    tx: &mut Tx,
    application: &mut Application,
    to: model::lifecycle::Status,
) -> Result<()> {
    if tx.set_status(application, to).await? {
        return Ok(());
    }
    Err(Error::Overtaken(application.name.clone()))
}

async fn keep_version(
    tx: &mut Tx,
    application: &mut Application,
    before: &Version,
    changed: &Changed,
) -> Result<VersionId> {
    if let Some((sha256, bytes)) = &changed.artifact {
        tx.put_artifact(sha256, bytes).await?;
    }
    let version = before.version.next()?;
    let new = NewVersion {
        version,
        configuration: &changed.configuration,
        conditional_token: &new_token(),
        updated_from: Some(before.version),
        rolled_back_to: None,
    };
    tx.insert_version(application.id, &new).await?;
    if !tx.set_current_version(application, version).await? {
        return Err(Error::Overtaken(application.name.clone()));
    }
    let event = NewEvent {
        kind: "VersionCreated",
        message: &format!("version {version} was made from version {}", before.version),
        version,
        attempt: None,
    };
    tx.insert_event(application.id, &event).await?;
    Ok(version)
}
