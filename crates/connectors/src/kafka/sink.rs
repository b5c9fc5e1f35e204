//! The Kafka sink: its plan, and the client of each subtask.

use std::sync::Arc;

use engine::connector::{TableRefused, TableSpec};
use engine::sink::{CommitContext, Committer, Sink, SinkContext, SinkWriter};
use engine::{Error, Result};
use rdkafka::ClientConfig;

use super::client::{Complaints, configuration};
use super::columns::{Columns, Place};
use super::metadata;
use super::options::Table;
use super::properties::Role;
use super::writer::{Deliveries, Fields, Writer};
use crate::registry::Environment;

/// What we prefer to librdkafka's defaults; a table's properties go before.
const PREFERRED: &[(&str, &str)] = &[
    ("client.id", "weir"),
    // Records with a key go where the Java client puts them.
    ("partitioner", "murmur2_random"),
    // Kafka's `delivery.timeout.ms`.
    ("message.timeout.ms", "120000"),
    ("queue.buffering.max.messages", "500000"),
    ("queue.buffering.max.kbytes", "65536"),
    ("socket.nagle.disable", "true"),
    ("reconnect.backoff.max.ms", "2000"),
    ("log.connection.close", "false"),
];

/// Which partition a record without key goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Partitioning {
    /// As the Java client: by key, else any.
    Default,
    /// One for each subtask.
    Fixed,
    /// One after the other.
    RoundRobin,
}

/// What holds after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guarantee {
    /// Nothing: records that cannot be delivered are logged.
    None,
    /// Every record of a committed checkpoint is in the topic, perhaps twice.
    AtLeastOnce,
}

/// A topic to write to.
#[derive(Debug)]
pub(super) struct KafkaSink {
    table: Table,
    topic: String,
    columns: Arc<Columns>,
    partitioning: Partitioning,
    guarantee: Guarantee,
    environment: Environment,
}

impl KafkaSink {
    pub(super) fn plan(spec: &TableSpec, environment: &Environment) -> Result<Self, TableRefused> {
        let table = Table::plan(spec, Role::Producer)?;
        let options = &table.options;
        let topic = match options.text("topic") {
            Some(topic) if !topic.trim().is_empty() && !topic.contains(';') => {
                topic.trim().to_owned()
            }
            Some(_) => return Err(options.refuse("topic", "a sink writes to one topic; name it")),
            None => return Err(options.refuse("topic", "name the topic to write to")),
        };
        let partitioning = match options.text("sink.partitioner").unwrap_or_default() {
            "default" => Partitioning::Default,
            "fixed" => Partitioning::Fixed,
            "round-robin" => Partitioning::RoundRobin,
            _ => {
                let why =
                    "write `default`, `fixed` or `round-robin`; Java classes cannot be loaded";
                return Err(options.refuse("sink.partitioner", why));
            }
        };
        let guarantee = guarantee(&table)?;
        let columns = Columns::plan(spec, &table)?;
        for (place, field) in columns.places.iter().zip(columns.schema.fields()) {
            let Place::Metadata(key) = place else { continue };
            let writable = matches!(key.as_str(), "timestamp" | "headers");
            if !writable || !metadata::fits(key, field.data_type()) {
                let message = format!(
                    "table `{}`: metadata column `{}` (`{key}`, {}) cannot be written; there are \
                     `timestamp` and `headers`; declare others VIRTUAL",
                    spec.name,
                    field.name(),
                    field.data_type()
                );
                return Err(TableRefused { message, option: None });
            }
        }
        table.value_format.check_encodes(&columns.value)?;
        if let Some(format) = &table.key_format {
            format.check_encodes(&columns.key)?;
        }
        Ok(Self {
            table,
            topic,
            columns: Arc::new(columns),
            partitioning,
            guarantee,
            environment: environment.clone(),
        })
    }

    fn configure(&self) -> ClientConfig {
        let users = &self.table.properties;
        // As in Java: idempotent, unless the acknowledgements asked for do not allow it.
        let weak = users.get("acks").is_some_and(|acks| acks == "0" || acks == "1");
        let mut preferred = PREFERRED.to_vec();
        preferred.push(("enable.idempotence", if weak { "false" } else { "true" }));
        configuration(&preferred, users, &[("delivery.report.only.error", "true")])
    }
}

fn guarantee(table: &Table) -> Result<Guarantee, TableRefused> {
    let options = &table.options;
    let keys = ["sink.delivery-guarantee", "sink.semantic"];
    let key = keys.into_iter().find(|key| options.given(key)).unwrap_or(keys[0]);
    match options.choice(key) {
        Some("exactly-once") => Err(options.refuse(
            key,
            "exactly-once delivery to Kafka is not available yet; use `at-least-once`",
        )),
        Some("none") => Ok(Guarantee::None),
        _ => Ok(Guarantee::AtLeastOnce),
    }
}

impl Sink for KafkaSink {
    fn accepts_updates(&self) -> bool {
        self.table.value_format.accepts_updates()
    }

    fn open(&self, context: SinkContext) -> Result<Box<dyn SinkWriter>> {
        let deliveries = Deliveries::default();
        let producer = self.configure().create_with_context(deliveries.clone());
        let producer = producer.map_err(|error| {
            let name = &self.table.name;
            Error::user(format!("table `{name}`: no Kafka client with these properties: {error}"))
        })?;
        let value = self.table.value_format.encoder(&self.columns.value)?;
        let key = self.table.key_format.as_ref().map(|format| format.encoder(&self.columns.key));
        Ok(Box::new(Writer {
            brokers: self.table.property("bootstrap.servers").unwrap_or_default().to_owned(),
            topic: self.topic.clone(),
            partitioning: self.partitioning,
            guarantee: self.guarantee,
            complaints: Complaints::new(&self.table.name, &self.environment, &context.clock),
            fields: Fields::new(Arc::clone(&self.columns), value, key.transpose()?),
            partitions: None,
            next: context.subtask,
            producer,
            deliveries,
            context,
        }))
    }

    fn committer(&self, _context: CommitContext) -> Result<Option<Box<dyn Committer>>> {
        Ok(None)
    }
}
