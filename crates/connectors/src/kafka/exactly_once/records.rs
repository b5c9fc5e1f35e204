//! Encoded Kafka records as bytes that outlive a process: an Arrow IPC stream of batches with the
//! columns below.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use engine::batch::Batch;
use engine::{Error, Result};

use super::super::fields::{Extras, Fields};
use super::prepared::unreadable;

/// BIGINT: the record's partition, before it is brought into range; NULL = by key, else any.
const ROUTE: &str = "route";
const KEY: &str = "key";
const VALUE: &str = "value";
/// Only where the table has that metadata column.
const TIMESTAMP: &str = "timestamp";
/// Only where the table has that metadata column.
const HEADERS: &str = "headers";

/// Encodes the rows of a batch; `routes` has one entry per row, if the partition is chosen by us.
pub(super) fn encode(
    fields: &mut Fields,
    batch: &Batch,
    routes: Option<Vec<i64>>,
) -> Result<RecordBatch> {
    let extras = fields.encode(batch)?;
    let mut columns: Vec<(Field, ArrayRef)> = Vec::new();
    let mut add = |name: &str, column: ArrayRef| {
        columns.push((Field::new(name, column.data_type().clone(), true), column));
    };
    add(VALUE, Arc::new(fields.value.column()?));
    if let Some(key) = &fields.key {
        add(KEY, Arc::new(key.column()?));
    }
    if let Some(routes) = routes {
        add(ROUTE, Arc::new(Int64Array::from(routes)));
    }
    if let Some(timestamps) = extras.timestamps {
        add(TIMESTAMP, timestamps);
    }
    if let Some(headers) = extras.headers {
        add(HEADERS, Arc::new(headers));
    }
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// All batches of one segment as bytes.
pub(super) fn write(batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let mut stream = StreamWriter::try_new(Vec::new(), &first.schema())?;
    for batch in batches {
        stream.write(batch)?;
    }
    Ok(stream.into_inner()?)
}

/// Gives back what [`write`] was given.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<RecordBatch>> {
    let broken = |error| unreadable().because(error);
    let stream = StreamReader::try_new(bytes, None).map_err(broken)?;
    stream.map(|batch| batch.map_err(broken)).collect()
}

/// A batch of records to be sent.
pub(super) struct Records {
    value: BinaryArray,
    key: Option<BinaryArray>,
    routes: Option<Int64Array>,
    pub(super) extras: Extras,
}

impl Records {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self> {
        let timestamp = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let column = |name: &str| batch.column_by_name(name);
        let binary = |name: &str| column(name).and_then(|it| it.as_binary_opt::<i32>()).cloned();
        let timestamps = column(TIMESTAMP).filter(|it| *it.data_type() == timestamp);
        Ok(Self {
            value: binary(VALUE).ok_or_else(|| Error::internal("records without values"))?,
            key: binary(KEY),
            routes: column(ROUTE).and_then(|it| it.as_primitive_opt::<Int64Type>()).cloned(),
            extras: Extras {
                timestamps: timestamps.cloned(),
                headers: column(HEADERS).and_then(|it| it.as_map_opt()).cloned(),
            },
        })
    }

    pub(super) fn len(&self) -> usize {
        self.value.len()
    }

    pub(super) fn value(&self, row: usize) -> Option<&[u8]> {
        self.value.is_valid(row).then(|| self.value.value(row))
    }

    pub(super) fn key(&self, row: usize) -> Option<&[u8]> {
        self.key.as_ref().filter(|key| key.is_valid(row)).map(|key| key.value(row))
    }

    pub(super) fn route(&self, row: usize) -> Option<i64> {
        self.routes.as_ref().filter(|routes| routes.is_valid(row)).map(|it| it.value(row))
    }

    /// Bytes of the largest key and value.
    pub(super) fn largest(&self) -> usize {
        let bytes =
            |row| self.value(row).map_or(0, <[u8]>::len) + self.key(row).map_or(0, <[u8]>::len);
        (0..self.len()).map(bytes).max().unwrap_or(0)
    }
}
