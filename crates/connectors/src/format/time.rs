//! Dates and times as Flink's formats spell them (`TimeFormats`): read and write.

/// How timestamps are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimestampStyle {
    /// `2024-01-01 00:00:00.123`, LTZ with `Z`.
    Sql,
    /// `2024-01-01T00:00:00.123`, LTZ with `Z`.
    Iso,
    /// As `java.sql.Timestamp.valueOf` (CSV in): one-digit months and days pass too.
    Jdbc,
}

const NANOS: i64 = 1_000_000_000;

/// Reads a timestamp text into micro- or nanoseconds since 1970.
#[derive(Debug)]
pub(crate) struct TimestampReader {
    /// The date that came last, and its day number: dates seldom change from record to record.
    last: [u8; 10],
    last_days: i64,
}

impl Default for TimestampReader {
    fn default() -> Self {
        Self { last: *b"1970-01-01", last_days: 0 }
    }
}

impl TimestampReader {
    /// The fixed layout that nearly all texts have: `yyyy-MM-dd?HH:mm:ss`, maybe a fraction.
    #[inline]
    pub(crate) fn read(
        &mut self,
        text: &[u8],
        style: TimestampStyle,
        zoned: bool,
        nanos: bool,
    ) -> Option<i64> {
        let text = if zoned { text.strip_suffix(b"Z")? } else { text };
        let separator = if style == TimestampStyle::Iso { b'T' } else { b' ' };
        if text.len() < 19 || text[10] != separator || text[13] != b':' || text[16] != b':' {
            return slow_timestamp(text, style, zoned, nanos);
        }
        if text[..10] != self.last {
            let Some(days) = fixed_date(text) else {
                return slow_timestamp(text, style, zoned, nanos);
            };
            self.last.copy_from_slice(&text[..10]);
            self.last_days = days;
        }
        let (hour, minute, second) =
            (two(&text[11..13])?, two(&text[14..16])?, two(&text[17..19])?);
        if hour > 23 || minute > 59 || second > 59 {
            return slow_timestamp(text, style, zoned, nanos);
        }
        let fraction = if text.len() == 19 { 0 } else { fraction(&text[19..])? };
        let seconds = self.last_days * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
        scaled(seconds, fraction, nanos)
    }
}

fn scaled(seconds: i64, fraction: i64, nanos: bool) -> Option<i64> {
    if nanos {
        seconds.checked_mul(NANOS)?.checked_add(fraction)
    } else {
        seconds.checked_mul(1_000_000)?.checked_add(fraction / 1000)
    }
}

#[inline]
fn two(digits: &[u8]) -> Option<u32> {
    let (tens, ones) = (digits[0].wrapping_sub(b'0'), digits[1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// `yyyy-MM-dd` at the front of `text`, a real day.
fn fixed_date(text: &[u8]) -> Option<i64> {
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = two(&text[..2])? * 100 + two(&text[2..4])?;
    let (month, day) = (two(&text[5..7])?, two(&text[8..10])?);
    valid_date(i64::from(year), month, day, false)
}

/// `.` and up to nine digits, as nanoseconds.
#[inline]
fn fraction(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b".")?;
    if digits.len() > 9 {
        return None;
    }
    let mut value = 0i64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    const SCALE: [i64; 10] =
        [NANOS, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1000, 100, 10, 1];
    Some(value * SCALE[digits.len()])
}

/// Everything else `java.time` takes for these layouts: long years, days past the end of a month
/// (moved back where the formatter is lenient), hour 24, ISO without seconds.
fn slow_timestamp(text: &[u8], style: TimestampStyle, zoned: bool, nanos: bool) -> Option<i64> {
    // Flink's own ISO formatter for TIMESTAMP is java.time's strict one; the others are "smart".
    let smart = style != TimestampStyle::Iso || zoned;
    let text = if style == TimestampStyle::Jdbc { text.trim_ascii() } else { text };
    let at = match style {
        TimestampStyle::Iso => memchr::memchr2(b'T', b't', text)?,
        TimestampStyle::Sql | TimestampStyle::Jdbc => memchr::memchr(b' ', text)?,
    };
    let (date, time) = (&text[..at], &text[at + 1..]);
    let days = match style {
        TimestampStyle::Jdbc => jdbc_date(date)?,
        TimestampStyle::Sql | TimestampStyle::Iso => long_date(date, smart)?,
    };
    let of_day = day_nanos(time, style == TimestampStyle::Iso, smart)?;
    let seconds = days * 86_400 + of_day / NANOS;
    scaled(seconds, of_day % NANOS, nanos)
}

/// `HH:mm:ss` with up to nine digits of fraction, in nanoseconds of the day; `short` = the seconds
/// may be missing; `late` = 24:00:00 is the end of the day.
fn day_nanos(text: &[u8], short: bool, late: bool) -> Option<i64> {
    if text.len() < 5 || text[2] != b':' {
        return None;
    }
    let (hour, minute) = (i64::from(two(&text[..2])?), i64::from(two(&text[3..5])?));
    let (second, rest) = match text.get(5) {
        None if short => (0, &text[5..]),
        Some(b':') if text.len() >= 8 => (i64::from(two(&text[6..8])?), &text[8..]),
        None | Some(_) => return None,
    };
    let fraction = if rest.is_empty() { 0 } else { fraction(rest)? };
    let midnight = late && hour == 24 && minute == 0 && second == 0 && fraction == 0;
    if minute > 59 || second > 59 || (hour > 23 && !midnight) {
        return None;
    }
    Some((hour * 3600 + minute * 60 + second) * NANOS + fraction)
}

/// `ISO_LOCAL_DATE`: four digits of year, or a sign and more.
fn long_date(text: &[u8], smart: bool) -> Option<i64> {
    let (signed, rest) = match text.first()? {
        b'-' => (Some(-1), &text[1..]),
        b'+' => (Some(1), &text[1..]),
        _ => (None, text),
    };
    let at = memchr::memchr(b'-', rest)?;
    let long_enough = if signed == Some(1) { at > 4 } else { at >= 4 };
    if !long_enough || at > 9 || (signed.is_none() && at != 4) || rest.len() != at + 6 {
        return None;
    }
    let year: i64 = std::str::from_utf8(&rest[..at]).ok()?.parse().ok()?;
    if rest[at + 3] != b'-' || !rest[..at].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (month, day) = (two(&rest[at + 1..at + 3])?, two(&rest[at + 4..at + 6])?);
    valid_date(signed.unwrap_or(1) * year, month, day, smart)
}

/// A DATE text in JSON (`ISO_LOCAL_DATE`, strict), in days since 1970.
pub(crate) fn read_date(text: &[u8]) -> Option<i32> {
    let days = if text.len() == 10 { fixed_date(text) } else { None };
    i32::try_from(days.or_else(|| long_date(text, false))?).ok()
}

/// `java.sql.Date.valueOf`: `yyyy-[m]m-[d]d`, in days since 1970.
pub(crate) fn jdbc_date(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let short = |part: &str| (1..=2).contains(&part.len());
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || year.len() != 4 || !short(month) || !short(day) {
        return None;
    }
    if !digits(year) || !digits(month) || !digits(day) {
        return None;
    }
    let (month, day): (u32, u32) = (month.parse().ok()?, day.parse().ok()?);
    if month == 0 || month > 12 || day == 0 || day > 31 {
        return None;
    }
    // Days past the end of a month run over into the next one.
    Some(days_from_civil(year.parse().ok()?, month, 1) + i64::from(day) - 1)
}

/// A TIME text in JSON, in milliseconds of the day.
pub(crate) fn read_time(text: &[u8]) -> Option<i32> {
    let nanos = day_nanos(text, false, false)?;
    i32::try_from(nanos / 1_000_000).ok()
}

/// A TIME text in CSV (`LocalTime.parse`: the seconds may be missing), in milliseconds of the day.
pub(crate) fn read_iso_time(text: &[u8]) -> Option<i32> {
    let nanos = day_nanos(text, true, false)?;
    i32::try_from(nanos / 1_000_000).ok()
}

fn valid_date(year: i64, month: u32, day: u32, smart: bool) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let last = days_in_month(year, month);
    if day > last && !smart {
        return None;
    }
    Some(days_from_civil(year, month, day.min(last)))
}

fn days_in_month(year: i64, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day number of a date of the proleptic Gregorian calendar (0 = 1970-01-01), by eras of 400 years
/// that begin on 1 March.
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

/// Writes `yyyy-MM-dd`.
pub(crate) fn write_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil_from_days(days);
    if (0..=9999).contains(&year) {
        push_two(out, year as u32 / 100);
        push_two(out, year as u32 % 100);
    } else {
        let sign = if year < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("{sign}{:04}", year.abs()).as_bytes());
    }
    out.push(b'-');
    push_two(out, month);
    out.push(b'-');
    push_two(out, day);
}

/// Writes `HH:mm:ss` and as many digits of fraction as needed.
pub(crate) fn write_time(out: &mut Vec<u8>, nanos_of_day: i64) {
    let seconds = (nanos_of_day / NANOS) as u32;
    push_two(out, seconds / 3600);
    out.push(b':');
    push_two(out, seconds / 60 % 60);
    out.push(b':');
    push_two(out, seconds % 60);
    let mut fraction = nanos_of_day % NANOS;
    if fraction > 0 {
        let mut digits = [0u8; 9];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (fraction % 10) as u8;
            fraction /= 10;
        }
        let used = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
        out.push(b'.');
        out.extend_from_slice(&digits[..used]);
    }
}

/// Writes a timestamp given in units of which `per_second` make a second.
pub(crate) fn write_timestamp(
    out: &mut Vec<u8>,
    value: i64,
    per_second: i64,
    style: TimestampStyle,
    zoned: bool,
) {
    let seconds = value.div_euclid(per_second);
    let fraction = value.rem_euclid(per_second) * (NANOS / per_second);
    write_date(out, seconds.div_euclid(86_400));
    out.push(if style == TimestampStyle::Iso { b'T' } else { b' ' });
    write_time(out, seconds.rem_euclid(86_400) * NANOS + fraction);
    if zoned {
        out.push(b'Z');
    }
}

fn push_two(out: &mut Vec<u8>, value: u32) {
    out.push(b'0' + (value / 10) as u8);
    out.push(b'0' + (value % 10) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, style: TimestampStyle, zoned: bool, want: Option<&str>) {
        let value = TimestampReader::default().read(text.as_bytes(), style, zoned, true);
        let written = value.map(|value| {
            let mut out = Vec::new();
            write_timestamp(&mut out, value, NANOS, TimestampStyle::Sql, false);
            String::from_utf8(out).expect("only digits")
        });
        assert_eq!(written.as_deref(), want, "{text}");
    }

    #[test]
    fn sql_timestamps() {
        let sql = TimestampStyle::Sql;
        reads("2024-02-29 23:59:59", sql, false, Some("2024-02-29 23:59:59"));
        reads("2024-01-01 00:00:00.120", sql, false, Some("2024-01-01 00:00:00.12"));
        reads("1969-12-31 23:59:59.000000001", sql, false, Some("1969-12-31 23:59:59.000000001"));
        reads("2024-02-30 01:00:00", sql, false, Some("2024-02-29 01:00:00"));
        reads("2024-01-01 24:00:00", sql, false, Some("2024-01-02 00:00:00"));
        reads("2024-03-10 07:00:00.1Z", sql, true, Some("2024-03-10 07:00:00.1"));
        for bad in [
            "2024-01-01T00:00:00",
            "2024-01-01",
            "2024-01-01 00:00",
            "2024-01-01 25:00:00",
            "2024-13-01 00:00:00",
            "2024-01-01 00:00:00Z",
            "2024-01-01 00:00:00.1234567890",
            "2024-1-1 00:00:00",
            "",
        ] {
            reads(bad, sql, false, None);
        }
    }

    #[test]
    fn iso_timestamps() {
        let iso = TimestampStyle::Iso;
        reads("2024-01-01T10:00:00.5", iso, false, Some("2024-01-01 10:00:00.5"));
        reads("2024-01-01T10:00", iso, false, Some("2024-01-01 10:00:00"));
        reads("2024-01-01T10:00:01Z", iso, true, Some("2024-01-01 10:00:01"));
        reads("2024-01-01T10:00:01", iso, true, None);
        reads("2024-01-01 10:00:01", iso, false, None);
        reads("2024-02-30T10:00:01", iso, false, None);
    }

    #[test]
    fn jdbc_timestamps() {
        let jdbc = TimestampStyle::Jdbc;
        reads("2024-1-2 03:04:05.6", jdbc, false, Some("2024-01-02 03:04:05.6"));
        reads("2024-02-30 00:00:00", jdbc, false, Some("2024-03-01 00:00:00"));
        reads("2024-01-01T00:00:00", jdbc, false, None);
    }

    #[test]
    fn every_day_of_eight_centuries_comes_back() {
        for days in -150_000..150_000 {
            let mut text = Vec::new();
            write_date(&mut text, days);
            assert_eq!(read_date(&text), i32::try_from(days).ok());
        }
    }
}
