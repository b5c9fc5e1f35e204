//! From a call and its argument types to an accumulator.

use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};

use super::count::Count;
use super::distinct::Distinct;
use super::extremum::{ByteExtremes, Extremes, Largest, Order, Smallest};
use super::first_last::{FirstLast, Keep};
use super::list_agg::ListAgg;
use super::multiset::{Multiset, Outcome};
use super::sequence::{Pick, Sequence};
use super::sum::{DECIMAL_LIMIT, Sums, decimal_average};
use super::variance::{Moments, Spread};
use super::{Accumulator, AggregateCall, AggregateFunction, name, return_type};
use crate::{Error, Result};

type Boxed = Box<dyn Accumulator>;

/// Accumulators of a call whose arguments have these types, for inputs that only insert.
pub fn accumulator(call: &AggregateCall, arguments: &[DataType]) -> Result<Boxed> {
    build(call, arguments, false)
}

/// Accumulators that can also take values back; they keep more.
pub fn retractable_accumulator(call: &AggregateCall, arguments: &[DataType]) -> Result<Boxed> {
    build(call, arguments, true)
}

fn build(call: &AggregateCall, arguments: &[DataType], retractable: bool) -> Result<Boxed> {
    let function = &call.function;
    let result = return_type(function, arguments)?;
    let plain = match arguments {
        [] => Box::new(Count::default()),
        [first, ..] if retractable => of_retractable(function, first, result)?,
        [first, ..] => of_inserts(function, first, result)?,
    };
    if call.distinct && !arguments.is_empty() && repeats_matter(function, retractable) {
        return Ok(Box::new(Distinct::new(plain, arguments)?));
    }
    Ok(plain)
}

/// Whether a value that comes twice changes the result.
fn repeats_matter(function: &AggregateFunction, retractable: bool) -> bool {
    use AggregateFunction as F;
    match function {
        F::Min | F::Max => false,
        F::FirstValue => retractable,
        // The last value moves to the end when it is repeated, unless repeats are passed over.
        F::LastValue => true,
        F::CountStar | F::Count | F::Sum | F::Avg | F::ListAgg(_) | F::Collect => true,
        F::StddevPop | F::StddevSamp | F::VarPop | F::VarSamp => true,
    }
}

/// What needs nothing more when values may be taken back.
fn of_both(function: &AggregateFunction, of: &DataType, result: DataType) -> Result<Boxed> {
    use AggregateFunction as F;
    let spread = |sample, root| spread(of, result.clone(), Spread { sample, root });
    match function {
        F::CountStar | F::Count => Ok(Box::new(Count::default())),
        F::Sum => sum(of, result),
        F::Avg => average(of, result),
        F::Collect => Ok(Box::new(Multiset::new(Outcome::All, of)?)),
        F::StddevPop => Ok(spread(false, true)),
        F::StddevSamp => Ok(spread(true, true)),
        F::VarPop => Ok(spread(false, false)),
        F::VarSamp => Ok(spread(true, false)),
        F::Min | F::Max | F::FirstValue | F::LastValue | F::ListAgg(_) => {
            Err(Error::internal("asked for an accumulator of the wrong family"))
        }
    }
}

fn of_retractable(function: &AggregateFunction, of: &DataType, result: DataType) -> Result<Boxed> {
    use AggregateFunction as F;
    match function {
        F::Min => Ok(Box::new(Multiset::new(Outcome::Smallest, of)?)),
        F::Max => Ok(Box::new(Multiset::new(Outcome::Largest, of)?)),
        F::FirstValue => Ok(Box::new(Sequence::new(Pick::First, of)?)),
        F::LastValue => Ok(Box::new(Sequence::new(Pick::Last, of)?)),
        F::ListAgg(separator) => Ok(Box::new(Sequence::new(Pick::Joined(separator.clone()), of)?)),
        other => of_both(other, of, result),
    }
}

fn of_inserts(function: &AggregateFunction, of: &DataType, result: DataType) -> Result<Boxed> {
    use AggregateFunction as F;
    match function {
        F::Min => extremes::<Smallest>(of),
        F::Max => extremes::<Largest>(of),
        F::FirstValue => Ok(Box::new(FirstLast::new(Keep::First, of)?)),
        F::LastValue => Ok(Box::new(FirstLast::new(Keep::Last, of)?)),
        F::ListAgg(separator) => Ok(Box::new(ListAgg::new(separator))),
        other => of_both(other, of, result),
    }
}

fn refuse(function: &AggregateFunction, of: &DataType) -> Error {
    Error::user(format!("`{}` of `{of}` is not supported", name(function)))
}

fn sum(of: &DataType, result: DataType) -> Result<Boxed> {
    macro_rules! plain {
        ($type:ty) => {
            Box::new(Sums::<$type, $type, $type>::new(result.clone(), result, |sum, _| Some(sum)))
        };
    }
    Ok(match of {
        DataType::Int8 => plain!(Int8Type),
        DataType::Int16 => plain!(Int16Type),
        DataType::Int32 => plain!(Int32Type),
        DataType::Int64 => plain!(Int64Type),
        DataType::Float32 => plain!(Float32Type),
        DataType::Float64 => plain!(Float64Type),
        DataType::Decimal128(_, _) => {
            Box::new(Sums::<Decimal128Type, Decimal128Type, Decimal128Type>::new(
                result.clone(),
                result,
                |sum, _| (sum.saturating_abs() <= DECIMAL_LIMIT).then_some(sum),
            ))
        }
        of => return Err(refuse(&AggregateFunction::Sum, of)),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "an average is no larger than its values")]
fn average(of: &DataType, result: DataType) -> Result<Boxed> {
    macro_rules! integer {
        ($type:ty, $native:ty) => {
            Box::new(Sums::<$type, Int64Type, $type>::new(DataType::Int64, result, |sum, count| {
                Some(sum.wrapping_div(count) as $native)
            }))
        };
    }
    Ok(match of {
        DataType::Int8 => integer!(Int8Type, i8),
        DataType::Int16 => integer!(Int16Type, i16),
        DataType::Int32 => integer!(Int32Type, i32),
        DataType::Int64 => integer!(Int64Type, i64),
        DataType::Float32 => Box::new(Sums::<Float32Type, Float64Type, Float32Type>::new(
            DataType::Float64,
            result,
            |sum, count| Some((sum / count as f64) as f32),
        )),
        DataType::Float64 => Box::new(Sums::<Float64Type, Float64Type, Float64Type>::new(
            DataType::Float64,
            result,
            |sum, count| Some(sum / count as f64),
        )),
        DataType::Decimal128(_, scale) => {
            let scale_up = u32::try_from(6 - i32::from(*scale)).unwrap_or(0);
            Box::new(Sums::<Decimal128Type, Decimal128Type, Decimal128Type>::new(
                DataType::Decimal128(38, *scale),
                result,
                move |sum, count| decimal_average(sum, count, scale_up),
            ))
        }
        of => return Err(refuse(&AggregateFunction::Avg, of)),
    })
}

fn spread(of: &DataType, result: DataType, spread: Spread) -> Boxed {
    if of.is_integer() {
        Box::new(Moments::<Int64Type>::new(spread, result))
    } else {
        Box::new(Moments::<Float64Type>::new(spread, result))
    }
}

fn extremes<O: Order>(of: &DataType) -> Result<Boxed> {
    macro_rules! plain {
        ($type:ty) => {
            Box::new(Extremes::<$type, O>::new(of.clone()))
        };
    }
    use DataType as T;
    Ok(match of {
        T::Int8 => plain!(Int8Type),
        T::Int16 => plain!(Int16Type),
        T::Int32 => plain!(Int32Type),
        T::Int64 => plain!(Int64Type),
        T::Float32 => plain!(Float32Type),
        T::Float64 => plain!(Float64Type),
        T::Decimal128(_, _) => plain!(Decimal128Type),
        T::Date32 => plain!(Date32Type),
        T::Date64 => plain!(Date64Type),
        T::Time32(TimeUnit::Second) => plain!(Time32SecondType),
        T::Time32(_) => plain!(Time32MillisecondType),
        T::Time64(TimeUnit::Microsecond) => plain!(Time64MicrosecondType),
        T::Time64(_) => plain!(Time64NanosecondType),
        T::Timestamp(TimeUnit::Second, _) => plain!(TimestampSecondType),
        T::Timestamp(TimeUnit::Millisecond, _) => plain!(TimestampMillisecondType),
        T::Timestamp(TimeUnit::Microsecond, _) => plain!(TimestampMicrosecondType),
        T::Timestamp(TimeUnit::Nanosecond, _) => plain!(TimestampNanosecondType),
        T::Duration(TimeUnit::Second) => plain!(DurationSecondType),
        T::Duration(TimeUnit::Millisecond) => plain!(DurationMillisecondType),
        T::Duration(TimeUnit::Microsecond) => plain!(DurationMicrosecondType),
        T::Duration(TimeUnit::Nanosecond) => plain!(DurationNanosecondType),
        T::Interval(IntervalUnit::YearMonth) => plain!(IntervalYearMonthType),
        T::Utf8 | T::Boolean => Box::new(ByteExtremes::<O>::new(of)),
        of => return Err(refuse(&AggregateFunction::Min, of)),
    })
}
