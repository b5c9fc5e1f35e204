use std::time::Duration;

use model::{
    configuration::{RestoreDecision, RunConfiguration},
    ids::{RunId, WorkerId},
    lifecycle::Status,
};
use store::{Asking, NewRun, NewWorker, Room, Tx};
use uuid::Uuid;

use crate::{database, seed, seed_run};

const MINUTE: Duration = Duration::from_secs(60);

async fn worker(tx: &mut Tx, capacity_kpus: u32) -> WorkerId {
    let id = WorkerId(Uuid::new_v4());
    tx.put_worker(&NewWorker { id, name: "host:1", capacity_kpus }).await.unwrap();
    id
}

#[tokio::test]
async fn room_is_what_runs_do_not_reserve() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let worker = worker(&mut tx, 3).await;
    assert_eq!(tx.rooms(MINUTE).await.unwrap(), [Room { worker, capacity: 3, free: 3 }]);
    let (_, run) = seed_run(&mut tx, "alerts").await;
    seed_run(&mut tx, "waiting").await;
    let decision = RestoreDecision::Empty { reason: "new".to_owned() };
    tx.claim_run(&run, worker, MINUTE, &decision, false).await.unwrap();
    assert_eq!(tx.rooms(MINUTE).await.unwrap(), [Room { worker, capacity: 3, free: 1 }]);
    assert_eq!(tx.lock_reserved_kpus().await.unwrap(), 4);
    tx.set_shortage_noted(run.id).await.unwrap();
    let noted = tx.latest_run(run.application).await.unwrap().unwrap();
    assert!(noted.shortage_noted && !run.shortage_noted);
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert!(tx.rooms(Duration::ZERO).await.unwrap().is_empty());
}

/// Everything takes 2 KPUs except `large`, which takes 4.
#[tokio::test]
async fn one_worker_is_kept_for_a_large_run_that_has_waited() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let small = worker(&mut tx, 3).await;
    let wide = worker(&mut tx, 4).await;
    let (_, first) = seed_run(&mut tx, "first").await;
    let decision = RestoreDecision::Empty { reason: "new".to_owned() };
    tx.claim_run(&first, wide, MINUTE, &decision, false).await.unwrap();
    tx.commit().await.unwrap();
    for (name, kpus) in [("large", 4), ("later", 2)] {
        let mut tx = store.begin().await.unwrap();
        let mut application = seed(&mut tx, name).await;
        tx.set_status(&mut application, Status::Starting).await.unwrap();
        let new = NewRun {
            id: RunId(Uuid::new_v4()),
            version: application.version,
            parallelism: kpus,
            kpus,
            configuration: &RunConfiguration::default(),
            traceparent: None,
        };
        tx.insert_run(application.id, &new).await.unwrap();
        tx.commit().await.unwrap();
    }
    let next = async |worker, free_kpus, patience| {
        let mut tx = store.begin().await.unwrap();
        let asking = Asking { worker, free_kpus, patience, silence: MINUTE };
        let found = tx.lock_claimable(&asking).await.unwrap();
        found.map(|it| it.name.to_string())
    };
    let (patient, impatient) = (MINUTE, Duration::ZERO);
    assert_eq!(next(wide, 2, patient).await.as_deref(), Some("later"));
    assert_eq!(next(wide, 2, impatient).await, None);
    assert_eq!(next(small, 3, impatient).await.as_deref(), Some("later"));
    assert_eq!(next(wide, 4, impatient).await.as_deref(), Some("large"));
    // When there is room for the large one somewhere, nobody waits for it.
    let mut tx = store.begin().await.unwrap();
    tx.end_run(first.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(next(wide, 2, impatient).await.as_deref(), Some("later"));
}
