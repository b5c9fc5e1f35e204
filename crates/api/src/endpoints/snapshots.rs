//! Snapshots of an application.

use axum::Json;
use axum::http::StatusCode;
use chrono::DateTime;
use control::{Page, Snapshot};
use model::ids::{ApplicationName, SnapshotName};
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Paging;
use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path, Query};
use crate::server::Shared;
use crate::wire::history::{SnapshotDetails, snapshot};

/// AWS `ListApplicationSnapshotsResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SnapshotsAnswer {
    snapshot_summaries: Vec<SnapshotDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl SnapshotsAnswer {
    pub(crate) fn of(page: Page<Snapshot>) -> Self {
        Self {
            snapshot_summaries: page.items.into_iter().map(snapshot).collect(),
            next_token: page.next_token,
        }
    }
}

/// Lists snapshots, oldest first.
#[utoipa::path(get, path = "/v1/applications/{name}/snapshots", tag = "snapshots",
    operation_id = "ListApplicationSnapshots",
    params(("name" = String, Path, description = "Application name"), Paging),
    responses((status = 200, body = SnapshotsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn list(
    shared: Shared,
    Path(name): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<SnapshotsAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let page = shared.control.list_snapshots(&name, &paging.parse()?).await?;
    Ok(Json(SnapshotsAnswer::of(page)))
}

/// AWS `CreateApplicationSnapshotRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CreateSnapshotRequest {
    #[schema(required = true, min_length = 1, max_length = 256, pattern = "^[a-zA-Z0-9_.-]+$")]
    snapshot_name: String,
}

/// Takes a snapshot of a running application; it is CREATING, then READY.
#[utoipa::path(post, path = "/v1/applications/{name}/snapshots", tag = "snapshots",
    operation_id = "CreateApplicationSnapshot",
    params(("name" = String, Path, description = "Application name")), request_body = CreateSnapshotRequest,
    responses((status = 202, body = SnapshotAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn create(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<CreateSnapshotRequest>,
) -> Result<(StatusCode, Json<SnapshotAnswer>), Failure> {
    let name: ApplicationName = name.parse()?;
    let snapshot_name: SnapshotName = request.snapshot_name.parse()?;
    shared.control.create_snapshot(&name, &snapshot_name).await?;
    let made = shared.control.describe_snapshot(&name, &snapshot_name).await?;
    Ok((StatusCode::ACCEPTED, Json(SnapshotAnswer::of(made))))
}

/// AWS `DescribeApplicationSnapshotResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SnapshotAnswer {
    snapshot_details: SnapshotDetails,
}

impl SnapshotAnswer {
    pub(crate) fn of(found: Snapshot) -> Self {
        Self { snapshot_details: snapshot(found) }
    }
}

/// Tells all of a snapshot.
#[utoipa::path(get, path = "/v1/applications/{name}/snapshots/{snapshot}", tag = "snapshots",
    operation_id = "DescribeApplicationSnapshot",
    params(("name" = String, Path, description = "Application name"),
        ("snapshot" = String, Path, description = "Snapshot name")),
    responses((status = 200, body = SnapshotAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn describe(
    shared: Shared,
    Path((name, snapshot_name)): Path<(String, String)>,
) -> Result<Json<SnapshotAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let snapshot_name: SnapshotName = snapshot_name.parse()?;
    let found = shared.control.describe_snapshot(&name, &snapshot_name).await?;
    Ok(Json(SnapshotAnswer::of(found)))
}

/// Parameters of a deletion.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteParameters {
    /// The snapshot's SnapshotCreationTimestamp, to be sure which one is meant.
    snapshot_creation_timestamp: Option<f64>,
}

/// Deletes a snapshot.
#[utoipa::path(delete, path = "/v1/applications/{name}/snapshots/{snapshot}", tag = "snapshots",
    operation_id = "DeleteApplicationSnapshot",
    params(("name" = String, Path, description = "Application name"),
        ("snapshot" = String, Path, description = "Snapshot name"), DeleteParameters),
    responses((status = 204, description = "It is deleted"), (status = "4XX", body = FailureBody)))]
pub(super) async fn delete(
    shared: Shared,
    Path((name, snapshot_name)): Path<(String, String)>,
    Query(parameters): Query<DeleteParameters>,
) -> Result<StatusCode, Failure> {
    let name: ApplicationName = name.parse()?;
    let snapshot_name: SnapshotName = snapshot_name.parse()?;
    let wrong = || Invalid::new("SnapshotCreationTimestamp", "must be seconds since 1970");
    #[expect(clippy::cast_possible_truncation, reason = "cut to whole seconds, as AWS compares")]
    let at = parameters
        .snapshot_creation_timestamp
        .map(|at| DateTime::from_timestamp(at as i64, 0).ok_or_else(wrong))
        .transpose()?;
    shared.control.delete_snapshot(&name, &snapshot_name, at).await?;
    Ok(StatusCode::NO_CONTENT)
}
