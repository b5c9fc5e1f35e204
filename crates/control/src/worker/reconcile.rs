//! Nothing hangs: what is overdue is ended here.

use std::time::Duration;

use model::{
    ids::ApplicationName,
    lifecycle::{Event, Status, settle},
};
use store::{Application, Desired, NewEvent, OperationStatus, Run, Tx};

use crate::{
    Control,
    error::Result,
    rules::Exit,
    worker::ending::{fail_snapshot, internal, job_is_no_more, note, remove_application},
};

impl Control {
    /// Looks at every application that waits for us rather than for a customer and does what is
    /// overdue. To be called on a tick by every worker and API server; any number of them at once
    /// is harmless. Returns how many applications it looked at.
    ///
    /// # Errors
    /// The database does not answer. Those already looked at stay done.
    pub async fn reconcile(&self) -> Result<usize> {
        let mut tx = self.store.begin().await?;
        let names = tx.applications_in_motion().await?;
        drop(tx);
        for name in &names {
            self.reconcile_one(name).await?;
        }
        self.note_overdue_checkpoints().await?;
        self.reconcile_enhanced().await?;
        self.meter().await?;
        self.scale().await?;
        Ok(names.len())
    }

    /// Tells of jobs that run but complete no checkpoints any more.
    async fn note_overdue_checkpoints(&self) -> Result<()> {
        let timing = &self.settings.timing;
        let (intervals, at_least) = (timing.overdue_intervals, timing.overdue_at_least);
        let mut tx = self.store.begin().await?;
        let names = tx.applications_with_overdue_checkpoints(intervals, at_least).await?;
        drop(tx);
        for name in &names {
            let mut tx = self.store.begin().await?;
            let Some(application) = tx.lock_application(name).await? else { continue };
            let Some(run) = tx.lock_open_run(application.id).await? else { continue };
            let Some(since) = run.running_since.max(run.last_checkpoint_at) else { continue };
            // Another worker, or a checkpoint, may have been faster.
            let waited = (run.now - since).to_std().unwrap_or_default();
            let interval = Duration::from_millis(run.checkpoint_interval_ms.unwrap_or(0));
            if run.checkpoint_overdue || waited < at_least.max(interval * intervals) {
                continue;
            }
            tx.set_checkpoint_overdue(run.id).await?;
            let message = format!(
                "no checkpoint was completed for {} s, although one is due every {} ms",
                waited.as_secs(),
                interval.as_millis()
            );
            note(&mut tx, &application, &run, "CheckpointOverdue", &message).await?;
            tx.commit().await?;
            tracing::warn!(application = %name, "{message}");
        }
        Ok(())
    }

    async fn reconcile_one(&self, name: &ApplicationName) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let Some(mut application) = tx.lock_application(name).await? else { return Ok(()) };
        self.give_up_snapshots(&mut tx, &application).await?;
        match tx.lock_open_run(application.id).await? {
            Some(run) => self.reconcile_run(&mut tx, &mut application, run).await?,
            None => settle_without_run(&mut tx, &mut application).await?,
        }
        tx.commit().await?;
        Ok(())
    }

    /// Does one overdue thing of a run.
    async fn reconcile_run(
        &self,
        tx: &mut Tx,
        application: &mut Application,
        run: Run,
    ) -> Result<()> {
        let timing = &self.settings.timing;
        let waited = (run.now - run.desired_since).to_std().unwrap_or_default();
        match run.desired {
            Desired::Run if !run.reached_running && waited > timing.start_deadline => {
                let limit = timing.start_deadline.as_secs();
                let why = match (&run.failure, run.attempt) {
                    (Some(failure), _) => failure.message.clone(),
                    (None, 0) => match self.shortage(tx, &run).await? {
                        Some(why) => format!("it {why}"),
                        None => "no worker took it".to_owned(),
                    },
                    (None, _) => "the job was still starting".to_owned(),
                };
                let message = format!("the job did not start within {limit} s: {why}");
                tx.set_failure(run.id, &internal(message.clone())).await?;
                note(tx, application, &run, "StartOverdue", &message).await?;
                tx.set_desired(run.id, Desired::Cancel, None).await?;
                let run = Run { desired: Desired::Cancel, stop_snapshot: None, ..run };
                self.end_if_down(tx, application, run).await
            }
            Desired::Run => {
                self.note_shortage(tx, application, &run).await?;
                self.reconcile_wanted(tx, application, &run).await
            }
            Desired::SnapshotAndStop | Desired::CommitAndStop
                if waited > timing.snapshot_deadline =>
            {
                let message = "the job did not stop in time; it is ended without waiting further";
                note(tx, application, &run, "StopOverdue", message).await?;
                tx.set_desired(run.id, Desired::Cancel, run.stop_snapshot.as_ref()).await?;
                let run = Run { desired: Desired::Cancel, ..run };
                self.end_if_down(tx, application, run).await
            }
            // Waits for a worker to claim it.
            Desired::CommitAndStop => Ok(()),
            // From now on its worker's renewals do not name the job, which therefore kills it, at the
            // latest when the lease is over. Until then the job may live, and the status says so.
            Desired::Cancel
                if waited > timing.cancel_deadline && run.claimed_by.is_some() && run.is_held() =>
            {
                let message = "the worker did not end the job in time; the job is fenced off";
                note(tx, application, &run, "CancelOverdue", message).await?;
                Ok(tx.fence_run(run.id, timing.lease).await?)
            }
            Desired::SnapshotAndStop | Desired::Cancel => {
                self.end_if_down(tx, application, run).await
            }
        }
    }

    /// What is wanted and need not end: a status that waits for the job is over when the job runs,
    /// and maintenance after the time of a start in any case.
    async fn reconcile_wanted(
        &self,
        tx: &mut Tx,
        application: &mut Application,
        run: &Run,
    ) -> Result<()> {
        let waited = (run.now - application.status_since).to_std().unwrap_or_default();
        let (event, message) = if run.is_held() && run.running_since.is_some() {
            (Event::JobRunning, "the job runs")
        } else if waited > self.settings.timing.start_deadline {
            (Event::MaintenanceOver, "maintenance took too long; the job is restarted as ever")
        } else {
            return Ok(());
        };
        let next = settle(application.status, event);
        if next == application.status || !tx.set_status(application, next).await? {
            return Ok(());
        }
        note(tx, application, run, event.as_str(), message).await?;
        tx.end_operation(application.id, OperationStatus::Successful, None).await?;
        Ok(())
    }

    /// What is to end and has no worker is at its end.
    async fn end_if_down(
        &self,
        tx: &mut Tx,
        application: &mut Application,
        run: Run,
    ) -> Result<()> {
        if run.is_held() {
            return Ok(tx.notify().await?);
        }
        let timing = &self.settings.timing;
        job_is_no_more(tx, application, run, Exit::Gone, Duration::ZERO, timing).await
    }

    /// Snapshots that were asked for too long ago, other than one that is to end the run.
    async fn give_up_snapshots(&self, tx: &mut Tx, application: &Application) -> Result<()> {
        let now = tx.now().await?;
        let run = tx.lock_open_run(application.id).await?;
        let ending = run.as_ref().and_then(|run| run.stop_snapshot.as_ref());
        for snapshot in tx.snapshots_being_made(application.id).await? {
            let waited = (now - snapshot.created_at).to_std().unwrap_or_default();
            let overdue = waited > self.settings.timing.snapshot_deadline;
            if ending == Some(&snapshot.name) || !overdue {
                continue;
            }
            let why = "the job did not take it in time";
            match &run {
                Some(run) => fail_snapshot(tx, application, run, &snapshot.name, why).await?,
                None => {
                    tx.set_snapshot_failed(application.id, &snapshot.name, why).await?;
                }
            }
        }
        Ok(())
    }
}

/// An application that waits for a run there is none of.
async fn settle_without_run(tx: &mut Tx, application: &mut Application) -> Result<()> {
    if application.status == Status::Deleting {
        return remove_application(tx, application).await;
    }
    if application.status == Status::Ready {
        return Ok(());
    }
    let next = settle(application.status, Event::StartFailed);
    if tx.set_status(application, next).await? {
        let why = "there was no job";
        tx.end_operation(application.id, OperationStatus::Failed, Some(why)).await?;
        let event = NewEvent {
            kind: "StartFailed",
            message: why,
            version: application.version,
            attempt: None,
        };
        tx.insert_event(application.id, &event).await?;
    }
    Ok(())
}
