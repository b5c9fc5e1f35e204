//! Renews the leases of a worker's jobs, whatever else keeps it busy.

use control::Control;
use model::ids::WorkerId;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::jobs::Jobs;

/// Renewals within one lease: a few may be missed.
const RENEWALS: u32 = 5;

/// Renews until `stop`. Jobs that were given to somebody else are killed, and all are when the
/// leases are over without the database having answered.
pub(crate) async fn keep(control: Control, worker: WorkerId, jobs: Jobs, stop: CancellationToken) {
    let lease = control.lease();
    let mut renewed_at = Instant::now();
    while !stop.is_cancelled() {
        let asked_at = Instant::now();
        // Once the leases are over there is nothing left to be in time for.
        let deadline = (renewed_at + lease).max(asked_at + lease / RENEWALS);
        let mine = jobs.keys();
        match timeout_at(deadline, control.renew_leases(worker, &mine)).await {
            Ok(Ok(held)) => {
                renewed_at = asked_at;
                mine.iter().filter(|key| !held.contains(key)).for_each(|key| jobs.kill(key));
            }
            Ok(Err(error)) => tracing::warn!(%error, "the leases could not be renewed"),
            Err(_) => tracing::warn!("the database did not answer within the time of the leases"),
        }
        if renewed_at.elapsed() >= lease {
            // Somebody else may have claimed them by now.
            jobs.kill_all();
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(lease / RENEWALS) => {}
        }
    }
}
