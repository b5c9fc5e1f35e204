//! The audit log.

use axum::Json;
use model::ids::ApplicationName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Paging;
use crate::failure::{Failure, FailureBody};
use crate::request::Query;
use crate::server::Shared;
use crate::wire::audit::{AuditBody, entry};

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AuditAnswer {
    audit_entries: Vec<AuditBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Of what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditParameters {
    /// Name of an application, also of one that is deleted; absent = everything.
    application_name: Option<String>,
    /// Most items of a page, 1 to 50.
    limit: Option<i64>,
    /// What the page before gave.
    next_token: Option<String>,
}

/// Who did what, newest first: every change, and what was denied. Only for the role admin.
#[utoipa::path(get, path = "/v1/audit", tag = "access",
    operation_id = "ListAuditEntries", params(AuditParameters),
    responses((status = 200, body = AuditAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn list(
    shared: Shared,
    Query(parameters): Query<AuditParameters>,
) -> Result<Json<AuditAnswer>, Failure> {
    let AuditParameters { application_name, limit, next_token } = parameters;
    let name: Option<ApplicationName> = application_name.map(|it| it.parse()).transpose()?;
    let paging = Paging { limit, next_token }.parse()?;
    let page = shared.control.audit_log(name.as_ref(), &paging).await?;
    Ok(Json(AuditAnswer {
        audit_entries: page.items.into_iter().map(entry).collect(),
        next_token: page.next_token,
    }))
}
