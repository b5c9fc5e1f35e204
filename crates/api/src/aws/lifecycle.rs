//! Start, stop, roll back.

use control::{Control, RollbackApplication, Seen, StartApplication};
use model::ids::{ApplicationName, VersionId};
use serde::Deserialize;

use super::refusal::Refusal;
use crate::endpoints::lifecycle::{
    OperationStarted, StartApplicationRequest, StopApplicationRequest,
};
use crate::wire::detail::{self, ApplicationDetailAnswer};

/// AWS `StartApplicationRequest`; in REST the name is in the path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Start {
    application_name: ApplicationName,
    #[serde(flatten)]
    request: StartApplicationRequest,
}

pub(super) async fn start(control: Control, start: Start) -> Result<OperationStarted, Refusal> {
    let command = StartApplication {
        name: start.application_name,
        run_configuration: start.request.run_configuration.parse()?,
    };
    Ok(OperationStarted::of(&control.start(command).await?))
}

/// AWS `StopApplicationRequest`; in REST the name is in the path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Stop {
    application_name: ApplicationName,
    #[serde(flatten)]
    request: StopApplicationRequest,
}

pub(super) async fn stop(control: Control, stop: Stop) -> Result<OperationStarted, Refusal> {
    let name = &stop.application_name;
    let operation = if stop.request.force.unwrap_or(false) {
        control.force_stop(name).await?
    } else {
        control.stop(name).await?
    };
    Ok(OperationStarted::of(&operation))
}

/// AWS `RollbackApplicationRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Rollback {
    application_name: ApplicationName,
    current_application_version_id: i64,
}

pub(super) async fn rollback(
    control: Control,
    request: Rollback,
) -> Result<ApplicationDetailAnswer, Refusal> {
    let version = VersionId::try_from(request.current_application_version_id)?;
    let seen = Seen::Match { version: Some(version), token: None };
    let command = RollbackApplication { name: request.application_name, seen };
    Ok(detail::updated(control.rollback(command).await?))
}
