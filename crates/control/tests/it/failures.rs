use control::{JobPhase, OperationStatus, SnapshotStatus, Timing, Verdict};
use model::{fault::Domain, lifecycle::Status, protocol::LogLine};

use crate::world::{PATIENT, World, failure, name};

#[tokio::test]
async fn a_program_that_cannot_start_is_ready_again_with_its_cause_and_last_words() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let start = world.start("alerts").await;
    let claim = world.claim().await;
    let line = LogLine {
        at_ms: 1,
        level: "INFO".to_owned(),
        logger: "program".to_owned(),
        message: "about to\0fail".to_owned(),
    };
    let kept = world.control.log_lines(&claim.job, &[line]).await.unwrap();
    assert_eq!(kept, Verdict::Current);
    let mut cause = failure(Domain::User, false, "NameError: name 'x' is not defined");
    cause.traceback = Some("Traceback (most recent call last): …".to_owned());
    assert_eq!(world.control.job_failed(&claim.job, &cause).await.unwrap(), Verdict::Current);
    let described = world.describe("alerts").await;
    assert_eq!(described.status, Status::Ready);
    let told = described.run.unwrap().failure.unwrap();
    assert_eq!((told.message, told.traceback), (cause.message.clone(), cause.traceback.clone()));
    assert_eq!(told.last_log_lines[0].message, "about to\u{fffd}fail");
    let outcome = world.outcome("alerts", &start).await;
    let told = format!("{}\n{}", cause.message, cause.traceback.unwrap());
    assert_eq!(outcome, (OperationStatus::Failed, Some(told)));
}

#[tokio::test]
async fn what_a_retry_can_help_is_tried_again_while_starting() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    world.start("alerts").await;
    let first = world.claim().await;
    let down = failure(Domain::External, true, "no broker answers");
    assert_eq!(world.control.job_failed(&first.job, &down).await.unwrap(), Verdict::Current);
    let described = world.describe("alerts").await;
    assert_eq!(described.status, Status::Starting);
    assert_eq!(described.run.unwrap().failure.unwrap().message, "no broker answers");
    let second = world.claim().await;
    assert_eq!(second.job.attempt, 2);
    world.running(&second).await;
    assert_eq!(world.status("alerts").await, Status::Running);
    assert_eq!(world.describe("alerts").await.run.unwrap().restarts, 1);
}

#[tokio::test]
async fn a_running_job_is_started_again_from_its_latest_checkpoint() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    world.checkpoint(&first.job, 1, None).await;
    world.checkpoint(&first.job, 2, None).await;
    let gone = world.control.job_gone(&first.job, "killed by signal 9").await.unwrap();
    assert_eq!(gone, Verdict::Current);
    let described = world.describe("alerts").await;
    assert_eq!(described.status, Status::Running);
    let run = described.run.unwrap();
    assert_eq!(run.phase, JobPhase::WaitingToRestart);
    assert!(run.next_attempt_at.is_some());
    let second = world.claim().await;
    assert_eq!(second.restore.to_string(), "checkpoint 2 of version 1");
    assert_eq!((second.job.attempt, second.next_checkpoint), (2, 3));
}

#[tokio::test]
async fn a_restart_waits() {
    let world = World::new(Timing { first_backoff: PATIENT.lease, ..Timing::STANDARD }).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    assert_eq!(world.control.job_gone(&first.job, "crash").await.unwrap(), Verdict::Current);
    assert!(world.control.claim(world.worker, 8).await.unwrap().is_none());
    let run = world.describe("alerts").await.run.unwrap();
    let wait = run.next_attempt_at.unwrap() - run.failure.unwrap().at;
    assert_eq!(wait.num_seconds(), 60);
}

#[tokio::test]
async fn a_stop_ends_in_a_crash_loop_and_keeps_the_latest_checkpoint() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    world.checkpoint(&first.job, 1, None).await;
    assert_eq!(world.control.job_gone(&first.job, "crash").await.unwrap(), Verdict::Current);
    let second = world.claim().await;
    // Held by a worker, but not running: the job is ended, not asked for a snapshot.
    let stop = world.control.stop(&name("alerts")).await.unwrap();
    assert_eq!(world.orders().await, ["cancel"]);
    assert_eq!(world.control.job_gone(&second.job, "killed").await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.outcome("alerts", &stop).await.0, OperationStatus::Successful);
    let snapshots = world.snapshots("alerts").await;
    assert_eq!((snapshots[0].status, snapshots[0].checkpoint), (SnapshotStatus::Ready, Some(1)));
}

#[tokio::test]
async fn a_stop_snapshot_that_fails_is_replaced_by_the_latest_checkpoint() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.checkpoint(&claim.job, 1, None).await;
    world.control.stop(&name("alerts")).await.unwrap();
    let wanted = world.stop_order().await;
    let failed = world
        .control
        .checkpoint_failed(&claim.job, 2, Some(&wanted), "S3 did not answer")
        .await
        .unwrap();
    assert_eq!(failed, Verdict::Current);
    assert_eq!(world.orders().await, ["cancel"]);
    assert_eq!(world.control.job_finished(&claim.job, true).await.unwrap(), Verdict::Current);
    let snapshots = world.snapshots("alerts").await;
    assert_eq!((snapshots[0].status, snapshots[0].checkpoint), (SnapshotStatus::Ready, Some(1)));
}

#[tokio::test]
async fn a_stop_without_any_state_to_keep_says_so() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    let stop = world.control.stop(&name("alerts")).await.unwrap();
    let wanted = world.stop_order().await;
    let why = "S3 did not answer";
    let failed = world.control.checkpoint_failed(&claim.job, 1, Some(&wanted), why).await;
    assert_eq!(failed.unwrap(), Verdict::Current);
    assert_eq!(world.control.job_finished(&claim.job, true).await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Ready);
    let (status, told) = world.outcome("alerts", &stop).await;
    assert_eq!(status, OperationStatus::Failed);
    assert_eq!(told.unwrap(), "the job ended, but without a snapshot: S3 did not answer");
}

#[tokio::test]
async fn output_of_the_stop_snapshot_becomes_visible_before_ready() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    let stop = world.control.stop(&name("alerts")).await.unwrap();
    let wanted = world.stop_order().await;
    assert_eq!(world.written(&claim.job, 1, Some(&wanted)).await, Verdict::Current);
    assert_eq!(world.control.job_gone(&claim.job, "crash").await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Stopping);
    let again = world.claim().await;
    assert_eq!(again.restore.checkpoint(), Some(1));
    assert_eq!(world.orders().await, Vec::<String>::new());
    world.running(&again).await;
    assert_eq!(world.orders().await, ["cancel"]);
    assert_eq!(world.control.job_finished(&again.job, true).await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.outcome("alerts", &stop).await.0, OperationStatus::Successful);
}
