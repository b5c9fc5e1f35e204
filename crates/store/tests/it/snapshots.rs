use model::ids::SnapshotName;
use store::{Error, NewCheckpoint, SnapshotStatus, Taken};

use crate::{database, seed_run};

#[tokio::test]
async fn a_snapshot_is_creating_then_ready_or_failed() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let id = application.id;
    let names: Vec<SnapshotName> = ["a", "b"].iter().map(|name| name.parse().unwrap()).collect();
    let runtime = "FLINK-1_20".parse().unwrap();
    for name in &names {
        tx.insert_snapshot(id, name, run.version, &runtime).await.unwrap();
    }
    assert_eq!(tx.snapshots_being_made(id).await.unwrap().len(), 2);
    assert_eq!(tx.latest_snapshot(id).await.unwrap(), None);
    let new = NewCheckpoint {
        number: 4,
        manifest: "app/4-0/manifest.json",
        state_bytes: 77,
        duration_ms: 1,
        operators: &std::collections::BTreeMap::new(),
    };
    tx.insert_checkpoint(&run, &new).await.unwrap();
    let checkpoint = tx.checkpoint(id, 4).await.unwrap().unwrap();
    assert!(tx.set_snapshot_failed(id, &names[0], "S3 is down").await.unwrap());
    assert!(!tx.set_snapshot_failed(id, &names[0], "again").await.unwrap());
    assert!(tx.set_snapshot_ready(id, &names[1], &checkpoint).await.unwrap());
    assert!(!tx.set_snapshot_ready(id, &names[1], &checkpoint).await.unwrap());
    assert!(!tx.set_snapshot_failed(id, &names[1], "late").await.unwrap());
    let failed = tx.snapshot(id, &names[0]).await.unwrap().unwrap();
    assert_eq!(failed.status, SnapshotStatus::Failed);
    assert_eq!(failed.failure.as_deref(), Some("S3 is down"));
    let ready = tx.latest_snapshot(id).await.unwrap().unwrap();
    assert_eq!((&ready.name, ready.checkpoint), (&names[1], Some(4)));
    assert_eq!((ready.manifest.as_deref(), ready.state_bytes), (Some(new.manifest), Some(77)));
    assert!(tx.snapshots_being_made(id).await.unwrap().is_empty());
    assert_eq!(tx.next_checkpoint(id).await.unwrap(), 5);
    tx.insert_checkpoint(&run, &NewCheckpoint { number: 5, ..new.clone() }).await.unwrap();
    let newer = tx.checkpoint(id, 5).await.unwrap().unwrap();
    assert!(tx.set_snapshot_ready(id, &names[1], &newer).await.unwrap());
    assert!(!tx.set_snapshot_ready(id, &names[1], &checkpoint).await.unwrap());
    assert_eq!(tx.latest_snapshot(id).await.unwrap().unwrap().checkpoint, Some(5));
    let of = tx.latest_snapshot_of(id, run.version).await.unwrap().unwrap();
    assert_eq!((&of.name, of.checkpoint), (&names[1], Some(5)));
    let other = run.version.next().unwrap();
    assert_eq!(tx.latest_snapshot_of(id, other).await.unwrap(), None);
}

#[tokio::test]
async fn snapshots_are_listed_oldest_first_counted_and_deleted() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let id = application.id;
    let runtime = "FLINK-1_20".parse().unwrap();
    for name in ["b", "a", "c"] {
        let name = name.parse().unwrap();
        tx.insert_snapshot(id, &name, run.version, &runtime).await.unwrap();
    }
    let all = tx.list_snapshots(id, None, 9).await.unwrap();
    let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["b", "a", "c"]);
    let next = tx.list_snapshots(id, Some(all[0].ordinal), 1).await.unwrap();
    assert_eq!(next, all[1..2]);
    assert_eq!(tx.count_snapshots(id).await.unwrap(), 3);
    tx.delete_snapshot(id, &all[1].name).await.unwrap();
    assert_eq!(tx.count_snapshots(id).await.unwrap(), 2);
    let taken = tx.insert_snapshot(id, &all[0].name, run.version, &runtime).await;
    assert!(matches!(taken, Err(Error::Taken(Taken::SnapshotName))), "{taken:?}");
}
