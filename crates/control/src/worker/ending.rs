//! How runs end: by order, by failure, by exhausted input; and what becomes of the application.

use std::time::Duration;

use model::{
    fault::{Domain, Fault},
    ids::SnapshotName,
    lifecycle::{Event, Status, settle},
    object_keys::application_folder,
    protocol::Failure,
};
use store::{
    Application, Checkpoint, Desired, NewEvent, NewRun, OperationStatus, OwnLine, Run,
    SnapshotStatus, Tx,
};

use crate::{
    control::new_run_id,
    error::{Error, Result},
    rules::{Backoff, End, Exit, Life, Next, Restarts, Situation, StopSnapshot, after_exit},
    settings::Timing,
    worker::{
        enhanced,
        rollback::{Automatic, roll_back_failure},
        scaling::{carry_on, take_back},
    },
};

/// Orders a run to end; `desired` is `SnapshotAndStop` or `Cancel`. The snapshot is named after
/// `occasion`. A run whose job is down ends at once, from its latest checkpoint.
pub(crate) async fn stop_run(
    tx: &mut Tx,
    application: &mut Application,
    run: Run,
    desired: Desired,
    occasion: &str,
) -> Result<()> {
    if let Some(unfinished) = &run.stop_snapshot {
        fail_snapshot(tx, application, &run, unfinished, "superseded by another request").await?;
    }
    let snapshot = match desired {
        Desired::SnapshotAndStop => Some(new_snapshot(tx, application, &run, occasion).await?),
        Desired::Run | Desired::CommitAndStop | Desired::Cancel => None,
    };
    let up = run.is_held() && run.running_since.is_some();
    let desired = if up { desired } else { Desired::Cancel };
    tx.set_desired(run.id, desired, snapshot.as_ref()).await?;
    let run = Run { desired, stop_snapshot: snapshot, ..run };
    if run.is_held() {
        return Ok(());
    }
    finish_run(tx, application, run, End::AsOrdered).await
}

/// Orders a run to end at once. What was to become of the snapshot that ends it does become of it:
/// it is what the job still takes, else the latest checkpoint.
pub(crate) async fn cancel_keeping_snapshot(
    tx: &mut Tx,
    application: &mut Application,
    run: Run,
) -> Result<()> {
    tx.set_desired(run.id, Desired::Cancel, run.stop_snapshot.as_ref()).await?;
    let run = Run { desired: Desired::Cancel, ..run };
    if run.is_held() {
        return Ok(());
    }
    finish_run(tx, application, run, End::AsOrdered).await
}

/// Gives up a snapshot that is being taken, and tells of it.
pub(super) async fn fail_snapshot(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    name: &SnapshotName,
    why: &str,
) -> Result<()> {
    if tx.set_snapshot_failed(application.id, name, why).await? {
        let message = format!("snapshot `{name}` could not be taken: {why}");
        note(tx, application, run, "SnapshotFailed", &message).await?;
    }
    Ok(())
}

async fn new_snapshot(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    occasion: &str,
) -> Result<SnapshotName> {
    let version = tx.version(application.id, run.version).await?.ok_or_else(|| {
        Error::NoSuchVersion { application: application.name.clone(), version: run.version }
    })?;
    let at = tx.now().await?.timestamp_millis();
    let name: SnapshotName = format!("{occasion}-{}-{at}", application.name).parse()?;
    let runtime = &version.configuration.runtime;
    tx.insert_snapshot(application.id, &name, run.version, runtime).await?;
    Ok(name)
}

/// Decides and does what follows when a run's job is no more. Nothing was heard of it for `silence`.
pub(crate) async fn job_is_no_more(
    tx: &mut Tx,
    application: &mut Application,
    run: Run,
    exit: Exit,
    silence: Duration,
    timing: &Timing,
) -> Result<()> {
    let life = life(tx, &run, silence).await?;
    let restarts = Restarts::of(timing, run.restart_strategy.as_ref());
    let have = situation(tx, application, &run, life).await?;
    let backoff = match after_exit(exit, have, &restarts) {
        Next::Retry(backoff) => backoff,
        Next::CommitFirst(backoff) => {
            let name = run.stop_snapshot.as_ref();
            tx.set_desired_keeping_time(run.id, Desired::CommitAndStop, name).await?;
            backoff
        }
        Next::End(end) => {
            if matches!(exit, Exit::Failed(_) | Exit::Gone) && run.desired == Desired::Run {
                log_failure(tx, application, &run, "FAILED").await?;
            }
            return finish_run(tx, application, run, end).await;
        }
    };
    log_failure(tx, application, &run, "RESTARTING").await?;
    retry(tx, application, &run, backoff, silence).await?;
    if restarts.begins_crash_loop(backoff) {
        let times = backoff.failures_in_row;
        let message = format!("the job failed {times} times in a row: {}", cause(&run));
        note(tx, application, &run, "CrashLoop", &message).await?;
        tracing::warn!(application = %application.name, "{message}");
    }
    Ok(())
}

/// Says in the application's log that its job failed, as Flink says it: people search for it.
async fn log_failure(tx: &mut Tx, application: &Application, run: &Run, next: &str) -> Result<()> {
    let from = if run.running_since.is_some() { "RUNNING" } else { "INITIALIZING" };
    let name = &application.name;
    let message = format!("Job {name} switched from {from} to {next}: {}", cause(run));
    let throwable = run.failure.as_ref().and_then(|failure| failure.traceback.as_deref());
    let line = OwnLine { level: "ERROR", logger: "job", message: &message, throwable };
    Ok(tx.append_own_line(run, line).await?)
}

/// How the present attempt of a run went so far, or until `silence` ago.
pub(crate) async fn life(tx: &mut Tx, run: &Run, silence: Duration) -> Result<Life> {
    let ran = run.running_since.map_or(0, |since| (run.now - since).num_milliseconds());
    let ran = Duration::from_millis(u64::try_from(ran).unwrap_or(0));
    let latest = tx.latest_checkpoint(run.application, run.id).await?;
    Ok(Life {
        ran: ran.saturating_sub(silence),
        progressed: latest.is_some_and(|it| it.attempt == run.attempt && it.committed_at.is_some()),
        failures_in_row: run.failures_in_row,
    })
}

fn cause(run: &Run) -> &str {
    run.failure.as_ref().map_or("the cause is not known", |failure| &failure.message)
}

async fn situation(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    life: Life,
) -> Result<Situation> {
    Ok(Situation {
        desired: run.desired,
        reached_running: run.reached_running,
        snapshot: stop_snapshot(tx, application, run).await?,
        start_given_up: !run.reached_running
            && run.successor.is_none()
            && match application.status {
                Status::Starting | Status::Updating => true,
                Status::Autoscaling | Status::RollingBack | Status::Maintenance => true,
                Status::Ready
                | Status::Running
                | Status::Stopping
                | Status::ForceStopping
                | Status::Deleting => false,
            },
        life,
    })
}

async fn stop_snapshot(tx: &mut Tx, application: &Application, run: &Run) -> Result<StopSnapshot> {
    let Some(name) = &run.stop_snapshot else { return Ok(StopSnapshot::Missing) };
    let Some(snapshot) = tx.snapshot(application.id, name).await? else {
        return Ok(StopSnapshot::Missing);
    };
    let (SnapshotStatus::Ready, Some(number)) = (snapshot.status, snapshot.checkpoint) else {
        return Ok(StopSnapshot::Missing);
    };
    let checkpoint = tx.checkpoint(application.id, number).await?;
    Ok(match checkpoint.and_then(|checkpoint| checkpoint.committed_at) {
        Some(_) => StopSnapshot::Committed,
        None => StopSnapshot::Taken,
    })
}

async fn retry(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    backoff: Backoff,
    silence: Duration,
) -> Result<()> {
    tx.release_run(run.id, backoff.wait, backoff.failures_in_row, silence).await?;
    let event = NewEvent {
        kind: "RestartScheduled",
        message: &format!(
            "the job is started again in {} ms (failure {} in a row)",
            backoff.wait.as_millis(),
            backoff.failures_in_row
        ),
        version: run.version,
        attempt: Some(run.attempt),
    };
    tx.insert_event(application.id, &event).await?;
    tx.notify().await?;
    Ok(())
}

/// Ends a run: its stop snapshot is decided, its successor begins or its application becomes
/// steady together with its operation.
pub(crate) async fn finish_run(
    tx: &mut Tx,
    application: &mut Application,
    run: Run,
    end: End,
) -> Result<()> {
    if let End::GivenUp { .. } = end {
        keep_state(tx, application, &run).await?;
    }
    let missing = finish_snapshots(tx, application, &run, end).await?;
    enhanced::run_ended(tx, application, &run).await?;
    enhanced::keep_stop_snapshot(tx, application, &run).await?;
    tx.end_run(run.id).await?;
    if application.status == Status::Deleting {
        return remove_application(tx, application).await;
    }
    if end == End::AsOrdered
        && let Some(successor) = &run.successor
    {
        let next = NewRun {
            id: new_run_id(),
            version: successor.version,
            parallelism: successor.parallelism,
            kpus: successor.kpus,
            configuration: &successor.configuration,
            traceparent: successor.traceparent,
        };
        tx.insert_run(application.id, &next).await?;
        carry_on(tx, application, &run, next.id).await?;
        let (version, parallelism) = (successor.version, successor.parallelism);
        let message =
            format!("the job ended; version {version} starts with parallelism {parallelism}");
        note(tx, application, &run, "JobEnded", &message).await?;
        return Ok(tx.notify().await?);
    }
    let (event, kind, message, status, failure) = match (end, missing) {
        (End::AsOrdered, None) => {
            let message = "the job ended as ordered".to_owned();
            (Event::JobGone, "JobEnded", message, OperationStatus::Successful, None)
        }
        (End::AsOrdered, Some(why)) => {
            let message = format!("the job ended, but without a snapshot: {why}");
            let failure = Some(message.clone());
            (Event::JobGone, "JobEnded", message, OperationStatus::Failed, failure)
        }
        (End::Exhausted, _) => {
            let message = "the job has read all of its bounded input".to_owned();
            (Event::JobFinished, "JobFinished", message, OperationStatus::Successful, None)
        }
        (End::StartFailed, _) => {
            let (mut message, mut failure) = start_failure(tx, application).await?;
            match roll_back_failure(tx, application, &run, &failure).await? {
                Automatic::Begun => return Ok(()),
                Automatic::NotWanted => {}
                Automatic::Impossible(why) => {
                    message = format!("{message}; it is not rolled back: {why}");
                    failure = format!("not rolled back: {why}; {failure}");
                }
            }
            if take_back(tx, application, &run).await? {
                return Ok(());
            }
            (Event::StartFailed, "StartFailed", message, OperationStatus::Failed, Some(failure))
        }
        (End::GivenUp { failures_in_row }, _) => {
            let message = format!(
                "the job failed {failures_in_row} times in a row and is not started again: {}",
                cause(&run)
            );
            let failure = Some(message.clone());
            (Event::JobGivenUp, "GivenUp", message, OperationStatus::Failed, failure)
        }
    };
    let next = settle(application.status, event);
    if !tx.set_status(application, next).await? {
        return Err(Error::Overtaken(application.name.clone()));
    }
    tx.end_operation(application.id, status, failure.as_deref()).await?;
    note(tx, application, &run, kind, &message).await?;
    tracing::info!(application = %application.name, status = %next, "{message}");
    Ok(())
}

/// Why the newest run could not be brought to run: for the events, and with the traceback for the
/// operation. A rollback that fails also tells what it was to repair.
async fn start_failure(tx: &mut Tx, application: &Application) -> Result<(String, String)> {
    let Some(run) = tx.latest_run(application.id).await? else {
        return Ok(("the job did not start".to_owned(), "the job did not start".to_owned()));
    };
    let earlier = if application.status == Status::RollingBack {
        tx.run_before(&run).await?.filter(|run| !run.reached_running)
    } else {
        None
    };
    let mut message = match &run.failure {
        Some(failure) => failure.message.clone(),
        None => "the job did not start".to_owned(),
    };
    if let Some(failure) = earlier.and_then(|run| run.failure) {
        message = format!(
            "the rollback failed: {}; what it was to undo had failed: {}",
            shortened(&message),
            shortened(&failure.message)
        );
    }
    let told = match run.failure.and_then(|failure| failure.traceback) {
        Some(traceback) => format!("{message}\n{traceback}"),
        None => message.clone(),
    };
    Ok((message, told))
}

/// A cause that leaves room for another one in an operation's 512 characters.
fn shortened(cause: &str) -> String {
    const MOST: usize = 200;
    match cause.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &cause[..end]),
        None => cause.to_owned(),
    }
}

/// Makes the newest state of a run that is given up a snapshot, so that the next start goes on from
/// there instead of from an older one.
async fn keep_state(tx: &mut Tx, application: &Application, run: &Run) -> Result<()> {
    let enabled = tx
        .version(application.id, run.version)
        .await?
        .is_some_and(|version| version.configuration.snapshots_enabled);
    let Some(checkpoint) = newest_state(tx, application, run).await?.filter(|_| enabled) else {
        return Ok(());
    };
    let name = new_snapshot(tx, application, run, "GIVENUP").await?;
    tx.set_snapshot_ready(application.id, &name, &checkpoint).await?;
    let number = checkpoint.number;
    let message = format!("snapshot `{name}` is checkpoint {number}, the latest there was");
    note(tx, application, run, "SnapshotReady", &message).await
}

/// Decides the snapshots that are being taken; says why the one that was to end the run is none.
async fn finish_snapshots(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    end: End,
) -> Result<Option<String>> {
    let mut missing = None;
    if let Some(name) = &run.stop_snapshot
        && let Some(snapshot) = tx.snapshot(application.id, name).await?
        && snapshot.status != SnapshotStatus::Ready
    {
        let checkpoint = match end {
            End::AsOrdered => newest_state(tx, application, run).await?,
            End::Exhausted | End::StartFailed | End::GivenUp { .. } => None,
        };
        match checkpoint {
            Some(checkpoint) => {
                tx.set_snapshot_ready(application.id, name, &checkpoint).await?;
                let message = format!(
                    "snapshot `{name}` is checkpoint {}, the latest there was",
                    checkpoint.number
                );
                note(tx, application, run, "SnapshotReady", &message).await?;
            }
            None => {
                let why = match (end, snapshot.failure) {
                    (End::Exhausted, _) => "the bounded input was exhausted first".to_owned(),
                    (_, Some(why)) => why,
                    (End::AsOrdered | End::StartFailed | End::GivenUp { .. }, None) => {
                        "the job was down and had taken no checkpoint".to_owned()
                    }
                };
                fail_snapshot(tx, application, run, name, &why).await?;
                missing = Some(why);
            }
        }
    }
    for snapshot in tx.snapshots_being_made(application.id).await? {
        fail_snapshot(tx, application, run, &snapshot.name, "the job ended first").await?;
    }
    Ok(missing)
}

/// The newest state of a run: its latest checkpoint, else the one it started from.
pub(crate) async fn newest_state(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
) -> Result<Option<Checkpoint>> {
    if let Some(checkpoint) = tx.latest_checkpoint(application.id, run.id).await? {
        return Ok(Some(checkpoint));
    }
    match run.decision.as_ref().and_then(|decision| decision.own_checkpoint()) {
        Some(number) => Ok(tx.checkpoint(application.id, number).await?),
        None => Ok(None),
    }
}

/// Removes an application and everything it has; its objects become garbage.
pub(crate) async fn remove_application(tx: &mut Tx, application: &Application) -> Result<()> {
    enhanced::application_ends(tx, application).await?;
    tx.insert_garbage(&application_folder(&application.name, application.id)).await?;
    tx.delete_application(application.id).await?;
    tx.notify().await?;
    tracing::info!(application = %application.name, "application deleted");
    Ok(())
}

/// Adds an event about a run.
pub(crate) async fn note(
    tx: &mut Tx,
    application: &Application,
    run: &Run,
    kind: &str,
    message: &str,
) -> Result<()> {
    let attempt = (run.attempt > 0).then_some(run.attempt);
    let event = NewEvent { kind, message, version: run.version, attempt };
    Ok(tx.insert_event(application.id, &event).await?)
}

/// A failure of ours.
pub(crate) fn internal(message: String) -> Failure {
    Failure { fault: Fault { domain: Domain::Internal, retry: true }, message, traceback: None }
}
