//! `GROUP BY` without a window: an aggregate that changes with every record.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};

use super::window::fields_of;
use crate::Error;
use crate::Result;
use crate::aggregate::{AggregateCall, call_type};
use crate::batch::SchemaRef;
use crate::operator::{Operator, OperatorContext, OperatorFactory};

/// Emits a changelog: `+I` for a new group, `-U` and `+U` when its values change, `-D` when its
/// last record was taken back. Without keys there is one group.
///
/// Output columns: keys, aggregates, in this order. (Flink's `GroupAggFunction`.)
#[derive(Debug, Clone)]
pub struct GroupAggregate {
    input: SchemaRef,
    keys: Vec<usize>,
    aggregates: Vec<(AggregateCall, String)>,
    updating_input: bool,
    schema: SchemaRef,
}

impl GroupAggregate {
    /// Checks the parts and derives the output schema. `updating_input` says that the input may
    /// take records back: the state then keeps what that needs (all values of a MIN, for example).
    pub fn new(
        input: SchemaRef,
        keys: Vec<usize>,
        aggregates: Vec<(AggregateCall, String)>,
        updating_input: bool,
    ) -> Result<Self> {
        let mut fields = fields_of(&input, &keys)?;
        for (call, name) in &aggregates {
            fields.push(Arc::new(Field::new(name, call_type(call, &input)?, true)));
        }
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { input, keys, aggregates, updating_input, schema })
    }
}

impl OperatorFactory for GroupAggregate {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Err(Error::internal(format!("a group by {:?} cannot run yet", self.keys)))
    }
}
