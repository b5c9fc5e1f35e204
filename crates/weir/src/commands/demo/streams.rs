//! The demo's own ends of the pipeline: writes telemetry to Kafka, reads alerts from Kafka and averages
//! from S3. It uses the connectors, but neither SQL nor the engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use connectors::Registry;
use connectors::s3::S3;
use engine::batch::Batch;
use engine::clock::SystemClock;
use engine::connector::{ColumnSpec, Connectors, TableSpec};
use engine::sink::{SinkContext, SinkWriter};
use engine::source::{Polled, SourceContext};

use super::expected::{Average, Key};
use super::telemetry::{Reading, iso};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Writes readings to a topic, spread evenly over its partitions.
pub(crate) struct TelemetryWriter {
    writer: Box<dyn SinkWriter>,
    schema: Arc<Schema>,
    flushes: u64,
}

impl TelemetryWriter {
    pub(crate) fn open(registry: &Registry, servers: &str, topic: &str) -> Result<Self, Error> {
        let columns = [
            ("sensor_id", DataType::Utf8),
            ("temperature", DataType::Int64),
            ("event_time", DataType::Utf8),
        ];
        let mut options = kafka_options(servers, topic);
        options.insert("sink.partitioner".to_owned(), "round-robin".to_owned());
        let table = table(topic, options, &columns);
        let schema: Arc<Schema> = Arc::new(Schema::new(
            table.columns.iter().map(|c| c.field.clone()).collect::<Vec<_>>(),
        ));
        let writer = registry.sink(&table)?.open(SinkContext::alone("telemetry"))?;
        Ok(Self { writer, schema, flushes: 0 })
    }

    /// Writes readings and waits until the broker has them.
    pub(crate) fn write(&mut self, readings: &[Reading]) -> Result<(), Error> {
        let text = |f: &dyn Fn(&Reading) -> String| {
            Arc::new(StringArray::from_iter_values(readings.iter().map(f))) as _
        };
        let rows = RecordBatch::try_new(
            Arc::clone(&self.schema),
            vec![
                text(&|r| r.sensor_id.clone()),
                Arc::new(Int64Array::from_iter_values(readings.iter().map(|r| r.temperature))),
                text(&|r| iso(r.event_time_ms)),
            ],
        )?;
        self.writer.write(Batch::of(rows))?;
        self.flushes += 1;
        self.writer.prepare(self.flushes)?;
        Ok(())
    }
}

/// All alerts in the topic now: the count of high readings by sensor and window.
pub(crate) fn read_alerts(
    registry: &Registry,
    servers: &str,
    topic: &str,
) -> Result<Vec<(Key, i64)>, Error> {
    let columns = [
        ("sensor_id", DataType::Utf8),
        ("window_start", DataType::Utf8),
        ("high_readings", DataType::Int64),
    ];
    let mut options = kafka_options(servers, topic);
    options.insert("scan.startup.mode".to_owned(), "earliest-offset".to_owned());
    options.insert("scan.bounded.mode".to_owned(), "latest-offset".to_owned());
    options.insert("properties.isolation.level".to_owned(), "read_committed".to_owned());
    let mut reader = registry.source(&table(topic, options, &columns))?.open(SourceContext {
        subtask: 0,
        parallelism: 1,
        restored: None,
        batch_size: 1024,
        clock: Arc::new(SystemClock),
        metrics: Arc::default(),
        attempt: 1,
    })?;
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut found = Vec::new();
    loop {
        match reader.poll(Duration::from_millis(100))? {
            Polled::Batch { rows, .. } => {
                let (sensors, starts) =
                    (rows.column(0).as_string::<i32>(), rows.column(1).as_string::<i32>());
                let counts = rows.column(2).as_primitive::<Int64Type>();
                for i in 0..rows.num_rows() {
                    let key = (sensors.value(i).to_owned(), parse_iso(starts.value(i))?);
                    found.push((key, counts.value(i)));
                }
            }
            Polled::EndOfInput => return Ok(found),
            Polled::Nothing | Polled::SplitEnd(_) if Instant::now() < deadline => {}
            Polled::Nothing | Polled::SplitEnd(_) => {
                return Err(format!("topic `{topic}` could not be read to its end in 30 s").into());
            }
        }
    }
}

/// What is in S3: the averages, and the partitions without a success file.
pub(crate) type Averages = (Vec<(Key, Average)>, Vec<String>);

/// All averages in visible files below `prefix`, and whether each partition has its success file.
pub(crate) fn read_averages(s3: &S3, bucket: &str, prefix: &str) -> Result<Averages, Error> {
    let (mut found, mut partitions) = (Vec::new(), BTreeMap::<String, bool>::new());
    for object in s3.list(bucket, &format!("{prefix}/"))? {
        let inside = object.key.strip_prefix(&format!("{prefix}/")).unwrap_or(&object.key);
        let Some((partition, file)) = inside.rsplit_once('/') else {
            return Err(format!("`{}` lies in no partition", object.key).into());
        };
        let complete = partitions.entry(partition.to_owned()).or_default();
        if file == "_SUCCESS" {
            *complete = true;
            continue;
        }
        let text = String::from_utf8(s3.get(bucket, &object.key)?.to_vec())?;
        for line in text.lines() {
            let row: serde_json::Value = serde_json::from_str(line)?;
            let field = |name: &str| {
                row.get(name)
                    .ok_or_else(|| format!("`{name}` is missing in {}: {line}", object.key))
            };
            let sensor = field("sensor_id")?.as_str().unwrap_or_default().to_owned();
            let start = parse_iso(field("window_start")?.as_str().unwrap_or_default())?;
            let average = Average {
                average: field("average_temperature")?.as_f64().unwrap_or(f64::NAN),
                readings: field("readings")?.as_i64().unwrap_or(-1),
                partition: partition.to_owned(),
            };
            found.push(((sensor, start), average));
        }
    }
    let incomplete =
        partitions.into_iter().filter(|(_, complete)| !complete).map(|p| p.0).collect();
    Ok((found, incomplete))
}

fn kafka_options(servers: &str, topic: &str) -> BTreeMap<String, String> {
    [
        ("connector", "kafka"),
        ("topic", topic),
        ("properties.bootstrap.servers", servers),
        ("format", "json"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

fn table(name: &str, options: BTreeMap<String, String>, columns: &[(&str, DataType)]) -> TableSpec {
    let column = |(name, data_type): &(&str, DataType)| ColumnSpec {
        field: Field::new(*name, data_type.clone(), true),
        metadata: None,
    };
    TableSpec {
        name: name.to_owned(),
        options,
        columns: columns.iter().map(column).collect(),
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
        time_zone: "UTC".to_owned(),
    }
}

fn parse_iso(text: &str) -> Result<i64, Error> {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .map_err(|error| format!("`{text}` is no time: {error}"))?;
    Ok(time.and_utc().timestamp_millis())
}
