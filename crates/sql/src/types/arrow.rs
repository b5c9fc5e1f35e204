//! What a type is in Arrow. The mapping is the same in every room of the data plane.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use super::{Kind, SqlType};

/// Zone name that marks a point in time.
const UTC: &str = "UTC";

impl SqlType {
    /// The Arrow type of a column of this type.
    ///
    /// Items of nested types may always be NULL in Arrow: Flink's nested NOT NULL is not enforced,
    /// and casts between the two need no copy.
    #[must_use]
    pub fn to_arrow(&self) -> DataType {
        self.kind.to_arrow()
    }

    /// A field of this type, as declared: not nullable when the type is NOT NULL.
    #[must_use]
    pub fn field(&self, name: &str) -> Field {
        Field::new(name, self.to_arrow(), self.nullable)
    }
}

impl Kind {
    /// The Arrow type of a column of this kind.
    #[must_use]
    pub fn to_arrow(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::TinyInt => DataType::Int8,
            Self::SmallInt => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale as i8),
            Self::Char(_) | Self::VarChar(_) | Self::String => DataType::Utf8,
            Self::Binary(_) | Self::VarBinary(_) | Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time(_) => DataType::Time32(TimeUnit::Millisecond),
            Self::Timestamp(p) => DataType::Timestamp(timestamp_unit(*p), None),
            Self::TimestampLtz(p) => DataType::Timestamp(timestamp_unit(*p), Some(UTC.into())),
            Self::IntervalDayTime => DataType::Duration(TimeUnit::Millisecond),
            Self::IntervalYearMonth => DataType::Interval(IntervalUnit::YearMonth),
            Self::Array(item) => DataType::List(Arc::new(optional("item", item))),
            Self::Map(key, value) => map(key, optional("value", value)),
            Self::Multiset(item) => map(item, Field::new("value", DataType::Int32, false)),
            Self::Row(fields) => {
                DataType::Struct(fields.iter().map(|(name, t)| optional(name, t)).collect())
            }
            Self::Null => DataType::Null,
        }
    }
}

fn optional(name: &str, sql_type: &SqlType) -> Field {
    Field::new(name, sql_type.to_arrow(), true)
}

fn map(key: &SqlType, value: Field) -> DataType {
    let key = Field::new("key", key.to_arrow(), false);
    let entries = DataType::Struct(vec![key, value].into());
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}

/// Unit in which timestamps of a precision are kept.
fn timestamp_unit(precision: u8) -> TimeUnit {
    if precision <= 6 { TimeUnit::Microsecond } else { TimeUnit::Nanosecond }
}
