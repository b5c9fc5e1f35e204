//! What a worker must tell its jobs.

use model::{ids::WorkerId, protocol::Order};
use store::{Desired, Held, SnapshotStatus, Tx};

use crate::{Control, JobKey, error::Result, worker::enhanced::in_order};

/// An order for one job.
#[derive(Debug, Clone)]
pub struct JobOrder {
    /// The job.
    pub job: JobKey,
    /// [`Order::Snapshot`] or [`Order::Cancel`].
    pub order: Order,
}

impl Control {
    /// What a worker must tell its jobs now. An order is repeated by every call until it is
    /// fulfilled: the worker passes each on once (a snapshot's name is its identity).
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn orders_for(&self, worker: WorkerId) -> Result<Vec<JobOrder>> {
        let mut tx = self.store.begin().await?;
        let mut orders = Vec::new();
        for held in tx.held(worker).await? {
            for order in orders_of(&mut tx, &held).await? {
                let Held { name, run, attempt, .. } = &held;
                let job = JobKey { application: name.clone(), run: *run, attempt: *attempt };
                orders.push(JobOrder { job, order });
            }
        }
        Ok(orders)
    }
}

async fn orders_of(tx: &mut Tx, held: &Held) -> Result<Vec<Order>> {
    match (held.desired, held.running) {
        (Desired::Cancel, _) => Ok(vec![Order::Cancel]),
        (Desired::Run, true) => {
            let own = tx.snapshots_being_made(held.application).await?;
            let own = own.into_iter().map(|snapshot| String::from(snapshot.name));
            let enhanced = tx.enhanced_being_made(held.application).await?;
            let enhanced = enhanced.iter().filter(|snapshot| snapshot.source_manifest.is_none());
            let names = own.chain(enhanced.map(|snapshot| in_order(&snapshot.name)));
            Ok(names.map(|name| Order::Snapshot { name, stop: false }).collect())
        }
        (Desired::SnapshotAndStop, true) => {
            let Some(name) = &held.stop_snapshot else { return Ok(vec![Order::Cancel]) };
            let taken = tx
                .snapshot(held.application, name)
                .await?
                .is_some_and(|snapshot| snapshot.status != SnapshotStatus::Creating);
            let order = Order::Snapshot { name: name.to_string(), stop: true };
            Ok(if taken { Vec::new() } else { vec![order] })
        }
        (Desired::Run | Desired::SnapshotAndStop | Desired::CommitAndStop, false)
        | (Desired::CommitAndStop, true) => Ok(Vec::new()),
    }
}
