//! What an operator does meanwhile: snapshots, stops and starts, changes.

use std::time::Duration;

use serde_json::json;

use super::Error;
use super::application::Application;
use super::fault::Fault;

/// Longest wait for an operation, faults included.
const PATIENCE: Duration = Duration::from_secs(180);

/// Parallelisms that a change chooses from.
const PARALLELISMS: [u64; 4] = [1, 2, 3, 4];

/// Does it; says what became of it.
pub(super) async fn act(
    application: &Application,
    fault: Fault,
    pause: Duration,
    pick: u64,
) -> Result<String, Error> {
    match fault {
        Fault::Snapshot => snapshot(application, pick).await,
        Fault::StopAndStart => stop_and_start(application, pause, None).await,
        Fault::Rescale => {
            let at = usize::try_from(pick / 7 % PARALLELISMS.len() as u64).unwrap_or_default();
            stop_and_start(application, pause, Some(PARALLELISMS[at])).await
        }
        Fault::Update => update(application, pick).await,
        _ => Err(format!("{} is no operator's deed", fault.name()).into()),
    }
}

async fn snapshot(application: &Application, pick: u64) -> Result<String, Error> {
    let name = format!("chaos-{}", pick % 1_000_000_007);
    if let Err(error) = application.post("/snapshots", json!({ "SnapshotName": name })).await {
        return Ok(format!("refused: {error}"));
    }
    let deadline = std::time::Instant::now() + PATIENCE;
    let mut last = String::new();
    while std::time::Instant::now() < deadline {
        match application.snapshot_status(&name).await {
            // Every other one is not kept: its objects must go, and nothing else.
            Ok(status) if status == "READY" && pick.is_multiple_of(2) => {
                return match application.delete_snapshot(&name).await {
                    Ok(_) => Ok("READY, deleted".to_owned()),
                    Err(error) => Ok(format!("READY, not deleted: {error}")),
                };
            }
            Ok(status) if status == "READY" || status == "FAILED" => return Ok(status),
            Ok(status) => last = status,
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(format!("{}: snapshot `{name}` is not ready: {last}", application.name).into())
}

/// Stops with a snapshot and starts from it, perhaps with another parallelism.
async fn stop_and_start(
    application: &Application,
    pause: Duration,
    parallelism: Option<u64>,
) -> Result<String, Error> {
    if let Err(error) = application.post("/stop", json!({ "Force": false })).await {
        // Perhaps it was heard although no answer came.
        application.run(PATIENCE).await?;
        return Ok(format!("stop: {error}"));
    }
    application.until("READY", PATIENCE, |seen| seen.status == "READY").await?;
    tokio::time::sleep(pause).await;
    let mut outcome = "done".to_owned();
    if let Some(parallelism) = parallelism {
        outcome = match application.rescale(parallelism).await {
            Ok(_) => format!("parallelism {parallelism}"),
            Err(error) => format!("rescale: {error}"),
        };
    }
    application.run(PATIENCE).await?;
    Ok(outcome)
}

async fn update(application: &Application, pick: u64) -> Result<String, Error> {
    let outcome = match application.relabel(&format!("label-{}", pick % 1000)).await {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("update: {error}"),
    };
    application.until("updated", PATIENCE, |seen| seen.status != "UPDATING").await?;
    application.run(PATIENCE).await?;
    Ok(outcome)
}
