//! The only place where an error code meets an HTTP status and a body.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::error_code::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::request::current_request_id;

/// Content type of [`FailureBody`] (RFC 9457).
pub(crate) const PROBLEM: &str = "application/problem+json";

/// The body of every answer that is not a success: a problem of RFC 9457, with AWS's members beside it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FailureBody {
    /// Names the code: `urn:weir:error:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of refusal in words, always the same for a status.
    #[serde(rename = "title")]
    title: String,
    /// The status of the answer.
    #[serde(rename = "status")]
    status: u16,
    /// The same as Message.
    #[serde(rename = "detail")]
    detail: String,
    /// Stable code: an AWS exception name.
    code: String,
    /// What is wrong and what to do.
    message: String,
    /// Id of the request, also in the header `x-amzn-RequestId`.
    request_id: String,
    /// Every problem of a SQL script, in its order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<DiagnosticBody>,
    /// Ids of the operators whose state could not be restored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operators: Vec<String>,
}

/// A place in a SQL script.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DiagnosticBody {
    /// From 1.
    line: u32,
    /// From 1.
    column: u32,
    /// What is wrong there.
    message: String,
}

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    code: String,
    message: String,
    diagnostics: Vec<DiagnosticBody>,
    operators: Vec<String>,
}

impl Failure {
    /// A refusal of the door itself, before any use case.
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            diagnostics: Vec::new(),
            operators: Vec::new(),
        }
    }

    /// A defect of ours, which the log tells of.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::InternalFailure.as_str(),
            "an internal error happened; the service's log says more",
        )
    }

    /// The request body is not what the endpoint takes.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest.as_str(), message)
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::ResourceNotFound => StatusCode::NOT_FOUND,
        ErrorCode::ResourceInUse => StatusCode::CONFLICT,
        ErrorCode::ConcurrentModification => StatusCode::PRECONDITION_FAILED,
        ErrorCode::LimitExceeded => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::InternalFailure => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::InvalidRequest => StatusCode::CONFLICT,
        ErrorCode::CodeValidation
        | ErrorCode::InvalidApplicationConfiguration
        | ErrorCode::InvalidArgument
        | ErrorCode::TooManyTags
        | ErrorCode::UnsupportedOperation => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl Failure {
    /// Status, code and message, for a door that renders them otherwise.
    pub(crate) fn into_parts(self) -> (StatusCode, String, String) {
        (self.status, self.code, self.message)
    }
}

impl From<control::Error> for Failure {
    fn from(error: control::Error) -> Self {
        let status = status_of(error.code());
        if status.is_server_error() {
            let causes = chain(&error);
            tracing::error!(request_id = %current_request_id(), causes, "a request failed");
        }
        let diagnostics = error.diagnostics().iter().map(|it| DiagnosticBody {
            line: it.line,
            column: it.column,
            message: it.message.clone(),
        });
        Self {
            status,
            code: error.code().as_str().to_owned(),
            message: error.to_string(),
            diagnostics: diagnostics.collect(),
            operators: error.operators().to_vec(),
        }
    }
}

impl From<model::invalid::Invalid> for Failure {
    fn from(invalid: model::invalid::Invalid) -> Self {
        control::Error::from(invalid).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Refused");
        let body = FailureBody {
            kind: format!("urn:weir:error:{}", self.code),
            title: title.to_owned(),
            status: self.status.as_u16(),
            detail: self.message.clone(),
            code: self.code,
            message: self.message,
            request_id: current_request_id(),
            diagnostics: self.diagnostics,
            operators: self.operators,
        };
        let problem = [(CONTENT_TYPE, PROBLEM)];
        (self.status, problem, Json(body)).into_response()
    }
}

/// An error with all its causes, for the service's own log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
