//! One partition being read: its progress, and its records on the way to rows.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use engine::metrics::NodeMetrics;
use engine::source::{Position, SplitId};
use engine::{Error, Result};
use serde::{Deserialize, Serialize};

use super::columns::{Columns, Place};
use super::discovery::{Found, Restored};
use super::metadata;
use super::offsets::Partition;
use super::options::Table;
use super::queue::{Record, c_name};
use crate::format::Decoder;

/// Position of a partition in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Next offset to read.
    pub(super) offset: i64,
    /// First offset not to read; `None` = it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop: Option<i64>,
}

/// Beside the partitions, a checkpoint tells for each subtask (`*/0`) that its start is done. A
/// partition that then has no position is new; otherwise the start mode still applies to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Started {
    parallelism: usize,
}

const STARTED: &str = "*/";

/// `orders/3`
pub(super) fn split_id(topic: &str, partition: i32) -> SplitId {
    format!("{topic}/{partition}")
}

/// The partition a split's id names; `None` for `*/0`.
pub(super) fn partition_of(id: &str) -> Option<Partition> {
    let (topic, partition) = id.rsplit_once('/').filter(|_| !id.starts_with(STARTED))?;
    Some((topic.to_owned(), partition.parse().ok()?))
}

impl Progress {
    pub(super) fn write(&self) -> Position {
        serde_json::to_string(self).expect("two numbers can be written")
    }
}

/// The entry that tells that `subtask` has done its start.
pub(super) fn started_entry(subtask: usize, parallelism: usize) -> (SplitId, Position) {
    let text = serde_json::to_string(&Started { parallelism }).expect("a number can be written");
    (format!("{STARTED}{subtask}"), text)
}

/// Reads a checkpoint's positions.
pub(super) fn restore(positions: &BTreeMap<SplitId, Position>) -> Result<Restored> {
    let mut restored = Restored::default();
    for (id, position) in positions {
        let bad = |error: serde_json::Error| {
            Error::internal(format!("the checkpoint's position of `{id}` cannot be read"))
                .because(error)
        };
        if let Some(subtask) = id.strip_prefix(STARTED).and_then(|subtask| subtask.parse().ok()) {
            let started: Started = serde_json::from_str(position).map_err(bad)?;
            restored.started.insert(subtask, started.parallelism);
        } else if let Some(partition) = partition_of(id) {
            restored.progress.insert(partition, serde_json::from_str(position).map_err(bad)?);
        }
    }
    Ok(restored)
}

/// A partition of this subtask.
pub(super) struct Split {
    pub(super) id: SplitId,
    pub(super) topic: String,
    pub(super) c_topic: CString,
    pub(super) partition: i32,
    /// After everything the reader has returned.
    pub(super) progress: Progress,
    /// After everything that is decoded.
    pub(super) read_to: i64,
    /// Timestamp of a record read lately, ms since 1970.
    pub(super) seen_ms: Option<i64>,
    /// Nothing more is read.
    pub(super) ended: bool,
    rows: Rows,
    metrics: Arc<NodeMetrics>,
}

impl Split {
    pub(super) fn new(
        found: Found,
        table: &Table,
        columns: &Arc<Columns>,
        metrics: &Arc<NodeMetrics>,
    ) -> Result<Self> {
        Ok(Self {
            id: split_id(&found.topic, found.partition),
            c_topic: c_name(&found.topic),
            topic: found.topic,
            partition: found.partition,
            progress: Progress { offset: found.start, stop: found.stop },
            read_to: found.start,
            seen_ms: None,
            ended: false,
            rows: Rows::new(table, columns, metrics)?,
            metrics: Arc::clone(metrics),
        })
    }

    /// Whether everything up to the stop is read.
    pub(super) fn at_stop(&self) -> bool {
        self.progress.stop.is_some_and(|stop| self.read_to >= stop)
    }

    /// Decodes a record; one behind the stop is left out.
    pub(super) fn take(&mut self, record: Record<'_>) -> Result<()> {
        if self.at_stop() || self.progress.stop.is_some_and(|stop| record.offset() >= stop) {
            self.read_to = self.progress.stop.map_or(self.read_to, |stop| self.read_to.max(stop));
            return Ok(());
        }
        let taken = self.rows.take(record);
        let place = || {
            let (topic, partition) = (&self.topic, self.partition);
            format!("topic `{topic}`, partition {partition}, offset {}", record.offset())
        };
        let rows = taken.map_err(|error| Error {
            message: format!("{}: {}", place(), error.message),
            ..error
        })?;
        if rows == 0
            && let Some(why) = self.rows.skipped()
        {
            self.metrics.malformed_sample.offer(|| format!("{}: {why}", place()));
        }
        self.read_to = record.offset() + 1;
        Ok(())
    }

    /// The rows decoded since the last call, if any.
    pub(super) fn flush(&mut self) -> Result<Option<RecordBatch>> {
        self.rows.flush()
    }
}

/// Values, keys and metadata of one partition's records, row by row.
struct Rows {
    columns: Arc<Columns>,
    value: Box<dyn Decoder>,
    key: Option<Key>,
    metadata: Vec<metadata::Column>,
}

/// Keys are decoded apart; each row remembers which value and which key it is made of.
struct Key {
    decoder: Box<dyn Decoder>,
    value_rows: Vec<u32>,
    key_rows: Vec<u32>,
}

impl Rows {
    fn new(table: &Table, columns: &Arc<Columns>, metrics: &Arc<NodeMetrics>) -> Result<Self> {
        let value = table.value_format.decoder(&columns.value, metrics)?;
        let key = match table.key_format.as_ref().filter(|_| columns.reads_key()) {
            Some(format) => Some(Key {
                decoder: format.decoder(&columns.key, metrics)?,
                value_rows: Vec::new(),
                key_rows: Vec::new(),
            }),
            None => None,
        };
        let metadata = columns.places.iter().zip(columns.schema.fields());
        let metadata = metadata.filter_map(|(place, field)| match place {
            Place::Metadata(key) => Some(metadata::Column::new(key, field.data_type())),
            Place::Value(_) | Place::Key(_) => None,
        });
        Ok(Self { columns: Arc::clone(columns), value, key, metadata: metadata.collect() })
    }

    /// Decodes a record; says how many rows it is.
    fn take(&mut self, record: Record<'_>) -> Result<usize> {
        // A record without value is a tombstone, which an append table passes over.
        let Some(payload) = record.payload() else { return Ok(0) };
        let mut rows = self.value.decode(payload)?;
        if let Some(key) = &mut self.key {
            let keys = record.key().map_or(Ok(0), |bytes| key.decoder.decode(bytes))?;
            let (values, all_keys) = (self.value.buffered(), key.decoder.buffered());
            for value in values - rows..values {
                for key_row in all_keys - keys..all_keys {
                    key.value_rows.push(u32::try_from(value).unwrap_or(u32::MAX));
                    key.key_rows.push(u32::try_from(key_row).unwrap_or(u32::MAX));
                }
            }
            rows *= keys;
        }
        for column in &mut self.metadata {
            column.append(record, rows)?;
        }
        Ok(rows)
    }

    /// Why the record before was skipped as malformed, if it was.
    fn skipped(&mut self) -> Option<String> {
        let key = self.key.as_mut().and_then(|key| key.decoder.skipped());
        let key = key.map(|why| format!("its key: {why}"));
        self.value.skipped().or(key)
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>> {
        let Some(values) = self.value.flush()? else { return Ok(None) };
        if self.metadata.is_empty() && self.key.is_none() {
            return Ok(Some(values).filter(|rows| rows.num_rows() > 0));
        }
        let mut rows = values.num_rows();
        let mut picks = None;
        if let Some(key) = &mut self.key {
            let value_rows = UInt32Array::from(std::mem::take(&mut key.value_rows));
            let key_rows = UInt32Array::from(std::mem::take(&mut key.key_rows));
            rows = value_rows.len();
            picks = Some((value_rows, key.decoder.flush()?, key_rows));
        }
        let mut metadata = self.metadata.iter_mut();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.places.len());
        for place in &self.columns.places {
            arrays.push(match (place, &picks) {
                (Place::Value(at), None) => Arc::clone(values.column(*at)),
                (Place::Value(at), Some((indices, ..))) => take(values.column(*at), indices, None)?,
                (Place::Key(at), Some((_, Some(keys), indices))) => {
                    take(keys.column(*at), indices, None)?
                }
                (Place::Metadata(_), _) => {
                    let column = metadata.next();
                    column
                        .ok_or_else(|| Error::internal("a metadata column has no values"))?
                        .finish()?
                }
                // No record had a key: there are no rows then.
                (Place::Key(_), _) if rows == 0 => return self.nothing(),
                (Place::Key(_), _) => return Err(Error::internal("a key column has no values")),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.columns.schema);
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options)?;
        Ok(Some(batch).filter(|batch| batch.num_rows() > 0))
    }

    fn nothing(&mut self) -> Result<Option<RecordBatch>> {
        for column in &mut self.metadata {
            column.finish()?;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_stored_in_a_fixed_form() {
        let (id, started) = started_entry(1, 2);
        let stored = BTreeMap::from([
            ("a/b/0".to_owned(), r#"{"offset":7}"#.to_owned()),
            ("orders/12".to_owned(), r#"{"offset":7,"stop":9}"#.to_owned()),
            (id.clone(), started.clone()),
        ]);
        assert_eq!((id.as_str(), started.as_str()), ("*/1", r#"{"parallelism":2}"#));
        let restored = restore(&stored).unwrap();
        assert_eq!(restored.started, BTreeMap::from([(1, 2)]));
        for (partition, progress) in &restored.progress {
            let id = split_id(&partition.0, partition.1);
            assert_eq!(progress.write(), stored[&id]);
        }
        assert_eq!(restored.progress.len(), 2);
        assert_eq!(partition_of("a/b/0"), Some(("a/b".to_owned(), 0)));
        restore(&BTreeMap::from([("t/0".to_owned(), "x".to_owned())])).unwrap_err();
    }
}
