//! Versions, operations and events of an application.

use axum::Json;
use control::{Operation, OperationFilter, Page, VersionDetail, VersionOverview};
use model::ids::{ApplicationName, OperationId, VersionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Paging;
use crate::failure::{Failure, FailureBody};
use crate::request::{Path, Query};
use crate::server::Shared;
use crate::wire::detail::{self, ApplicationDetail};
use crate::wire::history::{
    ApplicationVersionSummary, EventBody, OperationBody, event, operation as rendered,
    version as summarised,
};

/// AWS `ListApplicationVersionsResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VersionsAnswer {
    application_version_summaries: Vec<ApplicationVersionSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl VersionsAnswer {
    pub(crate) fn of(page: Page<VersionOverview>) -> Self {
        Self {
            application_version_summaries: page.items.into_iter().map(summarised).collect(),
            next_token: page.next_token,
        }
    }
}

/// Lists versions, newest first.
#[utoipa::path(get, path = "/v1/applications/{name}/versions", tag = "history",
    operation_id = "ListApplicationVersions",
    params(("name" = String, Path, description = "Application name"), Paging),
    responses((status = 200, body = VersionsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn versions(
    shared: Shared,
    Path(name): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<VersionsAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let page = shared.control.list_versions(&name, &paging.parse()?).await?;
    Ok(Json(VersionsAnswer::of(page)))
}

/// AWS `DescribeApplicationVersionResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VersionAnswer {
    application_version_detail: ApplicationDetail,
}

impl VersionAnswer {
    pub(crate) fn of(found: VersionDetail) -> Self {
        Self { application_version_detail: detail::described(found) }
    }
}

/// Tells the whole configuration of a version.
#[utoipa::path(get, path = "/v1/applications/{name}/versions/{version}", tag = "history",
    operation_id = "DescribeApplicationVersion",
    params(("name" = String, Path, description = "Application name"),
        ("version" = i64, Path, description = "Application version id")),
    responses((status = 200, body = VersionAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn version(
    shared: Shared,
    Path((name, version)): Path<(String, i64)>,
) -> Result<Json<VersionAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let found = shared.control.describe_version(&name, VersionId::try_from(version)?).await?;
    Ok(Json(VersionAnswer::of(found)))
}

/// AWS `ListApplicationOperationsRequest`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct OperationParameters {
    limit: Option<i64>,
    next_token: Option<String>,
    /// `StartApplication` and the like.
    operation: Option<String>,
    /// `IN_PROGRESS`, `SUCCESSFUL`, `FAILED` or `CANCELLED`.
    operation_status: Option<String>,
}

/// AWS `ListApplicationOperationsResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OperationsAnswer {
    application_operation_info_list: Vec<OperationBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl OperationsAnswer {
    pub(crate) fn of(page: Page<Operation>) -> Self {
        Self {
            application_operation_info_list: page.items.into_iter().map(rendered).collect(),
            next_token: page.next_token,
        }
    }
}

/// Lists operations, newest first.
#[utoipa::path(get, path = "/v1/applications/{name}/operations", tag = "history",
    operation_id = "ListApplicationOperations",
    params(("name" = String, Path, description = "Application name"), OperationParameters),
    responses((status = 200, body = OperationsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn operations(
    shared: Shared,
    Path(name): Path<String>,
    Query(parameters): Query<OperationParameters>,
) -> Result<Json<OperationsAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let paging = Paging { limit: parameters.limit, next_token: parameters.next_token };
    let status = parameters.operation_status.as_deref().map(str::parse).transpose();
    let filter = OperationFilter { kind: parameters.operation, status: status? };
    let page = shared.control.list_operations(&name, &filter, &paging.parse()?).await?;
    Ok(Json(OperationsAnswer::of(page)))
}

/// AWS `DescribeApplicationOperationResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeOperationAnswer {
    application_operation_info_details: OperationBody,
}

impl DescribeOperationAnswer {
    pub(crate) fn of(found: Operation) -> Self {
        Self { application_operation_info_details: rendered(found) }
    }
}

/// Tells all of an operation, with the cause if it failed.
#[utoipa::path(get, path = "/v1/applications/{name}/operations/{operation}", tag = "history",
    operation_id = "DescribeApplicationOperation",
    params(("name" = String, Path, description = "Application name"),
        ("operation" = String, Path, description = "OperationId")),
    responses((status = 200, body = DescribeOperationAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn operation(
    shared: Shared,
    Path((name, operation)): Path<(String, String)>,
) -> Result<Json<DescribeOperationAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let id: OperationId = operation.parse()?;
    let found = shared.control.describe_operation(&name, &id).await?;
    Ok(Json(DescribeOperationAnswer::of(found)))
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EventsAnswer {
    events: Vec<EventBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Lists what has happened to an application, newest first.
#[utoipa::path(get, path = "/v1/applications/{name}/events", tag = "history",
    operation_id = "ListApplicationEvents",
    params(("name" = String, Path, description = "Application name"), Paging),
    responses((status = 200, body = EventsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn events(
    shared: Shared,
    Path(name): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<EventsAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let page = shared.control.events(&name, &paging.parse()?).await?;
    Ok(Json(EventsAnswer {
        events: page.items.into_iter().map(event).collect(),
        next_token: page.next_token,
    }))
}
