//! What librdkafka tells besides records: its log lines and errors, and when to repeat them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::clock::Clock;
use model::protocol::LogLine;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;

use crate::registry::Environment;

/// The consumer of one source subtask.
pub(super) type Consumer = BaseConsumer<Ear>;

/// Time between two lines about the same trouble.
const REPEAT_MS: i64 = 10_000;

/// Keeps the last complaint of a client.
#[derive(Debug, Clone, Default)]
pub(super) struct Ear(Arc<Mutex<Option<String>>>);

impl Ear {
    pub(super) fn hear(&self, complaint: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(complaint);
    }

    /// Whether there is a complaint to be taken.
    pub(super) fn spoke(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The last complaint since this was last asked.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Ear {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, "{message}");
        // `[thrd:…]: ` is of no use to a customer.
        let text = message.split_once("]: ").map_or(message, |(_, text)| text);
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => self.hear(text.to_owned()),
            RDKafkaLogLevel::Warning
            | RDKafkaLogLevel::Notice
            | RDKafkaLogLevel::Info
            | RDKafkaLogLevel::Debug => {}
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
        self.hear(reason.to_owned());
    }
}

impl ConsumerContext for Ear {}

/// librdkafka's configuration: `ours` first, then the user's, then what must not be changed.
pub(super) fn configuration(
    ours: &[(&str, &str)],
    users: &BTreeMap<String, String>,
    fixed: &[(&str, &str)],
) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (key, value) in ours {
        config.set(*key, *value);
    }
    for (key, value) in users {
        config.set(key, value);
    }
    for (key, value) in fixed {
        config.set(*key, *value);
    }
    config.set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// Writes a table's troubles into the application's log, each at most every ten seconds.
pub(super) struct Complaints {
    table: String,
    environment: Environment,
    clock: Arc<dyn Clock>,
    last_ms: Option<i64>,
}

impl Complaints {
    pub(super) fn new(table: &str, environment: &Environment, clock: &Arc<dyn Clock>) -> Self {
        Self {
            table: table.to_owned(),
            environment: environment.clone(),
            clock: Arc::clone(clock),
            last_ms: None,
        }
    }

    /// Whether a line may be written again; true also counts as having written it.
    pub(super) fn due(&mut self) -> bool {
        let now = self.clock.now_ms();
        let due = self.last_ms.is_none_or(|last| now - last >= REPEAT_MS);
        if due {
            self.last_ms = Some(now);
        }
        due
    }

    pub(super) fn write(&self, message: String) {
        (self.environment.log)(LogLine {
            at_ms: self.clock.now_ms(),
            level: "WARN".to_owned(),
            logger: self.table.clone(),
            message,
        });
    }
}
