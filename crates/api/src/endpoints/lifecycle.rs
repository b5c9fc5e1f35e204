//! Start and stop.

use axum::Json;
use axum::http::StatusCode;
use control::StartApplication;
use model::ids::{ApplicationName, OperationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path};
use crate::server::Shared;
use crate::wire::lenient_bool;
use crate::wire::run::RunConfiguration;

/// AWS `StartApplicationRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct StartApplicationRequest {
    pub(crate) run_configuration: RunConfiguration,
}

/// AWS `StopApplicationRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct StopApplicationRequest {
    /// Stop at once and without a snapshot; out of every status but READY, FORCE_STOPPING, DELETING.
    #[serde(deserialize_with = "lenient_bool")]
    pub(crate) force: Option<bool>,
}

/// The journal entry of what was asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OperationStarted {
    operation_id: String,
}

impl OperationStarted {
    pub(crate) fn of(operation: &OperationId) -> Self {
        Self { operation_id: operation.to_string() }
    }
}

fn accepted(operation: &OperationId) -> (StatusCode, Json<OperationStarted>) {
    (StatusCode::ACCEPTED, Json(OperationStarted::of(operation)))
}

/// Starts an application: from its latest snapshot, a named one, or without any.
#[utoipa::path(post, path = "/v1/applications/{name}/start", tag = "lifecycle",
    operation_id = "StartApplication",
    params(("name" = String, Path, description = "Application name")), request_body = StartApplicationRequest,
    responses((status = 202, body = OperationStarted), (status = "4XX", body = FailureBody)))]
pub(super) async fn start(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<StartApplicationRequest>,
) -> Result<(StatusCode, Json<OperationStarted>), Failure> {
    let name: ApplicationName = name.parse()?;
    let run_configuration = request.run_configuration.parse()?;
    let operation = shared.control.start(StartApplication { name, run_configuration }).await?;
    Ok(accepted(&operation))
}

/// Stops an application, with a snapshot if snapshots are enabled.
#[utoipa::path(post, path = "/v1/applications/{name}/stop", tag = "lifecycle",
    operation_id = "StopApplication",
    params(("name" = String, Path, description = "Application name")), request_body = StopApplicationRequest,
    responses((status = 202, body = OperationStarted), (status = "4XX", body = FailureBody)))]
pub(super) async fn stop(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<StopApplicationRequest>,
) -> Result<(StatusCode, Json<OperationStarted>), Failure> {
    let name: ApplicationName = name.parse()?;
    let operation = if request.force.unwrap_or(false) {
        shared.control.force_stop(&name).await?
    } else {
        shared.control.stop(&name).await?
    };
    Ok(accepted(&operation))
}
