//! Partition folders: `k=v/k2=v2`, spelled and escaped as Flink's `PartitionPathUtils` and
//! `RowDataPartitionComputer` do.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, StringArray, Time32MillisecondArray, new_null_array,
};
use arrow::array::{ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use crate::format::{write_double, write_float};

/// Whether a column of this type can be a partition column.
pub(super) fn supported(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8
            | DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal128(..)
            | DataType::Date32
            | DataType::Time32(TimeUnit::Millisecond)
            | DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _)
    )
}

/// Appends the folder name `key=value` of row `row`.
pub(super) fn spell(
    key: &str,
    column: &dyn Array,
    row: usize,
    default_name: &str,
    out: &mut String,
) {
    escape(key, out);
    out.push('=');
    let value = if column.is_null(row) { String::new() } else { text(column, row) };
    escape(if value.is_empty() { default_name } else { &value }, out);
}

/// The value of row `row` as Flink writes it; a DATE is its epoch day, a TIME its milliseconds.
fn text(column: &dyn Array, row: usize) -> String {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => {
            written(|out| write_float(out, column.as_primitive::<Float32Type>().value(row)))
        }
        DataType::Float64 => {
            written(|out| write_double(out, column.as_primitive::<Float64Type>().value(row)))
        }
        DataType::Decimal128(..) => column.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Date32 => column.as_primitive::<Date32Type>().value(row).to_string(),
        DataType::Time32(_) => {
            column.as_primitive::<Time32MillisecondType>().value(row).to_string()
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let nanos = column.as_primitive::<TimestampNanosecondType>().value(row);
            local(DateTime::from_timestamp_nanos(nanos).naive_utc())
        }
        DataType::Timestamp(..) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            DateTime::from_timestamp_micros(micros)
                .map_or_else(String::new, |at| local(at.naive_utc()))
        }
        _ => String::new(),
    }
}

/// A number as Java writes it.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Java's `LocalDateTime.toString`: seconds only when needed, fractions of 3, 6 or 9 digits.
fn local(at: NaiveDateTime) -> String {
    let mut out = at.format("%Y-%m-%dT%H:%M").to_string();
    let nanos = at.nanosecond();
    if at.second() != 0 || nanos != 0 {
        let _ = write!(out, ":{:02}", at.second());
    }
    let _ = match nanos {
        0 => Ok(()),
        n if n % 1_000_000 == 0 => write!(out, ".{:03}", n / 1_000_000),
        n if n % 1000 == 0 => write!(out, ".{:06}", n / 1000),
        n => write!(out, ".{n:09}"),
    };
    out
}

/// Appends `text` with the characters escaped that Flink does not want in a path.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        if matches!(
            c,
            '\u{1}'
                ..='\u{1f}'
                    | '"'
                    | '#'
                    | '%'
                    | '\''
                    | '*'
                    | '/'
                    | ':'
                    | '='
                    | '?'
                    | '\\'
                    | '\u{7f}'
                    | '{'
                    | '}'
                    | '['
                    | ']'
                    | '^'
        ) {
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
}

/// Undoes [`escape`]; anything that is no escape stays.
pub(super) fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The values of a path's partition folders (`a=1/b=2/file`), in the order of the path.
pub(super) fn values_in(relative: &str) -> Vec<(String, String)> {
    let folders = relative.rsplit_once('/').map_or("", |(folders, _)| folders);
    let pairs = folders.split('/').filter_map(|folder| folder.split_once('='));
    pairs.map(|(key, value)| (unescape(key), unescape(value))).collect()
}

/// An array of one element: the value of a partition column. `None` = it does not fit the type.
pub(super) fn parse(value: &str, kind: &DataType, default_name: &str) -> Option<ArrayRef> {
    if value == default_name {
        return Some(new_null_array(kind, 1));
    }
    Some(match kind {
        DataType::Utf8 => Arc::new(StringArray::from(vec![value])),
        DataType::Boolean => Arc::new(BooleanArray::from(vec![value.eq_ignore_ascii_case("true")])),
        DataType::Int8 => number::<Int8Type>(value)?,
        DataType::Int16 => number::<Int16Type>(value)?,
        DataType::Int32 => number::<Int32Type>(value)?,
        DataType::Int64 => number::<Int64Type>(value)?,
        DataType::Float32 => Arc::new(Float32Array::from(vec![value.trim().parse::<f32>().ok()?])),
        DataType::Float64 => Arc::new(Float64Array::from(vec![value.trim().parse::<f64>().ok()?])),
        DataType::Decimal128(precision, scale) => {
            let text: ArrayRef = Arc::new(StringArray::from(vec![value]));
            let cast = arrow::compute::cast(&text, kind).ok()?;
            let cast = cast.as_any().downcast_ref::<Decimal128Array>()?;
            if cast.is_null(0) {
                return None;
            }
            Arc::new(cast.clone().with_precision_and_scale(*precision, *scale).ok()?)
        }
        DataType::Date32 => Arc::new(Date32Array::from(vec![epoch_day(value)?])),
        DataType::Time32(_) => Arc::new(Time32MillisecondArray::from(vec![millis_of_day(value)?])),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = local_from(value)?.and_utc().timestamp_micros();
            let array = PrimitiveArray::<TimestampMicrosecondType>::from(vec![micros]);
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let nanos = local_from(value)?.and_utc().timestamp_nanos_opt()?;
            let array = PrimitiveArray::<TimestampNanosecondType>::from(vec![nanos]);
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        _ => return None,
    })
}

fn number<T: ArrowPrimitiveType>(value: &str) -> Option<ArrayRef>
where
    T::Native: std::str::FromStr,
{
    let value = value.trim().parse::<T::Native>().ok()?;
    Some(Arc::new(PrimitiveArray::<T>::from_iter_values([value])))
}

fn epoch_day(value: &str) -> Option<i32> {
    if let Ok(day) = value.parse() {
        return Some(day);
    }
    let date = NaiveDate::parse_from_str(value, "%Y-%m-%d").ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

fn millis_of_day(value: &str) -> Option<i32> {
    if let Ok(millis) = value.parse() {
        return Some(millis);
    }
    let time = NaiveTime::parse_from_str(value, "%H:%M:%S%.f").ok()?;
    i32::try_from(time.num_seconds_from_midnight() * 1000 + time.nanosecond() / 1_000_000).ok()
}

/// Reads `2024-01-01T10:00`, `2024-01-01 10:00:00.5`, or a date alone.
pub(super) fn local_from(value: &str) -> Option<NaiveDateTime> {
    let value = value.trim().replace('T', " ");
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|pattern| NaiveDateTime::parse_from_str(&value, pattern).ok())
        .or_else(|| NaiveDate::parse_from_str(&value, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = "__DEFAULT_PARTITION__";

    fn spelled(column: &dyn Array) -> Vec<String> {
        let one = |row| {
            let mut out = String::new();
            spell("k", column, row, DEFAULT, &mut out);
            out
        };
        (0..column.len()).map(one).collect()
    }

    /// Folder names real Flink wrote (conformance cases `partition_values_escaped_and_null` and
    /// `quirk_partition_by_typed_columns`).
    #[test]
    fn folders_are_spelled_as_by_flink() {
        let cities = ["50%", "New York", "Zürich", "a/b", "it's", "k=v", "q?*", "x:y", ""];
        assert_eq!(
            spelled(&StringArray::from_iter_values(cities)),
            [
                "k=50%25",
                "k=New York",
                "k=Zürich",
                "k=a%2Fb",
                "k=it%27s",
                "k=k%3Dv",
                "k=q%3F%2A",
                "k=x%3Ay",
                "k=__DEFAULT_PARTITION__"
            ]
        );
        assert_eq!(
            spelled(&Date32Array::from(vec![Some(-1), Some(19723), None])),
            ["k=-1", "k=19723", "k=__DEFAULT_PARTITION__"]
        );
        let micros = vec![1_704_067_200_000_000, 1_704_103_200_000_000, 1_704_103_200_120_000];
        assert_eq!(
            spelled(&PrimitiveArray::<TimestampMicrosecondType>::from(micros)),
            ["k=2024-01-01T00%3A00", "k=2024-01-01T10%3A00", "k=2024-01-01T10%3A00%3A00.120"]
        );
        let decimals = Decimal128Array::from(vec![-300, 150, 10_000]);
        let decimals = decimals.with_precision_and_scale(6, 2).unwrap();
        assert_eq!(spelled(&decimals), ["k=-3.00", "k=1.50", "k=100.00"]);
        assert_eq!(
            spelled(&Float64Array::from(vec![
                1e10, 2.5, -0.0, 100.0, 0.001, 1e-7, 123_456.75, 1e6
            ])),
            [
                "k=1.0E10",
                "k=2.5",
                "k=-0.0",
                "k=100.0",
                "k=0.001",
                "k=1.0E-7",
                "k=123456.75",
                "k=1000000.0"
            ]
        );
        assert_eq!(spelled(&BooleanArray::from(vec![true, false])), ["k=true", "k=false"]);
    }

    #[test]
    fn what_is_spelled_can_be_read_back() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec!["a/b=c %41", "ü", "x"])),
            Arc::new(Date32Array::from(vec![Some(-1), Some(19_723), None])),
            Arc::new(Float64Array::from(vec![1e10, -0.25, 1e-9])),
            Arc::new(PrimitiveArray::<TimestampMicrosecondType>::from(vec![0, 61_000_000, 1])),
            Arc::new(
                Decimal128Array::from(vec![-5, 0, 12]).with_precision_and_scale(4, 2).unwrap(),
            ),
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ];
        for column in columns {
            for row in 0..column.len() {
                let mut path = String::new();
                spell("k", &*column, row, DEFAULT, &mut path);
                let values = values_in(&format!("{path}/part-0"));
                assert_eq!(values.len(), 1, "{path}");
                let back = parse(&values[0].1, column.data_type(), DEFAULT).unwrap();
                assert_eq!(&back, &column.slice(row, 1), "{path}");
            }
        }
        assert!(parse("x", &DataType::Int32, DEFAULT).is_none());
    }
}
