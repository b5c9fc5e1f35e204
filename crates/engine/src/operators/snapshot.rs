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
/// Metadata key of the event (or processing) time the operator had reached.
const PROGRESS: &str = "progress";

/// Collects the state of one subtask.
pub(crate) struct StateWriter {
    writer: StreamWriter<Vec<u8>>,
    schema: Arc<Schema>,
}

impl StateWriter {
    /// `fields` are the columns after `key_group`; `progress` is the watermark reached.
    pub(crate) fn new(mut fields: Vec<Field>, progress: i64) -> Result<Self> {
        fields.insert(0, Field::new("key_group", DataType::UInt16, false));
        let metadata = HashMap::from([(PROGRESS.to_owned(), progress.to_string())]);
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
/// to keep, and returns the time reached (the lowest of the parts, as Flink's window operator; they
/// differ only where no exchange by key stands before the operator).
pub(crate) fn read(
    state: &RestoredState,
    fingerprint: &str,
    mut each: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<Option<i64>> {
    let mut progress: Option<i64> = None;
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
        let reached = reader.schema().metadata().get(PROGRESS).and_then(|text| text.parse().ok());
        let Some(reached) = reached else {
            return Err(Error::internal("the state does not say which time it had reached"));
        };
        progress = Some(progress.map_or(reached, |other| other.min(reached)));
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
    Ok(progress)
}
