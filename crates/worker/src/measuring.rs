//! Has the metrics of all applications kept, one point for each period.

use control::Control;
use tokio_util::sync::CancellationToken;

/// Looks within one period: a point comes late by no more than that share of it.
const LOOKS: u32 = 12;

/// Looks until `stop`; of several workers one does the work.
pub(crate) async fn keep(control: Control, stop: CancellationToken) {
    let pause = control.metrics_period() / LOOKS;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        if let Err(error) = control.keep_metrics().await {
            tracing::warn!(%error, "the metrics could not be kept");
        }
    }
}
