//! What all commands share: the client, pages, waiting, and how an answer is shown.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::terminal::{print, say};

pub(super) type Error = Box<dyn std::error::Error + Send + Sync>;

/// Time between two looks while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// One call of `weir app`.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    /// Answers are printed as they came.
    pub(super) json: bool,
}

impl Session {
    pub(super) fn new(api: &str, key: Option<&str>, json: bool) -> Self {
        Self { client: Client::new(api).with_key(key), json }
    }

    /// Prints an answer: as it came, or in words for people.
    pub(super) fn show(&self, answer: &Value, words: impl FnOnce(&Value) -> String) {
        let text = if self.json { format!("{answer:#}") } else { words(answer) };
        print(text.trim_end_matches('\n'));
    }

    /// Tells people that something is done.
    pub(super) fn done(&self, answer: &Value, text: &str) {
        self.show(answer, |_| text.to_owned());
    }

    /// Reads all pages of a list; `query` is the rest of the query, `member` the list's name.
    pub(super) async fn pages(
        &self,
        path: &str,
        query: &str,
        member: &str,
    ) -> Result<Value, Error> {
        let mut all = Vec::new();
        let mut next = String::new();
        loop {
            let mut page = self.client.get(&format!("{path}?Limit=50{query}{next}")).await?;
            if let Some(items) = page[member].as_array_mut() {
                all.append(items);
            }
            let Some(token) = page["NextToken"].as_str() else { break };
            next = format!("&NextToken={}", encoded(token));
        }
        Ok(json!({ member: all }))
    }

    /// Waits until an operation has ended; gives the status the application then has, and an error
    /// unless it succeeded.
    pub(super) async fn wait(&self, name: &str, answer: &Value) -> Result<String, Error> {
        let Some(id) = answer["OperationId"].as_str() else { return self.status(name).await };
        let path = format!("{}/operations/{}", application(name), encoded(id));
        let (mut status, mut waited_for) = (String::new(), String::new());
        loop {
            let (now, waits_for) = self.looks(name).await?;
            if waits_for != waited_for && !waits_for.is_empty() {
                say(format!("{name} {waits_for}"));
            }
            waited_for = waits_for;
            if now != status {
                say(format!("{name} is {now}"));
                status = now;
            }
            let operation = self.client.get(&path).await?;
            let operation = &operation["ApplicationOperationInfoDetails"];
            let told = operation["OperationStatus"].as_str().unwrap_or_default();
            match told {
                "IN_PROGRESS" => tokio::time::sleep(LOOK_EVERY).await,
                "SUCCESSFUL" => break,
                _ => {
                    let cause = &operation["OperationFailureDetails"]["ErrorInfo"]["ErrorString"];
                    let cause = cause.as_str().unwrap_or("no cause is given");
                    let kind = operation["Operation"].as_str().unwrap_or("the operation");
                    return Err(format!("{kind} is {told}: {cause}").into());
                }
            }
        }
        let now = self.status(name).await?;
        if now != status {
            say(format!("{name} is {now}"));
        }
        Ok(now)
    }

    async fn status(&self, name: &str) -> Result<String, Error> {
        Ok(self.looks(name).await?.0)
    }

    /// The status, and why no worker can take the run.
    async fn looks(&self, name: &str) -> Result<(String, String), Error> {
        let answer = self.client.get(&application(name)).await?;
        let detail = &answer["ApplicationDetail"];
        Ok((text(&detail["ApplicationStatus"]), text(&detail["Weir"]["WaitingFor"])))
    }

    /// Waits until a snapshot is no longer being taken; gives the answer that says so.
    pub(super) async fn wait_for_snapshot(&self, path: &str) -> Result<Value, Error> {
        loop {
            let answer = self.client.get(path).await?;
            if answer["SnapshotDetails"]["SnapshotStatus"] != "CREATING" {
                return Ok(answer);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until an operation on an enhanced snapshot has ended; gives the answer that says so.
    pub(super) async fn wait_for_snapshot_operation(&self, path: &str) -> Result<Value, Error> {
        loop {
            let answer = self.client.get(path).await?;
            if answer["SnapshotOperationInfoDetails"]["SnapshotOperationStatus"] != "IN_PROGRESS" {
                return Ok(answer);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Path of an application.
pub(super) fn application(name: &str) -> String {
    format!("/v1/applications/{}", encoded(name))
}

/// Text as a part of a path or query.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let part = |byte: u8| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(part).collect()
}

/// A member for people: text without quotes, nothing for what is absent.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A time for people; `value` is in seconds since 1970.
pub(super) fn time(value: &Value) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a time fit")]
    let at = value.as_f64().map(|seconds| (seconds * 1000.0).round() as i64);
    let at = at.and_then(chrono::DateTime::from_timestamp_millis);
    at.map(|at| at.format("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_characters_do_not_leave_their_part_of_a_path() {
        assert_eq!(encoded("sensor-alerts_2.b"), "sensor-alerts_2.b");
        assert_eq!(encoded("a/b?c é"), "a%2Fb%3Fc%20%C3%A9");
    }

    #[test]
    fn values_are_shown_without_quotes() {
        assert_eq!(text(&json!("READY")), "READY");
        assert_eq!(text(&json!(3)), "3");
        assert_eq!(text(&Value::Null), "");
        assert_eq!(time(&json!(1_700_000_000.9)), "2023-11-14 22:13:20Z");
        assert_eq!(time(&Value::Null), "");
    }
}
