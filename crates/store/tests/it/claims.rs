use std::time::Duration;

use model::{configuration::RestoreDecision, ids::WorkerId, lifecycle::Status};
use store::{Asking, Desired, NewWorker, Store, Tx};
use uuid::Uuid;

use crate::{database, seed, seed_run};

const MINUTE: Duration = Duration::from_secs(60);

fn empty() -> RestoreDecision {
    RestoreDecision::Empty { reason: "new".to_owned() }
}

/// Nobody is waited for.
fn asking(free_kpus: u32) -> Asking {
    let worker = WorkerId(Uuid::nil());
    Asking { worker, free_kpus, patience: MINUTE, silence: MINUTE }
}

async fn claimable(store: &Store, free: u32) -> (Tx, Option<String>) {
    let mut tx = store.begin().await.unwrap();
    let found = tx.lock_claimable(&asking(free)).await.unwrap();
    (tx, found.map(|claimable| claimable.name.to_string()))
}

#[tokio::test]
async fn whoever_looks_first_has_it_and_others_pass_it_over() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    seed_run(&mut tx, "alerts").await;
    tx.commit().await.unwrap();
    assert_eq!(claimable(&store, 1).await.1, None);
    let (first, name) = claimable(&store, 2).await;
    assert_eq!(name.as_deref(), Some("alerts"));
    assert_eq!(claimable(&store, 2).await.1, None);
    drop(first);
    let mut again = None;
    // The rollback of a dropped transaction happens when its connection is used next.
    for _ in 0..50 {
        again = claimable(&store, 2).await.1;
        if again.is_some() {
            break;
        }
    }
    assert_eq!(again.as_deref(), Some("alerts"));
}

#[tokio::test]
async fn attempts_rise_over_the_life_of_an_application() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let worker = WorkerId(Uuid::new_v4());
    let first = tx.claim_run(&run, worker, MINUTE, &empty(), false).await.unwrap();
    let held = tx.renew_leases(worker, &[run.id], MINUTE).await.unwrap();
    assert_eq!(held, tx.held(worker).await.unwrap());
    assert_eq!((held[0].run, held[0].attempt, held[0].running), (run.id, 1, false));
    assert_eq!(held[0].desired, Desired::Run);
    let read = tx.latest_run(application.id).await.unwrap().unwrap();
    assert!(read.is_held());
    assert_eq!((read.decision, read.restarts), (Some(empty()), 0));
    assert!(tx.lock_claimable(&asking(9)).await.unwrap().is_none());
    assert_eq!(tx.next_claim_in(worker).await.unwrap(), None);
    let other = WorkerId(Uuid::new_v4());
    assert_eq!(tx.next_claim_in(other).await.unwrap(), Some(MINUTE));
    tx.renew_leases(worker, &[], Duration::ZERO).await.unwrap();
    assert!(tx.lock_claimable(&asking(9)).await.unwrap().is_none());
    tx.renew_leases(worker, &[run.id], Duration::ZERO).await.unwrap();
    let lost = tx.lock_claimable(&asking(9)).await.unwrap().unwrap();
    assert_eq!(lost.run.claimed_by, Some(worker));
    let second = tx.claim_run(&lost.run, other, MINUTE, &empty(), true).await.unwrap();
    assert_eq!((first, second), (1, 2));
    assert!(tx.held(worker).await.unwrap().is_empty());
    tx.fence_run(run.id, MINUTE).await.unwrap();
    assert!(tx.held(other).await.unwrap().is_empty());
    let fenced = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!((fenced.claimed_by, fenced.is_held()), (None, true));
    tx.renew_leases(other, &[run.id], MINUTE).await.unwrap();
    assert!(tx.held(other).await.unwrap().is_empty());
    let lost = tx.lock_claimable(&asking(9)).await.unwrap().unwrap();
    let third = tx.claim_run(&lost.run, other, MINUTE, &empty(), true).await.unwrap();
    assert_eq!(third, 3);
    assert_eq!(tx.release_runs_of(worker).await.unwrap(), 0);
    assert_eq!(tx.release_runs_of(other).await.unwrap(), 1);
    let free = tx.lock_claimable(&asking(9)).await.unwrap().unwrap();
    assert_eq!((free.run.claimed_by, free.run.attempt), (None, 3));
    assert_eq!(tx.latest_run(application.id).await.unwrap().unwrap().restarts, 2);
}

#[tokio::test]
async fn what_waits_for_us_is_in_motion() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let mut starting = seed(&mut tx, "starting").await;
    tx.set_status(&mut starting, Status::Starting).await.unwrap();
    let (_, ending) = seed_run(&mut tx, "ending").await;
    tx.set_desired(ending.id, Desired::Cancel, None).await.unwrap();
    let snapshotted = seed(&mut tx, "snapshotted").await;
    let (name, runtime) = ("s".parse().unwrap(), "FLINK-1_20".parse().unwrap());
    tx.insert_snapshot(snapshotted.id, &name, snapshotted.version, &runtime).await.unwrap();
    seed(&mut tx, "ready").await;
    seed_run(&mut tx, "wanted").await;
    let names = tx.applications_in_motion().await.unwrap();
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["ending", "snapshotted", "starting"]);
}

#[tokio::test]
async fn a_worker_is_known_while_it_gives_signs_of_life() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (_, run) = seed_run(&mut tx, "alerts").await;
    let id = WorkerId(Uuid::new_v4());
    let new = NewWorker { id, name: "host:1", capacity_kpus: 4 };
    assert!(!tx.heartbeat(id).await.unwrap());
    tx.put_worker(&new).await.unwrap();
    tx.claim_run(&run, id, MINUTE, &empty(), false).await.unwrap();
    assert!(tx.heartbeat(id).await.unwrap());
    let listed = tx.list_workers().await.unwrap();
    assert_eq!((listed[0].capacity_kpus, listed[0].used_kpus), (4, 2));
    assert_eq!(tx.worker_name(id).await.unwrap().as_deref(), Some("host:1"));
    assert_eq!(tx.delete_silent_workers(MINUTE).await.unwrap(), 0);
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.delete_silent_workers(Duration::ZERO).await.unwrap(), 1);
    tx.put_worker(&new).await.unwrap();
    tx.delete_worker(id).await.unwrap();
    assert!(tx.list_workers().await.unwrap().is_empty());
}
