use std::time::Duration;

use control::{Timing, Verdict};
use model::{fault::Domain, lifecycle::Status, protocol::JobMetrics};

use crate::world::{PATIENT, World, failure, register};

#[tokio::test]
async fn a_silent_worker_loses_its_run_and_what_it_says_later_changes_nothing() {
    let world = World::new(Timing { lease: Duration::ZERO, ..PATIENT }).await;
    world.create("alerts").await;
    let old = world.run("alerts").await;
    world.checkpoint(&old.job, 1, None).await;
    let second = register(&world.control, "second").await;
    let new = world.claim_by(second).await;
    assert_eq!((new.job.attempt, new.restore.checkpoint()), (2, Some(1)));

    let control = &world.control;
    let cause = failure(Domain::User, false, "late");
    assert_eq!(world.written(&old.job, 2, None).await, Verdict::Fenced);
    for verdict in [
        control.checkpoint_committed(&old.job, 2).await,
        control.checkpoint_failed(&old.job, 2, None, "late").await,
        control.job_running(&old.job, None, &[]).await,
        control.job_failed(&old.job, &cause).await,
        control.job_finished(&old.job, false).await,
        control.job_gone(&old.job, "late").await,
        control.job_silent(&old.job, Duration::ZERO).await,
        control.graph_planned(&old.job, &serde_json::json!({}), None).await,
        control.metrics_reported(&old.job, &JobMetrics::default()).await,
        control.log_lines(&old.job, &[]).await,
    ] {
        assert_eq!(verdict.unwrap(), Verdict::Fenced);
    }
    let jobs = [old.job.clone(), new.job.clone()];
    assert!(control.renew_leases(world.worker, &jobs).await.unwrap().is_empty());
    assert_eq!(control.renew_leases(second, &jobs).await.unwrap(), &jobs[1..]);
    let described = world.describe("alerts").await;
    assert_eq!(described.status, Status::Running);
    let run = described.run.unwrap();
    assert_eq!((run.attempt, run.restarts), (2, 1));
    assert_eq!(run.failure.unwrap().message, "worker `first` stopped answering");
    assert_eq!(world.written(&new.job, 2, None).await, Verdict::Current);
}

#[tokio::test]
async fn what_a_leaving_worker_had_is_free_at_once_without_a_failure() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let old = world.run("alerts").await;
    world.checkpoint(&old.job, 1, None).await;
    world.control.retire_worker(world.worker).await.unwrap();
    assert_eq!(world.written(&old.job, 2, None).await, Verdict::Fenced);
    let second = register(&world.control, "second").await;
    let new = world.claim_by(second).await;
    assert_eq!((new.job.attempt, new.restore.checkpoint()), (2, Some(1)));
    assert_eq!(world.describe("alerts").await.run.unwrap().failure, None);
}

#[tokio::test]
async fn a_checkpoint_is_recorded_once_however_often_it_is_reported() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    assert_eq!(world.written(&claim.job, 1, None).await, Verdict::Current);
    assert_eq!(world.written(&claim.job, 1, None).await, Verdict::Current);
    let page = control::PageRequest::default();
    let kept = world.control.checkpoints(&claim.job.application, &page).await.unwrap().items;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].committed_at, None);
}

#[tokio::test]
async fn each_run_is_claimed_by_one_worker() {
    let world = World::new(PATIENT).await;
    for application in ["a", "b", "c", "d"] {
        world.create(application).await;
        world.start(application).await;
    }
    let claims = futures_of(&world, 12).await;
    let mut names: Vec<String> = claims.into_iter().flatten().collect();
    names.sort();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

/// Claims `count` times at once; names of what was claimed.
async fn futures_of(world: &World, count: usize) -> Vec<Option<String>> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        let (control, worker) = (world.control.clone(), world.worker);
        tasks.push(tokio::spawn(async move {
            let claim = control.claim(worker, 8).await.unwrap();
            claim.map(|claim| claim.job.application.to_string())
        }));
    }
    let mut claimed = Vec::new();
    for task in tasks {
        claimed.push(task.await.unwrap());
    }
    claimed
}

#[tokio::test]
async fn whoever_waits_is_woken_by_work() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let mut wake = world.control.wait_for_work().await.unwrap();
    assert!(!wake.wait(Duration::ZERO).await.unwrap());
    world.start("alerts").await;
    assert!(wake.wait(Duration::from_secs(20)).await.unwrap());
}
