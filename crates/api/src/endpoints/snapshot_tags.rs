//! Tags of a snapshot that belongs to the account.

use axum::Json;
use axum::http::StatusCode;
use model::ids::EnhancedName;

use super::tags::{DeleteParameters, Tags};
use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path, Query};
use crate::server::Shared;

/// Lists the tags.
#[utoipa::path(get, path = "/v1/snapshots/{snapshot}/tags", tag = "enhanced snapshots",
    operation_id = "ListSnapshotTags",
    params(("snapshot" = String, Path, description = "Snapshot name")),
    responses((status = 200, body = Tags), (status = "4XX", body = FailureBody)))]
pub(super) async fn list(shared: Shared, Path(name): Path<String>) -> Result<Json<Tags>, Failure> {
    let name: EnhancedName = name.parse()?;
    Ok(Json(Tags { tags: shared.control.enhanced_tags(&name).await? }))
}

/// Adds or replaces tags.
#[utoipa::path(put, path = "/v1/snapshots/{snapshot}/tags", tag = "enhanced snapshots",
    operation_id = "PutSnapshotTags",
    params(("snapshot" = String, Path, description = "Snapshot name")), request_body = Tags,
    responses((status = 200, body = Tags), (status = "4XX", body = FailureBody)))]
pub(super) async fn put(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<Tags>,
) -> Result<Json<Tags>, Failure> {
    let name: EnhancedName = name.parse()?;
    shared.control.tag_enhanced(&name, request.tags).await?;
    Ok(Json(Tags { tags: shared.control.enhanced_tags(&name).await? }))
}

/// Removes tags; those that are not there are no error.
#[utoipa::path(delete, path = "/v1/snapshots/{snapshot}/tags", tag = "enhanced snapshots",
    operation_id = "DeleteSnapshotTags",
    params(("snapshot" = String, Path, description = "Snapshot name"), DeleteParameters),
    responses((status = 204, description = "They are removed"), (status = "4XX", body = FailureBody)))]
pub(super) async fn delete(
    shared: Shared,
    Path(name): Path<String>,
    Query(parameters): Query<DeleteParameters>,
) -> Result<StatusCode, Failure> {
    let name: EnhancedName = name.parse()?;
    shared.control.untag_enhanced(&name, parameters.keys()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
