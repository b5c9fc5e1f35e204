//! How a function is evaluated.

use std::fmt::Debug;

use arrow::array::{Array, ArrayRef, BooleanArray, Datum, UInt32Array};
use arrow::compute::{filter, take};
use engine::Result;

use super::program::Node;

/// A function or operator, bound to the types of its arguments.
///
/// `Debug` must print everything that tells two functions apart: expressions are compared by it.
pub(crate) trait Function: Debug + Send + Sync {
    /// One value per record, or a constant.
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value>;

    /// Whether the same arguments always give the same value.
    fn deterministic(&self) -> bool {
        true
    }

    /// Whether evaluation can end the job. Such an argument of AND, OR, CASE is evaluated only
    /// for the records that need it.
    fn may_fail(&self) -> bool {
        false
    }
}

/// Values of one expression: a column, or one value that stands for every record.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    /// As long as the input, or 1 long when `constant`.
    pub array: ArrayRef,
    /// Whether the one value of `array` stands for every record.
    pub constant: bool,
}

impl Value {
    pub(crate) fn column(array: ArrayRef) -> Self {
        Self { array, constant: false }
    }

    pub(crate) fn constant(array: ArrayRef) -> Self {
        debug_assert_eq!(array.len(), 1, "a constant is one value");
        Self { array, constant: true }
    }

    /// Index of record `row`'s value in `array`.
    #[inline]
    pub(crate) fn index(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    /// A column of `rows` values.
    pub(crate) fn into_column(self, rows: usize) -> Result<ArrayRef> {
        if !self.constant {
            return Ok(self.array);
        }
        if rows == 1 {
            return Ok(self.array);
        }
        Ok(take(&self.array, &UInt32Array::from_value(0, rows), None)?)
    }
}

impl Datum for Value {
    fn get(&self) -> (&dyn Array, bool) {
        (self.array.as_ref(), self.constant)
    }
}

/// The columns an expression is evaluated over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    pub columns: &'a [ArrayRef],
    pub rows: usize,
}

/// Arguments of a call, evaluated when asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a> {
    pub nodes: &'a [Node],
    pub input: Input<'a>,
}

impl Arguments<'_> {
    /// Number of records.
    pub(crate) fn rows(&self) -> usize {
        self.input.rows
    }

    /// Number of arguments.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Argument `index` for every record.
    pub(crate) fn value(&self, index: usize) -> Result<Value> {
        self.nodes[index].evaluate(&self.input)
    }

    /// All arguments for every record.
    pub(crate) fn values(&self) -> Result<Vec<Value>> {
        self.nodes.iter().map(|node| node.evaluate(&self.input)).collect()
    }

    /// Whether evaluating argument `index` can end the job.
    pub(crate) fn may_fail(&self, index: usize) -> bool {
        self.nodes[index].may_fail()
    }

    /// Argument `index` for the records where `mask` is true: as many values as there are.
    pub(crate) fn value_where(&self, index: usize, mask: &BooleanArray) -> Result<Value> {
        let node = &self.nodes[index];
        let rows = mask.true_count();
        if rows == self.input.rows {
            return node.evaluate(&self.input);
        }
        let mut columns = self.input.columns.to_vec();
        for used in node.columns() {
            columns[used] = filter(&columns[used], mask)?;
        }
        node.evaluate(&Input { columns: &columns, rows })
    }
}
