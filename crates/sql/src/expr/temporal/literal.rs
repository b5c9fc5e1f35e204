//! Literals of dates, times, timestamps and intervals.

use super::calendar::DAY_MS;
use super::read;
use crate::expr::{CallError, Expr, Literal, Unit, build};
use crate::types::{Kind, SqlType};

fn illegal(what: &str, text: &str, form: &str) -> CallError {
    CallError::wrong(format!("`{text}` is no {what}, write it as `{form}`"))
}

/// `DATE '2024-02-29'`.
pub fn date(text: &str) -> Result<Expr, CallError> {
    let whole = text.len() == 10 && text.matches('-').count() == 2;
    let days = read::date(text).filter(|_| whole);
    let days = days.ok_or_else(|| illegal("date", text, "yyyy-MM-dd"))?;
    Ok(build::literal(Literal::Date(days), SqlType::required(Kind::Date)))
}

/// Digits after the last point, at most 9.
fn fraction_digits(text: &str) -> u8 {
    text.rsplit_once('.').map_or(0, |(_, digits)| digits.len().min(9) as u8)
}

/// `TIME '01:02:03'`.
pub fn time(text: &str) -> Result<Expr, CallError> {
    let ms = read::time(text).filter(|_| text.matches(':').count() == 2);
    let ms = ms.ok_or_else(|| illegal("time", text, "HH:mm:ss"))?;
    Ok(build::literal(Literal::Time(ms), SqlType::required(Kind::Time(fraction_digits(text)))))
}

/// `TIMESTAMP '2024-02-29 01:02:03.456'`; its precision is the number of digits.
pub fn timestamp(text: &str) -> Result<Expr, CallError> {
    let valid = text.get(..10).is_some_and(|date| read::date(date).is_some());
    let at = read::timestamp(text).filter(|_| valid);
    let at = at.ok_or_else(|| illegal("timestamp", text, "yyyy-MM-dd HH:mm:ss[.fraction]"))?;
    let sql_type = SqlType::required(Kind::Timestamp(fraction_digits(text)));
    Ok(build::literal(Literal::Timestamp { ms: at.ms, nanos: at.nanos }, sql_type))
}

/// Units of an interval from large to small, with the most a part after the first may be, what
/// separates it from the one before, and its size in milliseconds.
const PARTS: [(Unit, i64, char, i64); 4] = [
    (Unit::Day, i64::MAX, ' ', DAY_MS),
    (Unit::Hour, 23, ' ', 3_600_000),
    (Unit::Minute, 59, ':', 60_000),
    (Unit::Second, 59, ':', 1000),
];

/// `INTERVAL '1 02:03' DAY TO MINUTE`; a sign may lead the text.
pub fn interval(text: &str, from: Unit, to: Option<Unit>) -> Result<Expr, CallError> {
    let refused = || {
        let to = to.map_or_else(String::new, |to| format!(" TO {to}"));
        CallError::wrong(format!("`{text}` is no INTERVAL {from}{to}"))
    };
    let trimmed = text.trim();
    let (sign, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (-1, &trimmed[1..]),
        Some(b'+') => (1, &trimmed[1..]),
        _ => (1, trimmed),
    };
    let last = to.unwrap_or(from);
    if let Some(months) = months(digits, from, last) {
        let months = i32::try_from(sign * months.ok_or_else(refused)?).map_err(|_| refused())?;
        return Ok(build::literal(
            Literal::YearMonth(months),
            SqlType::required(Kind::IntervalYearMonth),
        ));
    }
    let ms = milliseconds(digits, from, last).ok_or_else(refused)?;
    Ok(build::literal(Literal::DayTime(sign * ms), SqlType::required(Kind::IntervalDayTime)))
}

/// None when the units are not of this kind, `Some(None)` when the text does not fit them.
fn months(digits: &str, from: Unit, last: Unit) -> Option<Option<i64>> {
    match (from, last) {
        (Unit::Year, Unit::Year) => Some(number(digits).map(|years| years * 12)),
        (Unit::Quarter, Unit::Quarter) => Some(number(digits).map(|quarters| quarters * 3)),
        (Unit::Month, Unit::Month) => Some(number(digits)),
        (Unit::Year, Unit::Month) => Some(digits.split_once('-').and_then(|(years, months)| {
            let months = number(months).filter(|months| *months < 12)?;
            Some(number(years)? * 12 + months)
        })),
        _ => None,
    }
}

fn number(digits: &str) -> Option<i64> {
    let plain =
        !digits.is_empty() && digits.len() < 11 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn milliseconds(digits: &str, from: Unit, last: Unit) -> Option<i64> {
    if from == Unit::Week && last == Unit::Week {
        return number(digits).map(|weeks| weeks * 7 * DAY_MS);
    }
    let first = PARTS.iter().position(|part| part.0 == from)?;
    let end = PARTS.iter().position(|part| part.0 == last)?;
    let mut rest = digits;
    let mut ms = 0;
    for (at, (unit, most, _, size)) in PARTS.iter().enumerate().take(end + 1).skip(first) {
        let part = if at == end {
            std::mem::take(&mut rest)
        } else {
            let (part, after) = rest.split_once(PARTS[at + 1].2)?;
            rest = after;
            part
        };
        let (whole, fraction) = match part.split_once('.') {
            Some((whole, fraction)) if *unit == Unit::Second => (whole, fraction),
            Some(_) => return None,
            None => (part, ""),
        };
        let value = number(whole).filter(|value| at == first || value <= most)?;
        ms += value * size + thousandths(fraction)?;
    }
    Some(ms)
}

fn thousandths(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(*b"000").take(3);
    Some(digits.fold(0, |ms, b| ms * 10 + i64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::interval;
    use crate::expr::{Literal, Unit};

    #[track_caller]
    fn check(text: &str, from: Unit, to: Option<Unit>, want: Option<Literal>) {
        let made = interval(text, from, to).ok();
        assert_eq!(made.as_ref().and_then(|made| made.as_literal()), want.as_ref());
    }

    #[test]
    fn intervals_are_read_unit_by_unit() {
        use Unit::{Day, Hour, Minute, Month, Second, Year};
        check("1 02:03", Day, Some(Minute), Some(Literal::DayTime(93_780_000)));
        check("1-2", Year, Some(Month), Some(Literal::YearMonth(14)));
        check("-5", Second, None, Some(Literal::DayTime(-5000)));
        check("0.25", Second, None, Some(Literal::DayTime(250)));
        check("90", Minute, None, Some(Literal::DayTime(5_400_000)));
        check("01:02:03.5", Hour, Some(Second), Some(Literal::DayTime(3_723_500)));
        check("1 25:00", Day, Some(Minute), None);
        check("x", Day, None, None);
    }
}
