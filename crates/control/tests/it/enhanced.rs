//! Snapshots that belong to the account.

use std::collections::BTreeMap;
use std::time::Duration;

use control::{
    Copied, CopyProblem, CopyTask, CopyWork, CreateSnapshot, DeleteSnapshot, EnhancedFilter, Error,
    ExportSnapshot, ImportSnapshot, OperationStatus, PageRequest, Timing,
};
use model::{
    configuration::{RestoreWish, RunConfiguration, SnapshotMode},
    enhanced::{EnhancedStatus, S3Prefix, SnapshotInitiator},
    error_code::ErrorCode,
    ids::{EnhancedName, OperationId},
    lifecycle::Status,
};

use crate::world::{PATIENT, World, name, request};

fn kept(text: &str) -> EnhancedName {
    text.parse().unwrap()
}

fn place() -> S3Prefix {
    S3Prefix::new("arn:aws:s3:::backups".to_owned(), "weir/".to_owned()).unwrap()
}

async fn create(world: &World, application: &str) {
    let mut request = request(application);
    request.change.snapshot_mode = Some(SnapshotMode::Enhanced);
    world.control.create(request).await.unwrap();
}

async fn take(world: &World, application: &str, snapshot: &str) -> Result<OperationId, Error> {
    let command = CreateSnapshot {
        application: name(application),
        name: kept(snapshot),
        description: Some("words".to_owned()),
        tags: BTreeMap::new(),
    };
    Ok(world.control.create_enhanced_snapshot(command).await?.operation)
}

async fn status(world: &World, snapshot: &str) -> EnhancedStatus {
    world.control.describe_enhanced_snapshot(&kept(snapshot)).await.unwrap().status
}

async fn outcome(
    world: &World,
    snapshot: &str,
    id: &OperationId,
) -> (OperationStatus, Option<String>) {
    let found = world.control.describe_snapshot_operation(&kept(snapshot), id).await.unwrap();
    (found.status, found.failure_code)
}

async fn copy(world: &World) -> Option<CopyTask> {
    world.control.take_copy(world.worker).await.unwrap()
}

fn copied(manifest: &str) -> Result<Copied, CopyProblem> {
    let manifest = manifest.to_owned();
    Ok(Copied { manifest, checkpoint: 1, state_bytes: 100, runtime: None })
}

/// Takes a READY snapshot of a running application.
async fn ready(world: &World, claim: &control::Claim, snapshot: &str, number: u64) -> OperationId {
    let operation = take(world, claim.job.application.as_str(), snapshot).await.unwrap();
    assert_eq!(world.orders().await, [format!("snapshot /{snapshot}")]);
    world.checkpoint(&claim.job, number, Some(&format!("/{snapshot}"))).await;
    assert_eq!(world.orders().await, Vec::<String>::new());
    let task = copy(world).await.unwrap();
    let CopyWork::Keep { manifest, folder } = &task.work else { panic!("{task:?}") };
    assert_eq!(manifest, &format!("{number}-{}/manifest.json", claim.job.attempt));
    assert!(folder.starts_with(&format!("snapshots/{snapshot}/")), "{folder}");
    world.control.copy_done(&task, &copied(&format!("{folder}/manifest.json"))).await.unwrap();
    assert_eq!(status(world, snapshot).await, EnhancedStatus::Ready);
    operation
}

#[tokio::test]
async fn a_snapshot_is_taken_copied_and_outlives_its_application() {
    let world = World::new(PATIENT).await;
    create(&world, "alerts").await;
    let claim = world.run("alerts").await;
    let operation = ready(&world, &claim, "mine", 1).await;
    assert_eq!(outcome(&world, "mine", &operation).await, (OperationStatus::Successful, None));
    // It is none of the application's.
    assert!(world.snapshots("alerts").await.is_empty());
    world.delete("alerts").await.unwrap();
    let _ = world.control.job_finished(&claim.job, true).await.unwrap();
    assert_eq!(status(&world, "mine").await, EnhancedStatus::Ready);

    create(&world, "next").await;
    let arn = world.control.snapshot_arn(&kept("mine"));
    let restore = RestoreWish::Enhanced { name: kept("mine"), arn };
    let wish = RunConfiguration { restore, allow_non_restored_state: false };
    world.start_from("next", wish).await.unwrap();
    let claim = world.claim().await;
    assert!(claim.restore.manifest().unwrap().starts_with("snapshots/mine/"));
    assert_eq!(claim.next_checkpoint, 1);
    // All that the run could restart from is not deleted.
    let found = world.control.describe_enhanced_snapshot(&kept("mine")).await.unwrap();
    let delete = DeleteSnapshot { name: kept("mine"), created_at: found.created_at };
    let refused = world.control.delete_enhanced_snapshot(delete.clone()).await.unwrap_err();
    assert!(matches!(refused, Error::EnhancedNeeded(_)), "{refused}");
    world.running(&claim).await;
    world.checkpoint(&claim.job, 1, None).await;
    world.control.delete_enhanced_snapshot(delete).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused() {
    let world = World::new(PATIENT).await;
    create(&world, "alerts").await;
    let code = |refused: Error| refused.code();
    let refused = take(&world, "alerts", "mine").await.unwrap_err();
    assert_eq!(code(refused), ErrorCode::ResourceInUse);
    let claim = world.run("alerts").await;
    let refused = take(&world, "alerts", "systemSnapshot-1").await.unwrap_err();
    assert_eq!(code(refused), ErrorCode::InvalidArgument);
    take(&world, "alerts", "mine").await.unwrap();
    let refused = take(&world, "alerts", "mine").await.unwrap_err();
    assert!(matches!(refused, Error::EnhancedExists(_)), "{refused}");
    let refused = take(&world, "alerts", "other").await.unwrap_err();
    assert!(matches!(refused, Error::EnhancedInProgress), "{refused}");
    world.checkpoint(&claim.job, 1, Some("/mine")).await;

    // Applications that are not set up for it, and those of an old Flink.
    world.create("plain").await;
    world.run("plain").await;
    let refused = take(&world, "plain", "of-plain").await.unwrap_err();
    assert!(matches!(refused, Error::EnhancedNotEnabled(_)), "{refused}");
    let mut old = request("old");
    old.runtime = "FLINK-1_19".parse().unwrap();
    world.control.create(old).await.unwrap();
    world.run("old").await;
    let refused = take(&world, "old", "of-old").await.unwrap_err();
    assert_eq!(code(refused), ErrorCode::InvalidApplicationConfiguration);
    let wish = RunConfiguration {
        restore: RestoreWish::Enhanced {
            name: kept("nowhere"),
            arn: world.control.snapshot_arn(&kept("nowhere")),
        },
        allow_non_restored_state: false,
    };
    create(&world, "third").await;
    let refused = world.start_from("third", wish).await.unwrap_err();
    assert!(matches!(refused, Error::NoEnhancedToRestore(_)), "{refused}");
}

#[tokio::test]
async fn a_checkpoint_is_copied_when_its_output_is_visible_not_before() {
    let world = World::new(PATIENT).await;
    create(&world, "alerts").await;
    let claim = world.run("alerts").await;
    let operation = take(&world, "alerts", "mine").await.unwrap();
    let _ = world.written(&claim.job, 1, Some("/mine")).await;
    assert_eq!(copy(&world).await, None);
    // The application goes with output that nobody will ever make visible.
    world.delete("alerts").await.unwrap();
    let _ = world.control.job_finished(&claim.job, true).await.unwrap();
    assert_eq!(status(&world, "mine").await, EnhancedStatus::Failed);
    let code = Some("ApplicationDeleted".to_owned());
    assert_eq!(outcome(&world, "mine", &operation).await, (OperationStatus::Failed, code));
}

#[tokio::test]
async fn a_snapshot_that_nobody_took_or_copied_fails() {
    let world = World::new(PATIENT).await;
    create(&world, "alerts").await;
    let claim = world.run("alerts").await;
    let operation = take(&world, "alerts", "mine").await.unwrap();
    let why = "the disk is full";
    let _ = world.control.checkpoint_failed(&claim.job, 1, Some("/mine"), why).await.unwrap();
    let code = Some("NotTaken".to_owned());
    assert_eq!(outcome(&world, "mine", &operation).await, (OperationStatus::Failed, code));

    let late = take(&world, "alerts", "late").await.unwrap();
    let soon = Timing { snapshot_deadline: Duration::ZERO, copy_deadline: LONG, ..PATIENT };
    world.with_timing(soon).await.reconcile().await.unwrap();
    let code = Some("NotTaken".to_owned());
    assert_eq!(outcome(&world, "late", &late).await, (OperationStatus::Failed, code));

    let slow = take(&world, "alerts", "slow").await.unwrap();
    world.checkpoint(&claim.job, 2, Some("/slow")).await;
    let task = copy(&world).await.unwrap();
    let soon = Timing { copy_deadline: Duration::ZERO, ..PATIENT };
    world.with_timing(soon).await.reconcile().await.unwrap();
    let code = Some("DeadlineExceeded".to_owned());
    assert_eq!(outcome(&world, "slow", &slow).await, (OperationStatus::Failed, code));
    // Too late; and what it copied is garbage.
    world.control.copy_done(&task, &copied("x")).await.unwrap();
    assert_eq!(status(&world, "slow").await, EnhancedStatus::Failed);
    let garbage = world.control.cleanup(50).await.unwrap();
    assert!(garbage.iter().any(|it| it.folder.starts_with("snapshots/slow/")), "{garbage:?}");

    let ended = take(&world, "alerts", "ended").await.unwrap();
    world.control.force_stop(&name("alerts")).await.unwrap();
    let _ = world.control.job_finished(&claim.job, true).await.unwrap();
    let code = Some("NotTaken".to_owned());
    assert_eq!(outcome(&world, "ended", &ended).await, (OperationStatus::Failed, code));
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn an_export_is_copied_once_at_a_time_and_a_deletion_waits_for_it() {
    let world = World::new(PATIENT).await;
    create(&world, "alerts").await;
    let claim = world.run("alerts").await;
    ready(&world, &claim, "mine", 1).await;
    let export = ExportSnapshot { name: kept("mine"), to: place() };
    let operation = world.control.export_snapshot(export.clone()).await.unwrap();
    let refused = world.control.export_snapshot(export.clone()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::LimitExceeded);

    let found = world.control.describe_enhanced_snapshot(&kept("mine")).await.unwrap();
    let delete = DeleteSnapshot { name: kept("mine"), created_at: found.created_at };
    let wrong = DeleteSnapshot { created_at: chrono::DateTime::UNIX_EPOCH, ..delete.clone() };
    let refused = world.control.delete_enhanced_snapshot(wrong).await.unwrap_err();
    assert!(matches!(refused, Error::OtherEnhancedTimestamp(_)), "{refused}");
    let begun = world.control.delete_enhanced_snapshot(delete.clone()).await.unwrap();
    assert_eq!(begun.status, EnhancedStatus::Deleting);
    let refused = world.control.delete_enhanced_snapshot(delete).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceInUse);
    let refused = world.control.export_snapshot(export).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceInUse);
    world.control.reconcile().await.unwrap();
    assert_eq!(status(&world, "mine").await, EnhancedStatus::Deleting);

    let task = copy(&world).await.unwrap();
    let CopyWork::Export { bucket, to, about, .. } = &task.work else { panic!("{task:?}") };
    assert_eq!((bucket.as_str(), to), ("backups", &format!("weir/{operation}")));
    assert_eq!(about.application.as_deref(), Some("alerts"));
    // S3 is away for a moment; then it is not.
    let away =
        Err(CopyProblem { code: "ServiceUnavailable", message: "x".to_owned(), passes: true });
    world.control.copy_done(&task, &away).await.unwrap();
    assert!(world.control.copy_goes_on(&task).await.unwrap());
    world.control.copy_done(&task, &copied("there")).await.unwrap();
    assert_eq!(outcome(&world, "mine", &operation).await, (OperationStatus::Successful, None));
    world.control.reconcile().await.unwrap();
    let gone = world.control.describe_enhanced_snapshot(&kept("mine")).await.unwrap_err();
    assert_eq!(gone.code(), ErrorCode::ResourceNotFound);
    let done = outcome(&world, "mine", &begun.operation).await;
    assert_eq!(done, (OperationStatus::Successful, None));
    let garbage = world.control.cleanup(50).await.unwrap();
    assert!(garbage.iter().any(|it| it.folder.starts_with("snapshots/mine/")), "{garbage:?}");
}

#[tokio::test]
async fn an_import_ends_as_its_copy_does() {
    let world = World::new(PATIENT).await;
    let import = |text: &str| ImportSnapshot {
        name: kept(text),
        from: place(),
        description: None,
        tags: BTreeMap::from([("team".to_owned(), "sensors".to_owned())]),
    };
    world.control.import_snapshot(import("good")).await.unwrap();
    let task = copy(&world).await.unwrap();
    let CopyWork::Import { bucket, from, .. } = &task.work else { panic!("{task:?}") };
    assert_eq!((bucket.as_str(), from.as_str()), ("backups", "weir"));
    let runtime = Some("FLINK-1_20".to_owned());
    let read = copied("k").map(|copied| Copied { runtime, ..copied });
    world.control.copy_done(&task, &read).await.unwrap();
    let found = world.control.describe_enhanced_snapshot(&kept("good")).await.unwrap();
    assert_eq!(found.status, EnhancedStatus::Ready);
    assert_eq!(found.runtime.unwrap().to_string(), "FLINK-1_20");
    assert_eq!(world.control.enhanced_tags(&kept("good")).await.unwrap()["team"], "sensors");

    let begun = world.control.import_snapshot(import("bad")).await.unwrap();
    let task = copy(&world).await.unwrap();
    let damaged = CopyProblem { code: "Damaged", message: "words".to_owned(), passes: false };
    world.control.copy_done(&task, &Err(damaged)).await.unwrap();
    let code = Some("Damaged".to_owned());
    assert_eq!(outcome(&world, "bad", &begun.operation).await, (OperationStatus::Failed, code));
    assert_eq!(status(&world, "bad").await, EnhancedStatus::Failed);
    // The name stays taken until it is deleted.
    let refused = world.control.import_snapshot(import("bad")).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceInUse);
}

#[tokio::test]
async fn the_snapshot_of_a_stop_is_kept_as_a_system_snapshot() {
    let world = World::new(PATIENT).await;
    create(&world, "alerts").await;
    let claim = world.run("alerts").await;
    world.stop(&claim, 3).await;
    assert_eq!(world.status("alerts").await, Status::Ready);
    let filter =
        EnhancedFilter { initiator: Some(SnapshotInitiator::System), ..EnhancedFilter::default() };
    let page = PageRequest::default();
    let found = world.control.list_enhanced_snapshots(&filter, &page).await.unwrap().items;
    let [only] = found.as_slice() else { panic!("{found:?}") };
    assert!(only.name.as_str().starts_with("SYSTEMSNAPSHOT-alerts-"), "{}", only.name);
    assert_eq!(only.checkpoint, Some(3));
    assert!(copy(&world).await.is_some());
    let both = EnhancedFilter { status: Some(EnhancedStatus::Ready), ..filter };
    let refused = world.control.list_enhanced_snapshots(&both, &page).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
}
