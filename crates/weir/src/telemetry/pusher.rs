//! Sends points of metrics, from a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use control::KeptMetrics;
use opentelemetry_sdk::Resource;
use prost::Message;
use reqwest::StatusCode;
use reqwest::blocking::Client;
use reqwest::header::CONTENT_TYPE;

use super::points::request;
use super::reach::Reach;
use super::settings::Settings;

/// Points of so many periods may wait.
const WAITING: usize = 4;

/// Pauses before a collector that did not answer is asked again.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

enum Task {
    Push(KeptMetrics),
    End,
}

/// Where points go.
pub(super) struct Pusher {
    tasks: SyncSender<Task>,
    ended: Receiver<()>,
}

/// How a collector is asked.
struct Collector {
    url: String,
    headers: Vec<(String, String)>,
    timeout: Duration,
}

/// Why points were not taken.
struct NotTaken {
    why: String,
    /// Whether asking again can help.
    again: bool,
}

impl Pusher {
    /// Points are of `resource`, whichever worker pushes them.
    pub(super) fn start(settings: &Settings, resource: Resource) -> Self {
        let (tasks, waiting) = sync_channel(WAITING);
        let (end, ended) = sync_channel::<()>(0);
        let collector = Collector {
            url: settings.metrics_url().unwrap_or_default(),
            headers: settings.metrics_headers(),
            timeout: settings.metrics_timeout(),
        };
        std::thread::spawn(move || {
            // Dropped when the thread ends, which is what is waited for.
            let _end = end;
            let reach = Reach::of("points of metrics");
            let client = match Client::builder().timeout(collector.timeout).build() {
                Ok(client) => client,
                Err(error) => return reach.heard(Err::<(), _>(error)),
            };
            while let Ok(Task::Push(kept)) = waiting.recv() {
                let body = request(&kept, &resource).encode_to_vec();
                reach.heard(collector.push(&client, &body).map_err(|it| it.why));
            }
        });
        Self { tasks, ended }
    }

    /// Never waits: points that cannot wait are lost.
    pub(super) fn publish(&self) -> worker::Publish {
        let tasks = self.tasks.clone();
        Arc::new(move |kept| {
            if tasks.try_send(Task::Push(kept)).is_err() {
                tracing::debug!("points of metrics do not find room to wait");
            }
        })
    }

    /// Sends what waits, as far as that can be done within this time.
    pub(super) fn end(self, within: Duration) {
        if self.tasks.try_send(Task::End).is_ok() {
            let ended = self.ended.recv_timeout(within);
            debug_assert!(matches!(
                ended,
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout)
            ));
        }
    }
}

impl Collector {
    fn push(&self, client: &Client, body: &[u8]) -> Result<(), NotTaken> {
        let mut pauses = PAUSES.iter();
        loop {
            match self.push_once(client, body) {
                Err(NotTaken { again: true, why }) => match pauses.next() {
                    Some(pause) => std::thread::sleep(*pause),
                    None => return Err(NotTaken { again: true, why }),
                },
                result => return result,
            }
        }
    }

    fn push_once(&self, client: &Client, body: &[u8]) -> Result<(), NotTaken> {
        let mut request = client.post(&self.url).header(CONTENT_TYPE, "application/x-protobuf");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        // An address that is none does not become one.
        let failed = |error: reqwest::Error| NotTaken {
            again: !error.is_builder(),
            // Without the address, which may hold a password.
            why: error.without_url().to_string(),
        };
        let status = request.body(body.to_vec()).send().map_err(failed)?.status();
        let again = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        if status.is_success() {
            Ok(())
        } else {
            Err(NotTaken { why: format!("it answers {status}"), again })
        }
    }
}
