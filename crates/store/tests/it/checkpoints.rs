use std::time::Duration;

use model::{configuration::RestoreDecision, protocol::OperatorCheckpoint};
use store::{NewCheckpoint, Run, Tx};

use crate::{database, seed_run};

async fn record(tx: &mut Tx, run: &Run, number: u64) -> bool {
    let manifest = format!("app/{number}-{}/manifest.json", run.attempt);
    let operators = [("window".to_owned(), OperatorCheckpoint::default())].into();
    let new = NewCheckpoint {
        number,
        manifest: &manifest,
        state_bytes: 9,
        duration_ms: 3,
        operators: &operators,
    };
    tx.insert_checkpoint(run, &new).await.unwrap()
}

#[tokio::test]
async fn a_number_belongs_to_the_attempt_that_recorded_it_first() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let later = Run { attempt: 5, ..run.clone() };
    assert_eq!(tx.next_checkpoint(application.id).await.unwrap(), 1);
    assert!(record(&mut tx, &run, 1).await);
    assert!(record(&mut tx, &run, 1).await);
    assert!(!record(&mut tx, &later, 1).await);
    assert!(record(&mut tx, &later, 2).await);
    assert_eq!(tx.next_checkpoint(application.id).await.unwrap(), 3);
    let latest = tx.latest_checkpoint(application.id, run.id).await.unwrap().unwrap();
    assert_eq!((latest.number, latest.attempt, latest.state_bytes), (2, 5, 9));
    assert_eq!(tx.checkpoint(application.id, 2).await.unwrap(), Some(latest));
    assert_eq!(tx.checkpoint(application.id, 3).await.unwrap(), None);
    tx.set_committed(application.id, 1).await.unwrap();
    let listed = tx.list_checkpoints(application.id, None, 9).await.unwrap();
    assert_eq!(listed[0].operators.len(), 1);
    assert_eq!(tx.list_checkpoints(application.id, Some(2), 9).await.unwrap(), &listed[1..]);
    let committed: Vec<bool> = listed.iter().map(|c| c.committed_at.is_some()).collect();
    assert_eq!(committed, [false, true]);
    let unfinished = |number: u64, attempt: u64| format!("app/{number}-{attempt}/manifest.json");
    assert_eq!(tx.unfinished_checkpoints(application.id).await.unwrap(), [unfinished(2, 5)]);
    tx.set_earlier_committed(application.id, 5).await.unwrap();
    assert_eq!(tx.unfinished_checkpoints(application.id).await.unwrap(), [unfinished(2, 5)]);
    tx.set_earlier_committed(application.id, 6).await.unwrap();
    assert!(tx.unfinished_checkpoints(application.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn needed_checkpoints_are_not_retired() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    for number in 1..=6 {
        assert!(record(&mut tx, &run, number).await);
    }
    // Nothing goes before its output is visible.
    assert_eq!(tx.retire_checkpoints(2).await.unwrap(), 0);
    tx.set_committed(application.id, 6).await.unwrap();
    let (name, runtime) = ("mine".parse().unwrap(), "FLINK-1_20".parse().unwrap());
    tx.insert_snapshot(application.id, &name, run.version, &runtime).await.unwrap();
    let second = tx.checkpoint(application.id, 2).await.unwrap().unwrap();
    assert!(tx.set_snapshot_ready(application.id, &name, &second).await.unwrap());
    let decision = RestoreDecision::Checkpoint {
        checkpoint: 3,
        manifest: "app/3-0/manifest.json".to_owned(),
        version: run.version,
    };
    let worker = model::ids::WorkerId(uuid::Uuid::new_v4());
    let lease = std::time::Duration::from_secs(60);
    tx.claim_run(&run, worker, lease, &decision, false).await.unwrap();
    assert_eq!(tx.retire_checkpoints(2).await.unwrap(), 2);
    let kept = tx.list_checkpoints(application.id, None, 9).await.unwrap();
    assert_eq!(kept.iter().map(|c| c.number).collect::<Vec<_>>(), [6, 5, 3, 2]);
    let garbage = tx.list_garbage(9).await.unwrap();
    let mut folders: Vec<&str> = garbage.iter().map(|g| g.folder.as_str()).collect();
    folders.sort_unstable();
    assert_eq!(folders, ["app/1-0", "app/4-0"]);
    assert_eq!(tx.retire_checkpoints(2).await.unwrap(), 0);
}

#[tokio::test]
async fn output_counts_as_visible_only_in_its_own_run() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let other = Run { id: model::ids::RunId(uuid::Uuid::new_v4()), attempt: 1, ..run.clone() };
    assert!(record(&mut tx, &run, 1).await);
    assert!(record(&mut tx, &other, 2).await);
    tx.set_committed(application.id, 2).await.unwrap();
    let listed = tx.list_checkpoints(application.id, None, 9).await.unwrap();
    let committed: Vec<bool> = listed.iter().map(|c| c.committed_at.is_some()).collect();
    assert_eq!(committed, [true, false]);
}

#[tokio::test]
async fn a_running_job_without_good_checkpoints_is_found_once() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let second = Duration::from_secs(1);
    tx.set_running(run.id).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let none = Duration::ZERO;
    let overdue = async |tx: &mut Tx, intervals, at_least| {
        let names = tx.applications_with_overdue_checkpoints(intervals, at_least).await.unwrap();
        !names.is_empty()
    };
    assert!(!overdue(&mut tx, 0, none).await, "none are taken");
    tx.set_checkpoint_interval(run.id, Some(second * 3600)).await.unwrap();
    assert!(overdue(&mut tx, 0, none).await);
    assert!(!overdue(&mut tx, 1, none).await);
    assert!(!overdue(&mut tx, 0, second * 3600).await);
    tx.set_checkpoint_overdue(run.id).await.unwrap();
    assert!(!overdue(&mut tx, 0, none).await);
    tx.count_failed_checkpoint(run.id).await.unwrap();
    tx.note_checkpoint(run.id).await.unwrap();
    let read = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!((read.checkpoint_overdue, read.failed_checkpoints), (false, 1));
    assert_eq!(read.checkpoint_interval_ms, Some(3_600_000));
    assert!(read.last_checkpoint_at.is_some());
}

#[tokio::test]
async fn an_application_is_swept_when_an_attempt_has_got_further_or_now_and_then() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let hour = Duration::from_secs(3600);
    let names = async |tx: &mut Tx, every| {
        let sweeps = tx.take_sweeps(9, every).await.unwrap();
        sweeps.into_iter().map(|it| it.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut tx, hour).await, ["alerts"], "never looked at");
    assert!(names(&mut tx, hour).await.is_empty());
    let decision = RestoreDecision::Empty { reason: "new".to_owned() };
    let worker = model::ids::WorkerId(uuid::Uuid::new_v4());
    let attempt = tx.claim_run(&run, worker, hour, &decision, false).await.unwrap();
    let run = Run { attempt, ..run };
    assert!(record(&mut tx, &run, 1).await);
    assert!(names(&mut tx, hour).await.is_empty(), "nothing is visible yet");
    let progress = tx.progress(application.id).await.unwrap().unwrap();
    assert_eq!((progress.attempt, progress.recorded, progress.committed), (1, Some(1), None));
    tx.set_committed(application.id, 1).await.unwrap();
    assert_eq!(names(&mut tx, hour).await, ["alerts"]);
    assert!(names(&mut tx, hour).await.is_empty());
    let progress = tx.progress(application.id).await.unwrap().unwrap();
    assert_eq!(progress.committed, Some(1));
    assert_eq!(tx.known_manifests(application.id).await.unwrap(), ["app/1-1/manifest.json"]);
    tx.end_run(run.id).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert!(names(&mut tx, Duration::ZERO).await.is_empty(), "it does not run");
}
