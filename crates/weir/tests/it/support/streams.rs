//! Writes to Kafka and reads from S3, with the connectors but without SQL and engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use connectors::Registry;
use connectors::s3::S3;
use engine::batch::Batch;
use engine::clock::SystemClock;
use engine::connector::{ColumnSpec, Connectors, TableSpec};
use engine::sink::{SinkContext, SinkWriter};
use engine::source::{SourceContext, SourceReader};

/// Writes records to a topic, spread evenly over its partitions.
pub(crate) struct Producer {
    writer: Box<dyn SinkWriter>,
    schema: Arc<Schema>,
    flushes: u64,
}

/// A topic of texts.
fn table(servers: &str, topic: &str, more: &[(&str, &str)]) -> TableSpec {
    let options = [
        ("connector", "kafka"),
        ("topic", topic),
        ("properties.bootstrap.servers", servers),
        ("format", "raw"),
    ];
    let options = options.iter().chain(more);
    let field = Field::new("record", DataType::Utf8, true);
    TableSpec {
        name: topic.to_owned(),
        options: options.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        columns: vec![ColumnSpec { field, metadata: None }],
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
        time_zone: "UTC".to_owned(),
    }
}

/// Reads a topic from its beginning.
pub(crate) fn reader(registry: &Registry, servers: &str, topic: &str) -> Box<dyn SourceReader> {
    reader_with(registry, servers, topic, &[("scan.startup.mode", "earliest-offset")])
}

/// Reads a topic with these options.
pub(crate) fn reader_with(
    registry: &Registry,
    servers: &str,
    topic: &str,
    options: &[(&str, &str)],
) -> Box<dyn SourceReader> {
    let table = table(servers, topic, options);
    let context = SourceContext {
        subtask: 0,
        parallelism: 1,
        restored: None,
        batch_size: 1024,
        clock: Arc::new(SystemClock),
        metrics: Arc::default(),
        attempt: 1,
    };
    registry.source(&table).unwrap().open(context).unwrap()
}

impl Producer {
    pub(crate) fn open(registry: &Registry, servers: &str, topic: &str) -> Self {
        Self::partitioned(registry, servers, topic, ("round-robin", 0))
    }

    /// Writes to one partition only.
    pub(crate) fn open_partition(
        registry: &Registry,
        servers: &str,
        topic: &str,
        partition: usize,
    ) -> Self {
        Self::partitioned(registry, servers, topic, ("fixed", partition))
    }

    fn partitioned(
        registry: &Registry,
        servers: &str,
        topic: &str,
        (partitioner, subtask): (&str, usize),
    ) -> Self {
        let table = table(servers, topic, &[("sink.partitioner", partitioner)]);
        let schema = Schema::new(vec![table.columns[0].field.clone()]);
        let context =
            SinkContext { subtask, parallelism: subtask + 1, ..SinkContext::alone("producer") };
        let writer = registry.sink(&table).unwrap().open(context).unwrap();
        Self { writer, schema: Arc::new(schema), flushes: 0 }
    }

    /// Writes records and waits until the broker has them.
    pub(crate) fn write(&mut self, records: impl IntoIterator<Item = String>) {
        let records = Arc::new(StringArray::from_iter_values(records));
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), vec![records]).unwrap();
        self.writer.write(Batch::of(rows)).unwrap();
        self.flushes += 1;
        self.writer.prepare(self.flushes).unwrap();
    }
}

/// One result row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) sum: (i64, i64),
    pub(crate) label: String,
}

/// All rows of each window.
pub(crate) type Results = BTreeMap<(String, i64), Vec<Row>>;

/// The rows in all visible files below a prefix.
pub(crate) fn read_sums(s3: &S3, bucket: &str, prefix: &str) -> Results {
    let mut results = Results::new();
    for object in s3.list(bucket, &format!("{prefix}/")).unwrap() {
        let text = String::from_utf8(s3.get(bucket, &object.key).unwrap().to_vec()).unwrap();
        for line in text.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let start = chrono::NaiveDateTime::parse_from_str(
                row["window_start"].as_str().unwrap(),
                "%Y-%m-%dT%H:%M:%S%.f",
            );
            let start_ms = start.unwrap().and_utc().timestamp_millis();
            let key = (row["sensor_id"].as_str().unwrap().to_owned(), start_ms);
            results.entry(key).or_default().push(Row {
                sum: (row["total"].as_i64().unwrap(), row["readings"].as_i64().unwrap()),
                label: row["label"].as_str().unwrap().to_owned(),
            });
        }
    }
    results
}
