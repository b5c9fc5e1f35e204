use std::time::Duration;

use control::{OperationStatus, SnapshotStatus, Timing, Verdict};
use model::lifecycle::Status;

use crate::world::{PATIENT, World, name, snapshot};

/// Reconciles until nothing is in motion.
async fn settle(control: &control::Control) {
    for _ in 0..5 {
        control.reconcile().await.unwrap();
    }
}

#[tokio::test]
async fn a_start_that_nobody_claims_fails() {
    let world = World::new(Timing { start_deadline: Duration::ZERO, ..PATIENT }).await;
    world.create("alerts").await;
    let start = world.start("alerts").await;
    settle(&world.control).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
    let (status, told) = world.outcome("alerts", &start).await;
    assert_eq!(status, OperationStatus::Failed);
    assert_eq!(told.unwrap(), "the job did not start within 0 s: no worker took it");
}

#[tokio::test]
async fn a_start_that_hangs_is_cancelled_and_then_fenced_off() {
    let world = World::new(Timing { start_deadline: Duration::ZERO, ..PATIENT }).await;
    world.create("alerts").await;
    let start = world.start("alerts").await;
    let claim = world.claim().await;
    settle(&world.control).await;
    assert_eq!(world.status("alerts").await, Status::Starting);
    assert_eq!(world.orders().await, ["cancel"]);
    let impatient = world.with_timing(Timing { cancel_deadline: Duration::ZERO, ..PATIENT }).await;
    settle(&impatient).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.outcome("alerts", &start).await.0, OperationStatus::Failed);
    assert_eq!(world.control.job_running(&claim.job, None, &[]).await.unwrap(), Verdict::Fenced);
}

#[tokio::test]
async fn a_stop_that_hangs_ends_with_the_latest_checkpoint() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.checkpoint(&claim.job, 1, None).await;
    let stop = world.control.stop(&name("alerts")).await.unwrap();
    settle(&world.control).await;
    assert_eq!(world.status("alerts").await, Status::Stopping);
    let impatient = world
        .with_timing(Timing {
            snapshot_deadline: Duration::ZERO,
            cancel_deadline: Duration::ZERO,
            ..PATIENT
        })
        .await;
    settle(&impatient).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.outcome("alerts", &stop).await.0, OperationStatus::Successful);
    let snapshots = world.snapshots("alerts").await;
    assert_eq!((snapshots[0].status, snapshots[0].checkpoint), (SnapshotStatus::Ready, Some(1)));
}

#[tokio::test]
async fn a_stop_whose_worker_is_silent_ends() {
    let world = World::new(Timing { lease: Duration::ZERO, ..PATIENT }).await;
    world.create("alerts").await;
    let holding = world.with_timing(PATIENT).await;
    world.start("alerts").await;
    let claim = world.claim().await;
    let job = std::slice::from_ref(&claim.job);
    holding.renew_leases(world.worker, job).await.unwrap();
    world.running(&claim).await;
    world.checkpoint(&claim.job, 1, None).await;
    world.control.stop(&name("alerts")).await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Stopping);
    // Its lease of no length is over at once.
    world.control.renew_leases(world.worker, job).await.unwrap();
    settle(&world.control).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.snapshots("alerts").await[0].checkpoint, Some(1));
}

#[tokio::test]
async fn a_deletion_whose_job_hangs_ends() {
    let world = World::new(Timing { cancel_deadline: Duration::ZERO, ..PATIENT }).await;
    world.create("alerts").await;
    world.run("alerts").await;
    world.delete("alerts").await.unwrap();
    settle(&world.control).await;
    assert!(world.control.describe(&name("alerts")).await.is_err());
}

#[tokio::test]
async fn a_snapshot_that_is_never_taken_fails() {
    let world = World::new(Timing { snapshot_deadline: Duration::ZERO, ..PATIENT }).await;
    world.create("alerts").await;
    world.run("alerts").await;
    world.control.create_snapshot(&name("alerts"), &snapshot("mine")).await.unwrap();
    settle(&world.control).await;
    assert_eq!(world.snapshots("alerts").await[0].status, SnapshotStatus::Failed);
    assert_eq!(world.orders().await, Vec::<String>::new());
    assert_eq!(world.status("alerts").await, Status::Running);
}

#[tokio::test]
async fn steady_applications_are_left_alone() {
    let world = World::new(PATIENT).await;
    world.create("ready").await;
    world.create("running").await;
    world.run("running").await;
    assert_eq!(world.control.reconcile().await.unwrap(), 0);
}
