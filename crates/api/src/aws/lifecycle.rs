//! Start and stop.

use control::{Control, StartApplication};
use model::ids::ApplicationName;
use serde::Deserialize;

use super::applications::Done;
use super::refusal::Refusal;
use crate::endpoints::lifecycle::{
    OperationStarted, StartApplicationRequest, StopApplicationRequest,
};

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

/// There is no RollbackApplication yet.
pub(super) async fn not_offered(
    control: Control,
    request: super::applications::Named,
) -> Result<Done, Refusal> {
    super::configuration::not_offered(control, request).await
}
