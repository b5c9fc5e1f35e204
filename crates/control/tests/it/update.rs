use control::{Change, OperationStatus, Seen, SnapshotStatus, UpdateApplication, Verdict};
use model::{
    configuration::{
        ConfigurationType, FlinkChange, ParallelismChange, RestoreWish, RunConfiguration,
    },
    error_code::ErrorCode,
    fault::Domain,
    lifecycle::Status,
};

use crate::world::{PATIENT, World, failure, name, sql};

fn parallelism(number: i64) -> Change {
    let change = ParallelismChange {
        configuration_type: Some(ConfigurationType::Custom),
        parallelism: Some(number),
        ..ParallelismChange::default()
    };
    Change {
        flink: FlinkChange { parallelism: Some(change), ..FlinkChange::default() },
        ..Change::default()
    }
}

fn update(seen: Seen, change: Change) -> UpdateApplication {
    UpdateApplication { name: name("alerts"), seen, change, run_configuration: None }
}

#[tokio::test]
async fn a_ready_application_has_its_new_version_at_once() {
    let world = World::new(PATIENT).await;
    let created = world.create("alerts").await;
    let updated = world.update("alerts", parallelism(4)).await;
    assert_eq!((updated.detail.status, updated.detail.version.get()), (Status::Ready, 2));
    assert_eq!(updated.detail.version_updated_from, Some(created.version));
    assert_ne!(updated.detail.conditional_token, created.conditional_token);
    assert_eq!(updated.detail.current_parallelism, 4);
    let operation = world.operation("alerts", &updated.operation).await;
    assert_eq!(operation.status, OperationStatus::Successful);
    assert_eq!(operation.versions, Some((created.version, updated.detail.version)));
    let old = world.control.describe_version(&name("alerts"), created.version).await.unwrap();
    assert_eq!(old.configuration.flink.parallelism.parallelism, 1);
    let versions = world.control.list_versions(&name("alerts"), &Default::default()).await.unwrap();
    let numbers: Vec<i64> = versions.items.iter().map(|v| v.version.get()).collect();
    assert_eq!(numbers, [2, 1]);
}

#[tokio::test]
async fn the_version_or_token_must_be_the_present_one() {
    let world = World::new(PATIENT).await;
    let created = world.create("alerts").await;
    let seen = |version: Option<i64>, token: Option<&str>| Seen::Match {
        version: version.map(|v| v.try_into().unwrap()),
        token: token.map(str::to_owned),
    };
    let token = created.conditional_token.as_str();
    for (wrong, code) in [
        (seen(Some(2), None), ErrorCode::ConcurrentModification),
        (seen(None, Some("other")), ErrorCode::ConcurrentModification),
        (seen(Some(2), Some(token)), ErrorCode::ConcurrentModification),
        (seen(None, None), ErrorCode::InvalidArgument),
    ] {
        let refused = world.control.update(update(wrong, parallelism(2))).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
    }
    world.control.update(update(seen(Some(1), Some(token)), parallelism(2))).await.unwrap();
}

#[tokio::test]
async fn of_two_updates_of_one_version_exactly_one_wins() {
    let world = World::new(PATIENT).await;
    let created = world.create("alerts").await;
    let seen = || Seen::Match { version: Some(created.version), token: None };
    let (one, two) = tokio::join!(
        world.control.update(update(seen(), parallelism(2))),
        world.control.update(update(seen(), parallelism(3)))
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
    let lost = one.and(two).unwrap_err();
    assert_eq!(lost.code(), ErrorCode::ConcurrentModification);
    assert_eq!(world.describe("alerts").await.version.get(), 2);
}

#[tokio::test]
async fn a_running_application_goes_on_from_a_snapshot_at_the_new_version() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let before = world.run("alerts").await;
    let updated = world.update("alerts", parallelism(4)).await;
    assert_eq!((updated.detail.status, updated.detail.version.get()), (Status::Updating, 2));
    // What runs is still the old one.
    assert_eq!(updated.detail.current_parallelism, 1);
    let taken = world.stop_order().await;
    assert!(taken.starts_with("UPDATEAPPLICATION-alerts-"), "{taken}");
    world.checkpoint(&before.job, 1, Some(&taken)).await;
    let finished = world.control.job_finished(&before.job, true).await.unwrap();
    assert_eq!(finished, Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Updating);
    assert_eq!(world.snapshots("alerts").await[0].version.get(), 1);

    let after = world.claim().await;
    assert_eq!((after.version.get(), after.parallelism, after.kpus), (2, 4, 4));
    assert_eq!(after.restore.checkpoint(), Some(1));
    assert_eq!((after.job.attempt, after.next_checkpoint), (2, 2));
    assert_eq!(world.describe("alerts").await.current_parallelism, 4);
    let old = world.control.describe_version(&name("alerts"), before.version).await.unwrap();
    assert_eq!(old.current_parallelism, 1);
    world.running(&after).await;
    assert_eq!(world.status("alerts").await, Status::Running);
    let outcome = world.outcome("alerts", &updated.operation).await;
    assert_eq!(outcome, (OperationStatus::Successful, None));
}

/// Otherwise the new version would go on from an older state, or from none.
#[tokio::test]
async fn what_the_new_version_goes_on_from_cannot_be_deleted() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let before = world.run("alerts").await;
    world.update("alerts", parallelism(4)).await;
    let taken = world.stop_order().await;
    world.checkpoint(&before.job, 1, Some(&taken)).await;
    let delete = || async {
        let taken = taken.parse().unwrap();
        world.control.delete_snapshot(&name("alerts"), &taken, None).await
    };
    assert_eq!(delete().await.unwrap_err().code(), ErrorCode::ResourceInUse);
    let finished = world.control.job_finished(&before.job, true).await.unwrap();
    assert_eq!(finished, Verdict::Current);
    assert_eq!(delete().await.unwrap_err().code(), ErrorCode::ResourceInUse);
    let after = world.claim().await;
    world.running(&after).await;
    assert_eq!(delete().await.unwrap_err().code(), ErrorCode::ResourceInUse);
    world.checkpoint(&after.job, 2, None).await;
    delete().await.unwrap();
}

#[tokio::test]
async fn an_update_may_say_what_to_go_on_from() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let before = world.run("alerts").await;
    let skip = RunConfiguration { restore: RestoreWish::Skip, allow_non_restored_state: false };
    let command = UpdateApplication {
        run_configuration: Some(skip.clone()),
        ..update(Seen::Any, parallelism(2))
    };
    let updated = world.control.update(command).await.unwrap();
    assert_eq!(updated.detail.run_configuration, Some(skip));
    let taken = world.stop_order().await;
    world.checkpoint(&before.job, 1, Some(&taken)).await;
    assert_eq!(world.control.job_finished(&before.job, true).await.unwrap(), Verdict::Current);
    assert_eq!(world.claim().await.restore.checkpoint(), None);
}

#[tokio::test]
async fn a_new_version_that_cannot_start_ends_in_ready_with_the_cause() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let before = world.run("alerts").await;
    let change = Change { code: Some(sql("SELECT 2")), ..Change::default() };
    let updated = world.update("alerts", change).await;
    let taken = world.stop_order().await;
    world.checkpoint(&before.job, 1, Some(&taken)).await;
    assert_eq!(world.control.job_finished(&before.job, true).await.unwrap(), Verdict::Current);
    let after = world.claim().await;
    let cause = failure(Domain::User, false, "operator `sum` does not fit the snapshot");
    assert_eq!(world.control.job_failed(&after.job, &cause).await.unwrap(), Verdict::Current);
    let described = world.describe("alerts").await;
    assert_eq!((described.status, described.version.get()), (Status::Ready, 2));
    let outcome = world.outcome("alerts", &updated.operation).await;
    assert_eq!(outcome, (OperationStatus::Failed, Some(cause.message.clone())));
    assert_eq!(described.run.unwrap().failure.unwrap().message, cause.message);
}

#[tokio::test]
async fn a_crash_loop_can_be_repaired_from_its_latest_checkpoint() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    world.checkpoint(&first.job, 1, None).await;
    let crash = failure(Domain::User, false, "division by zero");
    assert_eq!(world.control.job_failed(&first.job, &crash).await.unwrap(), Verdict::Current);
    assert_eq!(world.status("alerts").await, Status::Running);

    let change = Change { code: Some(sql("SELECT 2")), ..Change::default() };
    world.update("alerts", change).await;
    let snapshots = world.snapshots("alerts").await;
    assert_eq!((snapshots[0].status, snapshots[0].checkpoint), (SnapshotStatus::Ready, Some(1)));
    let repaired = world.claim().await;
    assert_eq!((repaired.version.get(), repaired.restore.checkpoint()), (2, Some(1)));
}

#[tokio::test]
async fn property_groups_are_changed_one_by_one() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    let entries = |value: &str| [("key".to_owned(), value.to_owned())].into();
    let put = async |group: &str, value: &str| {
        let group = group.parse().unwrap();
        world.control.put_property_group(alerts.clone(), group, entries(value), Seen::Any).await
    };
    put("one", "1").await.unwrap();
    put("two", "2").await.unwrap();
    put("one", "3").await.unwrap();
    let group = "two".parse().unwrap();
    world.control.delete_property_group(alerts.clone(), group, Seen::Any).await.unwrap();
    let found = world.control.property_groups(&alerts).await.unwrap();
    assert_eq!(found.groups, [("one".to_owned(), entries("3"))].into());
    assert_eq!(found.version.get(), 5);
    assert_eq!(put("one", "").await.unwrap_err().code(), ErrorCode::InvalidArgument);
}
