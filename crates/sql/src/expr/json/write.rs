//! Values of any type as JSON.

use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Decimal128Type, Float32Type, Float64Type};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono_tz::Tz;

use super::value::{big_decimal, write_text};
use crate::expr::temporal::calendar::DAY_MS;
use crate::expr::temporal::stamp::Stamp;
use crate::expr::text::{Printer, write_date, write_f32, write_f64, write_time};
use crate::types::Kind;

/// Appends value `row` of `array` as JSON, `null` for NULL; objects are sorted by key.
pub(super) fn write(kind: &Kind, array: &ArrayRef, row: usize, out: &mut String) {
    if array.is_null(row) {
        out.push_str("null");
        return;
    }
    match kind {
        Kind::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        Kind::TinyInt | Kind::SmallInt | Kind::Int | Kind::BigInt => {
            Printer::new(kind, Tz::UTC).write(array, row, out);
        }
        Kind::Decimal { scale, .. } => {
            decimal(array.as_primitive::<Decimal128Type>().value(row), *scale, out);
        }
        Kind::Float | Kind::Double => float(kind, array, row, out),
        Kind::Char(_) | Kind::VarChar(_) | Kind::String => {
            write_text(array.as_string::<i32>().value(row), out);
        }
        Kind::Binary(_) | Kind::VarBinary(_) | Kind::Bytes => {
            out.push('"');
            STANDARD.encode_string(array.as_binary::<i32>().value(row), out);
            out.push('"');
        }
        Kind::Timestamp(_) | Kind::TimestampLtz(_) => {
            let at = Stamp::at(array, row);
            out.push('"');
            write_date(at.ms.div_euclid(DAY_MS), out);
            out.push('T');
            write_time(at.ms.rem_euclid(DAY_MS), at.nanos, 0, out);
            out.push_str(if matches!(kind, Kind::TimestampLtz(_)) { "Z\"" } else { "\"" });
        }
        Kind::Array(item) => {
            let items = array.as_list::<i32>().value(row);
            out.push('[');
            for index in 0..items.len() {
                out.push_str(if index == 0 { "" } else { "," });
                write(&item.kind, &items, index, out);
            }
            out.push(']');
        }
        Kind::Row(fields) => {
            let columns = array.as_struct().columns();
            let entries = fields
                .iter()
                .zip(columns)
                .map(|((name, field), column)| (name.clone(), text(&field.kind, column, row)));
            object(entries.collect(), out);
        }
        Kind::Map(key, value) => map(array, row, (&key.kind, &value.kind), out),
        Kind::Multiset(item) => map(array, row, (&item.kind, &Kind::Int), out),
        Kind::Date
        | Kind::Time(_)
        | Kind::IntervalDayTime
        | Kind::IntervalYearMonth
        | Kind::Null => {
            let mut plain = String::new();
            Printer::new(kind, Tz::UTC).write(array, row, &mut plain);
            write_text(&plain, out);
        }
    }
}

/// One value as JSON text.
pub(super) fn text(kind: &Kind, array: &ArrayRef, row: usize) -> String {
    let mut out = String::new();
    write(kind, array, row, &mut out);
    out
}

/// Writes fields sorted by name; the last of several equal names counts.
pub(super) fn object(mut fields: Vec<(String, String)>, out: &mut String) {
    fields.reverse();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields.dedup_by(|a, b| a.0 == b.0);
    out.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        write_text(name, out);
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
}

fn map(array: &ArrayRef, row: usize, (key, value): (&Kind, &Kind), out: &mut String) {
    let entries = array.as_map().value(row);
    let printer = Printer::new(key, Tz::UTC);
    let fields = (0..entries.len()).map(|index| {
        let mut name = String::new();
        printer.write(entries.column(0), index, &mut name);
        (name, text(value, entries.column(1), index))
    });
    object(fields.collect(), out);
}

fn float(kind: &Kind, array: &ArrayRef, row: usize, out: &mut String) {
    let start = out.len();
    let value = if *kind == Kind::Float {
        let value = array.as_primitive::<Float32Type>().value(row);
        write_f32(value, out);
        f64::from(value)
    } else {
        let value = array.as_primitive::<Float64Type>().value(row);
        write_f64(value, out);
        value
    };
    if !value.is_finite() {
        out.insert(start, '"');
        out.push('"');
    }
}

/// Without zeros at the end, and so perhaps with an exponent (`1E+2`).
fn decimal(unscaled: i128, scale: u8, out: &mut String) {
    if unscaled == 0 {
        out.push('0');
        return;
    }
    let digits = unscaled.unsigned_abs().to_string();
    let kept = digits.trim_end_matches('0');
    let scale = i64::from(scale) - (digits.len() - kept.len()) as i64;
    let sign = if unscaled < 0 { "-" } else { "" };
    // Writing to a string cannot fail.
    let _ = write!(out, "{sign}{}", big_decimal(kept, scale));
}
