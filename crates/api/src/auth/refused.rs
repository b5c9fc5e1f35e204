//! Why a caller was turned away, in the words of each door.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use control::Door;
use serde_json::json;

use crate::failure::Failure;

/// Why a caller was turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No key at all.
    Missing,
    /// A signature of which something is missing.
    Incomplete(String),
    /// The key is unknown, expired or revoked: which, is not told.
    UnknownKey,
    /// Credentials with a session token; there are none here.
    TemporaryCredentials,
    /// The signature is for something else, or of another time.
    Signature(String),
    /// The signature is wrong.
    WrongSignature,
    /// The key's role is too low.
    Role(String),
    /// A web page of another origin asks where nobody is asked for a key.
    Foreign,
    /// More requests than the key may make.
    TooFast,
    /// The body is larger than any request's.
    TooLarge,
    /// The body could not be read.
    Body,
    /// The database did not answer.
    Unavailable,
}

impl Refused {
    /// AWS's exception, with its status.
    fn aws(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Missing => (S::FORBIDDEN, "MissingAuthenticationTokenException"),
            Self::Incomplete(_) => (S::BAD_REQUEST, "IncompleteSignatureException"),
            Self::UnknownKey | Self::TemporaryCredentials => {
                (S::FORBIDDEN, "UnrecognizedClientException")
            }
            Self::Signature(_) | Self::WrongSignature => {
                (S::BAD_REQUEST, "InvalidSignatureException")
            }
            Self::Role(_) | Self::Foreign => (S::BAD_REQUEST, "AccessDeniedException"),
            Self::TooFast => (S::BAD_REQUEST, "ThrottlingException"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException"),
            Self::Body => (S::BAD_REQUEST, "SerializationException"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        }
    }

    /// Status of the REST door.
    fn status(&self) -> StatusCode {
        match self {
            Self::Missing
            | Self::Incomplete(_)
            | Self::UnknownKey
            | Self::TemporaryCredentials
            | Self::Signature(_)
            | Self::WrongSignature => StatusCode::UNAUTHORIZED,
            Self::Role(_) | Self::Foreign => StatusCode::FORBIDDEN,
            Self::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge | Self::Body | Self::Unavailable => self.aws().0,
        }
    }

    /// In AWS's words.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Missing => "Missing Authentication Token",
            Self::Incomplete(words) | Self::Signature(words) | Self::Role(words) => words,
            Self::UnknownKey => "The security token included in the request is invalid.",
            Self::TemporaryCredentials => {
                "The security token included in the request is invalid: there are no temporary \
                 credentials here; sign without X-Amz-Security-Token."
            }
            Self::WrongSignature => {
                "The request signature we calculated does not match the signature you provided. \
                 Check your AWS Secret Access Key and signing method. Consult the service \
                 documentation for details."
            }
            Self::Foreign => "Web pages of other origins may not ask without a key.",
            Self::TooFast => "Rate exceeded",
            Self::TooLarge => "The body is larger than that of any request.",
            Self::Body => "The body could not be read.",
            Self::Unavailable => "The database did not answer; try again later.",
        }
        .to_owned()
    }

    /// The answer at a door.
    pub(crate) fn answer(&self, door: Door) -> Response {
        match door {
            Door::Aws => self.aws_answer(),
            Door::Rest | Door::Terminal | Door::Service => self.rest_answer(),
        }
    }

    fn aws_answer(&self) -> Response {
        let (status, name) = self.aws();
        let message = self.message();
        let body = json!({ "__type": name, "message": message, "Message": message });
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/x-amz-json-1.1");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert("x-amzn-errortype", HeaderValue::from_static(name));
        response
    }

    fn rest_answer(&self) -> Response {
        let message = match self {
            Self::Missing => {
                "give a key: `Authorization: Bearer weir_…` (an administrator makes one with \
                 `weir key create`)"
                    .to_owned()
            }
            Self::UnknownKey => "the key is unknown, expired or revoked".to_owned(),
            _ => self.message().trim_end_matches('.').to_owned(),
        };
        let mut response = Failure::new(self.status(), self.aws().1, message).into_response();
        let headers = response.headers_mut();
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if *self == Self::TooFast {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
