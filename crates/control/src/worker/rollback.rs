//! An earlier version takes the place of the present one, or the former parallelism of the one that
//! failed.

use model::{
    configuration::{RestoreWish, RunConfiguration},
    ids::{OperationId, SnapshotName, VersionId},
    lifecycle::{Command, Event, Status, settle},
};
use store::{
    Application, NewOperation, NewRun, NewVersion, OperationStatus, Run, SnapshotStatus, Tx,
    Version,
};

use crate::{
    control::{new_operation_id, new_run_id, new_token},
    error::{Error, Result},
    worker::ending::note,
};

/// What became of the wish for an automatic rollback.
pub(super) enum Automatic {
    /// The application has none.
    NotWanted,
    /// It cannot be fulfilled; why.
    Impossible(&'static str),
    /// A run of what ran before waits for a worker.
    Begun,
}

/// The wish of a run that goes back to a snapshot.
pub(crate) fn wish_for(snapshot: SnapshotName) -> RunConfiguration {
    let restore = RestoreWish::Snapshot { name: snapshot };
    RunConfiguration { restore, allow_non_restored_state: false }
}

/// Makes the next version of an application, with the configuration of `to`; the present one is
/// rolled back.
pub(crate) async fn go_back(
    tx: &mut Tx,
    application: &mut Application,
    to: &Version,
) -> Result<VersionId> {
    let from = application.version;
    let version = from.next()?;
    let new = NewVersion {
        version,
        configuration: &to.configuration,
        conditional_token: &new_token(),
        updated_from: Some(from),
        rolled_back_to: Some(to.version),
    };
    tx.insert_version(application.id, &new).await?;
    tx.set_version_rolled_back(application.id, from).await?;
    if !tx.set_current_version(application, version).await? {
        return Err(Error::Overtaken(application.name.clone()));
    }
    Ok(version)
}

/// Journals a rollback that begins.
pub(crate) async fn journal(
    tx: &mut Tx,
    application: &Application,
    versions: Option<(VersionId, VersionId)>,
) -> Result<OperationId> {
    let id = new_operation_id();
    let operation = NewOperation {
        id: &id,
        kind: Command::Rollback.as_str(),
        status: OperationStatus::InProgress,
        versions,
    };
    tx.insert_operation(application.id, &operation).await?;
    Ok(id)
}

/// Begins an automatic rollback if the job that was to take the place of a running one could not be
/// brought to run and the application wants that: the operation in progress fails with `cause`, and
/// the run before begins again from the snapshot that it ended with.
pub(super) async fn roll_back_failure(
    tx: &mut Tx,
    application: &mut Application,
    failed: &Run,
    cause: &str,
) -> Result<Automatic> {
    let next = settle(application.status, Event::ReplacementFailed);
    if next != Status::RollingBack || application.status == Status::RollingBack {
        return Ok(Automatic::NotWanted);
    }
    let wanted = tx.version(application.id, failed.version).await?;
    if !wanted.is_some_and(|version| version.configuration.rollback_enabled) {
        return Ok(Automatic::NotWanted);
    }
    let before = tx.run_before(failed).await?.filter(|run| run.reached_running);
    let Some(before) = before else { return Ok(Automatic::Impossible("nothing ran before it")) };
    let Some(snapshot) = left_by(tx, application, &before).await? else {
        return Ok(Automatic::Impossible("there is no snapshot to go back to"));
    };
    let Some(to) = tx.version(application.id, before.version).await? else {
        return Ok(Automatic::Impossible("the version that ran before is gone"));
    };
    let message = format!("the new job could not be brought to run: {cause}");
    note(tx, application, failed, "ReplacementFailed", &message).await?;
    let from = application.version;
    // Where only the parallelism was changed, the version is still the same.
    let version = if before.version == failed.version {
        failed.version
    } else {
        go_back(tx, application, &to).await?
    };
    let ended = tx.end_operation(application.id, OperationStatus::Failed, Some(cause)).await?;
    let versions = (version != from).then_some((from, version));
    let rollback = journal(tx, application, versions).await?;
    if let Some(failed) = ended {
        tx.set_rollback_operation(&failed, &rollback).await?;
    }
    let run = NewRun {
        id: new_run_id(),
        version,
        parallelism: before.parallelism,
        kpus: before.kpus,
        configuration: &wish_for(snapshot.clone()),
        traceparent: failed.traceparent,
    };
    tx.insert_run(application.id, &run).await?;
    if !tx.set_status(application, next).await? {
        return Err(Error::Overtaken(application.name.clone()));
    }
    let message = format!(
        "rolled back by itself: version {version} is version {} again, from snapshot `{snapshot}`",
        to.version
    );
    note(tx, application, failed, "RollbackBegan", &message).await?;
    tx.notify().await?;
    tracing::warn!(application = %application.name, cause, "{message}");
    Ok(Automatic::Begun)
}

/// The snapshot that an ended run goes on from: the one that ended it, else the newest of its
/// version, else the newest.
async fn left_by(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
) -> Result<Option<SnapshotName>> {
    if let Some(name) = &run.stop_snapshot
        && let Some(snapshot) = tx.snapshot(application.id, name).await?
        && snapshot.status == SnapshotStatus::Ready
    {
        return Ok(Some(snapshot.name));
    }
    let own = tx.latest_snapshot_of(application.id, run.version).await?;
    let found = match own {
        Some(own) => Some(own),
        None => tx.latest_snapshot(application.id).await?,
    };
    Ok(found.map(|snapshot| snapshot.name))
}
