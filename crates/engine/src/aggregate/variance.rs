//! `STDDEV_*` and `VAR_*`, computed as Flink's planner rewrites them: from the sum, the sum of
//! squares and the count, in the arithmetic of the argument's type.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, PrimitiveArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::Accumulator;
use super::select::{for_selected, selected};
use super::sum::DECIMAL_LIMIT;
use crate::Result;

/// Which of the four functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spread {
    /// Divides by one less than the count.
    pub(super) sample: bool,
    /// Takes the square root.
    pub(super) root: bool,
}

impl Spread {
    /// By what is divided; `None` = the result is NULL.
    fn divisor(self, count: i64) -> Option<i64> {
        let divisor = if self.sample { count - 1 } else { count };
        (divisor > 0).then_some(divisor)
    }
}

/// The number the sums are kept in.
pub(super) trait Moment: ArrowPrimitiveType {
    /// What the values are cast to before they are summed.
    const CAST: DataType;
    fn plus(sum: Self::Native, value: Self::Native) -> Self::Native;
    fn minus(sum: Self::Native, value: Self::Native) -> Self::Native;
    fn square(value: Self::Native) -> Self::Native;
    /// The results of `(sum, sum of squares, count)` as a column of `result`.
    fn results(
        spread: Spread,
        result: &DataType,
        cells: impl Iterator<Item = (Self::Native, Self::Native, i64)>,
    ) -> ArrayRef;
}

impl Moment for Int64Type {
    const CAST: DataType = DataType::Int64;

    fn plus(sum: i64, value: i64) -> i64 {
        sum.wrapping_add(value)
    }

    fn minus(sum: i64, value: i64) -> i64 {
        sum.wrapping_sub(value)
    }

    fn square(value: i64) -> i64 {
        value.wrapping_mul(value)
    }

    fn results(
        spread: Spread,
        result: &DataType,
        cells: impl Iterator<Item = (i64, i64, i64)>,
    ) -> ArrayRef {
        // Sums and squares wrap in the argument's type; from the first division on it is BIGINT.
        // Wrapping late gives the same as wrapping at every step.
        let values = cells.map(|(sum, squares, count)| {
            let divisor = spread.divisor(count)?;
            let mean = wrapped(sum.wrapping_mul(sum), result) / count;
            let variance = wrapped(squares, result).wrapping_sub(mean) / divisor;
            Some(if spread.root {
                #[expect(clippy::cast_possible_truncation, reason = "Java's cast cuts as well")]
                let root = (variance as f64).sqrt() as i64;
                match result {
                    // By way of INT, which saturates.
                    DataType::Int64 => root,
                    _ => root.clamp(i32::MIN.into(), i32::MAX.into()),
                }
            } else {
                variance
            })
        });
        let values: Vec<Option<i64>> = values.collect();
        let values = values.into_iter();
        #[expect(clippy::cast_possible_truncation, reason = "integers wrap, as in Flink")]
        match result {
            DataType::Int8 => Arc::new(values.map(|v| v.map(|v| v as i8)).collect::<Int8Array>()),
            DataType::Int16 => {
                Arc::new(values.map(|v| v.map(|v| v as i16)).collect::<Int16Array>())
            }
            DataType::Int32 => {
                Arc::new(values.map(|v| v.map(|v| v as i32)).collect::<Int32Array>())
            }
            _ => Arc::new(values.collect::<Int64Array>()),
        }
    }
}

/// `value` wrapped to the width of an integer type.
#[expect(clippy::cast_possible_truncation, reason = "wrapping is what is wanted")]
fn wrapped(value: i64, to: &DataType) -> i64 {
    match to {
        DataType::Int8 => i64::from(value as i8),
        DataType::Int16 => i64::from(value as i16),
        DataType::Int32 => i64::from(value as i32),
        _ => value,
    }
}

impl Moment for Float64Type {
    const CAST: DataType = DataType::Float64;

    fn plus(sum: f64, value: f64) -> f64 {
        sum + value
    }

    fn minus(sum: f64, value: f64) -> f64 {
        sum - value
    }

    fn square(value: f64) -> f64 {
        value * value
    }

    fn results(
        spread: Spread,
        result: &DataType,
        cells: impl Iterator<Item = (f64, f64, i64)>,
    ) -> ArrayRef {
        let values = cells.map(|(sum, squares, count)| {
            let divisor = spread.divisor(count)?;
            let variance = (squares - sum * sum / count as f64) / divisor as f64;
            Some(if spread.root { variance.sqrt() } else { variance })
        });
        #[expect(clippy::cast_possible_truncation, reason = "to the type of the result")]
        match result {
            DataType::Float32 => {
                Arc::new(values.map(|value| value.map(|v| v as f32)).collect::<Float32Array>())
            }
            DataType::Decimal128(_, scale) => {
                // DECIMAL arguments are computed in DOUBLE: exact to about 15 digits.
                let unit = 10_f64.powi(i32::from(*scale));
                let scaled = values.map(|value| {
                    let value = (value? * unit).round();
                    (value.abs() <= DECIMAL_LIMIT as f64).then_some(value as i128)
                });
                let scaled: Decimal128Array = scaled.collect();
                Arc::new(scaled.with_data_type(result.clone()))
            }
            _ => Arc::new(values.collect::<Float64Array>()),
        }
    }
}

/// Sums, sums of squares and counts.
#[derive(Debug)]
pub(super) struct Moments<M: Moment> {
    cells: Vec<(M::Native, M::Native, i64)>,
    spread: Spread,
    result: DataType,
}

impl<M: Moment> Moments<M> {
    pub(super) fn new(spread: Spread, result: DataType) -> Self {
        Self { cells: Vec::new(), spread, result }
    }
}

impl<M: Moment> Accumulator for Moments<M> {
    fn resize(&mut self, groups: usize) {
        let empty = (M::Native::default(), M::Native::default(), 0);
        self.cells.resize(groups.max(self.cells.len()), empty);
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(&arguments[..1], filter);
        let values = cast(&arguments[0], &M::CAST)?;
        let values = values.as_primitive::<M>().values();
        for_selected(groups.len(), mask.as_ref(), |row| {
            let (sum, squares, count) = &mut self.cells[groups[row] as usize];
            *sum = M::plus(*sum, values[row]);
            *squares = M::plus(*squares, M::square(values[row]));
            *count += 1;
        });
        Ok(())
    }

    fn retract(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(&arguments[..1], filter);
        let values = cast(&arguments[0], &M::CAST)?;
        let values = values.as_primitive::<M>().values();
        for_selected(groups.len(), mask.as_ref(), |row| {
            let (sum, squares, count) = &mut self.cells[groups[row] as usize];
            *sum = M::minus(*sum, values[row]);
            *squares = M::minus(*squares, M::square(values[row]));
            *count -= 1;
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let (sums, squares) = (state[0].as_primitive::<M>(), state[1].as_primitive::<M>());
        let counts = state[2].as_primitive::<Int64Type>();
        for (row, &group) in groups.iter().enumerate() {
            let cell = &mut self.cells[group as usize];
            cell.0 = M::plus(cell.0, sums.value(row));
            cell.1 = M::plus(cell.1, squares.value(row));
            cell.2 += counts.value(row);
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let cells = || groups.iter().map(|&group| self.cells[group as usize]);
        Ok(vec![
            Arc::new(PrimitiveArray::<M>::from_iter_values(cells().map(|cell| cell.0))),
            Arc::new(PrimitiveArray::<M>::from_iter_values(cells().map(|cell| cell.1))),
            Arc::new(Int64Array::from_iter_values(cells().map(|cell| cell.2))),
        ])
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef> {
        let cells = groups.iter().map(|&group| self.cells[group as usize]);
        Ok(M::results(self.spread, &self.result, cells))
    }

    fn clear(&mut self, groups: &[u32]) {
        for &group in groups {
            self.cells[group as usize] = (M::Native::default(), M::Native::default(), 0);
        }
    }

    fn size(&self) -> usize {
        size_of_val(self.cells.as_slice())
    }
}
