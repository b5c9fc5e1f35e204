//! Back to the version that ran before.

use axum::http::StatusCode;
use control::{RollbackApplication, Seen};
use model::ids::{ApplicationName, VersionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path};
use crate::server::Shared;
use crate::wire::detail::{self, ApplicationDetailAnswer, Tagged};

/// AWS `RollbackApplicationRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RollbackApplicationRequest {
    /// The version to be rolled back, to be sure which one is meant.
    current_application_version_id: Option<i64>,
}

/// Rolls an application back to the version that ran before, from that one's last snapshot.
#[utoipa::path(post, path = "/v1/applications/{name}/rollback", tag = "lifecycle",
    operation_id = "RollbackApplication",
    params(("name" = String, Path, description = "Application name")), request_body = RollbackApplicationRequest,
    responses((status = 202, body = ApplicationDetailAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn rollback(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<RollbackApplicationRequest>,
) -> Result<(StatusCode, Tagged), Failure> {
    let name: ApplicationName = name.parse()?;
    let version = request.current_application_version_id.map(VersionId::try_from).transpose()?;
    let seen = Seen::Match { version, token: None };
    let rolled_back = shared.control.rollback(RollbackApplication { name, seen }).await?;
    Ok((StatusCode::ACCEPTED, Tagged(detail::updated(rolled_back))))
}
