//! The Kafka source: its plan, and the client of each subtask.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use engine::connector::{TableRefused, TableSpec};
use engine::source::{Source, SourceContext, SourceReader};
use engine::{Error, Result};
use rdkafka::ClientConfig;

use super::client::{Complaints, Consumer, Ear, configuration};
use super::columns::{Columns, Place};
use super::discovery::{Discovery, Task};
use super::metadata;
use super::options::{Scan, Table};
use super::properties::Role;
use super::queue::RecordQueue;
use super::reader::{Parts, Reader};
use super::split;
use crate::registry::Environment;

/// What we prefer to librdkafka's defaults; a table's properties go before.
const PREFERRED: &[(&str, &str)] = &[
    // A client needs some group to be allowed to assign partitions; it is never joined.
    ("group.id", "weir"),
    // As the Java client.
    ("isolation.level", "read_uncommitted"),
    ("client.id", "weir"),
    // A source that has caught up with its queue asks again at once, not after a second.
    ("fetch.queue.backoff.ms", "10"),
    ("queued.min.messages", "50000"),
    ("queued.max.messages.kbytes", "32768"),
    ("socket.nagle.disable", "true"),
    ("reconnect.backoff.max.ms", "2000"),
    ("log.connection.close", "false"),
];

/// A table of topics.
#[derive(Debug)]
pub(super) struct KafkaSource {
    table: Table,
    scan: Scan,
    columns: Arc<Columns>,
    environment: Environment,
}

impl KafkaSource {
    pub(super) fn plan(spec: &TableSpec, environment: &Environment) -> Result<Self, TableRefused> {
        let table = Table::plan(spec, Role::Consumer)?;
        let scan = Scan::plan(&table)?;
        let columns = Columns::plan(spec, &table)?;
        for (place, field) in columns.places.iter().zip(columns.schema.fields()) {
            let Place::Metadata(key) = place else { continue };
            if !metadata::fits(key, field.data_type()) {
                let keys: Vec<String> =
                    metadata::readable().into_iter().map(|(key, _)| key).collect();
                let message = format!(
                    "table `{}`: metadata column `{}` cannot be `{key}` of type {}; there are `{}`",
                    spec.name,
                    field.name(),
                    field.data_type(),
                    keys.join("`, `")
                );
                return Err(TableRefused { message, option: None });
            }
        }
        table.value_format.check_decodes(&columns.value)?;
        if let Some(format) = table.key_format.as_ref().filter(|_| columns.reads_key()) {
            format.check_decodes(&columns.key)?;
        }
        Ok(Self { table, scan, columns: Arc::new(columns), environment: environment.clone() })
    }

    fn configure(&self) -> ClientConfig {
        let bounded = if self.scan.stop.is_some() { "true" } else { "false" };
        configuration(
            PREFERRED,
            &self.table.properties,
            &[
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("enable.partition.eof", bounded),
                ("auto.offset.reset", self.scan.reset),
                ("allow.auto.create.topics", "false"),
                // A subtask that waits for room downstream does not poll.
                ("max.poll.interval.ms", "86400000"),
            ],
        )
    }
}

impl Source for KafkaSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.columns.schema)
    }

    fn bounded(&self) -> bool {
        self.scan.stop.is_some()
    }

    fn open(&self, context: SourceContext) -> Result<Box<dyn SourceReader>> {
        let ear = Ear::default();
        let consumer: Consumer =
            self.configure().create_with_context(ear.clone()).map_err(|error| {
                let name = &self.table.name;
                Error::user(format!(
                    "table `{name}`: no Kafka client with these properties: {error}"
                ))
            })?;
        let consumer = Arc::new(consumer);
        let queue = RecordQueue::of(&consumer)
            .ok_or_else(|| Error::internal("the Kafka client gives no queue"))?;
        let restored = context.restored.as_ref().map(split::restore).transpose()?;
        let discovery = Discovery::start(Task {
            consumer: Arc::clone(&consumer),
            scan: self.scan.clone(),
            subtask: context.subtask,
            parallelism: context.parallelism,
            restored: restored.clone(),
        })?;
        Ok(Box::new(Reader::new(Parts {
            table: self.table.clone(),
            columns: Arc::clone(&self.columns),
            group: self.scan.group.is_some(),
            bounded: self.scan.stop.is_some(),
            complaints: Complaints::new(&self.table.name, &self.environment, &context.clock),
            ear,
            queue,
            consumer,
            discovery,
            restored: restored.unwrap_or_default(),
            context,
        })))
    }
}
