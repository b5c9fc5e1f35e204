//! The Kafka sink: its plan, and the client of each subtask.

use std::sync::Arc;

use engine::connector::{TableRefused, TableSpec};
use engine::sink::{CommitContext, Committer, Sink, SinkContext, SinkWriter};
use engine::{Error, Result};
use rdkafka::ClientConfig;

use super::client::{Complaints, configuration};
use super::columns::{Columns, Place};
use super::exactly_once::{Client, KafkaCommitter, LostMarker, Producing, StashWriter};
use super::fields::Fields;
use super::metadata;
use super::options::Table;
use super::properties::Role;
use super::writer::{Deliveries, Writer};
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

/// How long a transaction may be open (Kafka's producers: 1 minute; brokers allow 15): ours hold all
/// of a checkpoint's output, ready to be sent.
const TRANSACTION_TIMEOUT_MS: &str = "300000";

/// The largest record librdkafka takes unless told otherwise.
const MAX_RECORD_BYTES: usize = 1_000_000;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guarantee {
    /// Nothing: records that cannot be delivered are logged.
    None,
    /// Every record of a committed checkpoint is in the topic, perhaps twice.
    AtLeastOnce,
    /// Every record of a committed checkpoint is in the topic, once for who reads `read_committed`.
    ExactlyOnce {
        /// `sink.transactional-id-prefix`.
        prefix: String,
        lost_marker: LostMarker,
    },
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

    fn fields(&self) -> Result<Fields> {
        let value = self.table.value_format.encoder(&self.columns.value)?;
        let key = self.table.key_format.as_ref().map(|format| format.encoder(&self.columns.key));
        Ok(Fields::new(Arc::clone(&self.columns), value, key.transpose()?))
    }

    fn brokers(&self) -> String {
        self.table.property("bootstrap.servers").unwrap_or_default().to_owned()
    }

    /// Clients that use `id` as transactional id, and as the group that keeps the marker.
    fn producing(&self, id: &str) -> Producing {
        let users = &self.table.properties;
        let mut ours = PREFERRED.to_vec();
        ours.push(("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS));
        let fixed = [("transactional.id", id), ("delivery.report.only.error", "true")];
        let mut producer = configuration(&ours, users, &fixed);
        // A record may not wait longer than its transaction.
        let timeout = producer.get("transaction.timeout.ms").unwrap_or_default().to_owned();
        producer.set("message.timeout.ms", timeout);
        let fixed = [
            ("group.id", id),
            ("enable.auto.commit", "false"),
            // So that a marker is not read while its transaction is under way.
            ("isolation.level", "read_committed"),
        ];
        let marker = configuration(&[("client.id", "weir")], users, &fixed);
        let (table, topic) = (self.table.name.clone(), self.topic.clone());
        Producing { producer, marker, table, topic, brokers: self.brokers() }
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
        Some("exactly-once") => exactly_once(table),
        Some("none") => Ok(Guarantee::None),
        _ => Ok(Guarantee::AtLeastOnce),
    }
}

fn exactly_once(table: &Table) -> Result<Guarantee, TableRefused> {
    let options = &table.options;
    let key = "sink.transactional-id-prefix";
    let Some(prefix) = options.text(key).filter(|prefix| !prefix.is_empty()) else {
        return Err(options.refuse(key, "`exactly-once` needs it; choose any prefix"));
    };
    if table.properties.get("acks").is_some_and(|acks| acks != "all" && acks != "-1") {
        let why = "`exactly-once` needs `all`; leave it out";
        return Err(options.refuse("properties.acks", why));
    }
    let lost_marker = match options.choice("sink.lost-marker") {
        Some("send") => LostMarker::Send,
        Some("skip") => LostMarker::Skip,
        _ => LostMarker::Fail,
    };
    Ok(Guarantee::ExactlyOnce { prefix: prefix.to_owned(), lost_marker })
}

impl Sink for KafkaSink {
    fn accepts_updates(&self) -> bool {
        self.table.value_format.accepts_updates()
    }

    fn prepares(&self) -> bool {
        matches!(self.guarantee, Guarantee::ExactlyOnce { .. })
    }

    fn open(&self, context: SinkContext) -> Result<Box<dyn SinkWriter>> {
        let fields = self.fields()?;
        if matches!(self.guarantee, Guarantee::ExactlyOnce { .. }) {
            let max = self.table.properties.get("message.max.bytes");
            let max = max.and_then(|max| max.parse().ok()).unwrap_or(MAX_RECORD_BYTES);
            let (topic, how) = (&self.topic, self.partitioning);
            return Ok(Box::new(StashWriter::new(topic, fields, how, max, context)));
        }
        let deliveries = Deliveries::default();
        let producer = self.configure().create_with_context(deliveries.clone());
        let producer = producer.map_err(|error| {
            let name = &self.table.name;
            Error::user(format!("table `{name}`: no Kafka client with these properties: {error}"))
        })?;
        Ok(Box::new(Writer {
            brokers: self.brokers(),
            topic: self.topic.clone(),
            partitioning: self.partitioning,
            guarantee: self.guarantee.clone(),
            complaints: Complaints::new(&self.table.name, &self.environment, &context.clock),
            fields,
            partitions: None,
            next: context.subtask,
            producer,
            deliveries,
            context,
        }))
    }

    fn committer(&self, context: CommitContext) -> Result<Option<Box<dyn Committer>>> {
        let Guarantee::ExactlyOnce { prefix, lost_marker } = &self.guarantee else {
            return Ok(None);
        };
        let CommitContext { operator_id, application_id, attempt, clock, stash } = context;
        // The same for all attempts, so that a newer one fences the older ones.
        let id = format!("{prefix}-{application_id}-{operator_id}");
        let complaints = Complaints::new(&self.table.name, &self.environment, &clock);
        let client = Client::new(self.producing(&id), Arc::clone(&stash), complaints);
        Ok(Some(Box::new(KafkaCommitter::new(client, attempt, *lost_marker, stash))))
    }
}
