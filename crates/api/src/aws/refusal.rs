//! How a refusal looks to AWS clients.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use control::Error;
use model::error_code::ErrorCode;
use model::lifecycle::{Command, Refused};
use serde_json::json;

use super::door::CONTENT_TYPE;
use super::shapes::Wrong;
use crate::failure::{Failure, chain};
use crate::request::current_request_id;

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: String,
    message: String,
}

impl Refusal {
    /// One with a code that only this door knows.
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: code.to_owned(), message: message.into() }
    }

    /// The body cannot be read.
    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    /// What is not offered.
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::UnsupportedOperation.as_str(), message)
    }

    /// A defect of ours.
    pub(super) fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::new(
                ErrorCode::InternalFailure.as_str(),
                "an internal error happened; the service's log says more",
            )
        }
    }
}

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Type(message) => Self::unreadable(message),
            Wrong::Value(message) => Self::new(ErrorCode::InvalidArgument.as_str(), message),
        }
    }
}

impl From<model::invalid::Invalid> for Refusal {
    fn from(invalid: model::invalid::Invalid) -> Self {
        Self::new(ErrorCode::InvalidArgument.as_str(), invalid.to_string())
    }
}

/// What the layers before this door refuse.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let (status, code, message) = failure.into_parts();
        Self { status, code, message }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let code = error.code();
        // Every exception of the model is a 400, also ResourceNotFoundException; but for these two.
        let status = match code {
            ErrorCode::ServiceUnavailable | ErrorCode::InternalFailure => {
                tracing::error!(
                    request_id = %current_request_id(),
                    causes = chain(&error),
                    "a request failed"
                );
                StatusCode::INTERNAL_SERVER_ERROR
            }
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, code: code.as_str().to_owned(), message: words(&error) }
    }
}

/// The words of AWS where they are known, because clients match on some of them.
fn words(error: &Error) -> String {
    match error {
        Error::NoSuchApplication(name) => format!("Application '{name}' does not exist."),
        Error::ApplicationExists(name) => format!("Application '{name}' already exists."),
        Error::SnapshotExists { application, snapshot } => format!(
            "Provided Snapshot name {snapshot} already exists for application {application}"
        ),
        Error::SnapshotNeedsRunning { application, status } => format!(
            "Application {application} is in {status} status. Snapshot creation is only allowed \
             when application is in RUNNING status"
        ),
        Error::SnapshotNeedsJob(name) => format!(
            "Failed to take snapshot for the application {name} at this moment. The application is \
             currently experiencing downtime. Please check the application's metrics or logs for any \
             possible errors and retry the request. You can also retry the request after disabling \
             the snapshots by updating the ApplicationSnapshotConfiguration through the AWS SDK"
        ),
        Error::StaleVersion(_) => "The provided application version ID does not match the most \
                                   recent version for the application."
            .to_owned(),
        Error::OtherCreateTimestamp(name) => format!(
            "The application with name: '{name}' has a different create timestamp than the one you \
             provided. Please call DescribeApplication to fetch valid create timestamp."
        ),
        Error::OtherSnapshotTimestamp(name) => format!(
            "Snapshot '{name}' has a different SnapshotCreationTimestamp than the one you provided. \
             Please call DescribeApplicationSnapshot to fetch valid SnapshotCreationTimestamp."
        ),
        Error::NoSnapshotToRestore(name) => {
            format!("The snapshot name {name} provided for restore configuration does not exist.")
        }
        Error::Refused(Refused { status, command }) => match command {
            Command::Start => format!("Application cannot be started in '{status}' state"),
            Command::Stop | Command::ForceStop => {
                format!("Application cannot be Stopped in '{status}' state")
            }
            Command::Update => format!("Application cannot be updated in '{status}' state"),
            _ => error.to_string(),
        },
        _ => error.to_string(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // Clients differ in where they look and in the spelling; none may find a member `code`.
        let body = json!({
            "__type": self.code,
            "message": self.message,
            "Message": self.message,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static(CONTENT_TYPE));
        if let Ok(code) = HeaderValue::from_str(&self.code) {
            headers.insert("x-amzn-errortype", code);
        }
        response
    }
}
