//! Workers come, say that they are there, and go.

use std::time::Duration;

use model::ids::{RunId, WorkerId};
use store::{NewWorker, Wake};

use crate::{Control, JobKey, error::Result};

/// What a worker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Identity of the process; a new one at every start.
    pub id: WorkerId,
    /// For people, such as host name and process id.
    pub name: String,
    /// KPUs it may use.
    pub capacity_kpus: u32,
}

impl Control {
    /// Registers a worker. May be repeated, also as a sign of life.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn register_worker(&self, worker: &WorkerInfo) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let new =
            NewWorker { id: worker.id, name: &worker.name, capacity_kpus: worker.capacity_kpus };
        tx.put_worker(&new).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Prolongs the leases of the jobs that a worker supervises and tells which it has. A job that
    /// is not among those was given to another worker or is over: its process must be killed at
    /// once. A run that the worker has without supervising it loses its lease, so that it is
    /// claimed again. To be called several times within [`Control::lease`]; a worker that cannot
    /// for that long must kill its jobs.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn renew_leases(
        &self,
        worker: WorkerId,
        supervised: &[JobKey],
    ) -> Result<Vec<JobKey>> {
        let runs: Vec<RunId> = supervised.iter().map(|job| job.run).collect();
        let mut tx = self.store.begin().await?;
        let held = tx.renew_leases(worker, &runs, self.settings.timing.lease).await?;
        tx.heartbeat(worker).await?;
        tx.commit().await?;
        Ok(held
            .into_iter()
            .map(|held| JobKey { application: held.name, run: held.run, attempt: held.attempt })
            .collect())
    }

    /// How long a worker has a job without [`Control::renew_leases`].
    pub fn lease(&self) -> Duration {
        self.settings.timing.lease
    }

    /// Time until the next run becomes claimable that is not yet: its wait, or the lease of another
    /// worker, ends then. `None` if no run waits.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next_claim_in(&self, worker: WorkerId) -> Result<Option<Duration>> {
        let mut tx = self.store.begin().await?;
        Ok(tx.next_claim_in(worker).await?)
    }

    /// Forgets a worker that ends in good order, after it has ended its processes: what it had is
    /// free for others at once, without counting as a failure.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn retire_worker(&self, worker: WorkerId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.release_runs_of(worker).await?;
        tx.delete_worker(worker).await?;
        tx.notify().await?;
        tx.commit().await?;
        Ok(())
    }

    /// Begins to listen for work; [`Wake::wait`] returns when there may be some.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn wait_for_work(&self) -> Result<Wake> {
        Ok(self.store.wake().await?)
    }
}
