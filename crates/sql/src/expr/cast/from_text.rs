//! Casts of texts.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanBuilder, Int64Array,
    PrimitiveArray, StringArray,
};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType,
};
use engine::{Error, Result};

use super::Context;
use crate::expr::temporal::{read, stamp};
use crate::expr::{arithmetic, decimal};
use crate::types::Kind;

pub(super) fn convert(array: &ArrayRef, to: &Kind, context: Context) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>();
    macro_rules! integers {
        ($t:ty, $native:ty) => {
            Arc::new(each::<$t>(texts, to, context, |text| {
                read_integer(text).and_then(|v| <$native>::try_from(v).ok())
            })?)
        };
    }
    Ok(match to {
        Kind::Boolean => booleans(texts, context)?,
        Kind::TinyInt => integers!(Int8Type, i8),
        Kind::SmallInt => integers!(Int16Type, i16),
        Kind::Int => integers!(Int32Type, i32),
        Kind::BigInt => integers!(Int64Type, i64),
        Kind::Float => Arc::new(each::<Float32Type>(texts, to, context, |text| {
            read_double(text).map(|v| v as f32)
        })?),
        Kind::Double => Arc::new(each::<Float64Type>(texts, to, context, read_double)?),
        Kind::Decimal { precision, scale } => {
            let (p, s) = (*precision, *scale);
            let made = each::<Decimal128Type>(texts, to, context, |text| read_decimal(text, p, s))?;
            arithmetic::sized(made, (p, s))
        }
        Kind::Date => Arc::new(each::<Date32Type>(texts, to, context, read::date)?),
        Kind::Time(p) => Arc::new(each::<Time32MillisecondType>(texts, to, context, |text| {
            let unit = 10i32.pow(3 - u32::from((*p).min(3)));
            read::time(text).map(|ms| ms - ms % unit)
        })?),
        Kind::Timestamp(p) | Kind::TimestampLtz(p) => {
            let data_type = to.to_arrow();
            let ltz = matches!(to, Kind::TimestampLtz(_));
            let values: Int64Array = each::<Int64Type>(texts, to, context, |text| {
                let at = read::cut(read::timestamp(text)?, *p);
                let at = if ltz { at.utc(context.zone) } else { at };
                Some(at.in_unit(&data_type))
            })?;
            stamp::array_of(values, &data_type)
        }
        Kind::Binary(_) | Kind::VarBinary(_) | Kind::Bytes => {
            let bytes: BinaryArray = texts.iter().map(|t| t.map(str::as_bytes)).collect();
            super::to_text::fit_bytes(&(Arc::new(bytes) as ArrayRef), to)
        }
        other => return Err(Error::internal(format!("no cast from a text to {other}"))),
    })
}

fn each<T: ArrowPrimitiveType>(
    texts: &StringArray,
    to: &Kind,
    context: Context,
    read: impl Fn(&str) -> Option<T::Native>,
) -> Result<PrimitiveArray<T>> {
    let mut out = PrimitiveArray::<T>::builder(texts.len());
    for text in texts {
        out.append_option(match text {
            None => None,
            Some(text) => match read(text) {
                Some(value) => Some(value),
                None => context.failed(text, to)?,
            },
        });
    }
    Ok(out.finish())
}

fn booleans(texts: &StringArray, context: Context) -> Result<ArrayRef> {
    let mut out = BooleanBuilder::with_capacity(texts.len());
    for text in texts {
        let Some(text) = text else {
            out.append_null();
            continue;
        };
        out.append_option(match text.to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "1" => Some(true),
            "f" | "false" | "n" | "no" | "0" => Some(false),
            _ => context.failed(text, &Kind::Boolean)?,
        });
    }
    Ok(Arc::new(out.finish()))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

/// Digits with a sign; a fraction is read and cut.
pub(super) fn read_integer(text: &str) -> Option<i64> {
    let text = trimmed(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    if text.is_empty() || !plain(digits) || !plain(fraction) {
        return None;
    }
    if digits.is_empty() {
        // `.5` is 0, a sign alone is nothing.
        return (whole.is_empty() && text.len() > 1).then_some(0);
    }
    whole.parse().ok()
}

/// What Java's `Double.parseDouble` takes, hexadecimal aside.
pub(super) fn read_double(text: &str) -> Option<f64> {
    let text = trimmed(text);
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned.as_bytes().first()? {
        b'0'..=b'9' | b'.' => text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text).parse().ok(),
        _ if unsigned == "NaN" => Some(f64::NAN),
        _ if unsigned == "Infinity" && text.starts_with('-') => Some(f64::NEG_INFINITY),
        _ if unsigned == "Infinity" => Some(f64::INFINITY),
        _ => None,
    }
}

/// A decimal; none when it is none or does not fit. For up to 18 digits Flink has a reader of its
/// own, which passes over one wrong character at the end (`T` is 0).
fn read_decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let text = trimmed(text);
    if let Some(value) = decimal::parse(text, precision, scale) {
        return Some(value);
    }
    let last = text.chars().next_back()?;
    let rest = &text[..text.len() - last.len_utf8()];
    if precision > 18 || !last.is_ascii() || matches!(last, '0'..='9' | '.' | 'e' | 'E') {
        return None;
    }
    match rest {
        "" if matches!(last, '+' | '-') => None,
        "" | "+" | "-" => Some(0),
        rest if rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+')) => {
            decimal::parse(rest, precision, scale)
        }
        _ => None,
    }
}

/// Bytes as text: UTF-8, other bytes become replacement characters.
pub(super) fn read_bytes_as_text(array: &ArrayRef) -> ArrayRef {
    let bytes = array.as_binary::<i32>();
    let texts: StringArray = bytes.iter().map(|bytes| bytes.map(String::from_utf8_lossy)).collect();
    Arc::new(texts)
}
