//! Scalar expressions as the engine sees them: a batch in, a column out.

use std::fmt::Debug;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;

use crate::Result;

/// A typed scalar expression over the columns of a batch.
///
/// Implemented in `sql`; the engine never looks inside. Evaluation may fail with
/// [`crate::Error::user`] (a cast that cannot be done, a division by zero).
pub trait Expression: Debug + Send + Sync {
    /// Type of the produced column.
    fn data_type(&self) -> DataType;

    /// One value per record of `rows` (never a scalar: always `rows.num_rows()` long).
    fn evaluate(&self, rows: &RecordBatch) -> Result<ArrayRef>;

    /// The index of the input column when the expression is nothing but that column.
    fn column(&self) -> Option<usize> {
        None
    }
}

/// The plain column `index`.
#[derive(Debug, Clone)]
pub struct Column {
    /// Index in the input schema.
    pub index: usize,
    /// Its type.
    pub data_type: DataType,
}

impl Expression for Column {
    fn data_type(&self) -> DataType {
        self.data_type.clone()
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        Ok(ArrayRef::clone(rows.column(self.index)))
    }

    fn column(&self) -> Option<usize> {
        Some(self.index)
    }
}
