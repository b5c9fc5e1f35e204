//! `ROW_NUMBER() OVER (PARTITION BY window_start, window_end, … ORDER BY …)`: Top-N per window.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use super::windowed_aggregate::AttachedWindow;
use crate::batch::SchemaRef;
use crate::operator::{Operator, OperatorContext, OperatorFactory};
use crate::{Error, Result};

/// One part of an `ORDER BY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderKey {
    /// Input column.
    pub column: usize,
    /// `DESC`
    pub descending: bool,
    /// Where NULLs go; Flink's default is first for ascending, last for descending.
    pub nulls_first: bool,
}

/// Window Top-N and, with rank 1, window deduplication: append-only, emitted when a window is
/// complete. Of equal order keys the earlier record comes first; with `keep_last` the later one
/// (deduplication by time, descending).
///
/// Output columns: the input's, then the rank (BIGINT) if it is named.
#[derive(Debug, Clone)]
pub struct WindowRank {
    input: SchemaRef,
    window: AttachedWindow,
    partition: Vec<usize>,
    order: Vec<OrderKey>,
    ranks: RangeInclusive<u64>,
    schema: SchemaRef,
}

impl WindowRank {
    /// Checks the parts and derives the output schema. `partition` includes the window columns;
    /// `ranks` are counted from 1; `rank` names the column of the rank, if it is wanted.
    pub fn new(
        input: SchemaRef,
        window: AttachedWindow,
        partition: Vec<usize>,
        order: Vec<OrderKey>,
        ranks: RangeInclusive<u64>,
        rank: Option<String>,
    ) -> Result<Self> {
        let mut fields: Vec<_> = input.fields().iter().cloned().collect();
        if let Some(rank) = rank {
            fields.push(Arc::new(Field::new(rank, DataType::Int64, true)));
        }
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { input, window, partition, order, ranks, schema })
    }
}

impl OperatorFactory for WindowRank {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Err(Error::internal(format!("ranks {:?} cannot run yet", self.ranks)))
    }
}
