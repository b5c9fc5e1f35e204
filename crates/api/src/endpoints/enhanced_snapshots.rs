//! Snapshots that belong to the account.

use axum::Json;
use axum::http::StatusCode;
use control::{
    Control, CreateSnapshot, DeleteSnapshot, Enhanced, EnhancedFilter, ExportSnapshot,
    ImportSnapshot, Page,
};
use model::ids::EnhancedName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Paging;
use super::applications::{Tag, tag_map};
use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path, Query};
use crate::server::Shared;
use crate::wire::enhanced::{
    BegunBody, ExportBody, ExportDestinationConfiguration, ImportSourceConfiguration,
    SnapshotEncryptionConfiguration, SnapshotInfo, SnapshotInfoDetails, begun, details, exporting,
    info, second,
};
use crate::wire::parsed;

/// AWS `CreateSnapshotRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CreateEnhancedSnapshotRequest {
    application_name: String,
    snapshot_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_description: Option<String>,
    tags: Vec<Tag>,
}

impl CreateEnhancedSnapshotRequest {
    pub(crate) fn parse(self) -> Result<CreateSnapshot, Failure> {
        Ok(CreateSnapshot {
            application: self.application_name.parse()?,
            name: self.snapshot_name.parse()?,
            description: self.snapshot_description,
            tags: tag_map(self.tags)?,
        })
    }
}

/// Takes a snapshot of a running application that outlives the application; it is CREATING, then
/// READY.
#[utoipa::path(post, path = "/v1/snapshots", tag = "enhanced snapshots",
    operation_id = "CreateSnapshot", request_body = CreateEnhancedSnapshotRequest,
    responses((status = 202, body = BegunBody), (status = "4XX", body = FailureBody)))]
pub(super) async fn create(
    shared: Shared,
    Body(request): Body<CreateEnhancedSnapshotRequest>,
) -> Result<(StatusCode, Json<BegunBody>), Failure> {
    let made = shared.control.create_enhanced_snapshot(request.parse()?).await?;
    Ok((StatusCode::ACCEPTED, Json(begun(made))))
}

/// Which snapshots; at most one of them may be given.
#[derive(Debug, Default, Deserialize, Serialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct EnhancedFilterParameters {
    /// Those of an application of this name.
    source_application_name: Option<String>,
    /// `USER` or `SYSTEM`.
    snapshot_initiator: Option<String>,
    /// `CreateSnapshot`, `ImportSnapshot` or `SystemCreateSnapshot`.
    snapshot_initiator_operation: Option<String>,
    /// `CREATING`, `READY`, `DELETING` or `FAILED`.
    snapshot_status: Option<String>,
}

impl EnhancedFilterParameters {
    pub(crate) fn parse(self) -> Result<EnhancedFilter, Failure> {
        Ok(EnhancedFilter {
            application: parsed(self.source_application_name.as_deref())?,
            initiator: parsed(self.snapshot_initiator.as_deref())?,
            made_by: parsed(self.snapshot_initiator_operation.as_deref())?,
            status: parsed(self.snapshot_status.as_deref())?,
        })
    }
}

/// AWS `ListSnapshotsResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EnhancedSnapshotsAnswer {
    snapshot_info_list: Vec<SnapshotInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl EnhancedSnapshotsAnswer {
    pub(crate) fn of(control: &Control, page: Page<Enhanced>) -> Self {
        Self {
            snapshot_info_list: page.items.into_iter().map(|it| info(control, it)).collect(),
            next_token: page.next_token,
        }
    }
}

/// Lists the snapshots that belong to the account, newest first.
#[utoipa::path(get, path = "/v1/snapshots", tag = "enhanced snapshots",
    operation_id = "ListSnapshots", params(EnhancedFilterParameters, Paging),
    responses((status = 200, body = EnhancedSnapshotsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn list(
    shared: Shared,
    Query(filter): Query<EnhancedFilterParameters>,
    Query(paging): Query<Paging>,
) -> Result<Json<EnhancedSnapshotsAnswer>, Failure> {
    let page = shared.control.list_enhanced_snapshots(&filter.parse()?, &paging.parse()?).await?;
    Ok(Json(EnhancedSnapshotsAnswer::of(&shared.control, page)))
}

/// AWS `DescribeSnapshotResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EnhancedSnapshotAnswer {
    snapshot_info_details: SnapshotInfoDetails,
}

impl EnhancedSnapshotAnswer {
    pub(crate) fn of(control: &Control, found: Enhanced) -> Self {
        Self { snapshot_info_details: details(control, found) }
    }
}

/// Tells all of a snapshot that belongs to the account.
#[utoipa::path(get, path = "/v1/snapshots/{snapshot}", tag = "enhanced snapshots",
    operation_id = "DescribeSnapshot",
    params(("snapshot" = String, Path, description = "Snapshot name")),
    responses((status = 200, body = EnhancedSnapshotAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn describe(
    shared: Shared,
    Path(name): Path<String>,
) -> Result<Json<EnhancedSnapshotAnswer>, Failure> {
    let name: EnhancedName = name.parse()?;
    let found = shared.control.describe_enhanced_snapshot(&name).await?;
    Ok(Json(EnhancedSnapshotAnswer::of(&shared.control, found)))
}

/// Parameters of a deletion.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteEnhancedParameters {
    /// The snapshot's SnapshotCreationTimestamp, to be sure which one is meant.
    #[param(required = true)]
    snapshot_creation_timestamp: Option<f64>,
}

/// Deletes a snapshot that belongs to the account, as soon as nobody exports it.
#[utoipa::path(delete, path = "/v1/snapshots/{snapshot}", tag = "enhanced snapshots",
    operation_id = "DeleteSnapshot",
    params(("snapshot" = String, Path, description = "Snapshot name"), DeleteEnhancedParameters),
    responses((status = 202, body = BegunBody), (status = "4XX", body = FailureBody)))]
pub(super) async fn delete(
    shared: Shared,
    Path(name): Path<String>,
    Query(parameters): Query<DeleteEnhancedParameters>,
) -> Result<(StatusCode, Json<BegunBody>), Failure> {
    let field = "SnapshotCreationTimestamp";
    let at = parameters
        .snapshot_creation_timestamp
        .ok_or_else(|| model::invalid::Invalid::new(field, "must be given"))?;
    let command = DeleteSnapshot { name: name.parse()?, created_at: second(field, at)? };
    let gone = shared.control.delete_enhanced_snapshot(command).await?;
    Ok((StatusCode::ACCEPTED, Json(begun(gone))))
}

/// AWS `ExportSnapshotRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ExportSnapshotRequest {
    export_destination_configuration: ExportDestinationConfiguration,
}

impl ExportSnapshotRequest {
    pub(crate) fn parse(self, name: &str) -> Result<ExportSnapshot, Failure> {
        let to = self.export_destination_configuration.parse()?;
        Ok(ExportSnapshot { name: name.parse()?, to })
    }
}

/// Writes a snapshot to a bucket, below the prefix and the id of the operation.
#[utoipa::path(post, path = "/v1/snapshots/{snapshot}/export", tag = "enhanced snapshots",
    operation_id = "ExportSnapshot",
    params(("snapshot" = String, Path, description = "Snapshot name")),
    request_body = ExportSnapshotRequest,
    responses((status = 202, body = ExportBody), (status = "4XX", body = FailureBody)))]
pub(super) async fn export(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<ExportSnapshotRequest>,
) -> Result<(StatusCode, Json<ExportBody>), Failure> {
    let operation = shared.control.export_snapshot(request.parse(&name)?).await?;
    Ok((StatusCode::ACCEPTED, Json(exporting(&operation))))
}

/// AWS `ImportSnapshotRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ImportSnapshotRequest {
    import_source_configuration: ImportSourceConfiguration,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_encryption_configuration: Option<SnapshotEncryptionConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_description: Option<String>,
    /// `CANONICAL`: what ExportSnapshot wrote. A savepoint of Apache Flink is refused by the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_format: Option<String>,
    tags: Vec<Tag>,
}

impl ImportSnapshotRequest {
    pub(crate) fn parse(self, name: &str) -> Result<ImportSnapshot, Failure> {
        let destination = self.destination_encryption_configuration.as_ref();
        let format = self.snapshot_format.as_deref();
        let from = self.import_source_configuration.parse(destination, format)?;
        Ok(ImportSnapshot {
            name: name.parse()?,
            from,
            description: self.snapshot_description,
            tags: tag_map(self.tags)?,
        })
    }
}

/// Reads what an export wrote, here or in another installation, as a new snapshot.
#[utoipa::path(post, path = "/v1/snapshots/{snapshot}/import", tag = "enhanced snapshots",
    operation_id = "ImportSnapshot",
    params(("snapshot" = String, Path, description = "Name of the new snapshot")),
    request_body = ImportSnapshotRequest,
    responses((status = 202, body = BegunBody), (status = "4XX", body = FailureBody)))]
pub(super) async fn import(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<ImportSnapshotRequest>,
) -> Result<(StatusCode, Json<BegunBody>), Failure> {
    let made = shared.control.import_snapshot(request.parse(&name)?).await?;
    Ok((StatusCode::ACCEPTED, Json(begun(made))))
}
