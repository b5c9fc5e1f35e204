//! CreateApplicationSnapshot, DescribeApplicationSnapshot, ListApplicationSnapshots,
//! DeleteApplicationSnapshot.

use chrono::{DateTime, Utc};
use model::{
    configuration::{RestoreWish, RunConfiguration},
    ids::{ApplicationName, SnapshotName},
    lifecycle::{Command, admit},
};
use serde_json::Value;
use store::{NewEvent, Snapshot, SnapshotStatus, Taken};

use crate::{
    Control,
    audit::Audit,
    error::{Error, Result},
    page::{Page, PageRequest},
};

/// Most snapshots of one application.
const MOST_SNAPSHOTS: i64 = 1000;

impl Control {
    /// Begins to take a snapshot of a RUNNING application.
    ///
    /// # Errors
    /// The application or its job does not run, the name is taken, there are too many.
    pub async fn create_snapshot(
        &self,
        name: &ApplicationName,
        snapshot: &SnapshotName,
    ) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let application = Self::locked(&mut tx, name).await?;
        admit(application.status, Command::CreateSnapshot).map_err(|refused| {
            Error::SnapshotNeedsRunning { application: name.clone(), status: refused.status }
        })?;
        let run = tx
            .lock_open_run(application.id)
            .await?
            .filter(|run| run.running_since.is_some() && run.is_held())
            .ok_or_else(|| Error::SnapshotNeedsJob(name.clone()))?;
        if tx.count_snapshots(application.id).await? >= MOST_SNAPSHOTS {
            return Err(Error::TooManySnapshots(name.clone()));
        }
        let version = Self::current(&mut tx, &application).await?;
        let runtime = &version.configuration.runtime;
        match tx.insert_snapshot(application.id, snapshot, run.version, runtime).await {
            Err(store::Error::Taken(Taken::SnapshotName)) => {
                return Err(Error::SnapshotExists {
                    application: name.clone(),
                    snapshot: snapshot.clone(),
                });
            }
            other => other?,
        }
        let event = NewEvent {
            kind: "SnapshotRequested",
            message: &format!("snapshot `{snapshot}` requested"),
            version: run.version,
            attempt: Some(run.attempt),
        };
        tx.insert_event(application.id, &event).await?;
        let audit =
            Audit::of("CreateApplicationSnapshot", name).with("snapshot", snapshot.as_str());
        self.audit(&mut tx, audit).await?;
        tx.notify().await?;
        tx.commit().await?;
        Ok(())
    }

    /// One snapshot.
    ///
    /// # Errors
    /// There is none of that name.
    pub async fn describe_snapshot(
        &self,
        name: &ApplicationName,
        snapshot: &SnapshotName,
    ) -> Result<Snapshot> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        tx.snapshot(application.id, snapshot).await?.ok_or_else(|| Error::NoSuchSnapshot {
            application: name.clone(),
            snapshot: snapshot.clone(),
        })
    }

    /// A page of an application's snapshots, oldest first.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn list_snapshots(
        &self,
        name: &ApplicationName,
        page: &PageRequest,
    ) -> Result<Page<Snapshot>> {
        let after = page.after_number()?;
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let found = tx.list_snapshots(application.id, after, page.fetch()).await?;
        Ok(page.page(found, |snapshot| snapshot.ordinal.to_string()))
    }

    /// Deletes a snapshot. With `created_at` only if it was created then, to the second.
    ///
    /// # Errors
    /// It is being taken, was created at another time, or is all the present run could restart
    /// from.
    pub async fn delete_snapshot(
        &self,
        name: &ApplicationName,
        snapshot: &SnapshotName,
        created_at: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let application = Self::locked(&mut tx, name).await?;
        admit(application.status, Command::DeleteSnapshot)?;
        let found = tx.snapshot(application.id, snapshot).await?.ok_or_else(|| {
            Error::NoSuchSnapshot { application: name.clone(), snapshot: snapshot.clone() }
        })?;
        if found.status == SnapshotStatus::Creating {
            return Err(Error::SnapshotBeingMade(snapshot.clone()));
        }
        if created_at.is_some_and(|at| at.timestamp() != found.created_at.timestamp()) {
            return Err(Error::OtherSnapshotTimestamp(snapshot.clone()));
        }
        if let Some(run) = tx.lock_open_run(application.id).await? {
            let needed = Needed {
                alone: tx.latest_checkpoint(application.id, run.id).await?.is_none(),
                latest: tx.latest_snapshot(application.id).await?.map(|it| it.name),
            };
            if needed.by(&run, &found) {
                return Err(Error::SnapshotNeeded(snapshot.clone()));
            }
        }
        tx.delete_snapshot(application.id, snapshot).await?;
        let event = NewEvent {
            kind: "SnapshotDeleted",
            message: &format!("snapshot `{snapshot}` deleted"),
            version: application.version,
            attempt: None,
        };
        tx.insert_event(application.id, &event).await?;
        let audit = Audit::of("DeleteApplicationSnapshot", name).changed(
            "snapshot",
            snapshot.as_str(),
            Value::Null,
        );
        self.audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What decides whether a run needs a snapshot.
struct Needed {
    /// Whether the run has no checkpoint of its own.
    alone: bool,
    /// The newest READY snapshot.
    latest: Option<SnapshotName>,
}

impl Needed {
    /// Whether the run ends with the snapshot, or it or its successor would begin from it.
    fn by(&self, run: &store::Run, snapshot: &Snapshot) -> bool {
        let restored = run.decision.as_ref().and_then(|decision| decision.own_checkpoint());
        let restarts = restored.is_some() && restored == snapshot.checkpoint;
        let begins = run.decision.is_none() && self.wished(&run.configuration, snapshot);
        let follows = run.successor.as_ref();
        run.stop_snapshot.as_ref() == Some(&snapshot.name)
            || follows.is_some_and(|next| self.wished(&next.configuration, snapshot))
            || (self.alone && (restarts || begins))
    }

    fn wished(&self, wish: &RunConfiguration, snapshot: &Snapshot) -> bool {
        match &wish.restore {
            RestoreWish::Snapshot { name } => *name == snapshot.name,
            RestoreWish::LatestSnapshot => self.latest.as_ref() == Some(&snapshot.name),
            RestoreWish::Skip | RestoreWish::Enhanced { .. } => false,
        }
    }
}
