//! Snapshots of an application.

use control::Control;
use model::ids::{ApplicationName, SnapshotName};
use serde::Deserialize;

use super::applications::{Done, Paging, whole_seconds};
use super::refusal::Refusal;
use crate::endpoints::snapshots::{SnapshotAnswer, SnapshotsAnswer};

/// Which snapshot of which application.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    application_name: ApplicationName,
    snapshot_name: SnapshotName,
}

pub(super) async fn create(control: Control, request: Named) -> Result<Done, Refusal> {
    control.create_snapshot(&request.application_name, &request.snapshot_name).await?;
    Ok(Done {})
}

pub(super) async fn describe(control: Control, request: Named) -> Result<SnapshotAnswer, Refusal> {
    let found =
        control.describe_snapshot(&request.application_name, &request.snapshot_name).await?;
    Ok(SnapshotAnswer::of(found))
}

/// AWS `ListApplicationSnapshotsRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    application_name: ApplicationName,
    #[serde(flatten)]
    paging: Paging,
}

pub(super) async fn list(control: Control, request: List) -> Result<SnapshotsAnswer, Refusal> {
    let page = request.paging.parse()?;
    Ok(SnapshotsAnswer::of(control.list_snapshots(&request.application_name, &page).await?))
}

/// AWS `DeleteApplicationSnapshotRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    application_name: ApplicationName,
    snapshot_name: SnapshotName,
    snapshot_creation_timestamp: f64,
}

pub(super) async fn delete(control: Control, request: Delete) -> Result<Done, Refusal> {
    let at = whole_seconds("SnapshotCreationTimestamp", request.snapshot_creation_timestamp)?;
    let Delete { application_name, snapshot_name, .. } = request;
    control.delete_snapshot(&application_name, &snapshot_name, Some(at)).await?;
    Ok(Done {})
}

/// Snapshots that belong to an account are not there yet.
pub(super) async fn not_offered(_: Control, _: serde_json::Value) -> Result<Done, Refusal> {
    Err(Refusal::unsupported("enhanced snapshots are not supported here"))
}
