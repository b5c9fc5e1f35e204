use control::{JobPhase, OperationStatus, Program, SnapshotStatus, Verdict};
use model::{
    configuration::{RestoreWish, RunConfiguration},
    error_code::ErrorCode,
    lifecycle::Status,
};

use crate::world::{PATIENT, World, name, request, snapshot};

#[tokio::test]
async fn an_application_starts_runs_stops_with_a_snapshot_and_starts_from_it() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let start = world.start("alerts").await;
    assert_eq!(world.status("alerts").await, Status::Starting);
    assert_eq!(world.describe("alerts").await.run_configuration, Some(RunConfiguration::default()));
    assert_eq!(world.outcome("alerts", &start).await.0, OperationStatus::InProgress);

    let claim = world.claim().await;
    assert_eq!(claim.program, Program::Sql { text: "INSERT INTO t SELECT 1".to_owned() });
    assert_eq!((claim.job.attempt, claim.parallelism, claim.next_checkpoint), (1, 1, 1));
    assert_eq!(claim.restore.to_string(), "empty state: there is no snapshot");
    assert!(world.control.claim(world.worker, 8).await.unwrap().is_none());
    world.running(&claim).await;
    assert_eq!(world.status("alerts").await, Status::Running);
    assert_eq!(world.outcome("alerts", &start).await.0, OperationStatus::Successful);
    let run = world.describe("alerts").await.run.unwrap();
    assert_eq!((run.phase, run.worker.as_deref()), (JobPhase::Running, Some("first")));

    world.checkpoint(&claim.job, 1, None).await;
    let taken = world.stop(&claim, 2).await;
    assert!(taken.starts_with("STOP-alerts-"), "{taken}");
    let stopped = world.describe("alerts").await;
    assert_eq!((stopped.status, stopped.version.get()), (Status::Ready, 1));
    assert_eq!(stopped.run_configuration, None);
    assert_eq!(stopped.run.unwrap().phase, JobPhase::Ended);
    let snapshots = world.snapshots("alerts").await;
    assert_eq!(snapshots.len(), 1);
    assert_eq!(snapshots[0].status, SnapshotStatus::Ready);
    assert_eq!((snapshots[0].checkpoint, snapshots[0].state_bytes), (Some(2), Some(200)));

    world.start("alerts").await;
    let again = world.claim().await;
    assert_eq!(
        again.restore.to_string(),
        format!("snapshot `{taken}` (checkpoint 2 of version 1)")
    );
    assert_eq!((again.job.attempt, again.next_checkpoint), (2, 3));
    assert_eq!(again.restore.manifest(), Some("2-1/manifest.json"));
}

#[tokio::test]
async fn a_named_snapshot_is_what_is_restored() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.control.create_snapshot(&name("alerts"), &snapshot("mine")).await.unwrap();
    assert_eq!(world.orders().await, ["snapshot mine"]);
    world.checkpoint(&claim.job, 1, Some("mine")).await;
    assert_eq!(world.orders().await, Vec::<String>::new());
    world.stop(&claim, 2).await;

    let wish = |text: &str| RunConfiguration {
        restore: RestoreWish::Snapshot { name: snapshot(text) },
        allow_non_restored_state: true,
    };
    let refused = world.start_from("alerts", wish("yours")).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert_eq!(world.status("alerts").await, Status::Ready);
    world.start_from("alerts", wish("mine")).await.unwrap();
    let again = world.claim().await;
    assert_eq!(again.restore.checkpoint(), Some(1));
    assert!(again.allow_non_restored_state);
    let described = world.describe("alerts").await.run.unwrap().restore.unwrap();
    assert_eq!(described, again.restore);
    world.running(&again).await;
    world.control.force_stop(&name("alerts")).await.unwrap();
    assert_eq!(world.control.job_finished(&again.job, true).await.unwrap(), Verdict::Current);
    let skip = RunConfiguration { restore: RestoreWish::Skip, allow_non_restored_state: false };
    world.start_from("alerts", skip).await.unwrap();
    assert_eq!(world.claim().await.restore.checkpoint(), None);
}

/// The attempt that makes the output of the stop snapshot visible goes on until it hears that it is
/// to stop: what it records until then must not be given again.
#[tokio::test]
async fn a_stop_ends_with_what_was_recorded_last() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.control.stop(&name("alerts")).await.unwrap();
    let snapshot = world.stop_order().await;
    assert_eq!(world.written(&claim.job, 1, Some(&snapshot)).await, Verdict::Current);
    assert_eq!(world.control.job_gone(&claim.job, "crash").await.unwrap(), Verdict::Current);
    let second = world.claim().await;
    world.running(&second).await;
    assert_eq!(world.orders().await, ["cancel"]);
    world.checkpoint(&second.job, 2, None).await;
    let finished = world.control.job_finished(&second.job, true).await.unwrap();
    assert_eq!(finished, Verdict::Current);
    assert_eq!(world.snapshots("alerts").await[0].checkpoint, Some(2));
    world.start("alerts").await;
    assert_eq!(world.claim().await.restore.checkpoint(), Some(2));
}

#[tokio::test]
async fn force_stop_takes_no_snapshot_and_cancels_what_was_in_progress() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let start = world.start("alerts").await;
    let claim = world.claim().await;
    let stop = world.control.force_stop(&name("alerts")).await.unwrap();
    assert_eq!(world.status("alerts").await, Status::ForceStopping);
    assert_eq!(world.outcome("alerts", &start).await.0, OperationStatus::Cancelled);
    assert_eq!(world.orders().await, ["cancel"]);
    let gone = world.control.job_gone(&claim.job, "signal 9").await.unwrap();
    assert_eq!(gone, Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.outcome("alerts", &stop).await, (OperationStatus::Successful, None));
    assert!(world.snapshots("alerts").await.is_empty());
    assert_eq!(world.describe("alerts").await.run.unwrap().failure, None);
}

#[tokio::test]
async fn a_run_that_no_worker_has_stops_at_once() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    world.start("alerts").await;
    let stop = world.control.force_stop(&name("alerts")).await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.outcome("alerts", &stop).await.0, OperationStatus::Successful);
    assert!(world.control.claim(world.worker, 8).await.unwrap().is_none());
}

#[tokio::test]
async fn the_status_decides_what_is_admitted() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    for refused in [world.control.stop(&alerts).await, world.control.force_stop(&alerts).await] {
        assert_eq!(refused.unwrap_err().code(), ErrorCode::ResourceInUse);
    }
    let claim = world.run("alerts").await;
    let again = world.start_from("alerts", RunConfiguration::default()).await.unwrap_err();
    assert_eq!(
        again.to_string(),
        "application cannot be started in `RUNNING` state, only in READY"
    );
    world.control.stop(&alerts).await.unwrap();
    assert_eq!(world.delete("alerts").await.unwrap_err().code(), ErrorCode::ResourceInUse);
    world.control.force_stop(&alerts).await.unwrap();
    assert_eq!(world.orders().await, ["cancel"]);
    assert_eq!(world.control.job_finished(&claim.job, true).await.unwrap(), Verdict::Current);
    assert_eq!(world.snapshots("alerts").await[0].status, SnapshotStatus::Failed);
}

#[tokio::test]
async fn without_code_nothing_starts() {
    let world = World::new(PATIENT).await;
    let mut empty = request("alerts");
    empty.change.code = None;
    world.control.create(empty).await.unwrap();
    let refused = world.start_from("alerts", RunConfiguration::default()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidApplicationConfiguration);
}

#[tokio::test]
async fn snapshots_can_be_switched_off() {
    let world = World::new(PATIENT).await;
    let mut off = request("alerts");
    off.change.snapshots_enabled = Some(false);
    world.control.create(off).await.unwrap();
    let claim = world.run("alerts").await;
    world.control.stop(&name("alerts")).await.unwrap();
    assert_eq!(world.orders().await, ["cancel"]);
    assert_eq!(world.control.job_finished(&claim.job, true).await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert!(world.snapshots("alerts").await.is_empty());
}

#[tokio::test]
async fn a_running_application_is_ended_before_it_is_deleted() {
    let world = World::new(PATIENT).await;
    let created = world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.checkpoint(&claim.job, 1, None).await;
    world.delete("alerts").await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Deleting);
    assert_eq!(world.orders().await, ["cancel"]);
    assert_eq!(world.control.job_finished(&claim.job, true).await.unwrap(), Verdict::Current);
    let gone = world.control.describe(&name("alerts")).await.unwrap_err();
    assert_eq!(gone.code(), ErrorCode::ResourceNotFound);
    assert_eq!(world.control.job_gone(&claim.job, "late").await.unwrap(), Verdict::Fenced);
    let garbage = world.control.cleanup(10).await.unwrap();
    let folders: Vec<&str> = garbage.iter().map(|g| g.folder.as_str()).collect();
    assert_eq!(folders, [format!("applications/alerts/{}", created.id)]);
}

#[tokio::test]
async fn bounded_input_ends_in_ready() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    assert_eq!(world.control.job_finished(&claim.job, false).await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.events("alerts").await[0], "JobFinished");
}

#[tokio::test]
async fn a_worker_takes_what_fits() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    world.start("alerts").await;
    assert!(world.control.claim(world.worker, 0).await.unwrap().is_none());
    assert!(world.control.claim(world.worker, 1).await.unwrap().is_some());
    let held = world.control.renew_leases(world.worker, &[]).await.unwrap();
    assert_eq!(held.len(), 1);
    let workers = world.control.workers().await.unwrap();
    assert_eq!((workers[0].name.as_str(), workers[0].used_kpus), ("first", 1));
    world.control.retire_worker(world.worker).await.unwrap();
    assert!(world.control.workers().await.unwrap().is_empty());
}
