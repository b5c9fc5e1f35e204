use std::time::Duration;

use control::{OperationStatus, SnapshotStatus, Timing, Verdict};
use model::lifecycle::Status;

use crate::world::{PATIENT, World, name, snapshot};

/// Everything is overdue at once, and what is fenced off is so at once.
const HURRIED: Timing = Timing {
    lease: Duration::ZERO,
    start_deadline: Duration::ZERO,
    snapshot_deadline: Duration::ZERO,
    cancel_deadline: Duration::ZERO,
    ..PATIENT
};

/// As if the lease of the fenced job were over.
async fn end_lease(world: &World) {
    let mut tx = world.store().await.begin().await.unwrap();
    let application = tx.lock_application(&name("alerts")).await.unwrap().unwrap();
    let run = tx.lock_open_run(application.id).await.unwrap().unwrap();
    assert_eq!((run.claimed_by, run.is_held()), (None, true), "it was fenced off");
    tx.fence_run(run.id, Duration::ZERO).await.unwrap();
    tx.commit().await.unwrap();
}

/// Sets a status that nothing sets by itself yet.
async fn set_status(world: &World, status: Status) {
    let mut tx = world.store().await.begin().await.unwrap();
    let mut application = tx.lock_application(&name("alerts")).await.unwrap().unwrap();
    assert!(tx.set_status(&mut application, status).await.unwrap());
    tx.commit().await.unwrap();
}

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
    // Its worker hears that it has the job no more, and kills it before the lease is over.
    let fencing = world.with_timing(Timing { cancel_deadline: Duration::ZERO, ..PATIENT }).await;
    settle(&fencing).await;
    assert_eq!(world.status("alerts").await, Status::Starting, "the job may still be alive");
    assert!(
        world
            .control
            .renew_leases(world.worker, std::slice::from_ref(&claim.job))
            .await
            .unwrap()
            .is_empty()
    );
    // The lease of a job that was fenced off is not told to anybody: what is left of it passes.
    let impatient = world.with_timing(HURRIED).await;
    end_lease(&world).await;
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
    let impatient =
        world.with_timing(Timing { start_deadline: Duration::from_secs(600), ..HURRIED }).await;
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
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    world.run("alerts").await;
    world.delete("alerts").await.unwrap();
    settle(&world.control).await;
    assert_eq!(world.status("alerts").await, Status::Deleting);
    settle(&world.with_timing(HURRIED).await).await;
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
async fn a_forced_stop_ends_when_the_job_does_or_is_fenced_off_and_its_lease_is_over() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.control.create_snapshot(&name("alerts"), &snapshot("mine")).await.unwrap();
    let stop = world.control.force_stop(&name("alerts")).await.unwrap();
    settle(&world.control).await;
    assert_eq!(world.status("alerts").await, Status::ForceStopping, "the worker has not answered");
    let fencing = world.with_timing(Timing { cancel_deadline: Duration::ZERO, ..PATIENT }).await;
    settle(&fencing).await;
    assert_eq!(world.status("alerts").await, Status::ForceStopping, "its lease is not over");
    assert!(world.orders().await.is_empty());
    end_lease(&world).await;
    settle(&fencing).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.outcome("alerts", &stop).await, (OperationStatus::Successful, None));
    assert_eq!(world.snapshots("alerts").await[0].status, SnapshotStatus::Failed);
    assert_eq!(world.written(&claim.job, 1, None).await, Verdict::Fenced);
}

/// UPDATING: the old job never stops, then nobody takes the new one.
#[tokio::test]
async fn an_update_that_hangs_at_every_step_ends() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.checkpoint(&claim.job, 1, None).await;
    let update = world.update("alerts", control::Change::default()).await;
    settle(&world.control).await;
    assert_eq!(world.status("alerts").await, Status::Updating);
    let hurried = world.with_timing(HURRIED).await;
    settle(&hurried).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
    let (status, told) = world.outcome("alerts", &update.operation).await;
    assert_eq!(status, OperationStatus::Failed);
    assert_eq!(
        told.unwrap(),
        "the job did not start within 0 s: it needs 1 KPU, no worker is there"
    );
    assert_eq!(world.snapshots("alerts").await[0].checkpoint, Some(1));
}

/// UPDATING: a worker takes the new run and never answers.
#[tokio::test]
async fn an_update_whose_new_job_hangs_ends() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.update("alerts", control::Change::default()).await;
    let taken = world.stop_order().await;
    world.checkpoint(&claim.job, 1, Some(&taken)).await;
    assert_eq!(world.control.job_finished(&claim.job, true).await.unwrap(), Verdict::Current);
    let hung = world.claim().await;
    settle(&world.with_timing(HURRIED).await).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert_eq!(world.control.job_running(&hung.job, None, &[]).await.unwrap(), Verdict::Fenced);
}

/// A job that runs just after its start was given up does not make the application RUNNING: the
/// order to end it is on its way.
#[tokio::test]
async fn a_start_that_succeeds_too_late_has_failed() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let start = world.start("alerts").await;
    let claim = world.claim().await;
    let late = world.with_timing(Timing { start_deadline: Duration::ZERO, ..PATIENT }).await;
    settle(&late).await;
    assert_eq!(world.orders().await, ["cancel"]);
    world.running(&claim).await;
    assert_eq!(world.status("alerts").await, Status::Starting);
    assert_eq!(world.control.job_finished(&claim.job, true).await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Ready);
    let (status, told) = world.outcome("alerts", &start).await;
    assert_eq!(status, OperationStatus::Failed);
    assert_eq!(told.unwrap(), "the job did not start within 0 s: the job was still starting");
}

#[tokio::test]
async fn autoscaling_ends_with_the_start_it_waits_for() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    world.start("alerts").await;
    set_status(&world, Status::Autoscaling).await;
    settle(&world.control).await;
    assert_eq!(world.status("alerts").await, Status::Autoscaling);
    settle(&world.with_timing(HURRIED).await).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
}

#[tokio::test]
async fn maintenance_ends_when_the_job_runs_and_when_it_takes_too_long() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    set_status(&world, Status::Maintenance).await;
    world.control.reconcile().await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Running, "its job runs");
    assert_eq!(world.control.job_gone(&claim.job, "moved").await.unwrap(), Verdict::Current);
    set_status(&world, Status::Maintenance).await;
    settle(&world.control).await;
    assert_eq!(world.status("alerts").await, Status::Maintenance);
    settle(&world.with_timing(HURRIED).await).await;
    assert_eq!(world.status("alerts").await, Status::Running, "its job is down, as jobs can be");
    assert_eq!(world.events("alerts").await[0], "MaintenanceOver");
    let again = world.claim().await;
    world.running(&again).await;
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
