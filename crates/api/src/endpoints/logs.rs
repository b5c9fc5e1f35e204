//! The application's log: read, or followed.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use model::ids::ApplicationName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::failure::{Failure, FailureBody};
use crate::request::{Path, Query};
use crate::server::Shared;
use crate::wire::history::{LogLine, log_line};
use crate::wire::lenient_bool;

/// Lines of one answer, and of one look while following.
const MOST_LINES: i64 = 1000;

/// Time between two looks while following.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Which lines.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// Only lines with a higher Sequence; absent = the last lines.
    after: Option<i64>,
    /// Most lines, 1 to 1000.
    limit: Option<i64>,
    /// Keep the answer open and send new lines as server-sent events.
    #[serde(deserialize_with = "lenient_bool")]
    follow: Option<bool>,
}

/// Some lines.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LogsAnswer {
    log_lines: Vec<LogLine>,
}

/// Reads the application's log: what its program prints and what the engine has to say. Each event of
/// a followed log has its line's Sequence as id; a header `Last-Event-ID` takes the place of `after`.
#[utoipa::path(get, path = "/v1/applications/{name}/logs", tag = "observation",
    operation_id = "ReadApplicationLogs",
    params(("name" = String, Path, description = "Application name"), Parameters),
    responses((status = 200, description = "The lines; with `follow`, one event per line",
        content((LogsAnswer = "application/json"), (String = "text/event-stream"))),
        (status = "4XX", body = FailureBody)))]
pub(super) async fn read(
    shared: Shared,
    Path(name): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let name: ApplicationName = name.parse()?;
    let limit = parameters.limit.unwrap_or(100).clamp(1, MOST_LINES);
    let resumed = headers.get("last-event-id").and_then(|it| it.to_str().ok()?.parse().ok());
    let after = resumed.or(parameters.after);
    let lines = match after {
        Some(sequence) => shared.control.logs_after(&name, sequence, limit).await?,
        None => shared.control.logs_tail(&name, limit).await?,
    };
    let lines: Vec<LogLine> = lines.into_iter().map(log_line).collect();
    if parameters.follow.unwrap_or(false) {
        let seen = lines.last().map_or(after.unwrap_or(0), |line| line.sequence);
        let events = follow(shared, name, lines, seen);
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    Ok(Json(LogsAnswer { log_lines: lines }).into_response())
}

/// Each line as an event whose id is its sequence; ends when the server stops, the application is
/// gone or the database does not answer: the client then asks again with the last id.
fn follow(
    shared: Shared,
    name: ApplicationName,
    first: Vec<LogLine>,
    seen: i64,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let start = (shared, name, first.into_iter(), seen, LOOK_EVERY);
    futures::stream::unfold(start, |(shared, name, mut lines, mut seen, mut wait)| async move {
        loop {
            if let Some(line) = lines.next() {
                seen = seen.max(line.sequence);
                let event = Event::default().id(line.sequence.to_string()).json_data(&line).ok()?;
                return Some((Ok(event), (shared, name, lines, seen, wait)));
            }
            tokio::select! {
                () = shared.stop.cancelled() => return None,
                () = tokio::time::sleep(wait) => {}
            }
            let more = shared.control.logs_after(&name, seen, MOST_LINES).await.ok()?;
            // A full answer has more behind it.
            let full = i64::try_from(more.len()).is_ok_and(|it| it == MOST_LINES);
            wait = if full { Duration::ZERO } else { LOOK_EVERY };
            lines = more.into_iter().map(log_line).collect::<Vec<_>>().into_iter();
        }
    })
}
