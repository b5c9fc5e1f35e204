//! Values as text, as CAST to STRING writes them.

use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType,
};
use chrono_tz::Tz;

use super::decimal;
use super::temporal::calendar::{DAY_MS, civil};
use super::temporal::stamp::Stamp;
use crate::types::Kind;

/// Writes values of one kind.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    kind: &'a Kind,
    /// Zone in which points in time are shown.
    zone: Tz,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(kind: &'a Kind, zone: Tz) -> Self {
        Self { kind, zone }
    }

    /// Appends value `row` of `array`; a NULL as `NULL`.
    pub(crate) fn write(&self, array: &ArrayRef, row: usize, out: &mut String) {
        if array.is_null(row) {
            out.push_str("NULL");
            return;
        }
        match self.kind {
            Kind::Boolean => {
                out.push_str(if array.as_boolean().value(row) { "TRUE" } else { "FALSE" });
            }
            Kind::TinyInt => integer(array.as_primitive::<Int8Type>().value(row), out),
            Kind::SmallInt => integer(array.as_primitive::<Int16Type>().value(row), out),
            Kind::Int => integer(array.as_primitive::<Int32Type>().value(row), out),
            Kind::BigInt => integer(array.as_primitive::<Int64Type>().value(row), out),
            Kind::Float => write_f32(array.as_primitive::<Float32Type>().value(row), out),
            Kind::Double => write_f64(array.as_primitive::<Float64Type>().value(row), out),
            Kind::Decimal { scale, .. } => {
                decimal::write(array.as_primitive::<Decimal128Type>().value(row), *scale, out);
            }
            Kind::Char(_) | Kind::VarChar(_) | Kind::String => {
                out.push_str(array.as_string::<i32>().value(row));
            }
            Kind::Binary(_) | Kind::VarBinary(_) | Kind::Bytes => {
                out.push_str(&String::from_utf8_lossy(array.as_binary::<i32>().value(row)));
            }
            Kind::Date => write_date(array.as_primitive::<Date32Type>().value(row).into(), out),
            Kind::Time(p) => {
                let ms = array.as_primitive::<Time32MillisecondType>().value(row);
                write_time(ms.into(), 0, *p, out);
            }
            Kind::Timestamp(p) => write_timestamp(Stamp::at(array, row), *p, out),
            Kind::TimestampLtz(p) => {
                write_timestamp(Stamp::at(array, row).local(self.zone), *p, out);
            }
            Kind::IntervalDayTime => {
                write_day_time(array.as_primitive::<DurationMillisecondType>().value(row), out);
            }
            Kind::IntervalYearMonth => {
                let months = array.as_primitive::<IntervalYearMonthType>().value(row);
                let sign = if months < 0 { '-' } else { '+' };
                let months = months.unsigned_abs();
                let _ = write!(out, "{sign}{}-{:02}", months / 12, months % 12);
            }
            Kind::Array(_) | Kind::Map(..) | Kind::Multiset(_) | Kind::Row(_) => {
                self.write_nested(array, row, out);
            }
            Kind::Null => out.push_str("NULL"),
        }
    }

    fn write_nested(&self, array: &ArrayRef, row: usize, out: &mut String) {
        let part = |kind: &Kind, array: &ArrayRef, row: usize, out: &mut String| {
            Printer { kind, zone: self.zone }.write(array, row, out);
        };
        match self.kind {
            Kind::Array(item) => {
                let items = array.as_list::<i32>().value(row);
                out.push('[');
                for i in 0..items.len() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    part(&item.kind, &items, i, out);
                }
                out.push(']');
            }
            Kind::Row(fields) => {
                out.push('(');
                for (i, (_, field)) in fields.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    part(&field.kind, array.as_struct().column(i), row, out);
                }
                out.push(')');
            }
            Kind::Map(key, value) => self.write_map(array, row, (&key.kind, &value.kind), out),
            Kind::Multiset(item) => self.write_map(array, row, (&item.kind, &Kind::Int), out),
            _ => {}
        }
    }

    fn write_map(&self, array: &ArrayRef, row: usize, kinds: (&Kind, &Kind), out: &mut String) {
        let entries = array.as_map().value(row);
        out.push('{');
        for i in 0..entries.len() {
            out.push_str(if i == 0 { "" } else { ", " });
            Printer { kind: kinds.0, zone: self.zone }.write(entries.column(0), i, out);
            out.push('=');
            Printer { kind: kinds.1, zone: self.zone }.write(entries.column(1), i, out);
        }
        out.push('}');
    }
}

fn integer(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

/// A double as Java's `Double.toString` gives it: `1.0`, `1.0E10`, `1.0E-4`.
pub(crate) fn write_f64(value: f64, out: &mut String) {
    write_float(value, format_args!("{value:e}"), out);
}

/// A float as Java's `Float.toString` gives it.
pub(crate) fn write_f32(value: f32, out: &mut String) {
    write_float(f64::from(value), format_args!("{value:e}"), out);
}

fn write_float(value: f64, shortest: std::fmt::Arguments<'_>, out: &mut String) {
    if !value.is_finite() {
        let sign = if value == f64::NEG_INFINITY { "-" } else { "" };
        out.push_str(sign);
        out.push_str(if value.is_nan() { "NaN" } else { "Infinity" });
        return;
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    let size = value.abs();
    if size == 0.0 {
        out.push_str("0.0");
        return;
    }
    let text = shortest.to_string();
    let (mantissa, exponent) = text.trim_start_matches('-').split_once('e').unwrap_or(("0", "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !(1e-3..1e7).contains(&size) {
        let rest = if rest.is_empty() { "0" } else { rest };
        let _ = write!(out, "{first}.{rest}E{exponent}");
        return;
    }
    if exponent < 0 {
        out.push_str("0.");
        (1..-exponent).for_each(|_| out.push('0'));
        out.push_str(first);
        out.push_str(rest);
        return;
    }
    let whole = exponent as usize;
    out.push_str(first);
    if rest.len() <= whole {
        out.push_str(rest);
        (rest.len()..whole).for_each(|_| out.push('0'));
        out.push_str(".0");
    } else {
        out.push_str(&rest[..whole]);
        out.push('.');
        out.push_str(&rest[whole..]);
    }
}

fn two(value: i64, out: &mut String) {
    out.push(char::from(b'0' + (value / 10 % 10) as u8));
    out.push(char::from(b'0' + (value % 10) as u8));
}

/// `2024-02-29`
pub(crate) fn write_date(days: i64, out: &mut String) {
    let (year, month, day) = civil(days);
    let _ = if year < 0 { write!(out, "-{:04}", -year) } else { write!(out, "{year:04}") };
    out.push('-');
    two(month.into(), out);
    out.push('-');
    two(day.into(), out);
}

/// `01:02:03.450`: at least `precision` digits after the second, more when they are not 0.
pub(crate) fn write_time(ms: i64, nanos: u32, precision: u8, out: &mut String) {
    two(ms / 3_600_000, out);
    out.push(':');
    two(ms / 60_000 % 60, out);
    out.push(':');
    two(ms / 1000 % 60, out);
    let mut fraction = (ms % 1000) as u32 * 1_000_000 + nanos;
    let mut digits = 9;
    while digits > usize::from(precision) && fraction.is_multiple_of(10) {
        fraction /= 10;
        digits -= 1;
    }
    if digits > 0 {
        let _ = write!(out, ".{fraction:0digits$}");
    }
}

/// `2024-02-29 01:02:03.450`
pub(crate) fn write_timestamp(at: Stamp, precision: u8, out: &mut String) {
    write_date(at.ms.div_euclid(DAY_MS), out);
    out.push(' ');
    write_time(at.ms.rem_euclid(DAY_MS), at.nanos, precision, out);
}

/// `+1 02:03:04.500`
fn write_day_time(ms: i64, out: &mut String) {
    out.push(if ms < 0 { '-' } else { '+' });
    let ms = ms.unsigned_abs() as i64;
    let _ = write!(out, "{} ", ms / DAY_MS);
    write_time(ms % DAY_MS, 0, 3, out);
}

#[cfg(test)]
mod tests {
    use super::write_f64;

    #[test]
    fn doubles_print_as_in_java() {
        for (value, want) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (1e-7, "1.0E-7"),
            (0.001, "0.001"),
            (0.015, "0.015"),
            (1e7, "1.0E7"),
            (9_999_999.5, "9999999.5"),
            (1.4999999998499998e8, "1.4999999998499998E8"),
            (10.000_000_000_043_43, "10.00000000004343"),
            (1e20, "1.0E20"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut out = String::new();
            write_f64(value, &mut out);
            assert_eq!(out, want);
        }
    }
}
