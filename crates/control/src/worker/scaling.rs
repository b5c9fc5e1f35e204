//! The service changes the parallelism of running applications.

use model::lifecycle::{Event, Status, settle};
use store::{
    Application, Desired, NewEvent, NewOperation, NewRun, OperationStatus, Run, Scaling, Successor,
    Thought, Tx, Version,
};

use crate::{
    Control,
    control::{new_operation_id, new_run_id},
    error::{Error, Result},
    rules::{Point, Scene, Verdict, advise, shortage},
    settings::ScalingPolicy,
    worker::ending::{newest_state, note, stop_run},
};

/// AWS `Operation` of a change of parallelism by the service.
const OPERATION: &str = "AutoScaling";

impl Control {
    /// Lets the scaler look at every running application that it has not looked at for a period.
    pub(super) async fn scale(&self) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let due = tx.applications_to_scale(self.settings.timing.metrics_period).await?;
        drop(tx);
        for name in &due {
            let mut tx = self.store.begin().await?;
            let Some(application) = tx.lock_application(name).await? else { continue };
            self.scale_one(&mut tx, application).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn scale_one(&self, tx: &mut Tx, mut application: Application) -> Result<()> {
        let (policy, period) = (&self.settings.scaling, self.settings.timing.metrics_period);
        let Some(run) = tx.lock_open_run(application.id).await? else { return Ok(()) };
        let Some(running_since) = run.running_since.filter(|_| run.is_held()) else {
            return Ok(());
        };
        // Another worker may have been faster.
        let now_ms = run.now.timestamp_millis();
        let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
        let looked = |it: &Thought| now_ms - it.at_ms < period_ms;
        if application.status != Status::Running
            || run.desired != Desired::Run
            || run.scaler.as_ref().is_some_and(looked)
        {
            return Ok(());
        }
        let Some(version) = tx.version(application.id, run.version).await? else { return Ok(()) };
        let configuration = &version.configuration.flink.parallelism;
        let points = points(tx, &run, policy, period).await?;
        let scene = Scene {
            now: run.now,
            period,
            running_since,
            configuration,
            present: run.parallelism,
            most_kpus: self.most_kpus(tx, run.kpus).await?,
            points: &points,
        };
        let (mut verdict, mut reason) = advise(&scene, policy);
        if let Verdict::Up(to) = verdict {
            // The run's own KPUs become free on its worker.
            let mut rooms = tx.rooms(self.settings.timing.lease).await?;
            for room in &mut rooms {
                if Some(room.worker) == run.claimed_by {
                    room.free += i64::from(run.kpus);
                }
            }
            if let Some(shortage) = shortage(configuration.kpus_at(to), &rooms) {
                verdict = Verdict::Blocked;
                reason = format!("{reason}; but with {to} subtasks it {shortage}");
            }
        }
        let word = verdict.as_str().to_owned();
        let thought = Thought { at_ms: now_ms, verdict: word, reason: reason.clone() };
        tx.set_thought(run.id, &thought).await?;
        match verdict {
            Verdict::Up(to) | Verdict::Down(to) => {
                let scaling = Scaling { from: run.parallelism, to, reason, failure: None };
                begin(tx, &mut application, run, &version, scaling).await
            }
            Verdict::Off | Verdict::CoolingDown | Verdict::Hold | Verdict::Blocked => Ok(()),
        }
    }
}

/// What is known of a run since it runs without interruption.
async fn points(
    tx: &mut Tx,
    run: &Run,
    policy: &ScalingPolicy,
    period: std::time::Duration,
) -> Result<Vec<Point>> {
    let Some(since) = run.running_since else { return Ok(Vec::new()) };
    let number = policy.up_points.max(policy.down_points).max(policy.lag_points);
    let number = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(2);
    let window = period.saturating_mul(number);
    let mut points: Vec<Point> = tx
        .recent_metric(run.application, "containerCPUUtilization", window)
        .await?
        .into_iter()
        .filter(|(at, _)| *at > since)
        .map(|(at, cpu)| Point { at, cpu_percent: Some(cpu), lag_records: None })
        .collect();
    for (at, lag) in tx.recent_metric(run.application, "records_lag_max", window).await? {
        if let Ok(found) = points.binary_search_by_key(&at, |point| point.at) {
            points[found].lag_records = Some(lag);
        }
    }
    Ok(points)
}

/// Begins a change: a snapshot if enabled, then the job ends and starts again.
async fn begin(
    tx: &mut Tx,
    application: &mut Application,
    run: Run,
    version: &Version,
    scaling: Scaling,
) -> Result<()> {
    let operation = new_operation_id();
    let journaled = NewOperation {
        id: &operation,
        kind: OPERATION,
        status: OperationStatus::InProgress,
        versions: None,
    };
    tx.insert_operation(application.id, &journaled).await?;
    let next = settle(application.status, Event::ScalingBegan);
    if !tx.set_status(application, next).await? {
        return Err(Error::Overtaken(application.name.clone()));
    }
    let Scaling { from, to, reason, .. } = &scaling;
    let message = format!("parallelism changes from {from} to {to}: {reason}");
    let kind = "AutoscalingBegan";
    let event =
        NewEvent { kind, message: &message, version: run.version, attempt: Some(run.attempt) };
    tx.insert_event(application.id, &event).await?;
    tracing::info!(application = %application.name, "{message}");
    let successor = Successor {
        version: run.version,
        parallelism: *to,
        kpus: version.configuration.flink.parallelism.kpus_at(*to),
        configuration: run.configuration.clone(),
        // Nobody asked for it.
        traceparent: None,
    };
    tx.set_successor(run.id, Some(&successor)).await?;
    tx.set_scaling(run.id, &scaling, None).await?;
    let run = Run { successor: Some(successor), scaling: Some(scaling), ..run };
    let snapshot = version.configuration.snapshots_enabled;
    let desired = if snapshot { Desired::SnapshotAndStop } else { Desired::Cancel };
    stop_run(tx, application, run, desired, "AUTOSCALING").await?;
    Ok(tx.notify().await?)
}

/// A run takes the place of `before` because of a change of parallelism, if there is one: it goes on
/// from the newest state of that one, whether or not it is a snapshot.
pub(super) async fn carry_on(
    tx: &mut Tx,
    application: &Application,
    before: &Run,
    next: model::ids::RunId,
) -> Result<()> {
    if application.status != Status::Autoscaling {
        return Ok(());
    }
    let Some(scaling) = &before.scaling else { return Ok(()) };
    let state = newest_state(tx, application, before).await?.map(|it| it.number);
    Ok(tx.set_scaling(next, scaling, state.or(before.base_checkpoint)).await?)
}

/// A job that did not start with its new parallelism is started again with the old one; false if
/// that is not what happened, or if it was tried already.
pub(super) async fn take_back(tx: &mut Tx, application: &Application, run: &Run) -> Result<bool> {
    let scaling = run.scaling.as_ref().filter(|it| it.failure.is_none());
    let (Status::Autoscaling, Some(scaling)) = (application.status, scaling) else {
        return Ok(false);
    };
    let Some(version) = tx.version(application.id, run.version).await? else { return Ok(false) };
    let failed = tx.latest_run(application.id).await?.and_then(|run| run.failure);
    let cause = failed.map_or_else(|| "the cause is not known".to_owned(), |it| it.message);
    let Scaling { from, to, reason, .. } = scaling.clone();
    let next = NewRun {
        id: new_run_id(),
        version: run.version,
        parallelism: from,
        kpus: version.configuration.flink.parallelism.kpus_at(from),
        configuration: &run.configuration,
        traceparent: run.traceparent,
    };
    tx.insert_run(application.id, &next).await?;
    let message =
        format!("the job did not start with parallelism {to} and goes back to {from}: {cause}");
    let back = Scaling { from: to, to: from, reason, failure: Some(message.clone()) };
    let state = newest_state(tx, application, run).await?.map(|it| it.number);
    tx.set_scaling(next.id, &back, state.or(run.base_checkpoint)).await?;
    note(tx, application, run, "AutoscalingFailed", &message).await?;
    tracing::warn!(application = %application.name, "{message}");
    tx.notify().await?;
    Ok(true)
}

/// What becomes of the operation when the job runs again.
pub(super) fn outcome(status: Status, run: &Run) -> (OperationStatus, Option<&str>) {
    let failure = run.scaling.as_ref().and_then(|it| it.failure.as_deref());
    match (status, failure) {
        (Status::Autoscaling, Some(why)) => (OperationStatus::Failed, Some(why)),
        _ => (OperationStatus::Successful, None),
    }
}
