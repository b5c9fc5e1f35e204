//! A URL that opens the dashboard of an application without a key.

use axum::Json;
use model::ids::ApplicationName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path};
use crate::server::Shared;

/// AWS `CreateApplicationPresignedUrlRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PresignedUrlRequest {
    /// `FLINK_DASHBOARD_URL`.
    url_type: String,
    /// How long one may look once the URL was opened, 1800 to 43200; absent = 43200.
    session_expiration_duration_in_seconds: Option<i64>,
}

/// AWS `CreateApplicationPresignedUrlResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PresignedUrlAnswer {
    /// To be opened within three minutes.
    authorized_url: String,
}

impl PresignedUrlRequest {
    pub(crate) async fn carry_out(
        self,
        shared: &Shared,
        name: &ApplicationName,
    ) -> control::Result<PresignedUrlAnswer> {
        let seconds = self.session_expiration_duration_in_seconds;
        let base = shared.base()?;
        let grant = shared.control.presigned_url(name, &self.url_type, seconds).await?;
        Ok(PresignedUrlAnswer { authorized_url: shared.dashboards.url(&base, name, grant) })
    }
}

/// Makes a URL that shows the dashboard of a RUNNING application in a browser, without a key. It must be
/// opened within three minutes, by whomever and as often as wanted; later the answer is 403. Each
/// opening begins a session that shows this application and nothing else, and changes nothing.
#[utoipa::path(post, path = "/v1/applications/{name}/presigned-url", tag = "applications",
    operation_id = "CreateApplicationPresignedUrl",
    params(("name" = String, Path, description = "Application name")), request_body = PresignedUrlRequest,
    responses((status = 200, body = PresignedUrlAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn create(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<PresignedUrlRequest>,
) -> Result<Json<PresignedUrlAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    Ok(Json(request.carry_out(&shared, &name).await?))
}
