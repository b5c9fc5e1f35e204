//! Computes columns from columns, record by record.

use arrow::array::{RecordBatch, RecordBatchOptions};

use crate::Result;
use crate::batch::{Batch, SchemaRef};
use crate::graph::Projection;
use crate::operator::{Operator, OperatorContext, OperatorFactory, Output};

/// `SELECT` of scalar expressions: one output record per input record, kinds and watermarks kept.
#[derive(Debug, Clone)]
pub struct Project {
    /// The expressions and the schema they make.
    pub projection: Projection,
}

impl OperatorFactory for Project {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.projection.schema)
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(self.clone()))
    }
}

impl Operator for Project {
    fn on_batch(&mut self, _input: usize, batch: Batch, out: &mut Output) -> Result<()> {
        let columns = self
            .projection
            .expressions
            .iter()
            .map(|expression| expression.evaluate(&batch.rows))
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
        let rows = RecordBatch::try_new_with_options(self.schema(), columns, &options)?;
        out.emit(batch.with_rows(rows));
        Ok(())
    }
}
