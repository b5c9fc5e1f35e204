//! The operators and clauses of SQL's special syntax.

use std::fmt;

/// An infix operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
    /// `AND`
    And,
    /// `OR`
    Or,
    /// `||`
    Concat,
    /// `IS DISTINCT FROM`
    IsDistinctFrom,
    /// `IS NOT DISTINCT FROM`
    IsNotDistinctFrom,
}

impl BinaryOp {
    /// The operator as it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
            Self::And => "AND",
            Self::Or => "OR",
            Self::Concat => "||",
            Self::IsDistinctFrom => "IS DISTINCT FROM",
            Self::IsNotDistinctFrom => "IS NOT DISTINCT FROM",
        }
    }

    /// `=` to `>=` and the DISTINCT tests.
    #[must_use]
    pub fn is_comparison(self) -> bool {
        !matches!(
            self,
            Self::Plus
                | Self::Minus
                | Self::Multiply
                | Self::Divide
                | Self::Modulo
                | Self::And
                | Self::Or
                | Self::Concat
        )
    }
}

/// A prefix operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `NOT`
    Not,
}

/// What `IS TRUE` and its sisters test for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Truth {
    /// `IS [NOT] TRUE`
    True,
    /// `IS [NOT] FALSE`
    False,
    /// `IS [NOT] UNKNOWN`
    Unknown,
}

/// Which end TRIM works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrimSide {
    /// `LEADING`
    Leading,
    /// `TRAILING`
    Trailing,
    /// `BOTH`
    Both,
}

/// `NULL ON NULL` or `ABSENT ON NULL` of JSON_OBJECT and JSON_ARRAY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnNull {
    /// A NULL becomes `null`.
    Null,
    /// A NULL is left out.
    Absent,
}

/// What `IS JSON` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonKind {
    /// `IS JSON [VALUE]`
    Value,
    /// `IS JSON OBJECT`
    Object,
    /// `IS JSON ARRAY`
    Array,
    /// `IS JSON SCALAR`
    Scalar,
}

/// The wrapper clause of JSON_QUERY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonWrapper {
    /// `WITHOUT [ARRAY] WRAPPER`
    Without,
    /// `WITH CONDITIONAL [ARRAY] WRAPPER`
    Conditional,
    /// `WITH [UNCONDITIONAL] [ARRAY] WRAPPER`
    Unconditional,
}

/// What a JSON function gives ON EMPTY or ON ERROR.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JsonOn {
    /// `NULL`
    Null,
    /// `ERROR`: the job ends.
    Error,
    /// `DEFAULT …` (JSON_VALUE)
    Default(Box<super::Expr>),
    /// `EMPTY ARRAY` (JSON_QUERY)
    EmptyArray,
    /// `EMPTY OBJECT` (JSON_QUERY)
    EmptyObject,
    /// `TRUE` (JSON_EXISTS ON ERROR)
    True,
    /// `FALSE` (JSON_EXISTS ON ERROR)
    False,
    /// `UNKNOWN` (JSON_EXISTS ON ERROR)
    Unknown,
}

macro_rules! units {
    ($($(#[$doc:meta])* $name:ident = $first:literal $(| $other:literal)*),* $(,)?) => {
        /// A unit of time: of an interval, EXTRACT, FLOOR … TO, TIMESTAMPADD.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Unit { $($(#[$doc])* $name),* }

        impl Unit {
            /// The unit of this name, in any case, with the plural and SQL_TSI_ forms.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name.to_ascii_uppercase().as_str() {
                    $($first $(| $other)* => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $first),* }
            }
        }
    };
}

units! {
    /// 1000 years
    Millennium = "MILLENNIUM",
    /// 100 years
    Century = "CENTURY",
    /// 10 years
    Decade = "DECADE",
    /// Calendar year
    Year = "YEAR" | "YEARS" | "SQL_TSI_YEAR",
    /// Year of the ISO week
    IsoYear = "ISOYEAR",
    /// 3 months
    Quarter = "QUARTER" | "QUARTERS" | "SQL_TSI_QUARTER",
    /// Calendar month
    Month = "MONTH" | "MONTHS" | "SQL_TSI_MONTH",
    /// 7 days; in EXTRACT the ISO week
    Week = "WEEK" | "WEEKS" | "SQL_TSI_WEEK",
    /// Day; in EXTRACT the day of the month
    Day = "DAY" | "DAYS" | "SQL_TSI_DAY",
    /// Day of the week, Sunday is 1
    DayOfWeek = "DOW",
    /// Day of the week, Monday is 1
    IsoDayOfWeek = "ISODOW",
    /// Day of the year
    DayOfYear = "DOY",
    /// Hour
    Hour = "HOUR" | "HOURS" | "SQL_TSI_HOUR",
    /// Minute
    Minute = "MINUTE" | "MINUTES" | "SQL_TSI_MINUTE",
    /// Second
    Second = "SECOND" | "SECONDS" | "SQL_TSI_SECOND",
    /// 1/1000 second
    Millisecond = "MILLISECOND" | "MILLISECONDS",
    /// 1/1000000 second
    Microsecond = "MICROSECOND" | "MICROSECONDS" | "SQL_TSI_MICROSECOND",
    /// 1/1000000000 second
    Nanosecond = "NANOSECOND" | "NANOSECONDS",
    /// Seconds since 1970
    Epoch = "EPOCH",
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
