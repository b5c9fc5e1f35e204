//! What belongs to a configuration and has operations of its own: logging options, VPC configurations,
//! the maintenance window.

use control::{Control, Seen};
use model::configuration::SubResourceChange;
use model::ids::ApplicationName;
use serde::Deserialize;

use super::refusal::Refusal;
use crate::endpoints::maintenance::{MaintenanceAnswer, MaintenanceRequest};
use crate::endpoints::presigned_url::{PresignedUrlAnswer, PresignedUrlRequest};
use crate::server::Shared;
use crate::wire::configuration::sub_resources::{logging_option_id, vpc_configuration_id};
use crate::wire::sub_resources::{
    AddLoggingOptionRequest, AddVpcConfigurationRequest, LoggingOptionsAnswer,
    VpcConfigurationAnswer, logging_answer, update, vpc_answer,
};

/// A request whose other members REST has in a body of their own, the name being in the path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named<T> {
    application_name: ApplicationName,
    #[serde(flatten)]
    request: T,
}

/// AWS `DeleteApplicationCloudWatchLoggingOptionRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteLoggingOption {
    cloud_watch_logging_option_id: String,
    current_application_version_id: Option<i64>,
    conditional_token: Option<String>,
}

/// AWS `DeleteApplicationVpcConfigurationRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteVpc {
    vpc_configuration_id: String,
    current_application_version_id: Option<i64>,
    conditional_token: Option<String>,
}

pub(super) async fn add_logging_option(
    control: Control,
    named: Named<AddLoggingOptionRequest>,
) -> Result<LoggingOptionsAnswer, Refusal> {
    let (change, seen) = named.request.parse()?;
    let command = update(named.application_name, change, seen);
    Ok(logging_answer(control.update(command).await?))
}

pub(super) async fn delete_logging_option(
    control: Control,
    named: Named<DeleteLoggingOption>,
) -> Result<LoggingOptionsAnswer, Refusal> {
    let request = named.request;
    let id = logging_option_id(&request.cloud_watch_logging_option_id)?;
    let seen = Seen::given(request.current_application_version_id, request.conditional_token)?;
    let change = SubResourceChange::DeleteLoggingOption { id };
    let command = update(named.application_name, change, seen);
    Ok(logging_answer(control.update(command).await?))
}

pub(super) async fn add_vpc(
    control: Control,
    named: Named<AddVpcConfigurationRequest>,
) -> Result<VpcConfigurationAnswer, Refusal> {
    let (change, seen) = named.request.parse()?;
    let command = update(named.application_name, change, seen);
    Ok(vpc_answer(control.update(command).await?))
}

pub(super) async fn delete_vpc(
    control: Control,
    named: Named<DeleteVpc>,
) -> Result<VpcConfigurationAnswer, Refusal> {
    let request = named.request;
    let id = vpc_configuration_id(&request.vpc_configuration_id)?;
    let seen = Seen::given(request.current_application_version_id, request.conditional_token)?;
    let change = SubResourceChange::DeleteVpc { id };
    let command = update(named.application_name, change, seen);
    Ok(vpc_answer(control.update(command).await?))
}

pub(super) async fn set_maintenance_window(
    control: Control,
    named: Named<MaintenanceRequest>,
) -> Result<MaintenanceAnswer, Refusal> {
    Ok(named.request.carry_out(&control, &named.application_name).await?)
}

pub(super) async fn presigned_url(
    shared: Shared,
    named: Named<PresignedUrlRequest>,
) -> Result<PresignedUrlAnswer, Refusal> {
    Ok(named.request.carry_out(&shared, &named.application_name).await?)
}
