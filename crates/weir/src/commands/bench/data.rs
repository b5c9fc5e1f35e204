//! Events for the benchmark: reproducible, of the shape that was measured with Apache Flink.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use connectors::{Environment, Registry};
use engine::batch::Batch;
use engine::connector::{ColumnSpec, Connectors, TableSpec};
use engine::sink::SinkContext;

type Error = Box<dyn std::error::Error + Send + Sync>;

pub(super) const TOPIC: &str = "events";

/// 2024-01-01T00:00:00Z
const START_MS: i64 = 1_704_067_200_000;
const SENSORS: u32 = 1000;
const DISORDER_MS: i64 = 2000;
/// Events that share the formatting of their second.
const CHUNK: usize = 8192;

struct Event {
    sensor: u32,
    temperature: i64,
    time_ms: i64,
}

fn events(count: u64) -> impl Iterator<Item = Event> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..count).map(move |i| Event {
        sensor: random.u32(0..SENSORS),
        temperature: random.i64(15..40),
        time_ms: START_MS + i64::try_from(i).unwrap_or(i64::MAX) - random.i64(0..DISORDER_MS),
    })
}

/// Writes `count` events as JSON lines.
pub(super) fn write(path: &Path, count: u64) -> Result<(), Error> {
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    for event in events(count) {
        writeln!(
            out,
            r#"{{"sensor_id":"sensor-{:04}","temperature":{},"event_time":"{}"}}"#,
            event.sensor,
            event.temperature,
            crate::commands::demo::iso(event.time_ms)
        )?;
    }
    Ok(out.flush()?)
}

/// Writes `count` events to the topic [`TOPIC`].
pub(super) fn produce(
    servers: &str,
    count: u64,
    runtime: tokio::runtime::Handle,
) -> Result<(), Error> {
    let registry = Registry::new(Environment {
        s3: model::protocol::S3Settings::default(),
        log: Arc::new(|_| {}),
        print: None,
        runtime,
    });
    let options = [
        ("connector", "kafka"),
        ("topic", TOPIC),
        ("properties.bootstrap.servers", servers),
        ("format", "json"),
    ];
    let columns = [
        ("sensor_id", DataType::Utf8),
        ("temperature", DataType::Int64),
        ("event_time", DataType::Utf8),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), false)).collect();
    let column = |field: &Field| ColumnSpec { field: field.clone(), metadata: None };
    let sink = registry.sink(&TableSpec {
        name: TOPIC.to_owned(),
        options: options
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        columns: fields.iter().map(column).collect(),
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
        time_zone: "UTC".to_owned(),
    })?;
    let mut writer = sink.open(SinkContext::alone("bench"))?;
    let schema = Arc::new(Schema::new(fields));
    let mut all = events(count).peekable();
    while all.peek().is_some() {
        let chunk: Vec<Event> = all.by_ref().take(CHUNK).collect();
        let sensors = chunk.iter().map(|e| format!("sensor-{:04}", e.sensor));
        let times = chunk.iter().map(|e| crate::commands::demo::iso(e.time_ms));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(sensors)),
            Arc::new(Int64Array::from_iter_values(chunk.iter().map(|e| e.temperature))),
            Arc::new(StringArray::from_iter_values(times)),
        ];
        writer.write(Batch::of(RecordBatch::try_new(Arc::clone(&schema), columns)?))?;
    }
    writer.prepare(1)?;
    Ok(())
}
