//! TIMESTAMPADD and TIMESTAMPDIFF.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array};
use arrow::datatypes::{DurationMillisecondType, Int64Type, IntervalYearMonthType};
use engine::Result;

use super::calendar::{DAY_MS, months_between};
use super::interval::shifted;
use super::stamp::Stamp;
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, Session, Unit, cast, vector};
use crate::types::{Kind, SqlType};

/// Milliseconds or months of one unit: `(factor, whether months)`.
fn size(unit: Unit) -> Option<(i64, bool)> {
    Some(match unit {
        Unit::Century => (1200, true),
        Unit::Decade => (120, true),
        Unit::Year => (12, true),
        Unit::Quarter => (3, true),
        Unit::Month => (1, true),
        Unit::Week => (7 * DAY_MS, false),
        Unit::Day => (DAY_MS, false),
        Unit::Hour => (3_600_000, false),
        Unit::Minute => (60_000, false),
        Unit::Second => (1000, false),
        Unit::Millisecond => (1, false),
        _ => return None,
    })
}

/// `count` units as an interval.
#[derive(Debug)]
struct Units {
    factor: i64,
    months: bool,
}

impl Function for Units {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let count = args.value(0)?;
        let factor = self.factor;
        let array: ArrayRef = if self.months {
            Arc::new(vector::unary::<Int64Type, IntervalYearMonthType>(&count, |count| {
                count.wrapping_mul(factor) as i32
            }))
        } else {
            Arc::new(vector::unary::<Int64Type, DurationMillisecondType>(&count, |count| {
                count.wrapping_mul(factor)
            }))
        };
        Ok(Value { array, ..count })
    }
}

/// `TIMESTAMPADD(unit, count, operand)`.
pub fn timestamp_add(
    session: &Session,
    unit: Unit,
    count: Expr,
    operand: Expr,
) -> Result<Expr, CallError> {
    let kind = operand.sql_type().kind.clone();
    let Some((factor, months)) = size(unit) else {
        return Err(CallError::wrong(format!("`TIMESTAMPADD` has no unit {unit}")));
    };
    if !kind.is_temporal() || !count.sql_type().kind.is_integer() {
        return Err(CallError::wrong(format!(
            "`TIMESTAMPADD` does not take {} and {kind}, it takes an integer and a date, time or \
             timestamp",
            count.sql_type().kind
        )));
    }
    let nullable = count.sql_type().nullable;
    let count = cast::cast(session, count, &SqlType::nullable(Kind::BigInt))?;
    let interval = if months { Kind::IntervalYearMonth } else { Kind::IntervalDayTime };
    let by = Expr::call(
        "UNITS",
        Units { factor, months },
        vec![count],
        SqlType { kind: interval, nullable },
    );
    // A date moved by hours is a timestamp.
    let operand = if kind == Kind::Date && factor < DAY_MS && !months {
        cast::cast(session, operand, &SqlType::nullable(Kind::Timestamp(3)))?
    } else {
        operand
    };
    Ok(shifted(1, operand, by))
}

#[derive(Debug)]
struct Difference {
    factor: i64,
    months: bool,
}

impl Function for Difference {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (from, to) = (args.value(0)?, args.value(1)?);
        let constant = from.constant && to.constant;
        let rows = vector::rows(&from, &to);
        let at = |value: &Value, row: usize| {
            let index = value.index(row);
            value.array.is_valid(index).then(|| Stamp::at(&value.array, index).ms)
        };
        let counted: Int32Array = (0..rows)
            .map(|row| {
                let (from, to) = (at(&from, row)?, at(&to, row)?);
                let count = if self.months {
                    months_between(from, to) / self.factor
                } else {
                    to.wrapping_sub(from) / self.factor
                };
                Some(count as i32)
            })
            .collect();
        Ok(Value { array: Arc::new(counted), constant })
    }
}

/// `TIMESTAMPDIFF(unit, from, to)`: whole units from `from` to `to`, cut towards zero, an INT.
pub fn timestamp_diff(
    session: &Session,
    unit: Unit,
    from: Expr,
    to: Expr,
) -> Result<Expr, CallError> {
    let (a, b) = (from.sql_type().kind.clone(), to.sql_type().kind.clone());
    let Some((factor, months)) = size(unit) else {
        return Err(CallError::wrong(format!("`TIMESTAMPDIFF` has no unit {unit}")));
    };
    let taken = |kind: &Kind| kind.is_timestamp() || *kind == Kind::Date;
    if !taken(&a) || !taken(&b) {
        return Err(CallError::wrong(format!(
            "`TIMESTAMPDIFF` does not take {a} and {b}, it takes dates or timestamps"
        )));
    }
    let nullable = from.sql_type().nullable || to.sql_type().nullable;
    let ltz = matches!(a, Kind::TimestampLtz(_)) || matches!(b, Kind::TimestampLtz(_));
    let common = if ltz { Kind::TimestampLtz(6) } else { Kind::Timestamp(6) };
    let align = |side: Expr| {
        let kind = &side.sql_type().kind;
        let fits = matches!(
            (kind, &common),
            (Kind::Timestamp(_), Kind::Timestamp(_))
                | (Kind::TimestampLtz(_), Kind::TimestampLtz(_))
        );
        if fits { Ok(side) } else { cast::cast(session, side, &SqlType::nullable(common.clone())) }
    };
    let args = vec![align(from)?, align(to)?];
    let sql_type = SqlType { kind: Kind::Int, nullable };
    Ok(Expr::call("TIMESTAMPDIFF", Difference { factor, months }, args, sql_type))
}
