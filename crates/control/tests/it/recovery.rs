//! How long an application was down, how its job fares, and when it is given up.

use std::time::Duration;

use control::{JobHealth, RunDetail, SnapshotStatus, Timing, Verdict};
use model::{fault::Domain, lifecycle::Status, protocol::RestartStrategy};

use crate::world::{PATIENT, World, failure, name, register};

async fn run_of(world: &World) -> RunDetail {
    world.describe("alerts").await.run.unwrap()
}

async fn gone(world: &World, claim: &control::Claim) {
    let verdict = world.control.job_gone(&claim.job, "signal 9").await.unwrap();
    assert_eq!(verdict, Verdict::Current);
}

#[tokio::test]
async fn downtime_begins_with_the_end_of_the_job_and_ends_when_the_next_runs() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    let outages = run_of(&world).await.outages;
    assert_eq!((outages.full_restarts, outages.downtime_ms), (0, 0));
    assert_eq!(outages.last_recovery_ms, None);
    gone(&world, &first).await;
    let failed_at = run_of(&world).await.failure.unwrap().at;
    let second = world.claim().await;
    // An attempt that dies before it runs makes the same outage longer.
    gone(&world, &second).await;
    let third = world.claim().await;
    assert_eq!(run_of(&world).await.outages.full_restarts, 0);
    world.running(&third).await;
    let run = run_of(&world).await;
    assert_eq!((run.restarts, run.outages.full_restarts), (2, 1));
    let down = (run.running_since.unwrap() - failed_at).num_milliseconds();
    let told = i64::try_from(run.outages.downtime_ms).unwrap();
    assert!((down - told).abs() <= 1, "{down} {told}");
    assert_eq!(run.outages.last_recovery_ms, Some(run.outages.downtime_ms));
    // Repeating the report changes nothing.
    world.running(&third).await;
    assert_eq!(run_of(&world).await.outages, run.outages);
    let metrics = world.control.metrics(&name("alerts")).await.unwrap();
    assert_eq!(metrics.outages, run.outages);
}

#[tokio::test]
async fn a_lost_workers_job_is_down_since_the_workers_last_sign_of_life() {
    let world = World::new(Timing { lease: Duration::from_secs(3), ..PATIENT }).await;
    world.create("alerts").await;
    let old = world.run("alerts").await;
    let second = register(&world.control, "second").await;
    // It becomes claimable when the lease ends.
    let wait = world.control.next_claim_in(second).await.unwrap().unwrap();
    assert!(wait <= Duration::from_secs(3), "{wait:?}");
    let own = world.control.next_claim_in(world.worker).await.unwrap();
    assert_eq!(own, None);
    let new = world.claim_by(second).await;
    world.running(&new).await;
    let run = run_of(&world).await;
    assert_eq!((run.attempt, run.outages.full_restarts), (2, 1));
    let recovery = run.outages.last_recovery_ms.unwrap();
    assert!((1_500..60_000).contains(&recovery), "{recovery}");
    assert_eq!(run.health, Some(JobHealth::Healthy));
    drop(old);
}

#[tokio::test]
async fn a_run_that_its_worker_does_not_supervise_loses_its_lease() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    let soon = world.with_timing(Timing { lease: Duration::ZERO, ..PATIENT }).await;
    let job = std::slice::from_ref(&claim.job);
    soon.renew_leases(world.worker, job).await.unwrap();
    // Not renewed: its lease stays over.
    world.control.renew_leases(world.worker, &[]).await.unwrap();
    let again = world.claim().await;
    assert_eq!(again.job.attempt, 2);
}

#[tokio::test]
async fn a_silent_job_was_down_before_it_was_killed() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    let verdict = world.control.job_silent(&claim.job, Duration::from_secs(21)).await.unwrap();
    assert_eq!(verdict, Verdict::Current);
    let run = run_of(&world).await;
    let cause = "the job process said nothing for 21 s and was killed";
    assert_eq!(run.failure.unwrap().message, cause);
    assert_eq!(run.health, Some(JobHealth::Restarting));
    // It ran for less than that.
    assert!(run.outages.downtime_ms < 21_000, "{:?}", run.outages);
    let again = world.claim().await;
    assert_eq!(again.job.attempt, 2);
}

#[tokio::test]
async fn a_crash_loop_is_told_with_its_cause_even_while_its_job_runs() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    world.start("alerts").await;
    assert_eq!(run_of(&world).await.health, Some(JobHealth::Starting));
    for times in 1..=4 {
        let claim = world.claim().await;
        world.running(&claim).await;
        assert_eq!(run_of(&world).await.health, Some(JobHealth::Healthy));
        let cause = failure(Domain::User, true, "record 7 is malformed");
        let _ = world.control.job_failed(&claim.job, &cause).await.unwrap();
        let looping = world.events("alerts").await.contains(&"CrashLoop".to_owned());
        assert_eq!(looping, times == 4);
    }
    let run = run_of(&world).await;
    assert_eq!((run.health, run.failures_in_row), (Some(JobHealth::CrashLoop), 4));
    assert_eq!(run.failure.unwrap().message, "record 7 is malformed");
    assert!(run.next_attempt_at.is_some());
    let claim = world.claim().await;
    world.running(&claim).await;
    assert_eq!(run_of(&world).await.health, Some(JobHealth::CrashLoop));
    assert_eq!(world.status("alerts").await, Status::Running);

    // A checkpoint of its own, and it is no loop any more once it ran for a moment.
    world.checkpoint(&claim.job, 1, None).await;
    assert_eq!(run_of(&world).await.health, Some(JobHealth::CrashLoop));
    let settled = Timing { settled_after: Duration::ZERO, ..PATIENT };
    let control = world.with_timing(settled).await;
    let run = control.describe(&name("alerts")).await.unwrap().run.unwrap();
    assert_eq!((run.health, run.failures_in_row), (Some(JobHealth::Healthy), 0));
    let _ = control.job_gone(&claim.job, "signal 9").await.unwrap();
    let events = world.events("alerts").await;
    assert_eq!(events.iter().filter(|kind| *kind == "CrashLoop").count(), 1);
    assert_eq!(run_of(&world).await.failures_in_row, 1);
}

#[tokio::test]
async fn what_fails_too_often_is_ready_again_with_its_cause_and_its_newest_state() {
    let world = World::new(Timing { most_failures: Some(2), ..PATIENT }).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.checkpoint(&claim.job, 1, None).await;
    gone(&world, &claim).await;
    let claim = world.claim().await;
    world.running(&claim).await;
    gone(&world, &claim).await;
    assert_eq!(world.status("alerts").await, Status::Running);
    let claim = world.claim().await;
    world.running(&claim).await;
    gone(&world, &claim).await;
    let described = world.describe("alerts").await;
    assert_eq!(described.status, Status::Ready);
    let run = described.run.unwrap();
    assert_eq!(run.health, None);
    assert!(run.failure.unwrap().message.contains("signal 9"));
    let page = control::PageRequest::default();
    let events = world.control.events(&name("alerts"), &page).await.unwrap().items;
    let last = &events[0];
    assert_eq!(last.kind, "GivenUp");
    assert!(last.message.contains("3 times in a row"), "{}", last.message);
    assert!(last.message.contains("signal 9"), "{}", last.message);
    let snapshots = world.snapshots("alerts").await;
    assert_eq!((snapshots[0].status, snapshots[0].checkpoint), (SnapshotStatus::Ready, Some(1)));
    assert!(snapshots[0].name.as_str().starts_with("GIVENUP-alerts-"));
    let again = world.run("alerts").await;
    assert_eq!(again.restore.checkpoint(), Some(1));
}

#[tokio::test]
async fn a_program_says_itself_how_it_is_restarted() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    world.start("alerts").await;
    let claim = world.claim().await;
    let graph = serde_json::json!({});
    let fixed = RestartStrategy::FixedDelay { attempts: 1, delay_ms: 0 };
    let _ = world.control.graph_planned(&claim.job, &graph, Some(&fixed)).await.unwrap();
    world.running(&claim).await;
    gone(&world, &claim).await;
    let claim = world.claim().await;
    // The next attempt's program may say otherwise.
    let _ =
        world.control.graph_planned(&claim.job, &graph, Some(&RestartStrategy::Off)).await.unwrap();
    world.running(&claim).await;
    gone(&world, &claim).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
    assert!(world.snapshots("alerts").await.is_empty(), "there was no state to keep");
}

#[tokio::test]
async fn a_job_whose_worker_leaves_goes_on_elsewhere_at_once_and_has_not_failed() {
    let world = World::new(Timing { first_backoff: Duration::from_secs(3600), ..PATIENT }).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    world.checkpoint(&first.job, 1, None).await;
    let left = world.control.job_left(&first.job, true).await.unwrap();
    assert_eq!(left, Verdict::Current);
    // Its last word again is not about the present attempt.
    assert_eq!(world.control.job_left(&first.job, true).await.unwrap(), Verdict::Fenced);
    assert_eq!(world.status("alerts").await, Status::Running);

    let second = register(&world.control, "second").await;
    let next = world.claim_by(second).await;
    assert_eq!((next.job.attempt, next.restore.checkpoint()), (2, Some(1)));
    world.running(&next).await;
    let run = run_of(&world).await;
    assert_eq!((run.health, run.failure.is_none()), (Some(JobHealth::Healthy), true));
    assert_eq!(run.outages.full_restarts, 1);
    assert!(run.outages.last_recovery_ms.is_some());
    // Not even one that leaves again and again.
    for attempt in 3..8 {
        let held = run_of(&world).await.attempt;
        let job = control::JobKey { attempt: held, ..next.job.clone() };
        assert_eq!(world.control.job_left(&job, false).await.unwrap(), Verdict::Current);
        let again = world.claim().await;
        assert_eq!(again.job.attempt, attempt);
        world.running(&again).await;
    }
    assert_eq!(run_of(&world).await.health, Some(JobHealth::Healthy));
    assert!(world.events("alerts").await.contains(&"JobMoves".to_owned()));
}

#[tokio::test]
async fn a_job_that_is_to_stop_stops_with_the_checkpoint_its_leaving_worker_had_it_take() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.checkpoint(&claim.job, 1, None).await;
    let operation = world.control.stop(&name("alerts")).await.unwrap();
    world.checkpoint(&claim.job, 2, None).await;
    assert_eq!(world.control.job_left(&claim.job, true).await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Ready);
    let (status, failure) = world.outcome("alerts", &operation).await;
    assert_eq!((status, failure), (control::OperationStatus::Successful, None));
    let snapshots = world.snapshots("alerts").await;
    assert_eq!(snapshots.len(), 1);
    assert_eq!((snapshots[0].status, snapshots[0].checkpoint), (SnapshotStatus::Ready, Some(2)));
}
