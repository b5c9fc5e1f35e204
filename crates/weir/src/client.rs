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
    #[error("{url} gave an answer that is not understood: is it Weir's API?")]
    Unreadable {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Nothing,
    Json(Value),
}

/// Speaks to one API server.
#[derive(Clone)]
pub(crate) struct Client {
    base: String,
    http: reqwest::Client,
    /// Shown with every request.
    key: Option<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Client {
    /// `base` is the server's URL, e.g. `http://127.0.0.1:8088`.
    pub(crate) fn new(base: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        let http = reqwest::Client::builder();
        // A proxy of the environment does not lead back to this machine.
        let http = if is_loopback(&base) { http.no_proxy() } else { http };
        Self { base, http: http.build().expect("nothing is asked that can fail"), key: None }
    }

    /// With a key to show.
    #[must_use]
    pub(crate) fn with_key(self, key: Option<&str>) -> Self {
        Self { key: key.filter(|key| !key.is_empty()).map(str::to_owned), ..self }
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
        let unreadable = |source| ClientError::Unreadable { url, source };
        let bytes = match response.bytes().await {
            Ok(bytes) => bytes,
            Err(error) => return Err(unreadable(error.into())),
        };
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| unreadable(error.into()))
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
        let request = match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let request = match body {
            Body::Nothing => request,
            Body::Json(value) => request.json(&value),
        };
        let response = request
            .send()
            .await
            .map_err(|source| ClientError::Unreachable { url: self.base.clone(), source })?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }
}

/// Whether a URL's host is this machine.
fn is_loopback(url: &str) -> bool {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|it| it.is_loopback())
    })
}

async fn refusal(response: reqwest::Response) -> ClientError {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or(Value::Null);
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let mut message = text("Message");
    // The message itself has the first one.
    let diagnostics = body["Diagnostics"].as_array().filter(|all| all.len() > 1);
    for diagnostic in diagnostics.into_iter().flatten() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_names() {
        for url in ["http://127.0.0.1:8088", "http://localhost", "http://[::1]:1/"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://weir.example", "http://10.0.0.1", "no url"] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
