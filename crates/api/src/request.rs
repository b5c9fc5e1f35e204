//! What every request goes through: its id, its body, its path.

use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::failure::Failure;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// Name of the header that carries the request id.
pub(crate) const REQUEST_ID_HEADER: &str = "x-amzn-requestid";

/// Id of the request that the running task answers.
pub(crate) fn current_request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// Gives each request an id and puts it on its answer.
pub(crate) async fn with_request_id(request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().to_string();
    let header = HeaderValue::from_str(&id).expect("a uuid is a header value");
    let mut response = REQUEST_ID.scope(id, next.run(request)).await;
    response.headers_mut().insert(REQUEST_ID_HEADER, header);
    response
}

/// A JSON body; an empty one counts as `{}`.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = Raw::from_request(request, state).await?.0;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| {
            Failure::malformed(format!("the body is not the JSON that is expected here: {error}"))
        })
    }
}

/// The bytes of a body, as large as the endpoint allows.
#[derive(Debug)]
pub(crate) struct Raw(pub(crate) axum::body::Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let read = axum::body::Bytes::from_request(request, state).await;
        read.map(Self).map_err(|rejection: BytesRejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Failure::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    "the body is too large: code may have 50 MiB in a request (put larger zip files \
                     into S3 and give their S3ContentLocation), everything else 2 MiB",
                )
            } else {
                Failure::malformed(format!("the body could not be read: {rejection}"))
            }
        })
    }
}

/// Parameters in the path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let found = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        found.map(|path| Self(path.0)).map_err(|rejection: PathRejection| {
            Failure::malformed(format!("the path is not right: {}", rejection.body_text()))
        })
    }
}

/// Parameters behind the question mark.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let found = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        found.map(|query| Self(query.0)).map_err(|rejection: QueryRejection| {
            Failure::malformed(format!("the query is not right: {}", rejection.body_text()))
        })
    }
}

/// Nothing is at that path.
pub(crate) async fn no_such_path(request: Request) -> Response {
    Failure::new(
        StatusCode::NOT_FOUND,
        "UnknownPath",
        format!(
            "there is nothing at `{}`; /openapi.yaml tells what there is",
            request.uri().path()
        ),
    )
    .into_response()
}

/// The path is there, but not for this method.
pub(crate) async fn no_such_method(request: Request) -> Response {
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        format!("`{}` does not take {}", request.uri().path(), request.method()),
    )
    .into_response()
}
