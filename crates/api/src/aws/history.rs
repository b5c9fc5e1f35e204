//! Versions and operations of an application.

use control::{Control, OperationFilter};
use model::ids::{ApplicationName, OperationId, VersionId};
use serde::Deserialize;

use super::applications::Paging;
use super::refusal::Refusal;
use crate::endpoints::history::{
    DescribeOperationAnswer, OperationsAnswer, VersionAnswer, VersionsAnswer,
};

/// AWS `ListApplicationVersionsRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Versions {
    application_name: ApplicationName,
    #[serde(flatten)]
    paging: Paging,
}

pub(super) async fn versions(
    control: Control,
    request: Versions,
) -> Result<VersionsAnswer, Refusal> {
    let page = request.paging.parse()?;
    Ok(VersionsAnswer::of(control.list_versions(&request.application_name, &page).await?))
}

/// AWS `DescribeApplicationVersionRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    application_name: ApplicationName,
    application_version_id: i64,
}

pub(super) async fn version(control: Control, request: Version) -> Result<VersionAnswer, Refusal> {
    let version = VersionId::try_from(request.application_version_id)?;
    Ok(VersionAnswer::of(control.describe_version(&request.application_name, version).await?))
}

/// AWS `ListApplicationOperationsRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Operations {
    application_name: ApplicationName,
    #[serde(flatten)]
    paging: Paging,
    operation: Option<String>,
    operation_status: Option<String>,
}

pub(super) async fn operations(
    control: Control,
    request: Operations,
) -> Result<OperationsAnswer, Refusal> {
    let page = request.paging.parse()?;
    let status = request.operation_status.as_deref().map(str::parse).transpose()?;
    let filter = OperationFilter { kind: request.operation, status };
    let found = control.list_operations(&request.application_name, &filter, &page).await?;
    Ok(OperationsAnswer::of(found))
}

/// AWS `DescribeApplicationOperationRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Operation {
    application_name: ApplicationName,
    operation_id: OperationId,
}

pub(super) async fn operation(
    control: Control,
    request: Operation,
) -> Result<DescribeOperationAnswer, Refusal> {
    let found =
        control.describe_operation(&request.application_name, &request.operation_id).await?;
    Ok(DescribeOperationAnswer::of(found))
}
