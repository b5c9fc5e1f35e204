//! Literals as Arrow arrays of one value, and back.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    DurationMillisecondArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, IntervalYearMonthArray, StringArray, Time32MillisecondArray, new_null_array,
};
use arrow::datatypes::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType,
};

use super::Literal;
use super::temporal::stamp::Stamp;
use super::text::Printer;
use crate::types::{Kind, SqlType};

impl Literal {
    /// One value of the Arrow type of `sql_type`.
    pub(super) fn to_array(&self, sql_type: &SqlType) -> ArrayRef {
        let null = || new_null_array(&sql_type.to_arrow(), 1);
        match (self, &sql_type.kind) {
            (Self::Boolean(v), Kind::Boolean) => Arc::new(BooleanArray::from(vec![*v])),
            (Self::Integer(v), Kind::TinyInt) => Arc::new(Int8Array::from(vec![*v as i8])),
            (Self::Integer(v), Kind::SmallInt) => Arc::new(Int16Array::from(vec![*v as i16])),
            (Self::Integer(v), Kind::Int) => Arc::new(Int32Array::from(vec![*v as i32])),
            (Self::Integer(v), Kind::BigInt) => Arc::new(Int64Array::from(vec![*v])),
            (Self::Double(v), Kind::Double) => {
                Arc::new(Float64Array::from(vec![f64::from_bits(*v)]))
            }
            (Self::Double(v), Kind::Float) => {
                Arc::new(Float32Array::from(vec![f64::from_bits(*v) as f32]))
            }
            (Self::Decimal(v), Kind::Decimal { .. }) => {
                Arc::new(Decimal128Array::from(vec![*v]).with_data_type(sql_type.to_arrow()))
            }
            (Self::Text(v), kind) if kind.is_text() => {
                Arc::new(StringArray::from(vec![v.as_str()]))
            }
            (Self::Bytes(v), kind) if kind.is_bytes() => {
                Arc::new(BinaryArray::from(vec![v.as_slice()]))
            }
            (Self::Date(v), Kind::Date) => Arc::new(Date32Array::from(vec![*v])),
            (Self::Time(v), Kind::Time(_)) => Arc::new(Time32MillisecondArray::from(vec![*v])),
            (Self::DayTime(v), Kind::IntervalDayTime) => {
                Arc::new(DurationMillisecondArray::from(vec![*v]))
            }
            (Self::YearMonth(v), Kind::IntervalYearMonth) => {
                Arc::new(IntervalYearMonthArray::from(vec![*v]))
            }
            (Self::Timestamp { ms, nanos }, kind) if kind.is_timestamp() => {
                Stamp { ms: *ms, nanos: *nanos }.to_array(&sql_type.to_arrow())
            }
            (Self::Null, _) => null(),
            (value, kind) => {
                debug_assert!(false, "`{value:?}` is no value of {kind}");
                null()
            }
        }
    }

    /// The one value of `array`; `None` for nested types.
    pub(super) fn from_array(array: &ArrayRef, sql_type: &SqlType) -> Option<Self> {
        if array.is_null(0) {
            return Some(Self::Null);
        }
        Some(match &sql_type.kind {
            Kind::Boolean => Self::Boolean(array.as_boolean().value(0)),
            Kind::TinyInt => Self::Integer(array.as_primitive::<Int8Type>().value(0).into()),
            Kind::SmallInt => Self::Integer(array.as_primitive::<Int16Type>().value(0).into()),
            Kind::Int => Self::Integer(array.as_primitive::<Int32Type>().value(0).into()),
            Kind::BigInt => Self::Integer(array.as_primitive::<Int64Type>().value(0)),
            Kind::Float => Self::double(array.as_primitive::<Float32Type>().value(0).into()),
            Kind::Double => Self::double(array.as_primitive::<Float64Type>().value(0)),
            Kind::Decimal { .. } => Self::Decimal(array.as_primitive::<Decimal128Type>().value(0)),
            Kind::Char(_) | Kind::VarChar(_) | Kind::String => {
                Self::Text(array.as_string::<i32>().value(0).to_owned())
            }
            Kind::Binary(_) | Kind::VarBinary(_) | Kind::Bytes => {
                Self::Bytes(array.as_binary::<i32>().value(0).to_owned())
            }
            Kind::Date => Self::Date(array.as_primitive::<Date32Type>().value(0)),
            Kind::Time(_) => Self::Time(array.as_primitive::<Time32MillisecondType>().value(0)),
            Kind::Timestamp(_) | Kind::TimestampLtz(_) => {
                let stamp = Stamp::at(array, 0);
                Self::Timestamp { ms: stamp.ms, nanos: stamp.nanos }
            }
            Kind::IntervalDayTime => {
                Self::DayTime(array.as_primitive::<DurationMillisecondType>().value(0))
            }
            Kind::IntervalYearMonth => {
                Self::YearMonth(array.as_primitive::<IntervalYearMonthType>().value(0))
            }
            Kind::Array(_) | Kind::Map(..) | Kind::Multiset(_) | Kind::Row(_) | Kind::Null => {
                return None;
            }
        })
    }

    /// Writes the value about as SQL would, for plans and messages.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, sql_type: &SqlType) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Boolean(v) => f.write_str(if *v { "TRUE" } else { "FALSE" }),
            Self::Integer(v) => write!(f, "{v}"),
            Self::Double(v) => write!(f, "{:e}", f64::from_bits(*v)),
            Self::Text(v) => write!(f, "'{}'", v.replace('\'', "''")),
            Self::Bytes(v) => {
                f.write_str("X'")?;
                v.iter().try_for_each(|byte| write!(f, "{byte:02X}"))?;
                f.write_str("'")
            }
            Self::Decimal(_)
            | Self::Date(_)
            | Self::Time(_)
            | Self::Timestamp { .. }
            | Self::DayTime(_)
            | Self::YearMonth(_) => {
                let array = self.to_array(sql_type);
                let mut out = String::new();
                Printer::new(&sql_type.kind, chrono_tz::Tz::UTC).write(&array, 0, &mut out);
                f.write_str(&out)
            }
        }
    }
}
