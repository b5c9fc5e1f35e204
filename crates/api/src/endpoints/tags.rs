//! Tags of an application.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use model::ids::ApplicationName;
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path, Query};
use crate::server::Shared;

/// Tags: key → value.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Tags {
    pub(super) tags: BTreeMap<String, String>,
}

/// Lists the tags.
#[utoipa::path(get, path = "/v1/applications/{name}/tags", tag = "tags",
    operation_id = "ListTags",
    params(("name" = String, Path, description = "Application name")),
    responses((status = 200, body = Tags), (status = "4XX", body = FailureBody)))]
pub(super) async fn list(shared: Shared, Path(name): Path<String>) -> Result<Json<Tags>, Failure> {
    let name: ApplicationName = name.parse()?;
    Ok(Json(Tags { tags: shared.control.tags(&name).await? }))
}

/// Adds or replaces tags.
#[utoipa::path(put, path = "/v1/applications/{name}/tags", tag = "tags",
    operation_id = "PutTags",
    params(("name" = String, Path, description = "Application name")), request_body = Tags,
    responses((status = 200, body = Tags), (status = "4XX", body = FailureBody)))]
pub(super) async fn put(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<Tags>,
) -> Result<Json<Tags>, Failure> {
    let name: ApplicationName = name.parse()?;
    shared.control.tag(&name, request.tags).await?;
    Ok(Json(Tags { tags: shared.control.tags(&name).await? }))
}

/// Which tags.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteParameters {
    /// Keys, separated by commas.
    tag_keys: String,
}

impl DeleteParameters {
    /// The keys, at least one.
    pub(super) fn keys(&self) -> Result<Vec<String>, Invalid> {
        let keys = self.tag_keys.split(',').filter(|key| !key.is_empty()).map(str::to_owned);
        let keys: Vec<String> = keys.collect();
        if keys.is_empty() {
            return Err(Invalid::new("TagKeys", "must name at least one tag"));
        }
        Ok(keys)
    }
}

/// Removes tags; those that are not there are no error.
#[utoipa::path(delete, path = "/v1/applications/{name}/tags", tag = "tags",
    operation_id = "DeleteTags",
    params(("name" = String, Path, description = "Application name"), DeleteParameters),
    responses((status = 204, description = "They are removed"), (status = "4XX", body = FailureBody)))]
pub(super) async fn delete(
    shared: Shared,
    Path(name): Path<String>,
    Query(parameters): Query<DeleteParameters>,
) -> Result<StatusCode, Failure> {
    let name: ApplicationName = name.parse()?;
    shared.control.untag(&name, parameters.keys()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
