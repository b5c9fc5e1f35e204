//! Makes records of fired windows: keys, aggregates, window properties.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;

use super::groups::CHUNK;
use super::local_time::{LocalTime, timestamps};
use super::window::WindowProperty;
use crate::batch::{Batch, SchemaRef};
use crate::operator::Output;
use crate::{Error, Result};

/// Collects the results of windows and hands them on in batches of a sensible size.
#[derive(Debug)]
pub(crate) struct Emitter {
    schema: SchemaRef,
    properties: Vec<WindowProperty>,
    waiting: Vec<RecordBatch>,
}

/// The bounds of the window of each record, in local milliseconds.
pub(crate) trait Bounds {
    /// Start, if it is known, and end of the window of record `row`.
    fn of(&self, row: usize) -> (Option<i64>, i64);
}

/// All records are of one window.
impl Bounds for (Option<i64>, i64) {
    fn of(&self, _row: usize) -> (Option<i64>, i64) {
        *self
    }
}

impl Bounds for Vec<(i64, i64)> {
    fn of(&self, row: usize) -> (Option<i64>, i64) {
        (Some(self[row].0), self[row].1)
    }
}

impl Emitter {
    /// `schema` ends with one column per property.
    pub(crate) fn new(schema: SchemaRef, properties: Vec<WindowProperty>) -> Self {
        Self { schema, properties, waiting: Vec::new() }
    }

    /// Adds `rows` results: the columns of keys and aggregates.
    pub(crate) fn add(
        &mut self,
        mut columns: Vec<ArrayRef>,
        rows: usize,
        bounds: &impl Bounds,
        local: &LocalTime,
    ) -> Result<()> {
        for property in &self.properties {
            let field = self.schema.field(columns.len());
            let DataType::Timestamp(_, zone) = field.data_type() else {
                return Err(Error::internal("a window property is a timestamp"));
            };
            let bounds = (0..rows).map(|row| bounds.of(row));
            columns.push(match property {
                WindowProperty::Start => {
                    timestamps(bounds.map(|(start, end)| start.unwrap_or(end)), zone.clone())
                }
                WindowProperty::End => timestamps(bounds.map(|(_, end)| end), zone.clone()),
                WindowProperty::Time => {
                    timestamps(bounds.map(|(_, end)| local.instant(end - 1)), zone.clone())
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = SchemaRef::clone(&self.schema);
        self.waiting.push(RecordBatch::try_new_with_options(schema, columns, &options)?);
        Ok(())
    }

    /// Emits what was added; small windows share a batch.
    pub(crate) fn flush(&mut self, out: &mut Output) -> Result<()> {
        let mut run: Vec<RecordBatch> = Vec::new();
        let mut rows = 0;
        for batch in std::mem::take(&mut self.waiting) {
            if rows + batch.num_rows() > CHUNK {
                self.emit(&mut run, out)?;
                rows = 0;
            }
            rows += batch.num_rows();
            run.push(batch);
        }
        self.emit(&mut run, out)
    }

    fn emit(&self, run: &mut Vec<RecordBatch>, out: &mut Output) -> Result<()> {
        match run.len() {
            0 => return Ok(()),
            1 => out.emit(Batch::of(run.swap_remove(0))),
            _ => {
                let schema = Arc::clone(&self.schema);
                out.emit(Batch::of(concat_batches(&schema, run.iter())?));
                run.clear();
            }
        }
        Ok(())
    }
}
