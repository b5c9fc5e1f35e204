//! Typed views of Arrow columns, made once per batch, for writers that go row by row.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMillisecondType, Fields, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use engine::{Error, Result};

/// A column one can ask for the value of a row.
#[derive(Debug)]
pub(crate) struct View<'a> {
    nulls: Option<&'a NullBuffer>,
    pub(crate) values: Values<'a>,
}

/// The values by type.
#[derive(Debug)]
pub(crate) enum Values<'a> {
    Bool(&'a BooleanBuffer),
    Tiny(&'a [i8]),
    Small(&'a [i16]),
    Int(&'a [i32]),
    Big(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Decimal {
        values: &'a [i128],
        scale: i8,
    },
    Text(&'a StringArray),
    Binary(&'a BinaryArray),
    /// Days since 1970.
    Date(&'a [i32]),
    /// Milliseconds of the day.
    Time(&'a [i32]),
    /// Units of which `per_second` make a second, since 1970.
    Timestamp {
        values: &'a [i64],
        per_second: i64,
        zoned: bool,
    },
    Months(&'a [i32]),
    Millis(&'a [i64]),
    List {
        offsets: &'a [i32],
        item: Box<View<'a>>,
    },
    Map {
        offsets: &'a [i32],
        key: Box<View<'a>>,
        value: Box<View<'a>>,
    },
    Row {
        fields: &'a Fields,
        columns: Vec<View<'a>>,
    },
}

/// Whether [`View::of`] knows the type.
pub(crate) fn viewable(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) => viewable(item.data_type()),
        DataType::Map(entries, _) => viewable(entries.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| viewable(field.data_type())),
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..)
        | DataType::Utf8
        | DataType::Binary
        | DataType::Date32
        | DataType::Time32(TimeUnit::Millisecond)
        | DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _)
        | DataType::Interval(IntervalUnit::YearMonth)
        | DataType::Duration(TimeUnit::Millisecond) => true,
        _ => false,
    }
}

impl<'a> View<'a> {
    pub(crate) fn of(array: &'a ArrayRef) -> Result<Self> {
        let values = match array.data_type() {
            DataType::Boolean => Values::Bool(array.as_boolean().values()),
            DataType::Int8 => Values::Tiny(array.as_primitive::<Int8Type>().values()),
            DataType::Int16 => Values::Small(array.as_primitive::<Int16Type>().values()),
            DataType::Int32 => Values::Int(array.as_primitive::<Int32Type>().values()),
            DataType::Int64 => Values::Big(array.as_primitive::<Int64Type>().values()),
            DataType::Float32 => Values::Float(array.as_primitive::<Float32Type>().values()),
            DataType::Float64 => Values::Double(array.as_primitive::<Float64Type>().values()),
            DataType::Decimal128(_, scale) => Values::Decimal {
                values: array.as_primitive::<Decimal128Type>().values(),
                scale: *scale,
            },
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::Binary => Values::Binary(array.as_binary()),
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().values()),
            DataType::Time32(TimeUnit::Millisecond) => {
                Values::Time(array.as_primitive::<Time32MillisecondType>().values())
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => Values::Timestamp {
                values: array.as_primitive::<TimestampMicrosecondType>().values(),
                per_second: 1_000_000,
                zoned: zone.is_some(),
            },
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => Values::Timestamp {
                values: array.as_primitive::<TimestampNanosecondType>().values(),
                per_second: 1_000_000_000,
                zoned: zone.is_some(),
            },
            DataType::Interval(IntervalUnit::YearMonth) => {
                Values::Months(array.as_primitive::<IntervalYearMonthType>().values())
            }
            DataType::Duration(TimeUnit::Millisecond) => {
                Values::Millis(array.as_primitive::<DurationMillisecondType>().values())
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Values::List {
                    offsets: list.value_offsets(),
                    item: Box::new(Self::of(list.values())?),
                }
            }
            DataType::Map(..) => {
                let map = array.as_map();
                Values::Map {
                    offsets: map.value_offsets(),
                    key: Box::new(Self::of(map.keys())?),
                    value: Box::new(Self::of(map.values())?),
                }
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                Values::Row {
                    fields,
                    columns: columns.iter().map(Self::of).collect::<Result<_>>()?,
                }
            }
            other => return Err(Error::internal(format!("no format writes columns of {other}"))),
        };
        Ok(Self { nulls: array.nulls(), values })
    }

    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }
}

/// Rows of a list's or map's row `row` in its child columns.
pub(crate) fn children(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}
