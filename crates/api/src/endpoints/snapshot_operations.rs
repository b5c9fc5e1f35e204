//! What is done to snapshots that belong to the account.

use axum::Json;
use control::{Control, OperationStatus, Page, SnapshotOperation};
use model::enhanced::SnapshotOperationKind;
use model::ids::{EnhancedName, OperationId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Paging;
use crate::failure::{Failure, FailureBody};
use crate::request::{Path, Query};
use crate::server::Shared;
use crate::wire::enhanced::{
    SnapshotOperationInfo, SnapshotOperationInfoDetails, operation_details, operation_info,
};
use crate::wire::parsed;

/// Which operations; at most one of them may be given.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct SnapshotOperationFilter {
    /// `CreateSnapshot`, `DeleteSnapshot`, `ImportSnapshot`, `ExportSnapshot` or
    /// `SystemCreateSnapshot`.
    snapshot_operation: Option<String>,
    /// `IN_PROGRESS`, `SUCCESSFUL`, `FAILED` or `CANCELLED`.
    snapshot_operation_status: Option<String>,
}

impl SnapshotOperationFilter {
    pub(crate) fn parse(
        &self,
    ) -> Result<(Option<SnapshotOperationKind>, Option<OperationStatus>), Failure> {
        let kind = parsed(self.snapshot_operation.as_deref())?;
        Ok((kind, parsed(self.snapshot_operation_status.as_deref())?))
    }
}

/// AWS `ListSnapshotOperationsResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SnapshotOperationsAnswer {
    snapshot_operation_info_list: Vec<SnapshotOperationInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl SnapshotOperationsAnswer {
    pub(crate) fn of(page: Page<SnapshotOperation>) -> Self {
        Self {
            snapshot_operation_info_list: page.items.iter().map(operation_info).collect(),
            next_token: page.next_token,
        }
    }
}

/// Lists what was done to a snapshot in the last 90 days, newest first.
#[utoipa::path(get, path = "/v1/snapshots/{snapshot}/operations", tag = "enhanced snapshots",
    operation_id = "ListSnapshotOperations",
    params(("snapshot" = String, Path, description = "Snapshot name"), SnapshotOperationFilter, Paging),
    responses((status = 200, body = SnapshotOperationsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn list(
    shared: Shared,
    Path(name): Path<String>,
    Query(filter): Query<SnapshotOperationFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<SnapshotOperationsAnswer>, Failure> {
    let name: EnhancedName = name.parse()?;
    let (kind, status) = filter.parse()?;
    let page = paging.parse()?;
    let page = shared.control.list_snapshot_operations(&name, kind, status, &page).await?;
    Ok(Json(SnapshotOperationsAnswer::of(page)))
}

/// AWS `DescribeSnapshotOperationResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SnapshotOperationAnswer {
    snapshot_operation_info_details: SnapshotOperationInfoDetails,
}

impl SnapshotOperationAnswer {
    pub(crate) fn of(control: &Control, found: SnapshotOperation) -> Self {
        Self { snapshot_operation_info_details: operation_details(control, found) }
    }
}

/// Tells all of one thing that was done to a snapshot.
#[utoipa::path(get, path = "/v1/snapshots/{snapshot}/operations/{operation}",
    tag = "enhanced snapshots", operation_id = "DescribeSnapshotOperation",
    params(("snapshot" = String, Path, description = "Snapshot name"),
        ("operation" = String, Path, description = "SnapshotOperationId")),
    responses((status = 200, body = SnapshotOperationAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn describe(
    shared: Shared,
    Path((name, operation)): Path<(String, String)>,
) -> Result<Json<SnapshotOperationAnswer>, Failure> {
    let (name, operation): (EnhancedName, OperationId) = (name.parse()?, operation.parse()?);
    let found = shared.control.describe_snapshot_operation(&name, &operation).await?;
    Ok(Json(SnapshotOperationAnswer::of(&shared.control, found)))
}
