//! The worker's loop: leases, orders, claims, reconciliation, cleaning.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use control::{Claim, Control, JobKey, WorkerInfo};
use model::ids::WorkerId;
use model::protocol::Order;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::Options;
use crate::supervisor::supervise;

/// Longest time between two looks at what is to be done; a notification comes sooner.
const LOOK_EVERY: Duration = Duration::from_millis(1000);

/// Time between two cleanings.
const CLEAN_EVERY: Duration = Duration::from_secs(30);

/// Folders removed from the object store in one cleaning.
const CLEANED_AT_ONCE: i64 = 50;

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not even begin.
    #[error("the worker could not register: {0}")]
    Register(#[source] control::Error),
}

/// A worker of the installation.
#[derive(Debug)]
pub struct Worker {
    control: Control,
    options: Options,
    id: WorkerId,
}

/// A job this worker has.
struct Job {
    orders: mpsc::Sender<Order>,
    kill: CancellationToken,
    kpus: u32,
}

impl Worker {
    /// A worker that is not running yet.
    #[must_use]
    pub fn new(control: Control, options: Options) -> Self {
        Self { control, options, id: WorkerId(Uuid::now_v7()) }
    }

    /// Works until `stop`; then its jobs are ended without a snapshot, and other workers go on
    /// from their latest checkpoints.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let info = WorkerInfo {
            id: self.id,
            name: self.options.name.clone(),
            capacity_kpus: self.options.kpus,
        };
        self.control.register_worker(&info).await.map_err(Error::Register)?;
        tracing::info!(worker = info.name, kpus = info.capacity_kpus, "worker ready");
        let mut desk = Desk {
            control: self.control,
            options: self.options,
            id: self.id,
            jobs: HashMap::new(),
            ended: Arc::new(Notify::new()),
            tasks: TaskTracker::new(),
            renewed_at: Instant::now(),
            cleaned_at: Instant::now(),
        };
        desk.work(&stop).await;
        desk.close().await;
        Ok(())
    }
}

/// What the loop works with.
struct Desk {
    control: Control,
    options: Options,
    id: WorkerId,
    jobs: HashMap<JobKey, Job>,
    /// A supervision has ended.
    ended: Arc<Notify>,
    tasks: TaskTracker,
    renewed_at: Instant,
    cleaned_at: Instant,
}

impl Desk {
    async fn work(&mut self, stop: &CancellationToken) {
        let mut wake = None;
        while !stop.is_cancelled() {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the control plane's database does not answer");
            }
            if self.renewed_at.elapsed() > self.control.lease() {
                // Somebody else may have claimed them by now.
                self.jobs.values().for_each(|job| job.kill.cancel());
            }
            self.jobs.retain(|_, job| !job.orders.is_closed());
            if wake.is_none() {
                wake = self.control.wait_for_work().await.ok();
            }
            let notified = async {
                let waited = match &mut wake {
                    Some(wake) => wake.wait(LOOK_EVERY).await,
                    None => {
                        tokio::time::sleep(LOOK_EVERY).await;
                        Ok(false)
                    }
                };
                waited.is_ok()
            };
            let listening = tokio::select! {
                () = stop.cancelled() => return,
                () = self.ended.notified() => true,
                ok = notified => ok,
            };
            if !listening {
                wake = None;
            }
        }
    }

    /// One look at everything, in the order of urgency.
    async fn look(&mut self) -> control::Result<()> {
        let asked_at = Instant::now();
        let held = self.control.renew_leases(self.id).await?;
        self.renewed_at = asked_at;
        for (key, job) in &self.jobs {
            if !held.contains(key) {
                job.kill.cancel();
            }
        }
        for order in self.control.orders_for(self.id).await? {
            if let Some(job) = self.jobs.get(&order.job) {
                // A full line means that the same orders wait there already.
                let _ = job.orders.try_send(order.order);
            }
        }
        self.control.reconcile().await?;
        loop {
            self.jobs.retain(|_, job| !job.orders.is_closed());
            let used: u32 = self.jobs.values().map(|job| job.kpus).sum();
            let free = self.options.kpus.saturating_sub(used);
            if free == 0 {
                break;
            }
            let Some(claim) = self.control.claim(self.id, free).await? else { break };
            self.start(claim);
        }
        if self.cleaned_at.elapsed() > CLEAN_EVERY {
            self.cleaned_at = Instant::now();
            self.clean().await?;
        }
        Ok(())
    }

    fn start(&mut self, claim: Claim) {
        let (orders, receiver) = mpsc::channel(8);
        let kill = CancellationToken::new();
        let job = Job { orders, kill: kill.clone(), kpus: claim.kpus };
        self.jobs.insert(claim.job.clone(), job);
        let (control, options) = (self.control.clone(), self.options.clone());
        let ended = Arc::clone(&self.ended);
        self.tasks.spawn(async move {
            supervise(control, options, claim, receiver, kill).await;
            ended.notify_one();
        });
    }

    /// Removes what nothing needs any more from the object store.
    async fn clean(&self) -> control::Result<()> {
        let garbage = self.control.cleanup(CLEANED_AT_ONCE).await?;
        let remove = Arc::clone(&self.options.remove_folder);
        let removed = tokio::task::spawn_blocking(move || {
            let mut removed = Vec::new();
            for folder in garbage {
                match remove(&folder.folder) {
                    Ok(()) => removed.push(folder.id),
                    Err(error) => {
                        tracing::warn!(folder = folder.folder, %error, "garbage is left");
                    }
                }
            }
            removed
        });
        let removed = removed.await.unwrap_or_default();
        self.control.garbage_removed(&removed).await
    }

    /// Ends all jobs and says goodbye, so that others need not wait for the leases to end.
    async fn close(&mut self) {
        self.jobs.values().for_each(|job| job.kill.cancel());
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(error) = self.control.retire_worker(self.id).await {
            tracing::warn!(%error, "the worker could not say goodbye");
        }
    }
}
