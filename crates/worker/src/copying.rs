//! Copies enhanced snapshots: out of an application's folder, to a customer's bucket and back.

use std::sync::Arc;
use std::time::Duration;

use control::{Control, CopyProblem, CopyTask};
use model::ids::WorkerId;
use tokio_util::sync::CancellationToken;

use crate::Options;

/// Longest time between two looks for something to copy.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Copies one after the other until `stop`. One that is under way then is begun again by another
/// worker.
pub(crate) async fn copy(
    control: Control,
    worker: WorkerId,
    options: Options,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let more = tokio::select! {
            () = stop.cancelled() => return,
            more = copy_one(&control, worker, &options) => more,
        };
        let more = more.unwrap_or_else(|error| {
            tracing::warn!(%error, "what is to be copied is not known");
            false
        });
        if !more {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

/// Whether there was something to copy.
async fn copy_one(control: &Control, worker: WorkerId, options: &Options) -> control::Result<bool> {
    let Some(task) = control.take_copy(worker).await? else { return Ok(false) };
    tracing::info!(snapshot = %task.snapshot, operation = %task.operation, "copying");
    let (copy, work) = (Arc::clone(&options.copy), task.work.clone());
    let copying = tokio::task::spawn_blocking(move || copy(&work));
    tokio::pin!(copying);
    let result = loop {
        tokio::select! {
            result = &mut copying => break result,
            () = tokio::time::sleep(control.copy_sign_of_life()) => {
                if !goes_on(control, &task).await {
                    // What is still written is what somebody else writes there, or is swept up.
                    return Ok(true);
                }
            }
        }
    };
    let result = result.unwrap_or_else(|error| {
        tracing::error!(%error, "copying ended unexpectedly");
        let message = "an internal error happened; the service's log says more".to_owned();
        Err(CopyProblem { code: "InternalFailure", message, passes: false })
    });
    control.copy_done(&task, &result).await?;
    Ok(true)
}

async fn goes_on(control: &Control, task: &CopyTask) -> bool {
    control.copy_goes_on(task).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "nobody heard that a copy goes on");
        true
    })
}
