//! Many starts at once, and several workers that claim them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use control::{Claim, Control, JobKey, StartApplication, Verdict};
use model::{configuration::RunConfiguration, ids::WorkerId, lifecycle::Status};
use tokio::task::JoinSet;

use crate::world::{PATIENT, World, name, register_with};

const APPLICATIONS: usize = 100;
const WORKERS: usize = 5;
const CAPACITY: u32 = 6;

/// Every attempt that was claimed.
type Claims = Arc<Mutex<Vec<JobKey>>>;

fn names() -> impl Iterator<Item = String> {
    (0..APPLICATIONS).map(|number| format!("application-{number}"))
}

/// Claims, lets jobs run, ends the oldest to make room, until all are claimed or ended.
async fn work(
    control: Control,
    worker: WorkerId,
    claims: Claims,
    all_started: Arc<AtomicBool>,
    until: Instant,
) {
    let mut held: Vec<Claim> = Vec::new();
    let mut idle = 0;
    while idle < 20 || !all_started.load(Ordering::Acquire) {
        assert!(Instant::now() < until, "the workers do not come to an end");
        let used: u32 = held.iter().map(|claim| claim.kpus).sum();
        let claimed = control.claim(worker, CAPACITY - used).await.unwrap();
        let nothing = claimed.is_none();
        if let Some(claim) = claimed {
            claims.lock().unwrap().push(claim.job.clone());
            // Force stopped meanwhile: then it is to end, and ends.
            let _ = control.job_running(&claim.job, None, &[]).await.unwrap();
            held.push(claim);
        }
        idle = if nothing && held.is_empty() { idle + 1 } else { 0 };
        if nothing && !held.is_empty() {
            let oldest = held.remove(0);
            // It may be stopped already.
            let _ = control.force_stop(&oldest.job.application).await;
            let ended = control.job_finished(&oldest.job, true).await.unwrap();
            assert_eq!(ended, Verdict::Current);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_starts_none_is_lost_and_none_is_claimed_twice() {
    let world = World::new(PATIENT).await;
    for application in names() {
        world.create(&application).await;
    }
    let until = Instant::now() + Duration::from_secs(300);
    let claims = Claims::default();
    let mut working = Vec::new();
    world.control.retire_worker(world.worker).await.unwrap();
    for number in 0..WORKERS {
        let control = world.with_timing(PATIENT).await;
        let worker = register_with(&control, &format!("worker-{number}"), CAPACITY).await;
        working.push((control, worker));
    }
    let all_started = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for (control, worker) in working {
        let (claims, started) = (Arc::clone(&claims), Arc::clone(&all_started));
        tasks.push(tokio::spawn(work(control, worker, claims, started, until)));
    }
    let mut starting = JoinSet::new();
    for application in names() {
        let control = world.control.clone();
        starting.spawn(async move {
            let name = name(&application);
            let run_configuration = RunConfiguration::default();
            let command = StartApplication { name: name.clone(), run_configuration };
            control.start(command).await.unwrap();
            // Every tenth is told to end at once, whatever has become of it.
            if application.ends_with('5') {
                let _ = control.force_stop(&name).await;
            }
        });
    }
    starting.join_all().await;
    all_started.store(true, Ordering::Release);
    let store = world.store().await;
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        let mut tx = store.begin().await.unwrap();
        for room in tx.rooms(PATIENT.lease).await.unwrap() {
            assert!(room.free >= 0, "a worker has more than it offers: {room:?}");
        }
        drop(tx);
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    let claims: Vec<JobKey> = claims.lock().unwrap().clone();
    let mut attempts = BTreeSet::new();
    let mut runs = BTreeMap::new();
    for job in &claims {
        assert!(attempts.insert((job.application.clone(), job.attempt)), "twice: {job:?}");
        *runs.entry(job.application.clone()).or_insert(0) += 1;
    }
    assert!(runs.values().all(|&times| times == 1), "{runs:?}");
    for application in names() {
        let detail = world.describe(&application).await;
        assert_eq!(detail.status, Status::Ready, "{application}");
        let claimed = runs.contains_key(&name(&application));
        let stopped_first = application.ends_with('5');
        assert!(claimed || stopped_first, "{application} was lost");
        assert_eq!(detail.run.unwrap().attempt > 0, claimed, "{application}");
    }
}
