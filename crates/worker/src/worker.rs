//! The worker's loop: orders, reconciliation, claims. Leases and cleaning have loops of their own.

use std::sync::Arc;
use std::time::Duration;

use control::{Claim, Control, WorkerInfo};
use model::ids::WorkerId;
use model::protocol::Order;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::Options;
use crate::cleaning::clean;
use crate::copying::copy;
use crate::jobs::{Job, Jobs};
use crate::leases;
use crate::measuring;
use crate::supervisor::{Hints, supervise};

/// Longest time between two looks at what is to be done; a notification comes sooner.
const LOOK_EVERY: Duration = Duration::from_millis(1000);

/// How long telling the database of the end of jobs and worker may take.
const GOODBYE_WITHIN: Duration = Duration::from_secs(5);

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not even begin.
    #[error("the worker could not register: {0}")]
    Register(#[source] control::Error),
}

/// How a worker is told to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Claim nothing more, let each job take a last checkpoint, give the runs to others, end.
    pub drain: CancellationToken,
    /// End at once; others go on from the latest checkpoints.
    pub at_once: CancellationToken,
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

    /// The same, with another time for the last checkpoints of its jobs.
    #[must_use]
    pub fn draining_within(mut self, time: Duration) -> Self {
        self.options.drain_within = time;
        self
    }

    /// Works until `stop`; then other workers go on with its jobs.
    pub async fn run(self, stop: Stop) -> Result<(), Error> {
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
            supervisions: TaskTracker::new(),
            stop,
        };
        // Leases are kept as long as there are jobs.
        let done = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (control, jobs) = (desk.control.clone(), desk.jobs.clone());
        tasks.spawn(leases::keep(control, desk.id, jobs, done.clone()));
        let (control, publish) = (desk.control.clone(), desk.options.publish.clone());
        tasks.spawn(measuring::keep(control, publish, desk.stop.drain.clone()));
        let (control, options) = (desk.control.clone(), desk.options.clone());
        tasks.spawn(clean(control, options, desk.stop.drain.clone()));
        let (control, options) = (desk.control.clone(), desk.options.clone());
        tasks.spawn(copy(control, desk.id, options, desk.stop.drain.clone()));
        tokio::select! {
            () = desk.work() => {}
            () = desk.out_of_time() => {}
        }
        desk.leave().await;
        done.cancel();
        tasks.close();
        tasks.wait().await;
        desk.say_goodbye().await;
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
    supervisions: TaskTracker,
    stop: Stop,
}

impl Desk {
    /// Works until it is told to stop and has no job left, or is to end at once.
    async fn work(&self) {
        let Stop { drain, at_once } = &self.stop;
        let (mut wake, mut drained) = (None, false);
        while !self.is_over() {
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
                () = at_once.cancelled() => return,
                () = drain.cancelled(), if !drained => {
                    drained = true;
                    tracing::info!(jobs = self.jobs.keys().len(), "the worker is told to stop");
                    true
                }
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
        let leaving = self.stop.drain.is_cancelled();
        for order in self.control.orders_for(self.id).await? {
            // A job that takes its last checkpoint takes no snapshots beside; they are made where it
            // goes on, or out of that checkpoint if it is to end.
            if !leaving || matches!(order.order, Order::Cancel) {
                self.jobs.tell(&order.job, order.order);
            }
        }
        self.control.reconcile().await?;
        while !self.stop.drain.is_cancelled() {
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
        let hints = Hints { kill, drain: self.stop.drain.clone() };
        self.supervisions.spawn(async move {
            let _over = over;
            supervise(control, options, claim, receiver, hints).await;
        });
    }

    fn is_over(&self) -> bool {
        let Stop { drain, at_once } = &self.stop;
        at_once.is_cancelled() || (drain.is_cancelled() && self.jobs.keys().is_empty())
    }

    /// Ends when the worker must, whatever it is waiting for.
    async fn out_of_time(&self) {
        let Stop { drain, at_once } = &self.stop;
        let overdue = async {
            drain.cancelled().await;
            tokio::time::sleep(self.options.drain_within + GOODBYE_WITHIN).await;
        };
        tokio::select! {
            () = at_once.cancelled() => {}
            () = overdue => {}
        }
    }

    /// Ends the jobs that are left.
    async fn leave(&self) {
        self.jobs.kill_all();
        self.supervisions.close();
        self.supervisions.wait().await;
    }

    /// What it still has is free for others, who need not wait for the leases to end.
    async fn say_goodbye(&self) {
        match tokio::time::timeout(GOODBYE_WITHIN, self.control.retire_worker(self.id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the worker could not say goodbye"),
            Err(_) => tracing::warn!("the database did not hear the worker's goodbye"),
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
