//! Result types of the aggregate functions.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};

use super::{AggregateCall, AggregateFunction};
use crate::batch::SchemaRef;
use crate::{Error, Result};

/// Type of `function` over arguments of the types `arguments`, as Flink derives it.
///
/// Fails (as the user's error) for a function that does not take such arguments.
pub fn return_type(function: &AggregateFunction, arguments: &[DataType]) -> Result<DataType> {
    use AggregateFunction as F;
    let refuse = || {
        let types: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let types = types.join(", ");
        Err(Error::user(format!("`{}` does not take arguments `({types})`", name(function))))
    };
    match (function, arguments) {
        (F::CountStar, []) => Ok(DataType::Int64),
        (F::Count, [_, ..]) => Ok(DataType::Int64),
        (F::Sum, [of]) => match of {
            DataType::Decimal128(_, scale) => Ok(DataType::Decimal128(38, *scale)),
            of if is_plain_number(of) => Ok(of.clone()),
            _ => refuse(),
        },
        (F::Avg | F::StddevPop | F::StddevSamp | F::VarPop | F::VarSamp, [of]) => match of {
            DataType::Decimal128(_, scale) => Ok(DataType::Decimal128(38, (*scale).max(6))),
            of if is_plain_number(of) => Ok(of.clone()),
            _ => refuse(),
        },
        (F::Min | F::Max, [of]) => match of {
            of if of.is_nested() || matches!(of, DataType::Binary | DataType::Null) => refuse(),
            of => Ok(of.clone()),
        },
        (F::FirstValue | F::LastValue, [of]) => Ok(of.clone()),
        (F::ListAgg(_), [DataType::Utf8]) => Ok(DataType::Utf8),
        (F::Collect, [of]) => Ok(multiset(of)),
        _ => refuse(),
    }
}

/// Type of a call over the columns of `input`.
pub fn call_type(call: &AggregateCall, input: &SchemaRef) -> Result<DataType> {
    return_type(&call.function, &argument_types(call, input)?)
}

/// Types of a call's arguments over the columns of `input`.
pub(crate) fn argument_types(call: &AggregateCall, input: &SchemaRef) -> Result<Vec<DataType>> {
    let of = |&column: &usize| match input.fields().get(column) {
        Some(field) => Ok(field.data_type().clone()),
        None => Err(Error::internal(format!("the input has no column {column}"))),
    };
    if let Some(filter) = &call.filter
        && of(filter)? != DataType::Boolean
    {
        return Err(Error::internal(format!("FILTER column {filter} is not BOOLEAN")));
    }
    call.arguments.iter().map(of).collect()
}

/// `MULTISET<of>`: a map from value to count.
#[must_use]
pub fn multiset(of: &DataType) -> DataType {
    let entries = Fields::from(vec![
        Field::new("key", of.clone(), false),
        Field::new("value", DataType::Int32, false),
    ]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

fn is_plain_number(of: &DataType) -> bool {
    use DataType as T;
    matches!(of, T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Float32 | T::Float64)
}

/// SQL name of a function.
pub(crate) fn name(function: &AggregateFunction) -> &'static str {
    use AggregateFunction as F;
    match function {
        F::CountStar | F::Count => "COUNT",
        F::Sum => "SUM",
        F::Avg => "AVG",
        F::Min => "MIN",
        F::Max => "MAX",
        F::FirstValue => "FIRST_VALUE",
        F::LastValue => "LAST_VALUE",
        F::ListAgg(_) => "LISTAGG",
        F::Collect => "COLLECT",
        F::StddevPop => "STDDEV_POP",
        F::StddevSamp => "STDDEV_SAMP",
        F::VarPop => "VAR_POP",
        F::VarSamp => "VAR_SAMP",
    }
}
