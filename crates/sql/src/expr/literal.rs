//! Constant values.

/// One value. Its type is kept beside it, in the expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Literal {
    /// NULL of any type.
    Null,
    /// A boolean.
    Boolean(bool),
    /// Any integer type.
    Integer(i64),
    /// FLOAT and DOUBLE: the bits of the `f64`, so that literals can be compared and hashed.
    Double(u64),
    /// Unscaled value of a DECIMAL.
    Decimal(i128),
    /// CHAR, VARCHAR, STRING.
    Text(String),
    /// BINARY, VARBINARY, BYTES.
    Bytes(Vec<u8>),
    /// Days since 1970.
    Date(i32),
    /// Milliseconds of the day.
    Time(i32),
    /// TIMESTAMP and TIMESTAMP_LTZ.
    Timestamp {
        /// Milliseconds since 1970 (of the local time, or in UTC).
        ms: i64,
        /// Nanoseconds within the millisecond, 0 to 999999.
        nanos: u32,
    },
    /// Milliseconds of an interval of days and time.
    DayTime(i64),
    /// Months of an interval of years and months.
    YearMonth(i32),
}

impl Literal {
    /// A floating-point number.
    #[must_use]
    pub fn double(value: f64) -> Self {
        Self::Double(value.to_bits())
    }
}
