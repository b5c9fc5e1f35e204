//! Intervals: added to dates and times, to each other, and multiplied.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, DurationMillisecondType, Int64Type, IntervalYearMonthType,
    Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use engine::Result;

use super::calendar::{DAY_MS, add_months, add_months_ms};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{BinaryOp, CallError, Expr, vector};
use crate::types::{Kind, SqlType};

/// A date, time or timestamp plus or minus an interval.
#[derive(Debug)]
pub(super) struct Shift {
    /// 1 or -1.
    pub sign: i64,
    /// Whether the interval counts months.
    pub months: bool,
}

impl Function for Shift {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (at, by) = (args.value(0)?, args.value(1)?);
        let constant = at.constant && by.constant;
        let array = match at.array.data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                self.timestamps::<TimestampNanosecondType>(&at, &by, 1_000_000)
            }
            DataType::Timestamp(..) => self.timestamps::<TimestampMicrosecondType>(&at, &by, 1000),
            DataType::Date32 => self.dates(&at, &by),
            _ => self.times(&at, &by),
        };
        Ok(Value { array, constant })
    }
}

impl Shift {
    fn timestamps<T: ArrowPrimitiveType<Native = i64>>(
        &self,
        at: &Value,
        by: &Value,
        per_ms: i64,
    ) -> ArrayRef {
        let sign = self.sign;
        let shifted: PrimitiveArray<T> = if self.months {
            vector::binary::<T, IntervalYearMonthType, T>(at, by, |at, months| {
                let (ms, rest) = (at.div_euclid(per_ms), at.rem_euclid(per_ms));
                let moved = add_months_ms(ms, sign * i64::from(months));
                moved.wrapping_mul(per_ms).wrapping_add(rest)
            })
        } else {
            let factor = sign * per_ms;
            vector::binary::<T, DurationMillisecondType, T>(at, by, |at, ms| {
                at.wrapping_add(ms.wrapping_mul(factor))
            })
        };
        Arc::new(shifted.with_data_type(at.array.data_type().clone()))
    }

    fn dates(&self, at: &Value, by: &Value) -> ArrayRef {
        let sign = self.sign;
        if self.months {
            return Arc::new(vector::binary::<Date32Type, IntervalYearMonthType, Date32Type>(
                at,
                by,
                |at, months| add_months(at.into(), sign * i64::from(months)) as i32,
            ));
        }
        Arc::new(vector::binary::<Date32Type, DurationMillisecondType, Date32Type>(
            at,
            by,
            |at, ms| at.wrapping_add((sign * (ms / DAY_MS)) as i32),
        ))
    }

    fn times(&self, at: &Value, by: &Value) -> ArrayRef {
        let sign = self.sign;
        if self.months {
            return Arc::clone(&at.array);
        }
        Arc::new(vector::binary::<
            Time32MillisecondType,
            DurationMillisecondType,
            Time32MillisecondType,
        >(at, by, |at, ms| {
            (i64::from(at) + sign * (ms % DAY_MS)).rem_euclid(DAY_MS) as i32
        }))
    }
}

/// Two intervals of one kind, or an interval and a factor.
#[derive(Debug)]
struct Combine {
    op: BinaryOp,
}

impl Function for Combine {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (left, right) = (args.value(0)?, args.value(1)?);
        let constant = left.constant && right.constant;
        let op = self.op;
        let times = op == BinaryOp::Multiply;
        let array: ArrayRef = match (left.array.data_type(), times) {
            (DataType::Duration(_), true) => {
                Arc::new(vector::binary::<
                    DurationMillisecondType,
                    Int64Type,
                    DurationMillisecondType,
                >(&left, &right, i64::wrapping_mul))
            }
            (DataType::Duration(_), false) => Arc::new(vector::binary::<
                DurationMillisecondType,
                DurationMillisecondType,
                DurationMillisecondType,
            >(&left, &right, |a, b| {
                if op == BinaryOp::Plus { a.wrapping_add(b) } else { a.wrapping_sub(b) }
            })),
            (_, true) => Arc::new(vector::binary::<
                IntervalYearMonthType,
                Int64Type,
                IntervalYearMonthType,
            >(&left, &right, |a, b| a.wrapping_mul(b as i32))),
            (_, false) => Arc::new(vector::binary::<
                IntervalYearMonthType,
                IntervalYearMonthType,
                IntervalYearMonthType,
            >(&left, &right, |a, b| {
                if op == BinaryOp::Plus { a.wrapping_add(b) } else { a.wrapping_sub(b) }
            })),
        };
        Ok(Value { array, constant })
    }
}

/// `left op right` where one side is an interval.
pub(in crate::expr) fn bind(op: BinaryOp, left: Expr, right: Expr) -> Result<Expr, CallError> {
    let (a, b) = (left.sql_type().kind.clone(), right.sql_type().kind.clone());
    let nullable = left.sql_type().nullable || right.sql_type().nullable;
    let refused = || {
        CallError::wrong(format!(
            "`{}` cannot be applied to arguments of type {a} and {b}, it takes a date, time or timestamp and an interval",
            op.symbol()
        ))
    };
    match op {
        BinaryOp::Plus if a.is_interval() && b.is_temporal() => Ok(shifted(1, right, left)),
        BinaryOp::Plus if a.is_temporal() => Ok(shifted(1, left, right)),
        BinaryOp::Minus if a.is_temporal() => Ok(shifted(-1, left, right)),
        BinaryOp::Plus | BinaryOp::Minus if a == b => {
            let sql_type = SqlType { kind: a, nullable };
            Ok(Expr::call(op.symbol(), Combine { op }, vec![left, right], sql_type))
        }
        BinaryOp::Multiply if a.is_integer() => bind(op, right, left),
        BinaryOp::Multiply if b.is_integer() => {
            let session = super::super::Session::default();
            let factor =
                super::super::cast::cast(&session, right, &SqlType::nullable(Kind::BigInt))?;
            let sql_type = SqlType { kind: a, nullable };
            Ok(Expr::call(op.symbol(), Combine { op }, vec![left, factor], sql_type))
        }
        _ => Err(refused()),
    }
}

/// `at` moved by `interval`, forward or (sign -1) back.
pub(super) fn shifted(sign: i64, at: Expr, interval: Expr) -> Expr {
    let months = interval.sql_type().kind == Kind::IntervalYearMonth;
    let nullable = at.sql_type().nullable || interval.sql_type().nullable;
    let sql_type = SqlType { kind: at.sql_type().kind.clone(), nullable };
    let name = if sign < 0 { "-" } else { "+" };
    Expr::call(name, Shift { sign, months }, vec![at, interval], sql_type)
}
