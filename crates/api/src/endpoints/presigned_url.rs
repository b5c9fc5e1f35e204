//! A URL of a dashboard: there is none, and the answer says what there is.

use control::Control;
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
    /// `FLINK_DASHBOARD_URL` or `ZEPPELIN_UI_URL`.
    url_type: String,
    /// 1800 to 43200.
    session_expiration_duration_in_seconds: Option<i64>,
}

impl PresignedUrlRequest {
    /// Why there is no URL.
    pub(crate) async fn refuse(self, control: &Control, name: &ApplicationName) -> control::Error {
        let seconds = self.session_expiration_duration_in_seconds;
        match control.presigned_url(name, &self.url_type, seconds).await {
            Err(refused) => refused,
            Ok(never) => match never {},
        }
    }
}

/// Refused: there is no dashboard that a browser could open without a key.
#[utoipa::path(post, path = "/v1/applications/{name}/presigned-url", tag = "applications",
    operation_id = "CreateApplicationPresignedUrl",
    params(("name" = String, Path, description = "Application name")), request_body = PresignedUrlRequest,
    responses((status = "4XX", body = FailureBody)))]
pub(super) async fn create(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<PresignedUrlRequest>,
) -> Result<(), Failure> {
    let name: ApplicationName = name.parse()?;
    Err(request.refuse(&shared.control, &name).await.into())
}
