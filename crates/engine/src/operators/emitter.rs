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

/// The bounds of the windows of some records, in local milliseconds.
pub(crate) enum Bounds {
    /// All are of one window; its start may be unknown.
    One(Option<i64>, i64),
    /// Start and end of each.
    Each(Vec<(i64, i64)>),
}

impl Bounds {
    /// A property of the window that lies `start` to `end`.
    fn value(property: WindowProperty, start: i64, end: i64, local: &LocalTime) -> i64 {
        match property {
            WindowProperty::Start => start,
            WindowProperty::End => end,
            WindowProperty::Time => local.instant(end.saturating_sub(1)),
        }
    }

    fn column(
        &self,
        property: WindowProperty,
        rows: usize,
        local: &LocalTime,
        zone: Option<Arc<str>>,
    ) -> ArrayRef {
        match self {
            Self::One(start, end) => {
                let value = Self::value(property, start.unwrap_or(*end), *end, local);
                timestamps(std::iter::repeat_n(value, rows), zone)
            }
            Self::Each(bounds) => {
                let value = |&(start, end)| Self::value(property, start, end, local);
                timestamps(bounds.iter().map(value), zone)
            }
        }
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
        bounds: &Bounds,
        local: &LocalTime,
    ) -> Result<()> {
        for property in &self.properties {
            let field = self.schema.field(columns.len());
            let DataType::Timestamp(_, zone) = field.data_type() else {
                return Err(Error::internal("a window property is a timestamp"));
            };
            columns.push(bounds.column(*property, rows, local, zone.clone()));
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
