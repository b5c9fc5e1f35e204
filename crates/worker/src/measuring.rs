//! Has the metrics of all applications kept, one point for each period.

use control::Control;
use tokio_util::sync::CancellationToken;

use crate::Publish;

/// Looks within one period: a point comes late by no more than that share of it.
const LOOKS: u32 = 12;

/// Looks until `stop`; of several workers one does the work, and one tells of it.
pub(crate) async fn keep(control: Control, publish: Option<Publish>, stop: CancellationToken) {
    let pause = control.metrics_period() / LOOKS;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        match (control.keep_metrics().await, &publish) {
            (Ok(Some(kept)), Some(publish)) => publish(kept),
            (Ok(_), _) => {}
            (Err(error), _) => tracing::warn!(%error, "the metrics could not be kept"),
        }
    }
}
