//! RollbackApplication: back to the version that ran before, and to the state it left.

use model::{
    ids::{ApplicationName, SnapshotName},
    lifecycle::{Command, admit},
};
use store::{
    Application, Desired, NewEvent, OperationStatus, Run, SnapshotStatus, Successor, Tx, Version,
};

use crate::{
    Control,
    audit::Audit,
    commands::{change::Seen, update::Updated},
    error::{Error, Result},
    worker::{cancel_keeping_snapshot, go_back, journal, newest_state, stop_run, wish_for},
};

/// A version to be rolled back.
#[derive(Debug, Clone)]
pub struct RollbackApplication {
    /// Of which application.
    pub name: ApplicationName,
    /// What the customer has seen of it.
    pub seen: Seen,
}

/// What an application goes back to.
#[derive(Debug)]
struct Target {
    /// The version that ran before.
    version: Version,
    /// What it goes on from.
    snapshot: SnapshotName,
    /// Its manifest; absent while the snapshot is not taken yet.
    manifest: Option<String>,
}

impl Target {
    fn is(&self, other: &Self) -> bool {
        self.version.version == other.version.version && self.snapshot == other.snapshot
    }
}

impl Control {
    /// Makes a new version with the configuration of the one that ran before, and starts it from the
    /// last snapshot of that one. What is in progress is cancelled.
    ///
    /// # Errors
    /// Another version is present, the status does not admit it, no version ran before, there is no
    /// snapshot or it cannot be restored.
    pub async fn rollback(&self, command: RollbackApplication) -> Result<Updated> {
        let RollbackApplication { name, seen } = command;
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, &name).await?;
        admit(application.status, Command::Rollback)?;
        let before = Self::current(&mut tx, &application).await?;
        seen.check(&before).map_err(|stale| stale.of(&name))?;
        let target = target(&mut tx, &application, &before).await?;
        drop(tx);
        if let Some(manifest) = &target.manifest {
            let to = &target.version.configuration;
            self.check_rollback(&target.snapshot, manifest, to).await?;
        }

        let mut tx = self.store.begin().await?;
        let mut application = Self::locked(&mut tx, &name).await?;
        let rolling_back = admit(application.status, Command::Rollback)?;
        let run = tx.lock_open_run(application.id).await?;
        let unchanged = application.version == before.version
            && self::target(&mut tx, &application, &before).await?.is(&target);
        let Some(run) = run.filter(|_| unchanged) else { return Err(Error::Overtaken(name)) };
        let why = "superseded by RollbackApplication";
        tx.end_operation(application.id, OperationStatus::Cancelled, Some(why)).await?;
        let version = go_back(&mut tx, &mut application, &target.version).await?;
        let operation = journal(&mut tx, &application, Some((before.version, version))).await?;
        let was = application.status;
        if !tx.set_status(&mut application, rolling_back).await? {
            return Err(Error::Overtaken(name));
        }
        let audit = Audit::of("RollbackApplication", &name)
            .configuration(Some(&before.configuration), &target.version.configuration)
            .changed("version", before.version.get(), version.get())
            .changed("status", was.as_str(), application.status.as_str())
            .with("operation", operation.as_str());
        self.audit(&mut tx, audit).await?;
        let event = NewEvent {
            kind: "RollbackRequested",
            message: &format!(
                "rollback requested: version {version} is version {} again, from snapshot `{}`",
                target.version.version, target.snapshot
            ),
            version,
            attempt: None,
        };
        tx.insert_event(application.id, &event).await?;
        let scaling = &target.version.configuration.flink.parallelism;
        let successor = Successor {
            version,
            parallelism: scaling.parallelism,
            kpus: scaling.kpus(),
            configuration: wish_for(target.snapshot.clone()),
            traceparent: self.caller.traceparent,
        };
        tx.set_successor(run.id, Some(&successor)).await?;
        let run = Run { successor: Some(successor), ..run };
        if run.stop_snapshot.as_ref() == Some(&target.snapshot) {
            cancel_keeping_snapshot(&mut tx, &mut application, run).await?;
        } else {
            stop_run(&mut tx, &mut application, run, Desired::Cancel, "ROLLBACK").await?;
        }
        tx.notify().await?;
        let newest = Self::current(&mut tx, &application).await?;
        let detail = self.detail(&mut tx, application, newest).await?;
        tx.commit().await?;
        tracing::info!(application = %name, version = %version, "rollback requested");
        Ok(Updated { detail, operation })
    }
}

async fn target(tx: &mut Tx, application: &Application, present: &Version) -> Result<Target> {
    let version = ran_before(tx, application, present)
        .await?
        .ok_or_else(|| Error::NothingToRollBackTo(application.name.clone()))?;
    if let Some(target) = left_by_update(tx, application, &version).await? {
        return Ok(target);
    }
    let snapshot = match tx.latest_snapshot_of(application.id, version.version).await? {
        Some(snapshot) => Some(snapshot),
        None => tx.latest_snapshot(application.id).await?,
    };
    let snapshot =
        snapshot.ok_or_else(|| Error::NoSnapshotToRollBackTo(application.name.clone()))?;
    Ok(Target { version, snapshot: snapshot.name, manifest: snapshot.manifest })
}

/// The nearest ancestor of a version that ran and was not rolled back. What a rollback made is taken
/// for the version whose configuration it has.
async fn ran_before(
    tx: &mut Tx,
    application: &Application,
    present: &Version,
) -> Result<Option<Version>> {
    let mut at = present.clone();
    loop {
        let same = at.rolled_back_to;
        let Some(number) = same.or(at.updated_from) else { return Ok(None) };
        let Some(found) = tx.version(application.id, number).await? else { return Ok(None) };
        if same.is_none() && found.ran && !found.rolled_back {
            return Ok(Some(found));
        }
        at = found;
    }
}

/// While an update still ends the job of the version that ran before, that job's newest state is
/// what to go on from: the snapshot that the update takes, or the checkpoint that stands in for it.
async fn left_by_update(
    tx: &mut Tx,
    application: &Application,
    version: &Version,
) -> Result<Option<Target>> {
    let run = tx.latest_run(application.id).await?;
    let Some(run) = run.filter(|run| run.ended_at.is_none() && run.successor.is_some()) else {
        return Ok(None);
    };
    let Some(name) = &run.stop_snapshot else { return Ok(None) };
    let Some(snapshot) = tx.snapshot(application.id, name).await? else { return Ok(None) };
    let taken = snapshot.status == SnapshotStatus::Ready;
    if !taken && newest_state(tx, application, &run).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(Target {
        version: version.clone(),
        snapshot: snapshot.name,
        manifest: snapshot.manifest.filter(|_| taken),
    }))
}
