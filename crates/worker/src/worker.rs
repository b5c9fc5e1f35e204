//! The worker's loop: orders, reconciliation, claims. Leases and cleaning have loops of their own.

use std::sync::Arc;
use std::time::Duration;

use control::{Claim, Control, WorkerInfo};
use model::ids::WorkerId;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::Options;
use crate::cleaning::clean;
use crate::jobs::{Job, Jobs};
use crate::leases;
use crate::measuring;
use crate::supervisor::supervise;

/// Longest time between two looks at what is to be done; a notification comes sooner.
const LOOK_EVERY: Duration = Duration::from_millis(1000);

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
        let desk = Desk {
            control: self.control,
            options: self.options,
            id: self.id,
            jobs: Jobs::default(),
            ended: Arc::new(Notify::new()),
            tasks: TaskTracker::new(),
        };
        let (control, jobs) = (desk.control.clone(), desk.jobs.clone());
        desk.tasks.spawn(leases::keep(control, desk.id, jobs, stop.clone()));
        desk.tasks.spawn(measuring::keep(desk.control.clone(), stop.clone()));
        desk.tasks.spawn(clean(desk.control.clone(), desk.options.clone(), stop.clone()));
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
    jobs: Jobs,
    /// A supervision has ended.
    ended: Arc<Notify>,
    tasks: TaskTracker,
}

impl Desk {
    async fn work(&self, stop: &CancellationToken) {
        let mut wake = None;
        while !stop.is_cancelled() {
            let pause = match self.look().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "the control plane's database does not answer");
                    LOOK_EVERY
                }
            };
            if wake.is_none() {
                wake = self.control.wait_for_work().await.ok();
            }
            let notified = async {
                let waited = match &mut wake {
                    Some(wake) => wake.wait(pause).await,
                    None => {
                        tokio::time::sleep(pause).await;
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

    /// One look at everything, in the order of urgency. Gives the time until the next one: a run
    /// whose wait or whose lease ends sooner than usual is not kept waiting.
    async fn look(&self) -> control::Result<Duration> {
        for order in self.control.orders_for(self.id).await? {
            self.jobs.tell(&order.job, order.order);
        }
        self.control.reconcile().await?;
        loop {
            let free = self.options.kpus.saturating_sub(self.jobs.kpus());
            if free == 0 {
                break;
            }
            let Some(claim) = self.control.claim(self.id, free).await? else { break };
            self.start(claim);
        }
        let next = self.control.next_claim_in(self.id).await?;
        Ok(next.map_or(LOOK_EVERY, |next| next.min(LOOK_EVERY)))
    }

    fn start(&self, claim: Claim) {
        let (orders, receiver) = mpsc::channel(8);
        let kill = CancellationToken::new();
        let key = claim.job.clone();
        self.jobs.insert(key.clone(), Job { orders, kill: kill.clone(), kpus: claim.kpus });
        let over = Over { key, jobs: self.jobs.clone(), ended: Arc::clone(&self.ended) };
        let (control, options) = (self.control.clone(), self.options.clone());
        self.tasks.spawn(async move {
            let _over = over;
            supervise(control, options, claim, receiver, kill).await;
        });
    }

    /// Ends all jobs and says goodbye, so that others need not wait for the leases to end.
    async fn close(&self) {
        self.jobs.kill_all();
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(error) = self.control.retire_worker(self.id).await {
            tracing::warn!(%error, "the worker could not say goodbye");
        }
    }
}

/// Forgets a job when its supervision is over, even by a panic: a run without a supervision must
/// lose its lease.
struct Over {
    key: control::JobKey,
    jobs: Jobs,
    ended: Arc<Notify>,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.jobs.remove(&self.key);
        self.ended.notify_one();
    }
}
