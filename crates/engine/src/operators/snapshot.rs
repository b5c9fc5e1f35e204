//! The outer form of keyed operator state: Arrow IPC with a `key_group` column.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt16Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, UInt16Type};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::key_group::key_groups;
use crate::state::{OperatorState, RestoredState};
use crate::{Error, Result};

/// Version of the format of all operators here.
pub(crate) const FORMAT: u16 = 1;
/// Metadata keys of [`Reached`].
const PROGRESS: &str = "progress";
const FIRED: &str = "fired";

/// How far an operator has come in event time (or processing time).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The highest watermark known, also from within batches: decides what is late.
    pub(crate) progress: i64,
    /// The last watermark that arrived as such: windows have fired up to it. Watermarks go to all
    /// subtasks, so at a barrier it is the same in all of them.
    pub(crate) fired: i64,
}

impl Default for Reached {
    fn default() -> Self {
        Self { progress: i64::MIN, fired: i64::MIN }
    }
}

impl Reached {
    /// A watermark has arrived.
    pub(crate) fn advance(&mut self, watermark: i64) {
        self.fired = self.fired.max(watermark);
        self.progress = self.progress.max(watermark);
    }
}

/// Collects the state of one subtask.
pub(crate) struct StateWriter {
    writer: StreamWriter<Vec<u8>>,
    schema: Arc<Schema>,
}

impl StateWriter {
    /// `fields` are the columns after `key_group`.
    pub(crate) fn new(mut fields: Vec<Field>, reached: Reached) -> Result<Self> {
        fields.insert(0, Field::new("key_group", DataType::UInt16, false));
        let metadata = HashMap::from([
            (PROGRESS.to_owned(), reached.progress.to_string()),
            (FIRED.to_owned(), reached.fired.to_string()),
        ]);
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        Ok(Self { writer: StreamWriter::try_new(Vec::new(), &schema)?, schema })
    }

    /// Adds `rows` rows whose key columns are `keys`.
    pub(crate) fn add(
        &mut self,
        keys: &[ArrayRef],
        mut columns: Vec<ArrayRef>,
        rows: usize,
    ) -> Result<()> {
        let groups = if keys.is_empty() { vec![0; rows] } else { key_groups(keys)? };
        columns.insert(0, Arc::new(UInt16Array::from(groups)));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        self.writer.write(&RecordBatch::try_new_with_options(schema, columns, &options)?)?;
        Ok(())
    }

    /// Closes the state.
    pub(crate) fn finish(self, fingerprint: String) -> Result<OperatorState> {
        Ok(OperatorState { format: FORMAT, fingerprint, bytes: self.writer.into_inner()? })
    }
}

/// Reads the parts back: calls `each` with the columns after `key_group` of the rows in the groups
/// to keep, and returns the times reached (the lowest of the parts, as Flink's window operator).
pub(crate) fn read(
    state: &RestoredState,
    fingerprint: &str,
    mut each: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<Reached> {
    let mut all: Option<Reached> = None;
    for part in &state.parts {
        if part.format != FORMAT {
            return Err(Error::user(format!(
                "the state has format {}, this version reads format {FORMAT}",
                part.format
            )));
        }
        if part.fingerprint != fingerprint {
            return Err(Error::user(format!(
                "the state is of `{}`, but the program now computes `{fingerprint}`: start without \
                 it or with the old program",
                part.fingerprint
            )));
        }
        let reader = StreamReader::try_new(Cursor::new(&part.bytes), None)?;
        let schema = reader.schema();
        let time = |key| schema.metadata().get(key).and_then(|text| text.parse::<i64>().ok());
        let (Some(progress), Some(fired)) = (time(PROGRESS), time(FIRED)) else {
            return Err(Error::internal("the state does not say which time it had reached"));
        };
        all = Some(match all {
            None => Reached { progress, fired },
            Some(other) => {
                Reached { progress: progress.min(other.progress), fired: fired.min(other.fired) }
            }
        });
        for batch in reader {
            let batch = batch?;
            let Some(groups) =
                batch.columns().first().and_then(|c| c.as_primitive_opt::<UInt16Type>())
            else {
                return Err(Error::internal("the state has no key groups"));
            };
            let mine: BooleanArray =
                groups.values().iter().map(|group| Some(state.groups.contains(group))).collect();
            let mut rows = filter_record_batch(&batch, &mine)?;
            rows.remove_column(0);
            if rows.num_rows() > 0 {
                each(&rows)?;
            }
        }
    }
    Ok(all.unwrap_or_default())
}
