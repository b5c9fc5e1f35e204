//! `SUM` and `AVG`.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{ArrowNativeTypeOp, DataType, Int64Type};

use super::Accumulator;
use super::select::{for_selected, selected};
use crate::Result;

/// Largest absolute value of a DECIMAL(38, s), unscaled.
pub(super) const DECIMAL_LIMIT: i128 = 10_i128.pow(38) - 1;

/// A value as a sum takes it in.
pub(super) trait Addend<S>: Copy {
    fn added_to(self, sum: S) -> S;
    fn taken_from(self, sum: S) -> S;
}

macro_rules! addends {
    ($($value:ty => $sum:ty),+) => {$(
        impl Addend<$sum> for $value {
            #[inline]
            fn added_to(self, sum: $sum) -> $sum {
                sum.add_wrapping(<$sum>::from(self))
            }
            #[inline]
            fn taken_from(self, sum: $sum) -> $sum {
                sum.sub_wrapping(<$sum>::from(self))
            }
        }
    )+};
}

addends!(i8 => i8, i16 => i16, i32 => i32, i64 => i64, f32 => f32, f64 => f64);
addends!(i8 => i64, i16 => i64, i32 => i64, f32 => f64);

/// Decimals stop at the ends of `i128`, which are beyond [`DECIMAL_LIMIT`] and so give NULL.
impl Addend<i128> for i128 {
    #[inline]
    fn added_to(self, sum: i128) -> i128 {
        sum.saturating_add(self)
    }
    #[inline]
    fn taken_from(self, sum: i128) -> i128 {
        sum.saturating_sub(self)
    }
}

/// Makes the result of a sum over this many (at least one) values.
type Finish<S, O> = Box<dyn Fn(S, i64) -> Option<O> + Send>;

#[derive(Debug, Clone, Copy)]
struct Cell<S> {
    sum: S,
    count: i64,
}

/// Sums values of `I` in `S` and counts them; the result is an `O`.
pub(super) struct Sums<I, S: ArrowPrimitiveType, O: ArrowPrimitiveType> {
    cells: Vec<Cell<S::Native>>,
    finish: Finish<S::Native, O::Native>,
    /// Type of the sum in the state.
    sum_type: DataType,
    result_type: DataType,
    values: PhantomData<fn(I)>,
}

impl<I, S, O> Sums<I, S, O>
where
    I: ArrowPrimitiveType,
    S: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
    I::Native: Addend<S::Native>,
{
    /// `finish` gets the sum and the count, which is never 0.
    pub(super) fn new(
        sum_type: DataType,
        result_type: DataType,
        finish: impl Fn(S::Native, i64) -> Option<O::Native> + Send + 'static,
    ) -> Self {
        let finish = Box::new(finish);
        Self { cells: Vec::new(), finish, sum_type, result_type, values: PhantomData }
    }
}

impl<I, S, O> Accumulator for Sums<I, S, O>
where
    I: ArrowPrimitiveType,
    S: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
    I::Native: Addend<S::Native>,
    S::Native: Addend<S::Native>,
{
    fn resize(&mut self, groups: usize) {
        let empty = Cell { sum: S::Native::default(), count: 0 };
        self.cells.resize(groups.max(self.cells.len()), empty);
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(&arguments[..1], filter);
        let values = &arguments[0].as_primitive::<I>().values()[..groups.len()];
        for_selected(groups.len(), mask.as_ref(), |row| {
            let cell = &mut self.cells[groups[row] as usize];
            cell.sum = values[row].added_to(cell.sum);
            cell.count += 1;
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
        let values = &arguments[0].as_primitive::<I>().values()[..groups.len()];
        for_selected(groups.len(), mask.as_ref(), |row| {
            let cell = &mut self.cells[groups[row] as usize];
            cell.sum = values[row].taken_from(cell.sum);
            cell.count -= 1;
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let sums = state[0].as_primitive::<S>().values();
        let counts = state[1].as_primitive::<Int64Type>().values();
        for ((&group, &sum), count) in groups.iter().zip(sums).zip(counts) {
            let cell = &mut self.cells[group as usize];
            cell.sum = sum.added_to(cell.sum);
            cell.count += count;
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let cells = || groups.iter().map(|&group| self.cells[group as usize]);
        let sums = PrimitiveArray::<S>::from_iter_values(cells().map(|cell| cell.sum));
        let counts = PrimitiveArray::<Int64Type>::from_iter_values(cells().map(|cell| cell.count));
        Ok(vec![Arc::new(sums.with_data_type(self.sum_type.clone())), Arc::new(counts)])
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef> {
        let results = groups.iter().map(|&group| match self.cells[group as usize] {
            Cell { count: 0, .. } => None,
            Cell { sum, count } => (self.finish)(sum, count),
        });
        let results: PrimitiveArray<O> = results.collect();
        Ok(Arc::new(results.with_data_type(self.result_type.clone())))
    }

    fn clear(&mut self, groups: &[u32]) {
        for &group in groups {
            self.cells[group as usize] = Cell { sum: S::Native::default(), count: 0 };
        }
    }

    fn size(&self) -> usize {
        size_of_val(self.cells.as_slice())
    }
}

/// A DECIMAL sum divided by a count, `scale_up` digits finer, rounded half away from zero.
pub(super) fn decimal_average(sum: i128, count: i64, scale_up: u32) -> Option<i128> {
    let count = i128::from(count);
    let fine = 10_i128.checked_pow(scale_up)?;
    // Whole part and remainder apart, so that the finer digits do not overflow.
    let whole = (sum / count).checked_mul(fine)?;
    let rest = (sum % count).checked_mul(fine)?;
    let (part, left) = (rest / count, rest % count);
    let up = if left.unsigned_abs() * 2 >= count.unsigned_abs() { left.signum() } else { 0 };
    let average = whole.checked_add(part)?.checked_add(up)?;
    (average.abs() <= DECIMAL_LIMIT).then_some(average)
}
