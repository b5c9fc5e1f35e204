//! Snapshots that belong to the account, and what is done to them.

use control::{Control, DeleteSnapshot};
use model::ids::{EnhancedName, OperationId};
use serde::Deserialize;

use super::applications::{Paging, whole_seconds};
use super::refusal::Refusal;
use crate::endpoints::enhanced_snapshots::{
    CreateEnhancedSnapshotRequest, EnhancedFilterParameters, EnhancedSnapshotAnswer,
    EnhancedSnapshotsAnswer, ExportSnapshotRequest, ImportSnapshotRequest,
};
use crate::endpoints::snapshot_operations::{
    SnapshotOperationAnswer, SnapshotOperationFilter, SnapshotOperationsAnswer,
};
use crate::wire::enhanced::{BegunBody, ExportBody, begun, exporting};

pub(super) async fn create(
    control: Control,
    request: CreateEnhancedSnapshotRequest,
) -> Result<BegunBody, Refusal> {
    Ok(begun(control.create_enhanced_snapshot(request.parse()?).await?))
}

/// Which snapshot.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    snapshot_name: EnhancedName,
}

pub(super) async fn describe(
    control: Control,
    request: Named,
) -> Result<EnhancedSnapshotAnswer, Refusal> {
    let found = control.describe_enhanced_snapshot(&request.snapshot_name).await?;
    Ok(EnhancedSnapshotAnswer::of(&control, found))
}

/// AWS `ListSnapshotsRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    #[serde(flatten)]
    filter: EnhancedFilterParameters,
    #[serde(flatten)]
    paging: Paging,
}

pub(super) async fn list(
    control: Control,
    request: List,
) -> Result<EnhancedSnapshotsAnswer, Refusal> {
    let page = request.paging.parse()?;
    let found = control.list_enhanced_snapshots(&request.filter.parse()?, &page).await?;
    Ok(EnhancedSnapshotsAnswer::of(&control, found))
}

/// AWS `DeleteSnapshotRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    snapshot_name: EnhancedName,
    snapshot_creation_timestamp: f64,
}

pub(super) async fn delete(control: Control, request: Delete) -> Result<BegunBody, Refusal> {
    let at = request.snapshot_creation_timestamp;
    let created_at = whole_seconds("SnapshotCreationTimestamp", at)?;
    let command = DeleteSnapshot { name: request.snapshot_name, created_at };
    Ok(begun(control.delete_enhanced_snapshot(command).await?))
}

/// AWS `ExportSnapshotRequest`; in REST the name is in the path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Export {
    snapshot_name: String,
    #[serde(flatten)]
    request: ExportSnapshotRequest,
}

pub(super) async fn export(control: Control, export: Export) -> Result<ExportBody, Refusal> {
    let command = export.request.parse(&export.snapshot_name)?;
    Ok(exporting(&control.export_snapshot(command).await?))
}

/// AWS `ImportSnapshotRequest`; in REST the name is in the path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Import {
    snapshot_name: String,
    #[serde(flatten)]
    request: ImportSnapshotRequest,
}

pub(super) async fn import(control: Control, import: Import) -> Result<BegunBody, Refusal> {
    let command = import.request.parse(&import.snapshot_name)?;
    Ok(begun(control.import_snapshot(command).await?))
}

/// AWS `DescribeSnapshotOperationRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Operation {
    snapshot_name: EnhancedName,
    snapshot_operation_id: OperationId,
}

pub(super) async fn operation(
    control: Control,
    request: Operation,
) -> Result<SnapshotOperationAnswer, Refusal> {
    let Operation { snapshot_name, snapshot_operation_id } = request;
    let found = control.describe_snapshot_operation(&snapshot_name, &snapshot_operation_id).await?;
    Ok(SnapshotOperationAnswer::of(&control, found))
}

/// AWS `ListSnapshotOperationsRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Operations {
    snapshot_name: EnhancedName,
    #[serde(flatten)]
    filter: SnapshotOperationFilter,
    #[serde(flatten)]
    paging: Paging,
}

pub(super) async fn operations(
    control: Control,
    request: Operations,
) -> Result<SnapshotOperationsAnswer, Refusal> {
    let Operations { snapshot_name, filter, paging } = request;
    let (kind, status) = filter.parse()?;
    let page = paging.parse()?;
    let found = control.list_snapshot_operations(&snapshot_name, kind, status, &page).await?;
    Ok(SnapshotOperationsAnswer::of(found))
}
