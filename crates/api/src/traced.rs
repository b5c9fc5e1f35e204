//! Each request is a span, a part of its caller's trace if the caller has one.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use model::trace::{self, Traceparent};
use tracing::{Instrument, Span, field::Empty, info_span};

use crate::request::current_request_id;

/// Where the caller stands in a trace (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";

/// Where the answer's span stands (W3C Trace Context, level 2).
const TRACERESPONSE: &str = "traceresponse";

/// Answers a request within a span with the names that OpenTelemetry has for HTTP; it ends when the
/// answer begins. Handlers' callers know where they stand: without a span of ours, where their caller
/// does.
pub(crate) async fn traced(mut request: Request, next: Next) -> Response {
    let parent = parent(request.headers());
    let span = span(&request);
    if let Some(parent) = &parent {
        trace::adopt(&span, parent);
    }
    let own = trace::place(&span);
    if let Some(place) = own.or(parent) {
        request.extensions_mut().insert(place);
    }
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
    if let Some(own) = own {
        let header = HeaderValue::from_str(&own.to_string()).expect("digits are a header value");
        response.headers_mut().insert(TRACERESPONSE, header);
    }
    response
}

/// The caller's place; one that nobody can read counts as none.
fn parent(headers: &HeaderMap) -> Option<Traceparent> {
    let mut given = headers.get_all(TRACEPARENT).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return None };
    only.to_str().ok()?.parse().ok()
}

fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let (method, path) = (request.method(), request.uri().path());
    let known = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "HTTP",
    };
    let name = || route.map_or_else(|| known.to_owned(), |route| format!("{known} {route}"));
    let target = request.headers().get("x-amz-target").filter(|_| is_aws(method, path));
    let operation =
        target.and_then(|it| it.to_str().ok()?.rsplit_once('.')).map(|(_, operation)| operation);
    info_span!(
        target: trace::TARGET,
        "request",
        otel.name = name(),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method.as_str(),
        http.route = route,
        http.response.status_code = Empty,
        url.path = path,
        rpc.method = operation,
        "error.type" = Empty,
        weir.request_id = current_request_id(),
    )
}

fn is_aws(method: &Method, path: &str) -> bool {
    method == Method::POST && path == "/"
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|it| (TRACEPARENT.parse().unwrap(), HeaderValue::from_static(it)))
            .collect()
    }

    #[test]
    fn a_callers_place_is_one_that_can_be_read() {
        assert_eq!(parent(&headers(&[EXAMPLE])).unwrap().to_string(), EXAMPLE);
        assert_eq!(parent(&headers(&[])), None);
        assert_eq!(parent(&headers(&["00-what-ever-01"])), None);
        assert_eq!(parent(&headers(&[EXAMPLE, EXAMPLE])), None);
    }
}
