//! `weir app logs`: the last lines, or all that come.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::session::{Error, Session, application, encoded, text, time};
use crate::client::{Body, ClientError};

/// Options of `weir app logs`.
#[derive(Debug, clap::Args)]
pub(super) struct Logs {
    /// Name of the application
    name: String,
    /// Go on with the lines that come
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines to show
    #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    lines: u32,
    /// Only lines of this level and those above: DEBUG, INFO, WARN or ERROR
    #[arg(long)]
    level: Option<String>,
    /// Only lines with this text, whatever its case
    #[arg(long)]
    contains: Option<String>,
}

impl Logs {
    /// The filter as a part of a query.
    fn filter(&self) -> String {
        let part = |name: &str, value: &Option<String>| match value {
            Some(value) => format!("&{name}={}", encoded(value)),
            None => String::new(),
        };
        part("level", &self.level) + &part("contains", &self.contains)
    }
}

/// How often, and how far apart, an API server that went away is called again.
const CALLS: u32 = 60;
const BETWEEN_CALLS: Duration = Duration::from_secs(1);

pub(super) async fn run(session: &Session, arguments: &Logs) -> Result<(), Error> {
    let path = format!("{}/logs", application(&arguments.name));
    if arguments.follow {
        return follow(session, &path, arguments).await;
    }
    let query = format!("limit={}{}", arguments.lines, arguments.filter());
    let answer = session.client.get(&format!("{path}?{query}")).await?;
    session.show(&answer, |answer| {
        let lines = answer["LogLines"].as_array().into_iter().flatten();
        lines.map(|line| in_words(line) + "\n").collect()
    });
    Ok(())
}

/// Shows lines until the application is gone or nobody reads them; an API server that ends is
/// called again.
async fn follow(session: &Session, path: &str, arguments: &Logs) -> Result<(), Error> {
    let mut from = format!("limit={}", arguments.lines);
    let filter = arguments.filter();
    let mut left = 0;
    loop {
        let url = format!("{path}?follow=true&{from}{filter}");
        match session.client.send(Method::GET, &url, Body::Nothing).await {
            Ok(mut response) => {
                let mut events = Events::default();
                // A broken connection is the end of this answer like any other.
                while let Ok(Some(chunk)) = response.chunk().await {
                    for line in events.read(&chunk) {
                        from = format!("after={}", line["Sequence"]);
                        let shown = if session.json { line.to_string() } else { in_words(&line) };
                        if !written(&shown)? {
                            return Ok(());
                        }
                    }
                }
                left = CALLS;
            }
            Err(ClientError::Unreachable { .. }) if left > 0 => left -= 1,
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(BETWEEN_CALLS).await;
    }
}

/// Writes a line; false when nobody reads any more.
fn written(line: &str) -> Result<bool, Error> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn in_words(line: &Value) -> String {
    let (at, level, logger) = (time(&line["At"]), text(&line["Level"]), text(&line["Logger"]));
    let mut words = format!("{at} {level:<5} {logger}: {}", text(&line["Message"]));
    if let Some(throwable) = line["Throwable"].as_str() {
        words.push('\n');
        words.push_str(throwable.trim_end());
    }
    words
}

/// Server-sent events, put together from the pieces they come in.
#[derive(Debug, Default)]
struct Events {
    begun: Vec<u8>,
}

impl Events {
    /// The data of the events that are complete now.
    fn read(&mut self, chunk: &[u8]) -> Vec<Value> {
        self.begun.extend_from_slice(chunk);
        let mut found = Vec::new();
        while let Some(end) = self.begun.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.begun.drain(..end + 2).collect();
            let event = String::from_utf8_lossy(&event);
            let data = event.lines().find_map(|line| line.strip_prefix("data:"));
            found.extend(data.and_then(|data| serde_json::from_str(data).ok()));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_read_whatever_pieces_they_come_in() {
        let text = ":\n\nid: 1\ndata: {\"Message\":\"é\"}\n\nid: 2\ndata: {\"Message\":\"b\"}\n\n";
        for size in [1, 3, 1000] {
            let mut events = Events::default();
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                found.extend(events.read(piece));
            }
            assert_eq!(found, [json!({ "Message": "é" }), json!({ "Message": "b" })]);
        }
    }

    #[test]
    fn the_filter_is_a_part_of_the_query() {
        let logs = |level: Option<&str>, contains: Option<&str>| Logs {
            name: "a".to_owned(),
            follow: false,
            lines: 1,
            level: level.map(str::to_owned),
            contains: contains.map(str::to_owned),
        };
        assert_eq!(logs(None, None).filter(), "");
        assert_eq!(logs(Some("WARN"), Some("a b&c")).filter(), "&level=WARN&contains=a%20b%26c");
    }

    #[test]
    fn a_line_is_its_time_level_speaker_and_text() {
        let line = json!({
            "Sequence": 1, "At": 1_700_000_000.123, "Level": "INFO", "Logger": "program",
            "Message": "hello",
        });
        assert_eq!(in_words(&line), "2023-11-14 22:13:20Z INFO  program: hello");
    }
}
