//! FLOOR(… TO unit) and CEIL(… TO unit).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Time32MillisecondType, TimeUnit, TimestampMicrosecondType,
    TimestampNanosecondType,
};
use chrono_tz::Tz;
use engine::Result;

use super::calendar::{DAY_MS, civil, days, iso_day_of_week};
use super::zone::to_local;
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, Session, Unit};
use crate::types::Kind;

#[derive(Debug)]
struct Round {
    unit: Unit,
    up: bool,
    /// Zone of a TIMESTAMP_LTZ: its days and hours are local.
    zone: Option<Tz>,
}

impl Function for Round {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let array = &operand.array;
        let array: ArrayRef = match array.data_type() {
            DataType::Date32 => {
                Arc::new(array.as_primitive::<Date32Type>().unary::<_, Date32Type>(|day| {
                    (self.ms(i64::from(day) * DAY_MS).div_euclid(DAY_MS)) as i32
                }))
            }
            DataType::Time32(_) => Arc::new(
                array
                    .as_primitive::<Time32MillisecondType>()
                    .unary::<_, Time32MillisecondType>(|ms| self.ms(ms.into()) as i32),
            ),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let stamps = array.as_primitive::<TimestampNanosecondType>();
                Arc::new(
                    stamps
                        .unary::<_, TimestampNanosecondType>(|at| self.stamp(at, 1_000_000))
                        .with_data_type(array.data_type().clone()),
                )
            }
            _ => {
                let stamps = array.as_primitive::<TimestampMicrosecondType>();
                Arc::new(
                    stamps
                        .unary::<_, TimestampMicrosecondType>(|at| self.stamp(at, 1000))
                        .with_data_type(array.data_type().clone()),
                )
            }
        };
        Ok(Value { array, ..operand })
    }
}

impl Round {
    fn stamp(&self, at: i64, per_ms: i64) -> i64 {
        let ms = at.div_euclid(per_ms);
        // Digits below the millisecond push a ceiling on, like any other remainder.
        let ms = if self.up && at.rem_euclid(per_ms) > 0 { ms + 1 } else { ms };
        let rounded = match self.zone {
            None => self.ms(ms),
            // The offset of the moment itself is taken for the boundary too, as Flink does.
            Some(zone) => {
                let offset = to_local(zone, ms) - ms;
                self.ms(ms + offset) - offset
            }
        };
        rounded.wrapping_mul(per_ms)
    }

    fn ms(&self, ms: i64) -> i64 {
        let floor = self.floor(ms);
        if self.up && floor < ms { self.next(floor) } else { floor }
    }

    fn floor(&self, ms: i64) -> i64 {
        let day = ms.div_euclid(DAY_MS);
        let (year, month, _) = civil(day);
        let first_of = |year, month| days(year, month, 1) * DAY_MS;
        match self.unit {
            Unit::Millennium => first_of((year - 1).div_euclid(1000) * 1000 + 1, 1),
            Unit::Century => first_of((year - 1).div_euclid(100) * 100 + 1, 1),
            Unit::Decade => first_of(year.div_euclid(10) * 10, 1),
            Unit::Year => first_of(year, 1),
            Unit::Quarter => first_of(year, (month - 1) / 3 * 3 + 1),
            Unit::Month => first_of(year, month),
            // Weeks begin on Sunday here, unlike those of EXTRACT.
            Unit::Week => (day - iso_day_of_week(day) % 7) * DAY_MS,
            Unit::Day => day * DAY_MS,
            Unit::Hour => ms - ms.rem_euclid(3_600_000),
            Unit::Minute => ms - ms.rem_euclid(60_000),
            Unit::Second => ms - ms.rem_euclid(1000),
            _ => ms,
        }
    }

    /// The boundary after `floor`, which is one.
    fn next(&self, floor: i64) -> i64 {
        let (year, month, _) = civil(floor.div_euclid(DAY_MS));
        let first_of = |year, month| days(year, month, 1) * DAY_MS;
        match self.unit {
            Unit::Millennium => first_of(year + 1000, 1),
            Unit::Century => first_of(year + 100, 1),
            Unit::Decade => first_of(year + 10, 1),
            Unit::Year => first_of(year + 1, 1),
            Unit::Quarter => {
                first_of(year + i64::from(month == 10), if month == 10 { 1 } else { month + 3 })
            }
            Unit::Month => {
                first_of(year + i64::from(month == 12), if month == 12 { 1 } else { month + 1 })
            }
            Unit::Week => floor + 7 * DAY_MS,
            Unit::Day => floor + DAY_MS,
            Unit::Hour => floor + 3_600_000,
            Unit::Minute => floor + 60_000,
            Unit::Second => floor + 1000,
            _ => floor,
        }
    }
}

fn round(session: &Session, operand: Expr, unit: Unit, up: bool) -> Result<Expr, CallError> {
    let name = if up { "CEIL" } else { "FLOOR" };
    let kind = &operand.sql_type().kind;
    let known = matches!(
        unit,
        Unit::Millennium
            | Unit::Century
            | Unit::Decade
            | Unit::Year
            | Unit::Quarter
            | Unit::Month
            | Unit::Week
            | Unit::Day
            | Unit::Hour
            | Unit::Minute
            | Unit::Second
            | Unit::Millisecond
    );
    if !known || !kind.is_temporal() {
        return Err(CallError::wrong(format!(
            "`{name}(… TO {unit})` does not take {kind}, it takes a date, time or timestamp and a \
             unit from MILLENNIUM to MILLISECOND"
        )));
    }
    let zone = matches!(kind, Kind::TimestampLtz(_)).then_some(session.zone);
    let sql_type = operand.sql_type().clone();
    Ok(Expr::call(name, Round { unit, up, zone }, vec![operand], sql_type))
}

/// `FLOOR(operand TO unit)`.
pub fn floor_to(session: &Session, operand: Expr, unit: Unit) -> Result<Expr, CallError> {
    round(session, operand, unit, false)
}

/// `CEIL(operand TO unit)`.
pub fn ceil_to(session: &Session, operand: Expr, unit: Unit) -> Result<Expr, CallError> {
    round(session, operand, unit, true)
}
