//! Where an application's life touches its enhanced snapshots.

use model::{
    configuration::SnapshotMode,
    enhanced::{SYSTEM_PREFIX, SnapshotOperationKind},
    ids::{EnhancedId, EnhancedName},
};
use store::{Application, Checkpoint, EnhancedSource, NewEnhanced, NewSnapshotOperation, Run, Tx};
use uuid::Uuid;

use crate::{
    control::new_operation_id,
    error::Result,
    worker::{copies::fail_making, ending::note},
};

/// What an enhanced snapshot is called where a job is told to take it: no snapshot of an application
/// can have such a name.
const MARK: char = '/';

/// The name in an order for an enhanced snapshot.
pub(crate) fn in_order(name: &EnhancedName) -> String {
    format!("{MARK}{name}")
}

/// The enhanced snapshot that a name in an order means; `None` if it is one of the application.
pub(crate) fn of_order(name: &str) -> Option<EnhancedName> {
    name.strip_prefix(MARK)?.parse().ok()
}

/// The checkpoint for an enhanced snapshot is recorded; it is copied once its output is visible.
pub(crate) async fn taken(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    name: &EnhancedName,
    checkpoint: &Checkpoint,
) -> Result<()> {
    if tx.set_enhanced_source(name, checkpoint).await? {
        let number = checkpoint.number;
        let message = format!("enhanced snapshot `{name}` is a copy of checkpoint {number}");
        note(tx, application, run, "SnapshotTaken", &message).await?;
    }
    Ok(())
}

/// The checkpoint for an enhanced snapshot could not be taken.
pub(crate) async fn not_taken(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    name: &EnhancedName,
    why: &str,
) -> Result<()> {
    let Some(snapshot) = tx.lock_enhanced(name).await? else { return Ok(()) };
    if snapshot.source_manifest.is_none() {
        fail_making(tx, &snapshot, "NotTaken", why).await?;
        let message = format!("enhanced snapshot `{name}` could not be taken: {why}");
        note(tx, application, run, "SnapshotFailed", &message).await?;
    }
    Ok(())
}

/// A run has ended: what it was to be a snapshot of and is none yet never will be.
pub(crate) async fn run_ended(tx: &mut Tx, application: &Application, run: &Run) -> Result<()> {
    for snapshot in tx.enhanced_being_made(application.id).await? {
        let why = "the job ended first";
        not_taken(tx, application, run, &snapshot.name, why).await?;
    }
    Ok(())
}

/// An application is about to be deleted. What is being copied from it goes on, unless the output of
/// the checkpoint will now never be made visible.
pub(crate) async fn application_ends(tx: &mut Tx, application: &Application) -> Result<()> {
    for snapshot in tx.enhanced_being_made(application.id).await? {
        let committed = match snapshot.checkpoint {
            // One that is retired already was committed before.
            Some(number) => tx
                .checkpoint(application.id, number)
                .await?
                .is_none_or(|checkpoint| checkpoint.committed_at.is_some()),
            None => false,
        };
        if !committed {
            let why = "the application was deleted first";
            fail_making(tx, &snapshot, "ApplicationDeleted", why).await?;
        }
    }
    Ok(())
}

/// The snapshot that ended the run outlives the application, where that is wanted.
pub(crate) async fn keep_stop_snapshot(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
) -> Result<()> {
    let Some(name) = &run.stop_snapshot else { return Ok(()) };
    let snapshot = tx.snapshot(application.id, name).await?;
    let Some(number) = snapshot.and_then(|snapshot| snapshot.checkpoint) else { return Ok(()) };
    match tx.checkpoint(application.id, number).await? {
        Some(checkpoint) => keep_system_snapshot(tx, application, run, &checkpoint).await,
        None => Ok(()),
    }
}

/// Keeps the snapshot that ended a run beyond the application's life, where that is wanted.
async fn keep_system_snapshot(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    checkpoint: &Checkpoint,
) -> Result<()> {
    let Some(version) = tx.version(application.id, run.version).await? else { return Ok(()) };
    if version.configuration.snapshot_mode() != SnapshotMode::Enhanced {
        return Ok(());
    }
    let at = tx.now().await?.timestamp_millis();
    // An enhanced snapshot's name is shorter than an application's may be; the time tells them apart.
    let start: String = application.name.as_str().chars().take(70).collect();
    let name: EnhancedName = format!("{SYSTEM_PREFIX}-{start}-{at}").parse()?;
    let source = EnhancedSource {
        id: application.id,
        name: application.name.clone(),
        created_at: application.created_at,
        version: run.version,
    };
    let new = NewEnhanced {
        name: &name,
        id: EnhancedId(Uuid::now_v7()),
        description: None,
        made_by: SnapshotOperationKind::SystemCreate,
        source: Some(&source),
        runtime: Some(&version.configuration.runtime),
        imported_from: None,
    };
    tx.insert_enhanced(&new).await?;
    let in_progress = Some(store::OperationStatus::InProgress);
    let operations = tx.list_operations(application.id, None, in_progress, None, 1).await?;
    let operation = operations.first().map(|operation| &operation.id);
    tx.insert_snapshot_operation(&NewSnapshotOperation {
        id: &new_operation_id(),
        snapshot: &name,
        kind: SnapshotOperationKind::SystemCreate,
        location: None,
        application: Some((application.name.as_str(), operation)),
    })
    .await?;
    taken(tx, application, run, &name, checkpoint).await
}
