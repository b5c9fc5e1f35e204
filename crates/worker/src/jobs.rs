//! The jobs a worker has, shared by its loops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use control::JobKey;
use model::protocol::Order;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The jobs whose supervision is not over.
#[derive(Clone, Default)]
pub(crate) struct Jobs(Arc<Mutex<HashMap<JobKey, Job>>>);

/// One of them.
pub(crate) struct Job {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) kill: CancellationToken,
    pub(crate) kpus: u32,
}

impl Jobs {
    fn all(&self) -> MutexGuard<'_, HashMap<JobKey, Job>> {
        // A map of handles is whole whatever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, key: JobKey, job: Job) {
        self.all().insert(key, job);
    }

    pub(crate) fn remove(&self, key: &JobKey) {
        self.all().remove(key);
    }

    pub(crate) fn keys(&self) -> Vec<JobKey> {
        self.all().keys().cloned().collect()
    }

    /// KPUs they take.
    pub(crate) fn kpus(&self) -> u32 {
        self.all().values().map(|job| job.kpus).sum()
    }

    /// Passes an order on, if the job is still there.
    pub(crate) fn tell(&self, key: &JobKey, order: Order) {
        if let Some(job) = self.all().get(key) {
            // A full line means that the same orders wait there already.
            let _ = job.orders.try_send(order);
        }
    }

    pub(crate) fn kill(&self, key: &JobKey) {
        if let Some(job) = self.all().get(key) {
            job.kill.cancel();
        }
    }

    pub(crate) fn kill_all(&self) {
        self.all().values().for_each(|job| job.kill.cancel());
    }
}
