//! Checkpoints: listed, counted, overdue; and what of them is kept.

use std::{collections::BTreeMap, time::Duration};

use control::{PageRequest, Timing, Verdict};
use model::{
    configuration::{CheckpointChange, ConfigurationType},
    object_keys::{checkpoint_folder, manifest},
    protocol::{CheckpointWritten, OperatorCheckpoint},
};

use crate::world::{PATIENT, World, name, request, snapshot};

#[tokio::test]
async fn checkpoints_tell_what_each_operator_contributed() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    let window = OperatorCheckpoint {
        name: "Window".to_owned(),
        state_bytes: 900,
        acknowledged_ms: 7,
        upload_ms: 3,
    };
    let operators: BTreeMap<_, _> = [("window:1".to_owned(), window)].into();
    let written = CheckpointWritten {
        id: 1,
        snapshot: None,
        manifest: "1-1/manifest.json".to_owned(),
        state_bytes: 900,
        duration_ms: 12,
        operators: operators.clone(),
    };
    let verdict = world.control.checkpoint_written(&claim.job, &written).await.unwrap();
    assert_eq!(verdict, Verdict::Current);
    for number in 2..=4 {
        world.checkpoint(&claim.job, number, None).await;
    }
    let page = PageRequest::new(Some(3), None).unwrap();
    let first = world.control.checkpoints(&name("alerts"), &page).await.unwrap();
    let numbers: Vec<u64> = first.items.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [4, 3, 2]);
    let page = PageRequest::new(Some(3), first.next_token).unwrap();
    let rest = world.control.checkpoints(&name("alerts"), &page).await.unwrap();
    assert_eq!((rest.items.len(), rest.next_token), (1, None));
    assert_eq!(rest.items[0].operators, operators);
}

#[tokio::test]
async fn a_job_without_good_checkpoints_is_told_of_once_until_one_is_good() {
    let soon = Timing { overdue_intervals: 0, overdue_at_least: Duration::ZERO, ..PATIENT };
    let world = World::new(soon).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    let count = async |kind: &str| {
        let events = world.events("alerts").await;
        events.iter().filter(|it| *it == kind).count()
    };
    let overdue = async || world.control.metrics(&name("alerts")).await.unwrap();
    assert!(!overdue().await.checkpoint_overdue);
    world.control.reconcile().await.unwrap();
    world.control.reconcile().await.unwrap();
    assert_eq!((count("CheckpointOverdue").await, count("CheckpointsRecovered").await), (1, 0));
    assert!(overdue().await.checkpoint_overdue);
    assert!(world.describe("alerts").await.run.unwrap().checkpoint_overdue);
    let _ = world.control.checkpoint_failed(&claim.job, 1, None, "timed out").await.unwrap();
    world.checkpoint(&claim.job, 2, None).await;
    world.checkpoint(&claim.job, 3, None).await;
    assert_eq!((count("CheckpointOverdue").await, count("CheckpointsRecovered").await), (1, 1));
    let metrics = overdue().await;
    assert!(!metrics.checkpoint_overdue);
    assert_eq!(metrics.failed_checkpoints, 1);
    assert!(metrics.last_checkpoint_age_ms.unwrap() < 60_000);
    // With usual settings three seconds-long intervals are not over yet.
    let patient = world.with_timing(PATIENT).await;
    patient.reconcile().await.unwrap();
    assert_eq!(count("CheckpointOverdue").await, 1);
}

#[tokio::test]
async fn output_that_is_not_visible_yet_keeps_its_checkpoint() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    for number in 1..=6 {
        assert_eq!(world.written(&claim.job, number, None).await, Verdict::Current);
    }
    assert!(world.control.cleanup(10).await.unwrap().is_empty());
    let _ = world.control.checkpoint_committed(&claim.job, 4).await.unwrap();
    let garbage = world.control.cleanup(10).await.unwrap();
    let folders: Vec<&str> = garbage.iter().map(|it| it.folder.as_str()).collect();
    assert_eq!(folders.len(), 3, "{folders:?}");
    let kept = world.control.checkpoints(&name("alerts"), &PageRequest::default()).await.unwrap();
    let numbers: Vec<u64> = kept.items.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [6, 5, 4]);
}

#[tokio::test]
async fn what_another_run_left_uncommitted_is_committed_by_the_next_whatever_it_starts_from() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.control.create_snapshot(&name("alerts"), &snapshot("old")).await.unwrap();
    world.checkpoint(&claim.job, 1, Some("old")).await;
    world.control.create_snapshot(&name("alerts"), &snapshot("new")).await.unwrap();
    assert_eq!(world.written(&claim.job, 2, Some("new")).await, Verdict::Current);
    world.control.force_stop(&name("alerts")).await.unwrap();
    let _ = world.control.job_finished(&claim.job, true).await.unwrap();

    let old = model::configuration::RunConfiguration {
        restore: model::configuration::RestoreWish::Snapshot { name: snapshot("old") },
        ..Default::default()
    };
    world.start_from("alerts", old).await.unwrap();
    let again = world.claim().await;
    let committed = async || {
        let kept = world.control.checkpoints(&name("alerts"), &PageRequest::default()).await;
        let numbers = kept.unwrap().items.into_iter();
        numbers.map(|it| (it.number, it.committed_at.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(again.restore.checkpoint(), Some(1));
    assert_eq!(again.unfinished.len(), 1);
    assert_eq!(committed().await, [(2, false), (1, true)]);
    // It does so before it runs.
    world.running(&again).await;
    assert_eq!(committed().await, [(2, true), (1, true)]);
    world.checkpoint(&again.job, 3, None).await;
    assert_eq!(committed().await, [(3, true), (2, true), (1, true)]);
}

#[tokio::test]
async fn what_a_crash_left_between_upload_and_record_is_found() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    let folder = |number, attempt| checkpoint_folder(&first.folder, number, attempt);
    let record = async |claim: &control::Claim, number: u64| {
        let written = CheckpointWritten {
            id: number,
            snapshot: None,
            manifest: manifest(&folder(number, claim.job.attempt)),
            state_bytes: 1,
            duration_ms: 1,
            operators: BTreeMap::new(),
        };
        let _ = world.control.checkpoint_written(&claim.job, &written).await.unwrap();
        let _ = world.control.checkpoint_committed(&claim.job, number).await.unwrap();
    };
    let sweep = async |found: Vec<String>| {
        let places = world.control.folders_to_look_at(10).await.unwrap();
        let [place] = places.as_slice() else { panic!("{places:?}") };
        assert_eq!(place.folder, format!("{}/checkpoints", first.folder));
        world.control.folders_found(place, found).await.unwrap()
    };
    record(&first, 1).await;
    // It died after uploading 2, before that was recorded.
    let found = vec![folder(1, 1), folder(2, 1)];
    assert_eq!(sweep(found.clone()).await, 0);
    let _ = world.control.job_gone(&first.job, "signal 9").await.unwrap();
    let second = world.claim().await;
    world.running(&second).await;
    assert_eq!(sweep(found.clone()).await, 0, "nothing newer is visible yet");
    record(&second, 2).await;
    assert_eq!(sweep([found, vec![folder(2, 2), folder(3, 2)]].concat()).await, 1);
    let garbage = world.control.cleanup(10).await.unwrap();
    let folders: Vec<&str> = garbage.iter().map(|it| it.folder.as_str()).collect();
    assert_eq!(folders, [folder(2, 1)]);
}

#[tokio::test]
async fn the_longest_checkpoint_interval_does_not_stop_reconciliation() {
    let world = World::new(PATIENT).await;
    let mut request = request("alerts");
    request.change.flink.checkpoint = Some(CheckpointChange {
        configuration_type: Some(ConfigurationType::Custom),
        checkpoint_interval: Some(i64::MAX),
        ..CheckpointChange::default()
    });
    world.control.create(request).await.unwrap();
    world.run("alerts").await;
    world.control.reconcile().await.unwrap();
    let metrics = world.control.metrics(&name("alerts")).await.unwrap();
    assert!(!metrics.checkpoint_overdue);
}
