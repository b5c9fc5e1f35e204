//! The type of a column or expression.

use std::fmt;

/// Length of `STRING` and `BYTES`, as Flink counts it (`VARCHAR(2147483647)`).
pub const MAX_LENGTH: u32 = i32::MAX as u32;

/// A Flink logical type: a [`Kind`] and whether NULL may occur.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SqlType {
    /// What the values are.
    pub kind: Kind,
    /// Whether NULL is among them.
    pub nullable: bool,
}

/// The kind of a type (`LogicalTypeRoot` with its parameters).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `BOOLEAN`
    Boolean,
    /// `TINYINT`, 8 bits
    TinyInt,
    /// `SMALLINT`, 16 bits
    SmallInt,
    /// `INT`, 32 bits
    Int,
    /// `BIGINT`, 64 bits
    BigInt,
    /// `FLOAT`, 32 bits
    Float,
    /// `DOUBLE`, 64 bits
    Double,
    /// `DECIMAL(precision, scale)`
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the point, at most `precision`.
        scale: u8,
    },
    /// `CHAR(n)`
    Char(u32),
    /// `VARCHAR(n)`
    VarChar(u32),
    /// `STRING`, the longest VARCHAR
    String,
    /// `BINARY(n)`
    Binary(u32),
    /// `VARBINARY(n)`
    VarBinary(u32),
    /// `BYTES`, the longest VARBINARY
    Bytes,
    /// `DATE`
    Date,
    /// `TIME(p)`
    Time(u8),
    /// `TIMESTAMP(p)`, a local time without zone
    Timestamp(u8),
    /// `TIMESTAMP_LTZ(p)`, a point in time
    TimestampLtz(u8),
    /// `INTERVAL DAY TO SECOND` and its parts, milliseconds
    IntervalDayTime,
    /// `INTERVAL YEAR TO MONTH` and its parts, months
    IntervalYearMonth,
    /// `ARRAY<t>`
    Array(Box<SqlType>),
    /// `MAP<k, v>`
    Map(Box<SqlType>, Box<SqlType>),
    /// `MULTISET<t>`
    Multiset(Box<SqlType>),
    /// `ROW<name type, …>`
    Row(Vec<(String, SqlType)>),
    /// The type of a bare `NULL`
    Null,
}

impl SqlType {
    /// A type without NULL.
    #[must_use]
    pub fn required(kind: Kind) -> Self {
        Self { kind, nullable: false }
    }

    /// A type with NULL.
    #[must_use]
    pub fn nullable(kind: Kind) -> Self {
        Self { kind, nullable: true }
    }

    /// The same type, with NULL or without.
    #[must_use]
    pub fn with_nullable(mut self, nullable: bool) -> Self {
        self.nullable = nullable;
        self
    }
}

impl Kind {
    /// `TINYINT` to `BIGINT`.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        matches!(self, Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt)
    }

    /// Integers and decimals.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.is_integer() || matches!(self, Self::Decimal { .. })
    }

    /// `FLOAT` and `DOUBLE`.
    #[must_use]
    pub fn is_approximate(&self) -> bool {
        matches!(self, Self::Float | Self::Double)
    }

    /// Anything arithmetic works on.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        self.is_exact() || self.is_approximate()
    }

    /// `CHAR`, `VARCHAR`, `STRING`.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Char(_) | Self::VarChar(_) | Self::String)
    }

    /// `BINARY`, `VARBINARY`, `BYTES`.
    #[must_use]
    pub fn is_bytes(&self) -> bool {
        matches!(self, Self::Binary(_) | Self::VarBinary(_) | Self::Bytes)
    }

    /// `TIMESTAMP` and `TIMESTAMP_LTZ`.
    #[must_use]
    pub fn is_timestamp(&self) -> bool {
        matches!(self, Self::Timestamp(_) | Self::TimestampLtz(_))
    }

    /// `DATE`, `TIME` and the timestamps.
    #[must_use]
    pub fn is_temporal(&self) -> bool {
        self.is_timestamp() || matches!(self, Self::Date | Self::Time(_))
    }

    /// Both sorts of intervals.
    #[must_use]
    pub fn is_interval(&self) -> bool {
        matches!(self, Self::IntervalDayTime | Self::IntervalYearMonth)
    }

    /// Precision and scale of an exact number; those of integers as Flink takes them.
    #[must_use]
    pub fn as_decimal(&self) -> Option<(u8, u8)> {
        match self {
            Self::TinyInt => Some((3, 0)),
            Self::SmallInt => Some((5, 0)),
            Self::Int => Some((10, 0)),
            Self::BigInt => Some((19, 0)),
            Self::Decimal { precision, scale } => Some((*precision, *scale)),
            _ => None,
        }
    }

    /// Declared length of a text or bytes type.
    #[must_use]
    pub fn length(&self) -> Option<u32> {
        match self {
            Self::Char(n) | Self::VarChar(n) | Self::Binary(n) | Self::VarBinary(n) => Some(*n),
            Self::String | Self::Bytes => Some(MAX_LENGTH),
            _ => None,
        }
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if self.nullable || self.kind == Kind::Null { Ok(()) } else { f.write_str(" NOT NULL") }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::TinyInt => f.write_str("TINYINT"),
            Self::SmallInt => f.write_str("SMALLINT"),
            Self::Int => f.write_str("INT"),
            Self::BigInt => f.write_str("BIGINT"),
            Self::Float => f.write_str("FLOAT"),
            Self::Double => f.write_str("DOUBLE"),
            Self::Decimal { precision, scale } => write!(f, "DECIMAL({precision}, {scale})"),
            Self::Char(n) => write!(f, "CHAR({n})"),
            Self::VarChar(n) => write!(f, "VARCHAR({n})"),
            Self::String => f.write_str("STRING"),
            Self::Binary(n) => write!(f, "BINARY({n})"),
            Self::VarBinary(n) => write!(f, "VARBINARY({n})"),
            Self::Bytes => f.write_str("BYTES"),
            Self::Date => f.write_str("DATE"),
            Self::Time(p) => write!(f, "TIME({p})"),
            Self::Timestamp(p) => write!(f, "TIMESTAMP({p})"),
            Self::TimestampLtz(p) => write!(f, "TIMESTAMP_LTZ({p})"),
            Self::IntervalDayTime => f.write_str("INTERVAL DAY TO SECOND"),
            Self::IntervalYearMonth => f.write_str("INTERVAL YEAR TO MONTH"),
            Self::Array(item) => write!(f, "ARRAY<{item}>"),
            Self::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
            Self::Multiset(item) => write!(f, "MULTISET<{item}>"),
            Self::Row(fields) => {
                f.write_str("ROW<")?;
                for (i, (name, sql_type)) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}`{name}` {sql_type}")?;
                }
                f.write_str(">")
            }
            Self::Null => f.write_str("NULL"),
        }
    }
}
