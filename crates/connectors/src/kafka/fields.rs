//! The parts of Kafka records, encoded from rows.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, MapArray, RecordBatch, RecordBatchOptions,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use engine::batch::Batch;
use engine::{Error, Result};
use rdkafka::message::{Header, OwnedHeaders};

use super::columns::{Columns, Place};
use crate::format::Encoder;

/// Turns rows into keys, values, timestamps and headers.
pub(super) struct Fields {
    columns: Arc<Columns>,
    pub(super) value: Payloads,
    pub(super) key: Option<Payloads>,
}

pub(super) struct Payloads {
    encoder: Box<dyn Encoder>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Payloads {
    fn new(encoder: Box<dyn Encoder>) -> Self {
        Self { encoder, bytes: Vec::new(), ends: Vec::new() }
    }

    fn encode(&mut self, batch: &Batch) -> Result<()> {
        self.bytes.clear();
        self.ends.clear();
        self.encoder.encode(batch, &mut self.bytes, &mut self.ends)
    }

    /// All payloads as a column.
    pub(super) fn column(&self) -> Result<BinaryArray> {
        let too_large = || Error::user("the records of one batch are larger than 2 GiB together");
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        for end in &self.ends {
            offsets.push(i32::try_from(*end).map_err(|_| too_large())?);
        }
        let there: NullBuffer = offsets.windows(2).map(|ends| ends[1] > ends[0]).collect();
        let bytes = Buffer::from(self.bytes.as_slice());
        Ok(BinaryArray::try_new(OffsetBuffer::new(offsets.into()), bytes, Some(there))?)
    }

    /// Payload of row `row`; `None` = the format wrote nothing.
    pub(super) fn get(&self, row: usize) -> Option<&[u8]> {
        let begin = if row == 0 { 0 } else { self.ends[row - 1] };
        Some(&self.bytes[begin..self.ends[row]]).filter(|bytes| !bytes.is_empty())
    }
}

/// Metadata columns of a batch that are written.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) timestamps: Option<ArrayRef>,
    pub(super) headers: Option<MapArray>,
}

impl Fields {
    pub(super) fn new(
        columns: Arc<Columns>,
        value: Box<dyn Encoder>,
        key: Option<Box<dyn Encoder>>,
    ) -> Self {
        Self { columns, value: Payloads::new(value), key: key.map(Payloads::new) }
    }

    pub(super) fn encode(&mut self, batch: &Batch) -> Result<Extras> {
        let part = |indices: &[usize], schema: &arrow::datatypes::SchemaRef| -> Result<Batch> {
            let columns = indices.iter().map(|at| Arc::clone(batch.rows.column(*at))).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
            let rows = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?;
            Ok(batch.with_rows(rows))
        };
        let columns = &self.columns;
        self.value.encode(&part(&columns.value_indices, &columns.value)?)?;
        if let Some(key) = &mut self.key {
            key.encode(&part(&columns.key_indices, &columns.key)?)?;
        }
        let mut extras = Extras::default();
        for (at, place) in columns.places.iter().enumerate() {
            let Place::Metadata(name) = place else { continue };
            let column = batch.rows.column(at);
            match name.as_str() {
                "timestamp" => {
                    let millis = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
                    extras.timestamps = Some(cast(column, &millis)?);
                }
                _ => extras.headers = column.as_map_opt().cloned(),
            }
        }
        Ok(extras)
    }
}

impl Extras {
    pub(super) fn timestamp(&self, row: usize) -> Option<i64> {
        let column = self.timestamps.as_ref().filter(|column| column.is_valid(row))?;
        Some(column.as_primitive::<TimestampMillisecondType>().value(row))
    }

    pub(super) fn headers(&self, row: usize) -> Option<OwnedHeaders> {
        let map = self.headers.as_ref().filter(|map| map.is_valid(row))?;
        let entries = map.value(row);
        let names = entries.column(0).as_string_opt::<i32>()?;
        let values = entries.column(1).as_binary_opt::<i32>()?;
        let mut headers = OwnedHeaders::new_with_capacity(names.len());
        for at in 0..names.len() {
            let value = values.is_valid(at).then(|| values.value(at));
            headers = headers.insert(Header { key: names.value(at), value });
        }
        Some(headers)
    }
}
