//! Writing local times by a pattern.

use std::fmt::Write as _;

use chrono::offset::{Offset as _, TimeZone as _};
use chrono_tz::Tz;

use super::{DAYS, Dialect, Field, Item, MONTHS, Pattern};
use crate::expr::temporal::calendar::{
    DAY_MS, civil, day_of_year, days, iso_day_of_week, iso_week,
};
use crate::expr::temporal::stamp::Stamp;

impl Pattern {
    /// Writes the local time `at` of `zone`.
    pub(crate) fn format(&self, at: Stamp, zone: Tz, out: &mut String) {
        for item in &self.items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Field(field, count) => self.field(*field, *count, at, zone, out),
            }
        }
    }

    fn field(&self, field: Field, count: usize, at: Stamp, zone: Tz, out: &mut String) {
        let date = at.ms.div_euclid(DAY_MS);
        let ms = at.ms.rem_euclid(DAY_MS);
        let (year, month, day) = civil(date);
        let hour = ms / 3_600_000;
        let weekday = iso_day_of_week(date);
        let padded = |value: i64, out: &mut String| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{value:0count$}");
        };
        match field {
            Field::Year if count == 2 => {
                let _ = write!(out, "{:02}", year.rem_euclid(100));
            }
            Field::Year => padded(year, out),
            Field::Quarter => padded((i64::from(month) + 2) / 3, out),
            Field::Month => match count {
                1 | 2 => padded(month.into(), out),
                _ => out.push_str(name(MONTHS[month as usize - 1], count)),
            },
            Field::Day => padded(day.into(), out),
            Field::DayOfYear => padded(day_of_year(date), out),
            Field::Week => padded(iso_week(date).1, out),
            Field::WeekOfMonth => {
                let first = iso_day_of_week(days(year, month, 1));
                padded((i64::from(day) + first - 2) / 7 + 1, out);
            }
            Field::DayOfWeek => out.push_str(name(DAYS[weekday as usize - 1], count)),
            Field::DayNumber => padded(weekday, out),
            Field::Hour => padded(hour, out),
            Field::Hour24 => padded(if hour == 0 { 24 } else { hour }, out),
            Field::Hour11 => padded(hour % 12, out),
            Field::Hour12 => padded(if hour % 12 == 0 { 12 } else { hour % 12 }, out),
            Field::Minute => padded(ms / 60_000 % 60, out),
            Field::Second => padded(ms / 1000 % 60, out),
            Field::Fraction if self.dialect == Dialect::Simple => padded(ms % 1000, out),
            Field::Fraction => {
                let digits = format!("{:09}", at.nano_of_second());
                out.push_str(&digits[..count.min(9)]);
            }
            Field::HalfDay => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            Field::Era => out.push_str("AD"),
            Field::Offset | Field::IsoOffset => offset(field, count, at, zone, out),
            Field::Zone => out.push_str(zone.name()),
        }
    }
}

/// The first three letters, one for five of the letter, all of it for four.
fn name(full: &'static str, count: usize) -> &'static str {
    match count {
        4 => full,
        5 => &full[..1],
        _ => &full[..3],
    }
}

fn offset(field: Field, count: usize, at: Stamp, zone: Tz, out: &mut String) {
    let utc = at.utc(zone).ms;
    let moment = chrono::DateTime::from_timestamp_millis(utc).unwrap_or_default().naive_utc();
    let seconds = zone.offset_from_utc_datetime(&moment).fix().local_minus_utc();
    if field == Field::IsoOffset && seconds == 0 {
        out.push('Z');
        return;
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    let colon = if field == Field::IsoOffset && count >= 3 { ":" } else { "" };
    let _ = match (field, count) {
        (Field::IsoOffset, 1) if minutes == 0 => write!(out, "{sign}{hours:02}"),
        _ => write!(out, "{sign}{hours:02}{colon}{minutes:02}"),
    };
}
