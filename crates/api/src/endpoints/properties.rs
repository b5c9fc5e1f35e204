//! Property groups of an application.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::HeaderMap;
use control::Seen;
use model::ids::{ApplicationName, PropertyGroupId, VersionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::code::seen;
use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path};
use crate::server::Shared;
use crate::wire::configuration::properties::{PropertyGroup, listed};
use crate::wire::detail::{self, ApplicationDetailAnswer, Tagged};

/// All property groups of the newest version.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PropertyGroupsAnswer {
    property_groups: Vec<PropertyGroup>,
    application_version_id: i64,
    conditional_token: String,
}

/// Lists the property groups.
#[utoipa::path(get, path = "/v1/applications/{name}/property-groups", tag = "property groups",
    operation_id = "ListPropertyGroups",
    params(("name" = String, Path, description = "Application name")),
    responses((status = 200, body = PropertyGroupsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn list(
    shared: Shared,
    Path(name): Path<String>,
) -> Result<Json<PropertyGroupsAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let found = shared.control.property_groups(&name).await?;
    Ok(Json(PropertyGroupsAnswer {
        property_groups: listed(&found.groups),
        application_version_id: found.version.get(),
        conditional_token: found.conditional_token,
    }))
}

/// Reads one property group.
#[utoipa::path(get, path = "/v1/applications/{name}/property-groups/{group}", tag = "property groups",
    operation_id = "GetPropertyGroup",
    params(("name" = String, Path, description = "Application name"),
        ("group" = String, Path, description = "Property group id")),
    responses((status = 200, body = PropertyGroup), (status = "4XX", body = FailureBody)))]
pub(super) async fn get(
    shared: Shared,
    Path((name, group)): Path<(String, String)>,
) -> Result<Json<PropertyGroup>, Failure> {
    let name: ApplicationName = name.parse()?;
    let id: PropertyGroupId = group.parse()?;
    let found = shared.control.property_groups(&name).await?;
    let present: Vec<String> = found.groups.keys().map(|id| format!("`{id}`")).collect();
    let map =
        found.groups.get(&group).cloned().ok_or_else(|| control::Error::NoSuchPropertyGroup {
            application: name,
            group: id,
            present: if present.is_empty() { "none".to_owned() } else { present.join(", ") },
        })?;
    Ok(Json(PropertyGroup { property_group_id: group, property_map: map }))
}

/// One property group's content.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PutPropertyGroupRequest {
    property_map: BTreeMap<String, String>,
    /// The version that was seen; absent = whichever is present.
    current_application_version_id: Option<i64>,
}

/// Puts one property group; a running application is restarted from a snapshot with it.
#[utoipa::path(put, path = "/v1/applications/{name}/property-groups/{group}", tag = "property groups",
    operation_id = "PutPropertyGroup",
    params(("name" = String, Path, description = "Application name"),
        ("group" = String, Path, description = "Property group id")), request_body = PutPropertyGroupRequest,
    responses((status = 200, body = ApplicationDetailAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn put(
    shared: Shared,
    Path((name, group)): Path<(String, String)>,
    headers: HeaderMap,
    Body(request): Body<PutPropertyGroupRequest>,
) -> Result<Tagged, Failure> {
    let name: ApplicationName = name.parse()?;
    let group: PropertyGroupId = group.parse()?;
    let seen = match request.current_application_version_id {
        Some(version) => Seen::Match { version: Some(VersionId::try_from(version)?), token: None },
        None => seen(&headers)?,
    };
    let done = shared.control.put_property_group(name, group, request.property_map, seen).await?;
    Ok(Tagged(detail::updated(done)))
}

/// Deletes one property group; a running application is restarted from a snapshot without it.
#[utoipa::path(delete, path = "/v1/applications/{name}/property-groups/{group}", tag = "property groups",
    operation_id = "DeletePropertyGroup",
    params(("name" = String, Path, description = "Application name"),
        ("group" = String, Path, description = "Property group id")),
    responses((status = 200, body = ApplicationDetailAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn delete(
    shared: Shared,
    Path((name, group)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Tagged, Failure> {
    let name: ApplicationName = name.parse()?;
    let group: PropertyGroupId = group.parse()?;
    let done = shared.control.delete_property_group(name, group, seen(&headers)?).await?;
    Ok(Tagged(detail::updated(done)))
}
