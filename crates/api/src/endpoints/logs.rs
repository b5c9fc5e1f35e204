//! The application's log: read, or followed.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use control::{LogFilter, LogRecord};
use futures::Stream;
use model::configuration::LogLevel;
use model::ids::ApplicationName;
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::failure::{Failure, FailureBody};
use crate::request::{Path, Query};
use crate::server::Shared;
use crate::wire::history::log_line;
use crate::wire::log::{Line, cloudwatch_line};
use crate::wire::{lenient_bool, parsed};

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
    /// Only lines of this level and those above: DEBUG, INFO, WARN or ERROR.
    level: Option<String>,
    /// Only lines with this text, whatever its case.
    contains: Option<String>,
    /// `weir` (the default) or `cloudwatch`: which members lines have.
    shape: Option<String>,
}

impl Parameters {
    fn filter(&self) -> Result<LogFilter, Invalid> {
        let level: Option<LogLevel> = parsed(self.level.as_deref())?;
        let levels = level.map(LogLevel::and_above).unwrap_or_default();
        Ok(LogFilter { levels, contains: self.contains.clone() })
    }

    /// ARN of the application if lines are to have CloudWatch's members.
    fn arn(&self, shared: &Shared, name: &ApplicationName) -> Result<Option<String>, Invalid> {
        match self.shape.as_deref() {
            None | Some("weir") => Ok(None),
            Some("cloudwatch") => Ok(Some(shared.control.arn(name))),
            Some(_) => Err(Invalid::new("shape", "must be `weir` or `cloudwatch`")),
        }
    }
}

/// Some lines.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LogsAnswer {
    log_lines: Vec<Line>,
}

/// What is looked for.
#[derive(Clone)]
struct Wanted {
    name: ApplicationName,
    filter: LogFilter,
    arn: Option<String>,
}

impl Wanted {
    /// A line's sequence and body.
    fn line(&self, record: LogRecord) -> (i64, Line) {
        let sequence = record.sequence;
        let line = match &self.arn {
            None => Line::Weir(log_line(record)),
            Some(arn) => Line::CloudWatch(cloudwatch_line(record, arn)),
        };
        (sequence, line)
    }
}

/// Reads the application's log: what its program prints and what the engine has to say. Each event of
/// a followed log has its line's Sequence as id; a header `Last-Event-ID` takes the place of `after`. `Accept: text/event-stream`
/// is the same as `follow`.
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
    let (filter, arn) = (parameters.filter()?, parameters.arn(&shared, &name)?);
    let wanted = Wanted { name, filter, arn };
    let lines = match after {
        Some(sequence) => {
            shared.control.logs_after(&wanted.name, sequence, limit, &wanted.filter).await?
        }
        None => shared.control.logs_tail(&wanted.name, limit, &wanted.filter).await?,
    };
    let lines: Vec<_> = lines.into_iter().map(|it| wanted.line(it)).collect();
    let accepts = headers.get(ACCEPT).and_then(|it| it.to_str().ok());
    let stream = accepts.is_some_and(|it| it.contains("text/event-stream"));
    if parameters.follow.unwrap_or(stream) {
        let seen = lines.last().map_or(after.unwrap_or(0), |(sequence, _)| *sequence);
        let events = follow(shared, wanted, lines, seen);
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    let log_lines = lines.into_iter().map(|(_, line)| line).collect();
    Ok(Json(LogsAnswer { log_lines }).into_response())
}

/// Each line as an event whose id is its sequence; ends when the server stops, the application is
/// gone or the database does not answer: the client then asks again with the last id.
fn follow(
    shared: Shared,
    wanted: Wanted,
    first: Vec<(i64, Line)>,
    seen: i64,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let start = (shared, wanted, first.into_iter(), seen, LOOK_EVERY);
    futures::stream::unfold(start, |(shared, wanted, mut lines, mut seen, mut wait)| async move {
        loop {
            if let Some((sequence, line)) = lines.next() {
                seen = seen.max(sequence);
                let event = Event::default().id(sequence.to_string()).json_data(&line).ok()?;
                return Some((Ok(event), (shared, wanted, lines, seen, wait)));
            }
            tokio::select! {
                () = shared.stop.cancelled() => return None,
                () = tokio::time::sleep(wait) => {}
            }
            let Wanted { name, filter, .. } = &wanted;
            let more = shared.control.logs_after(name, seen, MOST_LINES, filter).await.ok()?;
            // A full answer has more behind it.
            let full = i64::try_from(more.len()).is_ok_and(|it| it == MOST_LINES);
            wait = if full { Duration::ZERO } else { LOOK_EVERY };
            let more = more.into_iter().map(|it| wanted.line(it));
            lines = more.collect::<Vec<_>>().into_iter();
        }
    })
}
