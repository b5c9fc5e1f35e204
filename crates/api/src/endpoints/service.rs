//! The service itself.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::failure::{Failure, FailureBody};
use crate::server::Shared;

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "service",
    operation_id = "Healthz",
    responses((status = 200, description = "It is", body = String)))]
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// Whether requests can be served: the database answers.
#[utoipa::path(get, path = "/readyz", tag = "service",
    operation_id = "Readyz",
    responses((status = 200, description = "They can", body = String), (status = 503, body = FailureBody)))]
pub(super) async fn ready(shared: Shared) -> Result<&'static str, Failure> {
    shared.control.ready().await?;
    Ok("ok")
}

/// This description.
#[utoipa::path(get, path = "/openapi.yaml", tag = "service",
    operation_id = "OpenApi",
    responses((status = 200, description = "OpenAPI 3.1", body = String, content_type = "application/yaml")))]
pub(super) async fn openapi() -> Response {
    match super::document().to_yaml() {
        Ok(text) => ([(CONTENT_TYPE, "application/yaml")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the API's description could not be written");
            Failure::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "InternalFailure",
                "the description could not be written",
            )
            .into_response()
        }
    }
}
