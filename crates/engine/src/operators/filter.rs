//! Lets records through that meet a condition.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::{filter_record_batch, prep_null_mask_filter};
use arrow::datatypes::DataType;

use crate::batch::{Batch, SchemaRef};
use crate::expression::Expression;
use crate::operator::{Operator, OperatorContext, OperatorFactory, Output};
use crate::{Error, Result};

/// `WHERE` and `HAVING`: keeps the records for which the predicate is true (not false, not NULL).
#[derive(Debug, Clone)]
pub struct Filter {
    /// A Boolean expression over the input.
    pub predicate: Arc<dyn Expression>,
    /// Schema of the input, which is that of the output too.
    pub schema: SchemaRef,
}

impl OperatorFactory for Filter {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        if self.predicate.data_type() != DataType::Boolean {
            let found = self.predicate.data_type();
            return Err(Error::internal(format!("a filter needs BOOLEAN, not `{found}`")));
        }
        Ok(Box::new(self.clone()))
    }
}

impl Operator for Filter {
    fn on_batch(&mut self, _input: usize, batch: Batch, out: &mut Output) -> Result<()> {
        let mask = self.predicate.evaluate(&batch.rows)?;
        let mask = match mask.as_boolean() {
            mask if mask.null_count() > 0 => prep_null_mask_filter(mask),
            mask => mask.clone(),
        };
        match mask.true_count() {
            0 => {}
            all if all == batch.len() => out.emit(batch),
            _ if batch.kinds.is_none() && batch.watermarks.is_none() => {
                out.emit(Batch::of(filter_record_batch(&batch.rows, &mask)?));
            }
            _ => out.emit(batch.filter(&mask)?),
        }
        Ok(())
    }
}
