//! What a job is told first.

use std::path::PathBuf;

use control::{Claim, Control, Program};
use model::fault::{Domain, Fault};
use model::protocol::{Assignment, Code, Failure};
use model::trace;

use crate::Options;

/// Makes the job's private folder and everything it needs to know; its start is a part of `span`.
pub(crate) async fn assignment(
    control: &Control,
    options: &Options,
    claim: &Claim,
    folder: &PathBuf,
    span: &tracing::Span,
) -> Result<Assignment, Failure> {
    let broken = |message: String| Failure {
        fault: Fault { domain: Domain::Internal, retry: true },
        message,
        traceback: None,
    };
    tokio::fs::create_dir_all(folder)
        .await
        .map_err(|error| broken(format!("making the job's folder: {error}")))?;
    let code = match &claim.program {
        Program::Sql { text } => Code::Sql { text: text.clone() },
        Program::Zip { sha256 } => {
            let found = control.artifact(sha256).await;
            let bytes = found
                .map_err(|error| broken(format!("reading the code: {error}")))?
                .ok_or_else(|| broken(format!("the code with SHA-256 {sha256} is missing")))?;
            let path = folder.join("code.zip");
            tokio::fs::write(&path, bytes)
                .await
                .map_err(|error| broken(format!("writing the code: {error}")))?;
            Code::Zip { path: path.display().to_string() }
        }
    };
    Ok(Assignment {
        application: claim.job.application.to_string(),
        application_id: claim.application_id.to_string(),
        version: claim.version.get(),
        attempt: claim.job.attempt,
        code,
        properties: claim.properties.clone(),
        parallelism: claim.parallelism,
        checkpointing: claim.checkpointing.clone(),
        log_level: claim.log_level,
        metrics_level: claim.metrics_level,
        restore: claim.restore.manifest().map(str::to_owned),
        unfinished: claim.unfinished.clone(),
        allow_non_restored_state: claim.allow_non_restored_state,
        next_checkpoint: claim.next_checkpoint,
        storage: options.storage.clone(),
        folder: claim.folder.clone(),
        scratch: folder.display().to_string(),
        traceparent: trace::place(span).or(claim.traceparent.filter(|_| !claim.restart)),
    })
}
