//! From a request to an operation and back.

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::operations::{self, Operation};
use super::refusal::Refusal;
use super::shapes::SHAPES;
use crate::request::Raw;
use crate::server::Shared;

/// Content type of requests and answers.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Goes before the name of an operation in `X-Amz-Target`.
const TARGET: &str = "KinesisAnalytics_20180523.";

/// The same of the API before, for SQL applications only, under the same host name.
const FIRST_API: &str = "KinesisAnalytics_20150814.";

/// Answers a call of the AWS API.
pub(crate) async fn door(shared: Shared, request: Request) -> Response {
    match answer(shared, request).await {
        Ok(body) => ([("content-type", CONTENT_TYPE)], body.to_string()).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Answers when a handler panicked.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Refusal::internal().into_response()
}

async fn answer(shared: Shared, request: Request) -> Result<Value, Refusal> {
    let target = match text(request.headers(), "x-amz-target") {
        Some(target) if target.starts_with(FIRST_API) => None,
        Some(target) => Some(operation(target)?),
        None => return Err(unknown("the header `X-Amz-Target` names no operation")),
    };
    check_content_type(request.headers())?;
    let Raw(bytes) = Raw::from_request(request, &()).await?;
    let body = read(&bytes)?;
    let Some(operation) = target else { return Err(first_api(&body)) };
    let input = SHAPES.admit(&operation.request_shape(), body)?;
    let mut answer = (operation.run)(shared, input).await?;
    SHAPES.cut(&operation.answer_shape(), &mut answer);
    Ok(answer)
}

fn operation(target: &str) -> Result<&'static Operation, Refusal> {
    let name = target.strip_prefix(TARGET);
    name.and_then(operations::named).ok_or_else(|| {
        let shown: String = target.chars().take(200).collect();
        unknown(format!("there is no operation `{}`", shown.escape_debug()))
    })
}

fn unknown(message: impl Into<String>) -> Refusal {
    Refusal::new("UnknownOperationException", message)
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let given = text(headers, "content-type").unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(CONTENT_TYPE) {
        return Ok(());
    }
    Err(unknown(format!("the content type must be `{CONTENT_TYPE}`")))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn read(bytes: &[u8]) -> Result<Value, Refusal> {
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let read: Result<Value, _> = serde_json::from_slice(bytes);
    read.map_err(|error| Refusal::unreadable(format!("the body is not JSON: {error}")))
}

/// Every application here was made by the newer API, so its predecessor is told to go there.
fn first_api(body: &Value) -> Refusal {
    let name = body["ApplicationName"].as_str().unwrap_or("The application");
    Refusal::unsupported(format!(
        "{name} was created/updated by kinesisanalyticsv2 SDK. Please use kinesisanalyticsv2 SDK to \
         make changes."
    ))
}
