//! Back to the version that ran before: by command, and by itself when an update fails.

use control::{
    Change, Claim, OperationStatus, RollbackApplication, Seen, SnapshotStatus, UpdateApplication,
    Updated, Verdict,
};
use model::{
    configuration::{RestoreWish, RunConfiguration},
    error_code::ErrorCode,
    fault::Domain,
    lifecycle::{Status, VersionStatus},
};

use crate::world::{PATIENT, World, failure, name, request, snapshot, sql};

async fn rollback(world: &World, seen: i64) -> control::Result<Updated> {
    let seen = Seen::Match { version: Some(seen.try_into().unwrap()), token: None };
    world.control.rollback(RollbackApplication { name: name("alerts"), seen }).await
}

fn code(text: &str) -> Change {
    Change { code: Some(sql(text)), ..Change::default() }
}

/// An application that goes back by itself when an update fails, with version 1 running.
async fn careful(world: &World) -> Claim {
    let mut careful = request("alerts");
    careful.change.rollback_enabled = Some(true);
    world.control.create(careful).await.unwrap();
    world.run("alerts").await
}

/// Ends the old job of an update with checkpoint `number` as the update's snapshot.
async fn leave(world: &World, claim: &Claim, number: u64) -> String {
    let taken = world.stop_order().await;
    world.checkpoint(&claim.job, number, Some(&taken)).await;
    assert_eq!(world.control.job_finished(&claim.job, true).await.unwrap(), Verdict::Current);
    taken
}

async fn cannot_start(world: &World, claim: &Claim, why: &str) {
    let cause = failure(Domain::User, false, why);
    assert_eq!(world.control.job_failed(&claim.job, &cause).await.unwrap(), Verdict::Current);
}

async fn versions(world: &World) -> Vec<(i64, &'static str)> {
    let page = world.control.list_versions(&name("alerts"), &Default::default()).await.unwrap();
    page.items.into_iter().map(|it| (it.version.get(), it.status.as_str())).collect()
}

#[tokio::test]
async fn a_running_application_goes_back_to_the_version_that_ran_before() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    world.update("alerts", code("SELECT 2")).await;
    let taken = leave(&world, &first, 1).await;
    let second = world.claim().await;
    world.running(&second).await;
    world.checkpoint(&second.job, 2, None).await;

    let stale = rollback(&world, 1).await.unwrap_err();
    assert_eq!(stale.code(), ErrorCode::ConcurrentModification);
    let back = rollback(&world, 2).await.unwrap();
    assert_eq!((back.detail.status, back.detail.version.get()), (Status::RollingBack, 3));
    let from = |text| RestoreWish::Snapshot { name: snapshot(text) };
    let wish = RunConfiguration { restore: from(&taken), allow_non_restored_state: false };
    assert_eq!(back.detail.run_configuration, Some(wish));
    assert_eq!(world.orders().await, ["cancel"]);
    assert_eq!(world.control.job_finished(&second.job, true).await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::RollingBack);

    let third = world.claim().await;
    assert_eq!((third.version.get(), third.restore.checkpoint()), (3, Some(1)));
    assert_eq!(third.program, first.program);
    assert_eq!((third.job.attempt, third.next_checkpoint), (3, 3));
    world.running(&third).await;
    let described = world.describe("alerts").await;
    assert_eq!((described.status, described.version.get()), (Status::Running, 3));
    let told = [
        described.version_updated_from,
        described.version_rolled_back_from,
        described.version_rolled_back_to,
    ];
    assert_eq!(told.map(|it| it.map(|it| it.get())), [Some(2), Some(2), Some(1)]);
    assert_eq!(versions(&world).await, [(3, "RUNNING"), (2, "ROLLED_BACK"), (1, "READY")]);
    let old = world.control.describe_version(&name("alerts"), 2.try_into().unwrap()).await;
    assert!(old.unwrap().rolled_back);
    let operation = world.operation("alerts", &back.operation).await;
    assert_eq!(operation.kind, "RollbackApplication");
    assert_eq!(operation.status, OperationStatus::Successful);
    assert_eq!(operation.versions.map(|(from, to)| (from.get(), to.get())), Some((2, 3)));

    // There is nothing before version 1, which version 3 is again.
    let refused = rollback(&world, 3).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    assert_eq!(
        refused.to_string(),
        "application `alerts` cannot be rolled back: no version of it ran before this one"
    );
}

#[tokio::test]
async fn what_never_ran_and_what_was_rolled_back_is_passed_over() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    world.stop(&first, 1).await;
    world.update("alerts", code("SELECT 2")).await;
    world.update("alerts", code("SELECT 3")).await;
    let third = world.run("alerts").await;
    let back = rollback(&world, 3).await.unwrap();
    assert_eq!(back.detail.version_rolled_back_to.map(|it| it.get()), Some(1));
    assert_eq!(world.control.job_finished(&third.job, true).await.unwrap(), Verdict::Current);
    let fourth = world.claim().await;
    world.running(&fourth).await;
    // From a further version it is version 4 that ran before, although it is version 1 again.
    world.update("alerts", code("SELECT 5")).await;
    leave(&world, &fourth, 2).await;
    let fifth = world.claim().await;
    world.running(&fifth).await;
    let back = rollback(&world, 5).await.unwrap();
    assert_eq!(back.detail.version_rolled_back_to.map(|it| it.get()), Some(4));
    let expected = [(6, "ROLLING_BACK"), (5, "ROLLED_BACK"), (4, "READY"), (3, "ROLLED_BACK")];
    assert_eq!(versions(&world).await[..4], expected);
}

#[tokio::test]
async fn without_a_snapshot_or_out_of_ready_it_is_refused() {
    let world = World::new(PATIENT).await;
    let mut off = request("alerts");
    off.change.snapshots_enabled = Some(false);
    world.control.create(off).await.unwrap();
    let ready = rollback(&world, 1).await.unwrap_err();
    assert_eq!(ready.code(), ErrorCode::ResourceInUse);
    assert_eq!(
        ready.to_string(),
        "application cannot be rolled back in `READY` state, only in RUNNING, UPDATING, \
         AUTOSCALING"
    );
    let first = world.run("alerts").await;
    assert_eq!(rollback(&world, 1).await.unwrap_err().code(), ErrorCode::InvalidRequest);
    world.update("alerts", code("SELECT 2")).await;
    assert_eq!(world.control.job_finished(&first.job, true).await.unwrap(), Verdict::Current);
    let second = world.claim().await;
    world.running(&second).await;
    let refused = rollback(&world, 2).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    assert_eq!(
        refused.to_string(),
        "application `alerts` cannot be rolled back: it has no snapshot"
    );
    assert_eq!(world.describe("alerts").await.version.get(), 2, "nothing was changed");
}

#[tokio::test]
async fn an_update_whose_old_job_still_runs_is_turned_back_without_losing_state() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    world.checkpoint(&first.job, 1, None).await;
    let update = world.update("alerts", code("SELECT 2")).await;
    let taken = world.stop_order().await;
    rollback(&world, 2).await.unwrap();
    let (status, told) = world.outcome("alerts", &update.operation).await;
    assert_eq!(status, OperationStatus::Cancelled);
    assert_eq!(told.unwrap(), "superseded by RollbackApplication");
    // The snapshot is not waited for: the newest checkpoint is as good.
    assert_eq!(world.orders().await, ["cancel"]);
    assert_eq!(world.control.job_gone(&first.job, "signal 9").await.unwrap(), Verdict::Current);
    let kept = &world.snapshots("alerts").await[0];
    assert_eq!((kept.name.as_str(), kept.status), (taken.as_str(), SnapshotStatus::Ready));
    let again = world.claim().await;
    assert_eq!((again.version.get(), again.restore.checkpoint()), (3, Some(1)));
    assert_eq!(again.program, first.program);
    world.running(&again).await;
    assert_eq!(world.status("alerts").await, Status::Running);
}

#[tokio::test]
async fn an_update_whose_new_job_does_not_start_is_turned_back() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    world.update("alerts", code("SELECT 2")).await;
    leave(&world, &first, 1).await;
    let second = world.claim().await;
    let back = rollback(&world, 2).await.unwrap();
    // Of what the running application will start from nothing may be deleted.
    let needed = world.snapshots("alerts").await[0].name.clone();
    let refused = world.control.delete_snapshot(&name("alerts"), &needed, None).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::ResourceInUse);
    let ended = world.control.job_finished(&second.job, true).await.unwrap();
    assert_eq!(ended, Verdict::Current);
    let third = world.claim().await;
    assert_eq!((third.version.get(), third.restore.checkpoint()), (3, Some(1)));
    cannot_start(&world, &third, "the topic is gone").await;
    let described = world.describe("alerts").await;
    assert_eq!((described.status, described.version.get()), (Status::Ready, 3));
    let (status, told) = world.outcome("alerts", &back.operation).await;
    assert_eq!((status, told.as_deref()), (OperationStatus::Failed, Some("the topic is gone")));
}

#[tokio::test]
async fn a_failed_update_goes_back_by_itself_if_the_application_wants_that() {
    let world = World::new(PATIENT).await;
    let first = careful(&world).await;
    let update = world.update("alerts", code("SELECT 2")).await;
    let taken = leave(&world, &first, 1).await;
    let second = world.claim().await;
    assert_eq!(second.version.get(), 2);
    cannot_start(&world, &second, "operator `sum` does not fit the snapshot").await;
    let described = world.describe("alerts").await;
    assert_eq!((described.status, described.version.get()), (Status::RollingBack, 3));
    let failed = world.operation("alerts", &update.operation).await;
    assert_eq!(failed.status, OperationStatus::Failed);
    assert_eq!(failed.failure.as_deref(), Some("operator `sum` does not fit the snapshot"));
    let back = failed.rollback.expect("the operation names the rollback");
    assert_eq!(world.outcome("alerts", &back).await.0, OperationStatus::InProgress);

    let third = world.claim().await;
    assert_eq!((third.version.get(), &third.program), (3, &first.program));
    assert_eq!(
        third.restore.to_string(),
        format!("snapshot `{taken}` (checkpoint 1 of version 1)")
    );
    world.running(&third).await;
    assert_eq!(world.status("alerts").await, Status::Running);
    assert_eq!(world.outcome("alerts", &back).await, (OperationStatus::Successful, None));
    assert_eq!(versions(&world).await, [(3, "RUNNING"), (2, "ROLLED_BACK"), (1, "READY")]);
    let events = world.events("alerts").await;
    assert_eq!(events[..2], ["JobRunning", "AttemptStarted"]);
    assert_eq!(events[2..4], ["RollbackBegan", "ReplacementFailed"]);
}

#[tokio::test]
async fn when_the_rollback_fails_too_both_causes_are_told() {
    let world = World::new(PATIENT).await;
    let first = careful(&world).await;
    let update = world.update("alerts", code("SELECT 2")).await;
    leave(&world, &first, 1).await;
    let second = world.claim().await;
    cannot_start(&world, &second, &format!("first cause {}", "x".repeat(600))).await;
    let third = world.claim().await;
    cannot_start(&world, &third, &format!("second cause {}", "y".repeat(600))).await;
    let described = world.describe("alerts").await;
    assert_eq!((described.status, described.version.get()), (Status::Ready, 3));
    let failed = world.operation("alerts", &update.operation).await;
    let told = failed.failure.unwrap();
    assert!(told.starts_with("first cause") && told.len() == 512, "{told}");
    let (status, told) = world.outcome("alerts", &failed.rollback.unwrap()).await;
    assert_eq!(status, OperationStatus::Failed);
    let told = told.unwrap();
    assert!(told.len() <= 512 && told.contains("first cause") && told.contains("second cause"));
}

#[tokio::test]
async fn a_start_that_was_overdue_goes_back_by_itself_too() {
    let world = World::new(PATIENT).await;
    let first = careful(&world).await;
    let update = world.update("alerts", code("SELECT 2")).await;
    leave(&world, &first, 1).await;
    let impatient = world
        .with_timing(control::Timing { start_deadline: std::time::Duration::ZERO, ..PATIENT })
        .await;
    impatient.reconcile().await.unwrap();
    assert_eq!(world.status("alerts").await, Status::RollingBack);
    let failed = world.operation("alerts", &update.operation).await;
    assert!(failed.rollback.is_some());
    impatient.reconcile().await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Ready);
}

#[tokio::test]
async fn without_a_snapshot_a_failed_update_stays_and_says_why() {
    let world = World::new(PATIENT).await;
    let first = careful(&world).await;
    let change = Change { snapshots_enabled: Some(false), ..code("SELECT 2") };
    let update = world.update("alerts", change).await;
    assert_eq!(world.orders().await, ["cancel"]);
    assert_eq!(world.control.job_finished(&first.job, true).await.unwrap(), Verdict::Current);
    let second = world.claim().await;
    cannot_start(&world, &second, "no such table").await;
    let described = world.describe("alerts").await;
    assert_eq!((described.status, described.version.get()), (Status::Ready, 2));
    let (status, told) = world.outcome("alerts", &update.operation).await;
    assert_eq!(status, OperationStatus::Failed);
    assert_eq!(told.unwrap(), "not rolled back: there is no snapshot to go back to; no such table");
}

#[tokio::test]
async fn a_rollback_can_be_force_stopped() {
    let world = World::new(PATIENT).await;
    let first = careful(&world).await;
    world.update("alerts", code("SELECT 2")).await;
    leave(&world, &first, 1).await;
    let second = world.claim().await;
    cannot_start(&world, &second, "no").await;
    let third = world.claim().await;
    world.control.force_stop(&name("alerts")).await.unwrap();
    assert_eq!(world.status("alerts").await, Status::ForceStopping);
    assert_eq!(world.control.job_finished(&third.job, true).await.unwrap(), Verdict::Current);
    let described = world.describe("alerts").await;
    assert_eq!((described.status, described.version.get()), (Status::Ready, 3));
    assert_eq!(VersionStatus::of(described.status, true, described.rolled_back).as_str(), "READY");
}

/// The run configuration of an update is of no effect on a READY application, but must be one that
/// could be fulfilled.
#[tokio::test]
async fn a_run_configuration_for_a_ready_application_is_checked_and_forgotten() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let update = |restore| UpdateApplication {
        name: name("alerts"),
        seen: Seen::Any,
        change: Change::default(),
        run_configuration: Some(RunConfiguration { restore, allow_non_restored_state: true }),
    };
    let none = RestoreWish::Snapshot { name: snapshot("none") };
    let refused = world.control.update(update(none)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    let updated = world.control.update(update(RestoreWish::Skip)).await.unwrap();
    assert_eq!((updated.detail.version.get(), updated.detail.run_configuration), (2, None));
    world.start("alerts").await;
    let started = world.describe("alerts").await.run_configuration.unwrap();
    assert_eq!(started, RunConfiguration::default());
    // What an update leaves out falls back, too.
    let claim = world.claim().await;
    world.running(&claim).await;
    let kept = UpdateApplication { run_configuration: None, ..update(RestoreWish::Skip) };
    let updated = world.control.update(kept).await.unwrap();
    assert_eq!(updated.detail.run_configuration, Some(RunConfiguration::default()));
}
