//! Casts among numbers, and of booleans and intervals to numbers.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, PrimitiveArray};
use arrow::datatypes::{
    Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalYearMonthType,
};
use engine::{Error, Result};

use super::Context;
use crate::expr::{arithmetic, decimal};
use crate::types::Kind;

pub(super) fn convert(
    array: &ArrayRef,
    from: &Kind,
    to: &Kind,
    context: Context,
) -> Result<ArrayRef> {
    // Java's narrowing: integers wrap, floats saturate, and both go by way of INT to what is
    // smaller.
    macro_rules! plain {
        ($from:ty, $widen:expr) => {{
            let values = array.as_primitive::<$from>();
            match to {
                Kind::TinyInt => Arc::new(values.unary::<_, Int8Type>(|v| v as i32 as i8)),
                Kind::SmallInt => Arc::new(values.unary::<_, Int16Type>(|v| v as i32 as i16)),
                Kind::Int => Arc::new(values.unary::<_, Int32Type>(|v| v as i32)),
                Kind::BigInt => Arc::new(values.unary::<_, Int64Type>(|v| v as i64)),
                Kind::Float => Arc::new(values.unary::<_, Float32Type>(|v| v as f32)),
                Kind::Double => Arc::new(values.unary::<_, Float64Type>(|v| v as f64)),
                Kind::Decimal { precision, scale } => $widen(values, (*precision, *scale))?,
                _ => return Err(impossible(from, to)),
            }
        }};
    }
    let made: ArrayRef = match from {
        Kind::TinyInt => plain!(Int8Type, whole::<Int8Type>),
        Kind::SmallInt => plain!(Int16Type, whole::<Int16Type>),
        Kind::Int => plain!(Int32Type, whole::<Int32Type>),
        Kind::BigInt => plain!(Int64Type, whole::<Int64Type>),
        Kind::Float => plain!(Float32Type, |v, size| approximate::<Float32Type>(v, size, context)),
        Kind::Double => plain!(Float64Type, |v, size| approximate::<Float64Type>(v, size, context)),
        Kind::Decimal { scale, .. } => from_decimal(array, *scale, to)?,
        Kind::Boolean => {
            let bits = array.as_boolean();
            let numbers: PrimitiveArray<Int32Type> =
                bits.iter().map(|bit| bit.map(i32::from)).collect();
            let numbers: ArrayRef = Arc::new(numbers);
            return if *to == Kind::Int {
                Ok(numbers)
            } else {
                convert(&numbers, &Kind::Int, to, context)
            };
        }
        Kind::IntervalDayTime => plain!(DurationMillisecondType, no_decimal),
        Kind::IntervalYearMonth => plain!(IntervalYearMonthType, no_decimal),
        _ => return Err(impossible(from, to)),
    };
    Ok(made)
}

fn impossible(from: &Kind, to: &Kind) -> Error {
    Error::internal(format!("no cast from {from} to {to}"))
}

fn no_decimal<T: arrow::array::ArrowPrimitiveType>(
    _: &PrimitiveArray<T>,
    _: decimal::Size,
) -> Result<ArrayRef> {
    Err(Error::internal("no cast from an interval to a decimal"))
}

/// Integers as decimals; NULL when one does not fit.
fn whole<T>(values: &PrimitiveArray<T>, size: decimal::Size) -> Result<ArrayRef>
where
    T: arrow::array::ArrowPrimitiveType,
    T::Native: Into<i128>,
{
    let made: Decimal128Array = values.unary_opt(|v| decimal::rescale(v.into(), 0, size.1, size.0));
    Ok(arithmetic::sized(made, size))
}

/// Floats as decimals, by way of their shortest text.
fn approximate<T>(
    values: &PrimitiveArray<T>,
    size: decimal::Size,
    context: Context,
) -> Result<ArrayRef>
where
    T: arrow::array::ArrowPrimitiveType,
    T::Native: Into<f64>,
{
    let mut out = PrimitiveArray::<Decimal128Type>::builder(values.len());
    for value in values {
        let value: Option<f64> = value.map(Into::into);
        out.append_option(match value {
            None => None,
            Some(v) if v.is_finite() => decimal::from_f64(v, size.0, size.1),
            Some(v) => {
                let to = Kind::Decimal { precision: size.0, scale: size.1 };
                context.failed(&v.to_string(), &to)?
            }
        });
    }
    Ok(arithmetic::sized(out.finish(), size))
}

fn from_decimal(array: &ArrayRef, scale: u8, to: &Kind) -> Result<ArrayRef> {
    let values = array.as_primitive::<Decimal128Type>();
    let unit = decimal::power(scale);
    Ok(match to {
        Kind::TinyInt => Arc::new(values.unary::<_, Int8Type>(|v| (v / unit) as i64 as i8)),
        Kind::SmallInt => Arc::new(values.unary::<_, Int16Type>(|v| (v / unit) as i64 as i16)),
        Kind::Int => Arc::new(values.unary::<_, Int32Type>(|v| (v / unit) as i64 as i32)),
        Kind::BigInt => Arc::new(values.unary::<_, Int64Type>(|v| (v / unit) as i64)),
        Kind::Float => {
            Arc::new(values.unary::<_, Float32Type>(|v| decimal::to_f64(v, scale) as f32))
        }
        Kind::Double => Arc::new(values.unary::<_, Float64Type>(|v| decimal::to_f64(v, scale))),
        Kind::Decimal { precision, scale: wanted } => {
            let (p, s) = (*precision, *wanted);
            let made: Decimal128Array = values.unary_opt(|v| decimal::rescale(v, scale, s, p));
            arithmetic::sized(made, (p, s))
        }
        other => return Err(impossible(&Kind::Decimal { precision: 38, scale }, other)),
    })
}
