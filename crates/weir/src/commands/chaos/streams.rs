//! The test's own ends of the streams: writes telemetry, reads everything back. It uses the
//! connectors, but neither SQL nor the engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use connectors::Registry;
use engine::batch::Batch;
use engine::clock::SystemClock;
use engine::connector::{ColumnSpec, Connectors, TableSpec};
use engine::sink::{SinkContext, SinkWriter};
use engine::source::{Polled, SourceContext, SourceReader};
use serde::Deserialize;

use super::Error;
use super::tally::{Key, Reading, Window};

/// A topic of texts.
fn table(servers: &str, topic: &str, more: &[(&str, &str)], columns: &[ColumnSpec]) -> TableSpec {
    let mut options: BTreeMap<String, String> = [
        ("connector", "kafka"),
        ("topic", topic),
        ("properties.bootstrap.servers", servers),
        ("format", "raw"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    options.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    TableSpec {
        name: topic.to_owned(),
        options,
        columns: columns.to_vec(),
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
        time_zone: "UTC".to_owned(),
    }
}

fn column(name: &str, metadata: Option<&str>) -> ColumnSpec {
    ColumnSpec {
        field: Field::new(name, DataType::Utf8, true),
        metadata: metadata.map(str::to_owned),
    }
}

/// Writes records, one partition after the other, and never gives one up.
pub(super) struct Writer {
    writer: Box<dyn SinkWriter>,
    schema: Arc<Schema>,
    flushes: u64,
}

impl Writer {
    pub(super) fn open(registry: &Registry, servers: &str, topic: &str) -> Result<Self, Error> {
        let more = [
            ("sink.partitioner", "round-robin"),
            ("properties.acks", "all"),
            // librdkafka's word for: for ever.
            ("properties.message.timeout.ms", "0"),
        ];
        let table = table(servers, topic, &more, &[column("record", None)]);
        let schema = Schema::new(vec![table.columns[0].field.clone()]);
        let writer = registry.sink(&table)?.open(SinkContext::alone("telemetry"))?;
        Ok(Self { writer, schema: Arc::new(schema), flushes: 0 })
    }

    /// Writes records and waits until the brokers have acknowledged all.
    pub(super) fn write(&mut self, readings: &[Reading]) -> Result<(), Error> {
        let lines = Arc::new(StringArray::from_iter_values(readings.iter().map(line)));
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), vec![lines])?;
        self.writer.write(Batch::of(rows))?;
        self.flushes += 1;
        self.writer.prepare(self.flushes)?;
        Ok(())
    }
}

/// Reads topics from their beginnings, only what is committed.
pub(super) struct Reader {
    reader: Box<dyn SourceReader>,
}

impl Reader {
    /// `topics` is a list with `;` between the names.
    fn open(
        registry: &Registry,
        servers: &str,
        topics: &str,
        more: &[(&str, &str)],
    ) -> Result<Self, Error> {
        let mut options = vec![
            ("scan.startup.mode", "earliest-offset"),
            ("properties.isolation.level", "read_committed"),
        ];
        options.extend(more);
        let columns = [column("record", None), column("topic", Some("topic"))];
        let table = table(servers, topics, &options, &columns);
        let reader = registry.source(&table)?.open(SourceContext {
            subtask: 0,
            parallelism: 1,
            restored: None,
            batch_size: 8192,
            clock: Arc::new(SystemClock),
            metrics: Arc::default(),
            attempt: 1,
        })?;
        Ok(Self { reader })
    }

    /// Reads on for ever.
    pub(super) fn follow(registry: &Registry, servers: &str, topics: &str) -> Result<Self, Error> {
        Self::open(registry, servers, topics, &[])
    }

    /// Calls `take` with the topic and the text of each record that is there within `wait`.
    pub(super) fn drain(
        &mut self,
        wait: Duration,
        take: &mut dyn FnMut(&str, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + wait;
        while Instant::now() < deadline {
            if let Polled::Batch { rows, .. } = self.reader.poll(Duration::from_millis(50))? {
                each(&rows, take)?;
            }
        }
        Ok(())
    }
}

/// Calls `take` with the topic and the text of each committed record that is there now.
pub(super) fn read_all(
    registry: &Registry,
    servers: &str,
    topics: &str,
    take: &mut dyn FnMut(&str, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let bounded = [("scan.bounded.mode", "latest-offset")];
    let mut reader = Reader::open(registry, servers, topics, &bounded)?;
    let patience = Duration::from_secs(60);
    let mut deadline = Instant::now() + patience;
    loop {
        match reader.reader.poll(Duration::from_millis(100))? {
            Polled::Batch { rows, .. } => {
                each(&rows, take)?;
                deadline = Instant::now() + patience;
            }
            Polled::EndOfInput => return Ok(()),
            Polled::Nothing | Polled::SplitEnd(_) if Instant::now() < deadline => {}
            Polled::Nothing | Polled::SplitEnd(_) => {
                return Err(format!("topics `{topics}` could not be read to their ends").into());
            }
        }
    }
}

fn each(
    rows: &RecordBatch,
    take: &mut dyn FnMut(&str, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let (records, topics) = (rows.column(0).as_string::<i32>(), rows.column(1).as_string::<i32>());
    for row in 0..rows.num_rows() {
        take(topics.value(row), records.value(row))?;
    }
    Ok(())
}

/// A reading as it stands in the topic.
fn line(reading: &Reading) -> String {
    format!(
        r#"{{"id":{},"sensor_id":"{}","temperature":{}.5,"event_time":"{}"}}"#,
        reading.id,
        reading.sensor,
        20 + reading.id % 15,
        iso(reading.at_ms)
    )
}

/// Reads what [`line`] has written.
pub(super) fn reading(text: &str) -> Result<Reading, Error> {
    #[derive(Deserialize)]
    struct Line {
        id: i64,
        sensor_id: String,
        event_time: String,
    }
    let line: Line = read(text)?;
    Ok(Reading { id: line.id, sensor: line.sensor_id, at_ms: parse_iso(&line.event_time)? })
}

/// A row of one of the tables of windows.
pub(super) fn window(text: &str) -> Result<(Key, Window), Error> {
    #[derive(Deserialize)]
    struct Row {
        sensor_id: String,
        window_start: String,
        records: i64,
        id_sum: i64,
        id_min: i64,
        id_max: i64,
        ids: String,
    }
    let row: Row = read(text)?;
    let ids: Result<Vec<i64>, _> = row.ids.split(',').map(str::parse).collect();
    let mut ids = ids.map_err(|error| format!("`{}` is no list of ids: {error}", row.ids))?;
    ids.sort_unstable();
    let window = Window {
        records: row.records,
        id_sum: row.id_sum,
        id_min: row.id_min,
        id_max: row.id_max,
        ids,
    };
    Ok(((row.sensor_id, parse_iso(&row.window_start)?), window))
}

/// A row of one of the tables of records.
pub(super) fn id(text: &str) -> Result<i64, Error> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
    }
    Ok(read::<Row>(text)?.id)
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| format!("`{text}`: {error}").into())
}

/// `2026-01-01T00:00:00.000`
fn iso(ms: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S%.3f").to_string()
}

fn parse_iso(text: &str) -> Result<i64, Error> {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .map_err(|error| format!("`{text}` is no time: {error}"))?;
    Ok(time.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let sent = Reading { id: 7, sensor: "a".to_owned(), at_ms: 1_767_225_600_123 };
        assert_eq!(reading(&line(&sent)).unwrap(), sent);
        let row = r#"{"sensor_id":"a","window_start":"2026-01-01T00:00:10","records":2,
            "id_sum":5,"id_min":2,"id_max":3,"ids":"3,2","label":"x"}"#;
        let (key, window) = window(row).unwrap();
        assert_eq!(key, ("a".to_owned(), 1_767_225_610_000));
        assert_eq!((window.records, window.ids), (2, vec![2, 3]));
        assert_eq!(id(r#"{"id":9}"#).unwrap(), 9);
        id(r#"{"di":9}"#).unwrap_err();
    }
}
