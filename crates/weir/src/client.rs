//! A thin client of Weir's REST API.

use reqwest::{Method, StatusCode};
use serde_json::Value;

/// Why a call did not give an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("the API at {url} does not answer: is it running? (--api or WEIR_API names another)")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("{code}: {message} (request {request_id})")]
    Refused { status: StatusCode, code: String, message: String, request_id: String },
    #[error("the API at {url} gave an answer that is not understood")]
    Unreadable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Nothing,
    Json(Value),
    Bytes { content_type: &'static str, bytes: Vec<u8> },
}

/// Speaks to one API server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    base: String,
    http: reqwest::Client,
}

impl Client {
    /// `base` is the server's URL, e.g. `http://127.0.0.1:8088`.
    pub(crate) fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), http: reqwest::Client::new() }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.call(Method::GET, path, Body::Nothing).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Result<Value, ClientError> {
        self.call(Method::POST, path, Body::Json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Body) -> Result<Value, ClientError> {
        self.call(Method::PUT, path, body).await
    }

    /// Sends a request and reads the JSON answer; an empty answer is `null`.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Value, ClientError> {
        let response = self.send(method, path, body).await?;
        let url = response.url().to_string();
        let bytes = response
            .bytes()
            .await
            .map_err(|source| ClientError::Unreadable { url: url.clone(), source })?;
        Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Sends a request; an answer that is a refusal becomes an error.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<reqwest::Response, ClientError> {
        let url = format!("{}{path}", self.base);
        let request = self.http.request(method, &url);
        let request = match body {
            Body::Nothing => request,
            Body::Json(value) => request.json(&value),
            Body::Bytes { content_type, bytes } => {
                request.header(reqwest::header::CONTENT_TYPE, content_type).body(bytes)
            }
        };
        let response =
            request.send().await.map_err(|source| ClientError::Unreachable { url, source })?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }
}

async fn refusal(response: reqwest::Response) -> ClientError {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or(Value::Null);
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let mut message = text("Message");
    for diagnostic in body["Diagnostics"].as_array().into_iter().flatten() {
        message.push_str(&format!(
            "\n  line {}, column {}: {}",
            diagnostic["Line"],
            diagnostic["Column"],
            diagnostic["Message"].as_str().unwrap_or_default()
        ));
    }
    let code = if text("Code").is_empty() { status.to_string() } else { text("Code") };
    ClientError::Refused { status, code, message, request_id: text("RequestId") }
}
