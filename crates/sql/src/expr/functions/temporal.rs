//! Dates and times: parts, formats, zones, the clock.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Time32MillisecondArray};
use chrono_tz::Tz;
use engine::Result;

use super::text::entries;
use super::{Binding, Body, Entry, Nulls, Param, Row, Signature};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::temporal::calendar::DAY_MS;
use crate::expr::temporal::java::{Dialect, Pattern};
use crate::expr::temporal::read;
use crate::expr::temporal::stamp::Stamp;
use crate::expr::temporal::zone::to_utc_as_calendar;
use crate::expr::{CallError, Expr, Literal, Session, Unit, build};
use crate::types::{Kind, SqlType};

use Nulls::{MayBeNull, Strict};
use Param::{Long, Text, Timestamp, TimestampLtz};

/// What the functions without a pattern read and write.
const DEFAULT: &str = "yyyy-MM-dd HH:mm:ss";

const TABLE: &[Entry] = entries! {
    ["TO_DATE"] => [Text, Text], 1, MayBeNull, Body::Date(|r| {
        if r.len() == 1 {
            return read::date(r.text(0));
        }
        let (at, _) = Pattern::cached(r.text(1), Dialect::Simple)?.parse(r.text(0))?;
        Some(at.ms.div_euclid(DAY_MS) as i32)
    });
    ["TO_TIMESTAMP"] => [Text, Text], 1, MayBeNull, Body::Timestamp(3, |r| {
        let at = if r.len() == 1 {
            read::timestamp(r.text(0))?
        } else {
            Pattern::cached(r.text(1), Dialect::Formatter)?.parse(r.text(0))?.0
        };
        Some(read::cut(at, 3))
    });
    ["FROM_UNIXTIME"] => [Long, Text], 1, MayBeNull, Body::Text(|r, out| {
        let at = Stamp::of_ms(r.long(0).saturating_mul(1000)).local(r.session.zone);
        let pattern = if r.len() > 1 { r.text(1) } else { DEFAULT };
        Pattern::cached(pattern, Dialect::Simple).is_some_and(|pattern| {
            pattern.format(at, r.session.zone, out);
            true
        })
    });
    ["CONVERT_TZ"] => [Text, Text, Text], 0, MayBeNull, Body::Text(|r, out| {
        let (Some(from), Some(to)) = (zone(r.text(1)), zone(r.text(2))) else { return false };
        let pattern = Pattern::cached(DEFAULT, Dialect::Simple);
        let read = pattern.as_ref().and_then(|pattern| pattern.parse(r.text(0)));
        let (Some(pattern), Some((at, _))) = (&pattern, read) else { return false };
        let at = Stamp { ms: to_utc_as_calendar(from, at.ms), ..at };
        pattern.format(at.local(to), to, out);
        true
    });
};

const FORMAT: Entry = Entry {
    names: &["DATE_FORMAT"],
    binding: Binding::Special { least: 2, most: 2, build: date_format },
};

/// DATE_FORMAT by the type of what is formatted; reached after the pattern was looked at.
const FORMAT_BODIES: Entry = Entry {
    names: &["DATE_FORMAT"],
    binding: Binding::Table(&[
        format_signature(&[Timestamp, Text], |r, out| formatted(r, Some(r.stamp(0)), out)),
        format_signature(&[TimestampLtz, Text], |r, out| {
            formatted(r, Some(r.stamp(0).local(r.session.zone)), out)
        }),
        format_signature(&[Text, Text], |r, out| formatted(r, read::timestamp(r.text(0)), out)),
    ]),
};

const fn format_signature(
    params: &'static [Param],
    body: fn(&Row<'_>, &mut String) -> bool,
) -> Signature {
    Signature { params, optional: 0, variadic: false, nulls: MayBeNull, body: Body::Text(body) }
}

fn formatted(r: &Row<'_>, at: Option<Stamp>, out: &mut String) -> bool {
    let pattern = Pattern::cached(r.text(1), Dialect::Formatter);
    at.zip(pattern).is_some_and(|(at, pattern)| {
        pattern.format(at, r.session.zone, out);
        true
    })
}

fn date_format(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    if let Some(Literal::Text(pattern)) = args[1].as_literal() {
        Pattern::new(pattern, Dialect::Formatter).map_err(CallError::wrong)?;
    }
    super::binder::bind(session, name, &FORMAT_BODIES, args)
}

const UNIX: Entry = Entry {
    names: &["UNIX_TIMESTAMP"],
    binding: Binding::Special { least: 0, most: 2, build: unix_timestamp },
};

const UNIX_TEXT: Entry = Entry {
    names: &["UNIX_TIMESTAMP"],
    binding: Binding::Table(&[Signature {
        params: &[Text, Text],
        optional: 1,
        variadic: false,
        nulls: Strict,
        body: Body::Long(|r| {
            let pattern = if r.len() > 1 { r.text(1) } else { DEFAULT };
            let read = Pattern::cached(pattern, Dialect::Simple)
                .and_then(|pattern| pattern.parse(r.text(0)));
            let ms = read.map(|(at, offset)| match offset {
                Some(seconds) => at.ms - seconds * 1000,
                None => to_utc_as_calendar(r.session.zone, at.ms),
            });
            Some(ms.map_or(i64::MIN, |ms| ms / 1000))
        }),
    }]),
};

fn unix_timestamp(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    if args.is_empty() {
        return Ok(now(session, name, Moment::Seconds, Kind::BigInt));
    }
    super::binder::bind(session, name, &UNIX_TEXT, args)
}

const PARTS: &[Entry] = &[Entry {
    names: &[
        "YEAR",
        "QUARTER",
        "MONTH",
        "WEEK",
        "DAYOFYEAR",
        "DAYOFMONTH",
        "DAYOFWEEK",
        "HOUR",
        "MINUTE",
        "SECOND",
    ],
    binding: Binding::Special {
        least: 1,
        most: 1,
        build: |session, name, mut args| {
            let unit = match name {
                "DAYOFYEAR" => Unit::DayOfYear,
                "DAYOFMONTH" => Unit::Day,
                "DAYOFWEEK" => Unit::DayOfWeek,
                name => Unit::parse(name).unwrap_or(Unit::Year),
            };
            build::extract(session, unit, args.remove(0))
        },
    },
}];

/// What of the present moment is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Utc,
    Local,
    Date,
    Time,
    Seconds,
}

/// The clock, read once a batch.
#[derive(Debug)]
struct Now {
    moment: Moment,
    session: Session,
}

impl Function for Now {
    fn evaluate(&self, _: &Arguments<'_>) -> Result<Value> {
        let at = Stamp::of_ms(self.session.clock.now_ms());
        let local = at.local(self.session.zone);
        let array: ArrayRef = match self.moment {
            Moment::Utc => at.to_array(&Kind::TimestampLtz(3).to_arrow()),
            Moment::Local => local.to_array(&Kind::Timestamp(3).to_arrow()),
            Moment::Date => Arc::new(Date32Array::from(vec![local.ms.div_euclid(DAY_MS) as i32])),
            Moment::Time => {
                let ms = local.ms.rem_euclid(DAY_MS);
                Arc::new(Time32MillisecondArray::from(vec![(ms - ms % 1000) as i32]))
            }
            Moment::Seconds => Arc::new(arrow::array::Int64Array::from(vec![at.ms / 1000])),
        };
        Ok(Value::constant(array))
    }

    fn deterministic(&self) -> bool {
        false
    }
}

fn now(session: &Session, name: &str, moment: Moment, kind: Kind) -> Expr {
    let function = Now { moment, session: session.clone() };
    Expr::call(name, function, Vec::new(), SqlType::required(kind))
}

const CLOCK: &[Entry] = &[Entry {
    names: &[
        "NOW",
        "CURRENT_TIMESTAMP",
        "CURRENT_ROW_TIMESTAMP",
        "PROCTIME",
        "LOCALTIMESTAMP",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "LOCALTIME",
    ],
    binding: Binding::Special {
        least: 0,
        most: 0,
        build: |session, name, _| {
            let (moment, kind) = match name {
                "LOCALTIMESTAMP" => (Moment::Local, Kind::Timestamp(3)),
                "CURRENT_DATE" => (Moment::Date, Kind::Date),
                "CURRENT_TIME" | "LOCALTIME" => (Moment::Time, Kind::Time(0)),
                _ => (Moment::Utc, Kind::TimestampLtz(3)),
            };
            Ok(now(session, name, moment, kind))
        },
    },
}];

const LTZ: Entry = Entry {
    names: &["TO_TIMESTAMP_LTZ"],
    binding: Binding::Special { least: 1, most: 3, build: to_timestamp_ltz },
};

/// TO_TIMESTAMP_LTZ of a number of seconds or milliseconds, or of a text.
const LTZ_BODIES: Entry = Entry {
    names: &["TO_TIMESTAMP_LTZ"],
    binding: Binding::Table(&[
        ltz_signature(&[Long, Param::Int], 1, |r| {
            let seconds = r.len() > 1 && r.int(1) == 0;
            Some(Stamp::of_ms(if seconds { r.long(0).wrapping_mul(1000) } else { r.long(0) }))
        }),
        ltz_signature(&[Param::Double, Param::Int], 1, |r| {
            let seconds = r.len() > 1 && r.int(1) == 0;
            Some(Stamp::of_ms((r.double(0) * if seconds { 1000.0 } else { 1.0 }) as i64))
        }),
        ltz_signature(&[Text, Text, Text], 2, |r| {
            let (at, offset) = if r.len() > 1 {
                Pattern::cached(r.text(1), Dialect::Formatter)?.parse(r.text(0))?
            } else {
                (read::timestamp(r.text(0))?, None)
            };
            // Without a zone given the text is in UTC.
            let zone = if r.len() > 2 { zone(r.text(2))? } else { Tz::UTC };
            let at = match offset {
                Some(seconds) => Stamp { ms: at.ms - seconds * 1000, ..at },
                None => at.utc(zone),
            };
            Some(read::cut(at, 3))
        }),
    ]),
};

const fn ltz_signature(
    params: &'static [Param],
    optional: usize,
    body: fn(&Row<'_>) -> Option<Stamp>,
) -> Signature {
    let body = Body::TimestampLtz(3, body);
    Signature { params, optional, variadic: false, nulls: MayBeNull, body }
}

fn to_timestamp_ltz(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let precision = args.get(1).map(Expr::fold);
    if let Some(Literal::Integer(precision)) = precision.as_ref().and_then(Expr::as_literal)
        && !matches!(precision, 0 | 3)
    {
        return Err(CallError::wrong(format!(
            "the precision {precision} of `TO_TIMESTAMP_LTZ` is not supported, use 0 for \
                 seconds or 3 for milliseconds"
        )));
    }
    super::binder::bind(session, name, &LTZ_BODIES, args)
}

/// A zone by its IANA name or as an offset of whole hours (`UTC+8`, `+08:00`).
pub(crate) fn zone(name: &str) -> Option<Tz> {
    if let Ok(zone) = name.parse::<Tz>() {
        return Some(zone);
    }
    let offset = name.strip_prefix("UTC").or_else(|| name.strip_prefix("GMT")).unwrap_or(name);
    if offset.is_empty() || offset == "Z" {
        return Some(Tz::UTC);
    }
    let (sign, digits) = match offset.as_bytes()[0] {
        // Etc/GMT-8 is 8 hours east.
        b'+' => ('-', &offset[1..]),
        b'-' => ('+', &offset[1..]),
        _ => return None,
    };
    let hours = digits.strip_suffix(":00").or_else(|| digits.strip_suffix("00")).unwrap_or(digits);
    let hours: u32 = hours.parse().ok()?;
    if hours == 0 { Some(Tz::UTC) } else { format!("Etc/GMT{sign}{hours}").parse().ok() }
}

const TO_LTZ: &[Entry] = &[LTZ, UNIX, FORMAT];

pub(super) const GROUPS: [&[Entry]; 4] = [TABLE, PARTS, CLOCK, TO_LTZ];
