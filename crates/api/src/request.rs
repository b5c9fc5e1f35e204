//! What every request goes through: its id, its body, its path.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
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

/// A JSON object as the body; an empty body counts as `{}`.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        if bytes.is_empty() { object(b"{}").map(Self) } else { object(&bytes).map(Self) }
    }
}

/// Reads a JSON object.
pub(crate) fn object<T: DeserializeOwned>(text: &[u8]) -> Result<T, Failure> {
    // Without this look, an array would be taken for the members of the object in their order.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(Failure::malformed("the body must be a JSON object, `{...}`"));
    }
    serde_json::from_slice(text).map_err(|error| {
        Failure::malformed(format!("the body is not the JSON that is expected here: {error}"))
    })
}

/// Most bytes of a body; an extension of the request where it is not the default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

impl Default for BodyLimit {
    fn default() -> Self {
        Self(2 << 20)
    }
}

/// The bytes of a body, as many as the endpoint's [`BodyLimit`] allows.
#[derive(Debug)]
pub(crate) struct Raw(pub(crate) Vec<u8>);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let BodyLimit(limit) = request.extensions().get().copied().unwrap_or_default();
        let headers = request.headers();
        let announced = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
        if headers.contains_key(EXPECT) && announced.is_some_and(|it: u64| it > limit as u64) {
            return Err(too_large(limit));
        }
        let mut chunks = request.into_body().into_data_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| {
                Failure::malformed(format!("the body could not be read: {error}"))
            })?;
            if bytes.len() + chunk.len() > limit {
                drop(bytes);
                discard(chunks).await;
                return Err(too_large(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Self(bytes))
    }
}

fn too_large(limit: usize) -> Failure {
    Failure::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        format!(
            "the body is larger than the {limit} bytes that are taken here; put a larger zip file \
             into S3 and give its S3ContentLocation"
        ),
    )
}

/// Most bytes that are read of a body only to be thrown away, and how long that may take.
const MOST_DISCARDED: usize = 1 << 30;
const DISCARD_WITHIN: Duration = Duration::from_secs(30);

/// Reads on without keeping anything: many clients read no answer before they have sent all.
async fn discard(mut chunks: BodyDataStream) {
    let all = async {
        let mut room = MOST_DISCARDED;
        while let Some(Ok(chunk)) = chunks.next().await {
            let Some(rest) = room.checked_sub(chunk.len()) else { break };
            room = rest;
        }
    };
    if tokio::time::timeout(DISCARD_WITHIN, all).await.is_err() {
        tracing::debug!("a body that is too large was not sent in time");
    }
}

/// Parameters in the path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        without_nul("path", parts.uri.path())?;
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
        without_nul("query", parts.uri.query().unwrap_or_default())?;
        let found = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        found.map(|query| Self(query.0)).map_err(|rejection: QueryRejection| {
            Failure::malformed(format!("the query is not right: {}", rejection.body_text()))
        })
    }
}

/// Refuses NUL, which text of the database cannot hold; `part` is still percent-encoded.
fn without_nul(what: &str, part: &str) -> Result<(), Failure> {
    if part.contains("%00") {
        return Err(Failure::malformed(format!(
            "the {what} is not right: it must not contain a NUL character, `%00`"
        )));
    }
    Ok(())
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
