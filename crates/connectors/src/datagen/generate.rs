//! Values of one column.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use engine::connector::TableRefused;

use crate::format::{Column, Data};
use crate::options::Options;

/// Makes the values of one column.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    pub(super) field: FieldRef,
    kind: Kind,
    null_rate: f64,
}

#[derive(Debug, Clone)]
enum Kind {
    /// `start`, `start + 1`, … `end`.
    Sequence {
        start: i64,
        end: i64,
    },
    /// A whole number of this range.
    Whole {
        min: i64,
        max: i64,
    },
    /// A number of this range.
    Number {
        min: f64,
        max: f64,
    },
    /// Hexadecimal digits, or bytes.
    Text {
        length: usize,
        shorter: bool,
    },
    /// A moment at most this long ago, in ms.
    Moment {
        max_past: u64,
    },
    Bool,
}

impl Generator {
    pub(super) fn plan(field: &FieldRef, options: &Options) -> Result<Self, TableRefused> {
        let key = |name: &str| format!("fields.{}.{name}", field.name());
        let refuse = |name: &str, why: &str| options.refuse(&key(name), why);
        let column = Column::new(field).ok_or_else(|| unsupported(field))?;
        let null_rate = options.double(&key("null-rate")).unwrap_or(0.0);
        if !(0.0..=1.0).contains(&null_rate) || (null_rate > 0.0 && !field.is_nullable()) {
            return Err(refuse("null-rate", "write 0 to 1, and 0 for a NOT NULL column"));
        }
        let kind = if options.choice(&key("kind")) == Some("sequence") {
            for name in ["start", "end"] {
                if !options.given(&key(name)) {
                    let why = "a sequence needs it; write a whole number";
                    return Err(refuse(name, why));
                }
            }
            let start = options.int(&key("start")).unwrap_or(0);
            let end = options.int(&key("end")).unwrap_or(0);
            if end < start {
                return Err(refuse("end", "it must not be less than the start"));
            }
            let limits = whole_range(&column.data).unwrap_or((i64::MIN, i64::MAX));
            if start < limits.0 || end > limits.1 {
                return Err(refuse("end", "the sequence leaves the range of the column's type"));
            }
            if !counts(&column.data) {
                let why = "a sequence needs a number or a STRING column";
                return Err(refuse("kind", why));
            }
            Kind::Sequence { start, end }
        } else {
            random(field, &column.data, options)?
        };
        Ok(Self { field: Arc::clone(field), kind, null_rate })
    }

    /// How many values there are, if they end.
    pub(super) fn length(&self) -> Option<u64> {
        match self.kind {
            Kind::Sequence { start, end } => Some(end.abs_diff(start).saturating_add(1)),
            _ => None,
        }
    }

    /// Appends the value of row `row`.
    pub(super) fn push(
        &self,
        column: &mut Column,
        row: u64,
        chance: &mut fastrand::Rng,
        now_ms: i64,
    ) {
        if self.null_rate > 0.0 && chance.f64() < self.null_rate {
            column.push_null();
            return;
        }
        match self.kind {
            Kind::Sequence { start, .. } => push_whole(&mut column.data, start + row as i64),
            Kind::Whole { min, max } => push_whole(&mut column.data, chance.i64(min..=max)),
            Kind::Number { min, max } => {
                let share = chance.f64();
                push_number(&mut column.data, min * (1.0 - share) + max * share);
            }
            Kind::Text { length, shorter } => {
                let length = if shorter { chance.usize(..=length) } else { length };
                push_bytes(&mut column.data, length, chance);
            }
            Kind::Moment { max_past } => {
                let past = chance.u64(..=max_past).min(i64::MAX as u64) as i64;
                push_moment(&mut column.data, now_ms.saturating_sub(past));
            }
            Kind::Bool => {
                if let Data::Bool(values) = &mut column.data {
                    values.push(chance.bool());
                }
            }
        }
        column.pushed();
    }
}

fn unsupported(field: &FieldRef) -> TableRefused {
    TableRefused {
        message: format!(
            "datagen makes no values for column `{}` of type {}; it makes numbers, texts, bytes, \
             booleans, dates and times",
            field.name(),
            field.data_type()
        ),
        option: Some("connector".to_owned()),
    }
}

fn random(field: &FieldRef, data: &Data, options: &Options) -> Result<Kind, TableRefused> {
    let key = |name: &str| format!("fields.{}.{name}", field.name());
    let kind = match data {
        Data::Bool(_) => Kind::Bool,
        Data::Text(_) | Data::Binary(_) => {
            let length = options.int(&key("length")).unwrap_or(100);
            let length = usize::try_from(length).ok().filter(|length| *length <= 1 << 24);
            let Some(length) = length else {
                let why = "write a number from 0 to 16777216";
                return Err(options.refuse(&key("length"), why));
            };
            Kind::Text { length, shorter: options.flag(&key("var-len")) }
        }
        Data::Date(_) | Data::Time(_) | Data::Timestamp { .. } => {
            let past = options.duration(&key("max-past")).unwrap_or_default();
            Kind::Moment { max_past: u64::try_from(past.as_millis()).unwrap_or(u64::MAX) }
        }
        Data::Float(_) | Data::Double(_) | Data::Decimal { .. } => {
            let greatest = match data {
                Data::Float(_) => f64::from(f32::MAX),
                Data::Decimal { precision, scale, .. } => {
                    10f64.powi(i32::from(*precision) - i32::from(*scale)) - 1.0
                }
                _ => f64::MAX,
            };
            let min = options.double(&key("min")).unwrap_or(0.0);
            let max = options.double(&key("max")).unwrap_or(greatest);
            if !(min <= max && min >= -greatest.abs().max(1.0) && max <= greatest.max(1.0)) {
                let why = "the range is empty or leaves the column's type";
                return Err(options.refuse(&key("max"), why));
            }
            Kind::Number { min, max }
        }
        _ => {
            let Some((least, greatest)) = whole_range(data) else { return Err(unsupported(field)) };
            let bound = |name: &str, default: i64| match options.text(&key(name)) {
                None => Ok(default),
                Some(_) => options
                    .int(&key(name))
                    .filter(|value| (least..=greatest).contains(value))
                    .ok_or_else(|| {
                        let why = "write a whole number of the column's range";
                        options.refuse(&key(name), why)
                    }),
            };
            let (min, max) = (bound("min", least)?, bound("max", greatest)?);
            if min > max {
                return Err(options.refuse(&key("max"), "it must not be less than the minimum"));
            }
            Kind::Whole { min, max }
        }
    };
    Ok(kind)
}

/// Least and greatest whole number of a column's type.
fn whole_range(data: &Data) -> Option<(i64, i64)> {
    Some(match data {
        Data::Tiny(_) => (i8::MIN.into(), i8::MAX.into()),
        Data::Small(_) => (i16::MIN.into(), i16::MAX.into()),
        Data::Int(_) | Data::Months(_) => (i32::MIN.into(), i32::MAX.into()),
        Data::Big(_) | Data::Millis(_) => (i64::MIN, i64::MAX),
        _ => return None,
    })
}

/// Whether a sequence can be counted in a column.
fn counts(data: &Data) -> bool {
    matches!(
        data,
        Data::Tiny(_)
            | Data::Small(_)
            | Data::Int(_)
            | Data::Big(_)
            | Data::Float(_)
            | Data::Double(_)
            | Data::Decimal { .. }
            | Data::Text(_)
    )
}

fn push_whole(data: &mut Data, value: i64) {
    match data {
        Data::Tiny(values) => values.push(value as i8),
        Data::Small(values) => values.push(value as i16),
        Data::Int(values) | Data::Months(values) => values.push(value as i32),
        Data::Big(values) | Data::Millis(values) => values.push(value),
        Data::Float(values) => values.push(value as f32),
        Data::Double(values) => values.push(value as f64),
        Data::Decimal { values, scale, .. } => {
            values.push(i128::from(value).saturating_mul(10i128.pow(scale.unsigned_abs().into())));
        }
        Data::Text(bytes) => bytes.push(value.to_string().as_bytes()),
        _ => debug_assert!(false, "the type was checked while the program was planned"),
    }
}

fn push_number(data: &mut Data, value: f64) {
    match data {
        Data::Float(values) => values.push(value as f32),
        Data::Double(values) => values.push(value),
        Data::Decimal { values, precision, scale } => {
            let limit = 10i128.pow(u32::from(*precision)) - 1;
            let unscaled = (value * 10f64.powi(i32::from(*scale))) as i128;
            values.push(unscaled.clamp(-limit, limit));
        }
        _ => debug_assert!(false, "the type was checked while the program was planned"),
    }
}

fn push_bytes(data: &mut Data, length: usize, chance: &mut fastrand::Rng) {
    match data {
        Data::Text(bytes) => {
            let digit = |_| b"0123456789abcdef"[chance.usize(..16)];
            bytes.push(&(0..length).map(digit).collect::<Vec<u8>>());
        }
        Data::Binary(bytes) => {
            bytes.push(&(0..length).map(|_| chance.u8(..)).collect::<Vec<u8>>());
        }
        _ => debug_assert!(false, "the type was checked while the program was planned"),
    }
}

fn push_moment(data: &mut Data, ms: i64) {
    const DAY: i64 = 86_400_000;
    match data {
        Data::Date(values) => values.push(ms.div_euclid(DAY) as i32),
        Data::Time(values) => values.push(ms.rem_euclid(DAY) as i32),
        Data::Timestamp { values, nanos, .. } => {
            values.push(ms.saturating_mul(if *nanos { 1_000_000 } else { 1000 }));
        }
        _ => debug_assert!(false, "the type was checked while the program was planned"),
    }
}
