use model::configuration::RestoreDecision;
use store::{NewCheckpoint, Run, Tx};

use crate::{database, seed_run};

async fn record(tx: &mut Tx, run: &Run, number: u64) -> bool {
    let manifest = format!("app/{number}-{}/manifest.json", run.attempt);
    let new = NewCheckpoint { number, manifest: &manifest, state_bytes: 9, duration_ms: 3 };
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
    let listed = tx.list_checkpoints(application.id, 9).await.unwrap();
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
    // Until the output of the first four is known to be visible, none may go.
    assert_eq!(tx.retire_checkpoints(2).await.unwrap(), 0);
    tx.set_committed(application.id, 4).await.unwrap();
    assert_eq!(tx.retire_checkpoints(2).await.unwrap(), 2);
    let kept = tx.list_checkpoints(application.id, 9).await.unwrap();
    assert_eq!(kept.iter().map(|c| c.number).collect::<Vec<_>>(), [6, 5, 3, 2]);
    let garbage = tx.list_garbage(9).await.unwrap();
    let mut folders: Vec<&str> = garbage.iter().map(|g| g.folder.as_str()).collect();
    folders.sort_unstable();
    assert_eq!(folders, ["app/1-0", "app/4-0"]);
    assert_eq!(tx.retire_checkpoints(2).await.unwrap(), 0);
}
