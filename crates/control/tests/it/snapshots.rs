use chrono::TimeDelta;
use control::{SnapshotStatus, Verdict};
use model::error_code::ErrorCode;

use crate::world::{PATIENT, World, name, snapshot};

#[tokio::test]
async fn snapshots_are_taken_only_of_a_job_that_runs() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    let mine = snapshot("mine");
    let ready = world.control.create_snapshot(&alerts, &mine).await.unwrap_err();
    assert_eq!(ready.code(), ErrorCode::InvalidRequest);
    let claim = world.run("alerts").await;
    assert_eq!(world.control.job_gone(&claim.job, "crash").await.unwrap(), Verdict::Current);
    let down = world.control.create_snapshot(&alerts, &mine).await.unwrap_err();
    assert_eq!(down.code(), ErrorCode::InvalidApplicationConfiguration);
    let again = world.claim().await;
    world.running(&again).await;
    world.control.create_snapshot(&alerts, &mine).await.unwrap();
    let twice = world.control.create_snapshot(&alerts, &mine).await.unwrap_err();
    assert_eq!(twice.code(), ErrorCode::ResourceInUse);
}

#[tokio::test]
async fn a_snapshot_is_deleted_by_name_and_creation_time() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    let mine = snapshot("mine");
    let claim = world.run("alerts").await;
    world.control.create_snapshot(&alerts, &mine).await.unwrap();
    let early = world.control.delete_snapshot(&alerts, &mine, None).await.unwrap_err();
    assert_eq!(early.code(), ErrorCode::ResourceInUse);
    world.checkpoint(&claim.job, 1, Some("mine")).await;
    let found = world.control.describe_snapshot(&alerts, &mine).await.unwrap();
    assert_eq!((found.status, found.checkpoint), (SnapshotStatus::Ready, Some(1)));
    let other = found.created_at + TimeDelta::seconds(1);
    let refused = world.control.delete_snapshot(&alerts, &mine, Some(other)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    world.control.delete_snapshot(&alerts, &mine, Some(found.created_at)).await.unwrap();
    let gone = world.control.describe_snapshot(&alerts, &mine).await.unwrap_err();
    assert_eq!(gone.code(), ErrorCode::ResourceNotFound);
    assert!(gone.to_string().contains("does not exist"), "{gone}");
}

#[tokio::test]
async fn what_the_run_would_restart_from_is_not_deleted() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    let claim = world.run("alerts").await;
    let taken = snapshot(&world.stop(&claim, 1).await);
    let again = world.run("alerts").await;
    let refused = world.control.delete_snapshot(&alerts, &taken, None).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceInUse);
    world.checkpoint(&again.job, 2, None).await;
    world.control.delete_snapshot(&alerts, &taken, None).await.unwrap();
}

#[tokio::test]
async fn old_checkpoints_go_but_those_of_snapshots_and_of_the_present_start_stay() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    let claim = world.run("alerts").await;
    world.control.create_snapshot(&alerts, &snapshot("mine")).await.unwrap();
    world.checkpoint(&claim.job, 1, Some("mine")).await;
    for number in 2..=7 {
        world.checkpoint(&claim.job, number, None).await;
    }
    let garbage = world.control.cleanup(10).await.unwrap();
    let mut folders: Vec<&str> = garbage.iter().map(|g| g.folder.as_str()).collect();
    folders.sort_unstable();
    assert_eq!(folders, ["2-1", "3-1", "4-1"]);
    let page = control::PageRequest::default();
    let kept = world.control.checkpoints(&alerts, &page).await.unwrap();
    let numbers: Vec<u64> = kept.items.iter().map(|c| c.number).collect();
    assert_eq!(numbers, [7, 6, 5, 1]);
    let ids: Vec<i64> = garbage.iter().map(|g| g.id).collect();
    world.control.garbage_removed(&ids).await.unwrap();
    assert!(world.control.cleanup(10).await.unwrap().is_empty());

    assert_eq!(world.control.job_gone(&claim.job, "crash").await.unwrap(), Verdict::Current);
    let again = world.claim().await;
    assert_eq!(again.restore.checkpoint(), Some(7));
    world.running(&again).await;
    for number in 8..=11 {
        world.checkpoint(&again.job, number, None).await;
    }
    world.control.delete_snapshot(&alerts, &snapshot("mine"), None).await.unwrap();
    let garbage = world.control.cleanup(10).await.unwrap();
    let mut folders: Vec<&str> = garbage.iter().map(|g| g.folder.as_str()).collect();
    folders.sort_unstable();
    assert_eq!(folders, ["1-1", "5-1", "6-1", "8-2"]);
}
