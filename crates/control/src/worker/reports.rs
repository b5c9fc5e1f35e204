//! What a worker reports of its jobs.

use std::time::Duration;

use model::{
    lifecycle::{Event, settle},
    protocol::{CheckpointWritten, Failure, JobMetrics, LogLine, RestartStrategy},
};
use store::{Application, Desired, NewCheckpoint, Run, SnapshotStatus, Tx};

use crate::{
    Control, JobKey,
    error::{Error, Result},
    rules::Exit,
    worker::{
        ending::{internal, job_is_no_more, note},
        enhanced,
        scaling::outcome,
    },
};

/// Whether the attempt that a report is about is the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a fenced job must be killed without committing"]
pub enum Verdict {
    /// It is; the report is kept.
    Current,
    /// It is not; nothing was changed and the job must be killed.
    Fenced,
}

/// A locked application and its run, whose present attempt a report is about.
struct Reported {
    tx: Tx,
    application: Application,
    run: Run,
}

impl Control {
    /// Locks what a report is about; `None` if its attempt is not the present one.
    async fn reported(&self, job: &JobKey) -> Result<Option<Reported>> {
        let mut tx = self.store.begin().await?;
        let Some(application) = tx.lock_application(&job.application).await? else {
            return Ok(None);
        };
        let run = tx.lock_open_run(application.id).await?;
        Ok(run
            .filter(|run| run.id == job.run && run.attempt == job.attempt)
            .filter(|run| run.claimed_by.is_some())
            .map(|run| Reported { tx, application, run }))
    }

    /// The stream graph is planned; `restart` is what the program SETs about restarts.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn graph_planned(
        &self,
        job: &JobKey,
        graph: &serde_json::Value,
        restart: Option<&RestartStrategy>,
    ) -> Result<Verdict> {
        let mut tx = self.store.begin().await?;
        let kept = tx.set_graph(job.run, job.attempt, graph, restart).await?;
        tx.commit().await?;
        Ok(verdict(kept))
    }

    /// Counters, about once a second.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn metrics_reported(&self, job: &JobKey, metrics: &JobMetrics) -> Result<Verdict> {
        let mut tx = self.store.begin().await?;
        let kept = tx.set_metrics(job.run, job.attempt, metrics).await?;
        tx.commit().await?;
        Ok(verdict(kept))
    }

    /// Lines for the application's log.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn log_lines(&self, job: &JobKey, lines: &[LogLine]) -> Result<Verdict> {
        let mut tx = self.store.begin().await?;
        let Some(application) = tx.application(&job.application).await? else {
            return Ok(Verdict::Fenced);
        };
        let kept = tx.append_log(application.id, job.run, job.attempt, lines).await?;
        tx.commit().await?;
        Ok(verdict(kept))
    }

    /// State is restored and all subtasks run. `restored` is the checkpoint the job went on from,
    /// `dropped` the operators whose state fit nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn job_running(
        &self,
        job: &JobKey,
        restored: Option<u64>,
        dropped: &[String],
    ) -> Result<Verdict> {
        let Some(reported) = self.reported(job).await? else { return Ok(Verdict::Fenced) };
        let Reported { mut tx, mut application, run } = reported;
        let next = settle(application.status, Event::JobRunning);
        if next != application.status && run.successor.is_none() && run.desired == Desired::Cancel {
            // The start was given up a moment ago: too late, the order to end is on its way.
            return Ok(Verdict::Current);
        }
        tx.set_running(run.id).await?;
        tx.set_version_ran(application.id, run.version).await?;
        let mut message = match restored {
            Some(number) => format!("the job runs, from checkpoint {number}"),
            None => "the job runs, from empty state".to_owned(),
        };
        if !dropped.is_empty() {
            message.push_str("; state was dropped that fits no operator: ");
            message.push_str(&dropped.join(", "));
        }
        note(&mut tx, &application, &run, "JobRunning", &message).await?;
        // An attempt makes everything visible that earlier ones got recorded, before it runs.
        tx.set_earlier_committed(application.id, run.attempt).await?;
        if run.desired == Desired::CommitAndStop {
            tx.set_desired(run.id, Desired::Cancel, run.stop_snapshot.as_ref()).await?;
        }
        let (outcome, why) = outcome(application.status, &run);
        if next != application.status && run.successor.is_none() {
            if !tx.set_status(&mut application, next).await? {
                return Err(Error::Overtaken(application.name));
            }
            tx.end_operation(application.id, outcome, why).await?;
            tracing::info!(application = %application.name, attempt = run.attempt, "running");
        }
        tx.notify().await?;
        tx.commit().await?;
        Ok(Verdict::Current)
    }

    /// A manifest is written: the checkpoint is recorded, together with the snapshot that it is.
    ///
    /// **This is the commit point.** Only after [`Verdict::Current`] may the job's sinks commit.
    /// Repeating the report is harmless.
    ///
    /// # Errors
    /// The database does not answer; whether the checkpoint is recorded is then unknown, and the
    /// report must be repeated.
    pub async fn checkpoint_written(
        &self,
        job: &JobKey,
        written: &CheckpointWritten,
    ) -> Result<Verdict> {
        let Some(reported) = self.reported(job).await? else { return Ok(Verdict::Fenced) };
        let Reported { mut tx, application, run } = reported;
        let new = NewCheckpoint {
            number: written.id,
            manifest: &written.manifest,
            state_bytes: written.state_bytes,
            duration_ms: written.duration_ms,
            operators: &written.operators,
        };
        if !tx.insert_checkpoint(&run, &new).await? {
            return Ok(Verdict::Fenced);
        }
        tx.note_checkpoint(run.id).await?;
        if run.checkpoint_overdue {
            let message = format!("checkpoint {} is complete: none is overdue now", written.id);
            note(&mut tx, &application, &run, "CheckpointsRecovered", &message).await?;
        }
        if let Some(name) = written.snapshot.as_deref().and_then(enhanced::of_order) {
            if let Some(checkpoint) = tx.checkpoint(application.id, written.id).await? {
                enhanced::taken(&mut tx, &application, &run, &name, &checkpoint).await?;
            }
        } else if let Some(name) = &written.snapshot {
            let name = name.parse()?;
            if let Some(checkpoint) = tx.checkpoint(application.id, written.id).await?
                && tx.set_snapshot_ready(application.id, &name, &checkpoint).await?
            {
                let message = format!("snapshot `{name}` is checkpoint {}", written.id);
                note(&mut tx, &application, &run, "SnapshotReady", &message).await?;
            }
        }
        move_stop_snapshot(&mut tx, &application, &run, written.id).await?;
        tx.commit().await?;
        Ok(Verdict::Current)
    }

    /// The output of a checkpoint is visible.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn checkpoint_committed(&self, job: &JobKey, number: u64) -> Result<Verdict> {
        let Some(reported) = self.reported(job).await? else { return Ok(Verdict::Fenced) };
        let Reported { mut tx, application, .. } = reported;
        tx.set_committed(application.id, number).await?;
        tx.commit().await?;
        Ok(Verdict::Current)
    }

    /// A checkpoint, or the snapshot that it was to be, could not be taken. When it was to end
    /// the run, the job is ended without it and the latest checkpoint takes its place.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn checkpoint_failed(
        &self,
        job: &JobKey,
        number: u64,
        snapshot: Option<&str>,
        why: &str,
    ) -> Result<Verdict> {
        let Some(reported) = self.reported(job).await? else { return Ok(Verdict::Fenced) };
        let Reported { mut tx, application, run } = reported;
        let message = format!("checkpoint {number} failed: {why}");
        note(&mut tx, &application, &run, "CheckpointFailed", &message).await?;
        tx.count_failed_checkpoint(run.id).await?;
        if let Some(name) = snapshot.and_then(enhanced::of_order) {
            enhanced::not_taken(&mut tx, &application, &run, &name, why).await?;
        } else if let Some(name) = snapshot {
            let name = name.parse()?;
            if tx.set_snapshot_failed(application.id, &name, why).await? {
                let message = format!("snapshot `{name}` could not be taken: {why}");
                note(&mut tx, &application, &run, "SnapshotFailed", &message).await?;
            }
            if run.stop_snapshot.as_ref() == Some(&name) && run.desired == Desired::SnapshotAndStop
            {
                tx.set_desired(run.id, Desired::Cancel, Some(&name)).await?;
                tx.notify().await?;
            }
        }
        tx.commit().await?;
        Ok(Verdict::Current)
    }

    /// The job said that it cannot go on, and its process has ended.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn job_failed(&self, job: &JobKey, failure: &Failure) -> Result<Verdict> {
        self.ended(job, Exit::Failed(failure.fault), Some(failure), Duration::ZERO).await
    }

    /// The job fulfilled its task, and its process has ended. `stopped`: by an order, else its
    /// bounded input is exhausted.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn job_finished(&self, job: &JobKey, stopped: bool) -> Result<Verdict> {
        let exit = if stopped { Exit::Stopped } else { Exit::Exhausted };
        self.ended(job, exit, None, Duration::ZERO).await
    }

    /// The worker ends, and the job with it. `finished`: after a last checkpoint that the job took
    /// for that; else it is ended wherever it stood. The run is free for other workers at once, and
    /// nobody takes it for a failure; what was to end anyway ends.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn job_left(&self, job: &JobKey, finished: bool) -> Result<Verdict> {
        let Some(mut reported) = self.reported(job).await? else { return Ok(Verdict::Fenced) };
        let run = &reported.run;
        if run.desired != Desired::Run {
            drop(reported);
            let exit = if finished { Exit::Stopped } else { Exit::Gone };
            return self.ended(job, exit, None, Duration::ZERO).await;
        }
        let tx = &mut reported.tx;
        tx.release_run(run.id, Duration::ZERO, run.failures_in_row, Duration::ZERO).await?;
        let message = match finished {
            true => "the worker ends; the job took a checkpoint and goes on elsewhere",
            false => "the worker ends; the job goes on elsewhere from its latest checkpoint",
        };
        note(tx, &reported.application, run, "JobMoves", message).await?;
        tx.notify().await?;
        reported.tx.commit().await?;
        Ok(Verdict::Current)
    }

    /// The job's process ended without a word; `how` says what is known (exit status, signal).
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn job_gone(&self, job: &JobKey, how: &str) -> Result<Verdict> {
        let failure = internal(format!("the job process ended unexpectedly: {how}"));
        self.ended(job, Exit::Gone, Some(&failure), Duration::ZERO).await
    }

    /// The job's process was alive but had said nothing for `silence`, and was killed for it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn job_silent(&self, job: &JobKey, silence: Duration) -> Result<Verdict> {
        let failure = internal(format!(
            "the job process said nothing for {} s and was killed",
            silence.as_secs()
        ));
        self.ended(job, Exit::Gone, Some(&failure), silence).await
    }

    async fn ended(
        &self,
        job: &JobKey,
        exit: Exit,
        cause: Option<&Failure>,
        silence: Duration,
    ) -> Result<Verdict> {
        let Some(reported) = self.reported(job).await? else { return Ok(Verdict::Fenced) };
        let Reported { mut tx, mut application, mut run } = reported;
        let ordered = run.desired == Desired::Cancel;
        if let Some(failure) = cause.filter(|_| !ordered) {
            tx.set_failure(run.id, failure).await?;
            run.failure = Some(failure.clone());
            note(&mut tx, &application, &run, "JobFailed", &failure.message).await?;
            tracing::warn!(
                application = %application.name,
                attempt = run.attempt,
                cause = %failure.message,
                "job failed"
            );
        }
        let timing = &self.settings.timing;
        job_is_no_more(&mut tx, &mut application, run, exit, silence, timing).await?;
        tx.commit().await?;
        Ok(Verdict::Current)
    }
}

/// When the snapshot that is to end a run was taken but another attempt had to make its output
/// visible, that one may go further before it hears that it is to stop. The run then ends with what
/// it has recorded last: from the older checkpoint, the next run would give that output again.
async fn move_stop_snapshot(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    number: u64,
) -> Result<()> {
    if let Some(name) = &run.stop_snapshot
        && let Some(snapshot) = tx.snapshot(application.id, name).await?
        && snapshot.status == SnapshotStatus::Ready
        && let Some(checkpoint) = tx.checkpoint(application.id, number).await?
        && tx.set_snapshot_ready(application.id, name, &checkpoint).await?
    {
        let message = format!("snapshot `{name}` is checkpoint {number}: the job went on after it");
        note(tx, application, run, "SnapshotReady", &message).await?;
    }
    Ok(())
}

fn verdict(kept: bool) -> Verdict {
    if kept { Verdict::Current } else { Verdict::Fenced }
}
