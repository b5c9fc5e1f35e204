//! EXTRACT and the functions YEAR, MONTH, HOUR … behind it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{
    DataType, Date32Type, DurationMillisecondType, IntervalYearMonthType, Time32MillisecondType,
    TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use chrono_tz::Tz;
use engine::Result;

use super::calendar::{DAY_MS, civil, day_of_year, iso_day_of_week, iso_week};
use super::zone::to_local;
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, Session, Unit, cast};
use crate::types::{Kind, SqlType};

/// A part of a date or time as BIGINT.
///
/// Days and times before 1970 come out as Flink gives them: it divides towards zero, so that the
/// day is one late and the time of day negative.
#[derive(Debug)]
struct Extract {
    unit: Unit,
    /// Zone of a TIMESTAMP_LTZ.
    zone: Option<Tz>,
}

impl Function for Extract {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let array: ArrayRef = Arc::new(self.parts(&operand.array));
        Ok(Value { array, ..operand })
    }
}

impl Extract {
    fn parts(&self, array: &ArrayRef) -> Int64Array {
        let (unit, zone) = (self.unit, self.zone);
        match array.data_type() {
            DataType::Date32 => {
                let dates = array.as_primitive::<Date32Type>();
                dates.unary(|day| of_days(unit, day.into()))
            }
            DataType::Time32(_) => {
                let times = array.as_primitive::<Time32MillisecondType>();
                times.unary(|ms| of_ms(unit, ms.into()))
            }
            DataType::Duration(_) => {
                let durations = array.as_primitive::<DurationMillisecondType>();
                durations.unary(|ms| match unit {
                    Unit::Day => ms / DAY_MS,
                    unit => of_ms(unit, ms),
                })
            }
            DataType::Interval(_) => {
                let months = array.as_primitive::<IntervalYearMonthType>();
                months.unary(|months| match unit {
                    Unit::Year => i64::from(months / 12),
                    Unit::Quarter => i64::from(months % 12 / 3 + 1),
                    _ => i64::from(months % 12),
                })
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let stamps = array.as_primitive::<TimestampNanosecondType>();
                stamps.unary(|at| of_stamp(unit, zone, at.div_euclid(1_000_000)))
            }
            _ => {
                let stamps = array.as_primitive::<TimestampMicrosecondType>();
                match zone {
                    Some(_) => stamps.unary(|at| of_stamp(unit, zone, at.div_euclid(1000))),
                    None => plain(stamps, unit),
                }
            }
        }
    }
}

/// The common ones in loops of their own.
fn plain(stamps: &arrow::array::TimestampMicrosecondArray, unit: Unit) -> Int64Array {
    match unit {
        Unit::Year => stamps.unary(|at| civil(at.div_euclid(1000) / DAY_MS).0),
        Unit::Month => stamps.unary(|at| i64::from(civil(at.div_euclid(1000) / DAY_MS).1)),
        Unit::Day => stamps.unary(|at| i64::from(civil(at.div_euclid(1000) / DAY_MS).2)),
        Unit::Hour => stamps.unary(|at| at.div_euclid(1000) % DAY_MS / 3_600_000),
        unit => stamps.unary(|at| of_stamp(unit, None, at.div_euclid(1000))),
    }
}

fn of_stamp(unit: Unit, zone: Option<Tz>, ms: i64) -> i64 {
    let local = zone.map_or(ms, |zone| to_local(zone, ms));
    match unit {
        Unit::Hour | Unit::Minute | Unit::Second => of_ms(unit, local),
        Unit::Millisecond | Unit::Microsecond | Unit::Nanosecond => of_ms(unit, local),
        Unit::Epoch => ms / 1000,
        unit => of_days(unit, local / DAY_MS),
    }
}

/// Part of a time of day, or of a difference.
fn of_ms(unit: Unit, ms: i64) -> i64 {
    match unit {
        Unit::Hour => ms % DAY_MS / 3_600_000,
        Unit::Minute => ms % 3_600_000 / 60_000,
        Unit::Second => ms % 60_000 / 1000,
        Unit::Millisecond => ms % 1000,
        Unit::Microsecond => ms % 1000 * 1000,
        Unit::Nanosecond => ms % 1000 * 1_000_000,
        Unit::Epoch => ms / 1000,
        _ => 0,
    }
}

fn of_days(unit: Unit, days: i64) -> i64 {
    let (year, month, day) = civil(days);
    match unit {
        Unit::Millennium => (year + 999).div_euclid(1000),
        Unit::Century => (year + 99).div_euclid(100),
        Unit::Decade => year.div_euclid(10),
        Unit::Year => year,
        Unit::IsoYear => iso_week(days).0,
        Unit::Quarter => i64::from(month.div_ceil(3)),
        Unit::Month => i64::from(month),
        Unit::Week => iso_week(days).1,
        Unit::Day => i64::from(day),
        Unit::DayOfWeek => iso_day_of_week(days) % 7 + 1,
        Unit::IsoDayOfWeek => iso_day_of_week(days),
        Unit::DayOfYear => day_of_year(days),
        Unit::Epoch => days * DAY_MS / 1000,
        Unit::Hour | Unit::Minute | Unit::Second => 0,
        Unit::Millisecond | Unit::Microsecond | Unit::Nanosecond => 0,
    }
}

/// `EXTRACT(unit FROM operand)`, a BIGINT.
pub fn extract(session: &Session, unit: Unit, operand: Expr) -> Result<Expr, CallError> {
    let kind = operand.sql_type().kind.clone();
    let time_unit = unit >= Unit::Hour;
    let fits = match kind {
        Kind::Timestamp(_) | Kind::TimestampLtz(_) => true,
        Kind::Date => !time_unit || unit == Unit::Epoch,
        Kind::Time(_) => time_unit,
        Kind::IntervalDayTime => time_unit || unit == Unit::Day,
        Kind::IntervalYearMonth => matches!(unit, Unit::Year | Unit::Quarter | Unit::Month),
        _ => false,
    };
    if fits {
        let zone = matches!(kind, Kind::TimestampLtz(_)).then_some(session.zone);
        let sql_type = SqlType { kind: Kind::BigInt, nullable: operand.sql_type().nullable };
        return Ok(Expr::call("EXTRACT", Extract { unit, zone }, vec![operand], sql_type));
    }
    if kind == Kind::Null || kind.is_text() {
        // A text or NULL is read as a timestamp, as a date before.
        let to = SqlType::nullable(Kind::Timestamp(3));
        return extract(session, unit, cast::cast(session, operand, &to)?);
    }
    Err(CallError::wrong(format!("`EXTRACT({unit} FROM …)` does not take {kind}")))
}
