//! Texts as dates, times and timestamps, as CAST reads them.

use super::calendar::{DAY_MS, days, month_length};
use super::stamp::Stamp;

/// The number in a text of digits, with a sign and blanks around.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A date: `2024-2-9`, `2024-02` and `2024` too; a time after a blank is passed over. Days since
/// 1970.
pub(crate) fn date(text: &str) -> Option<i32> {
    let text = match text.find(' ') {
        Some(blank) if blank > 0 => &text[..blank],
        _ => text,
    };
    let mut parts = text.splitn(3, '-');
    let year = integer(parts.next()?)?;
    let month = parts.next().map_or(Some(1), integer)?;
    let day = parts.next().map_or(Some(1), integer)?;
    if !(0..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let month = month as u32;
    if day < 1 || day > i64::from(month_length(year, month)) {
        return None;
    }
    Some(days(year, month, day as u32) as i32)
}

/// One or two digits, and what follows.
fn two_digits(text: &str) -> Option<(u32, &str)> {
    let end = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// `01:02:03.456` with one or two digits each: milliseconds of the day, nanoseconds, the rest.
fn clock(text: &str) -> Option<(i64, u32, &str)> {
    let (hour, text) = two_digits(text)?;
    let (minute, text) = two_digits(text.strip_prefix(':')?)?;
    let (second, mut text) = two_digits(text.strip_prefix(':')?)?;
    let mut nano_of_second = 0u32;
    if let Some(fraction) = text.strip_prefix('.') {
        let end = fraction.bytes().take(9).take_while(u8::is_ascii_digit).count();
        let digits: u32 = if end == 0 { 0 } else { fraction[..end].parse().ok()? };
        nano_of_second = digits * 10u32.pow(9 - end as u32);
        text = &fraction[end..];
    }
    let midnight = hour == 24 && minute == 0 && second == 0 && nano_of_second == 0;
    if hour > 23 && !midnight || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let ms = seconds * 1000 + i64::from(nano_of_second / 1_000_000);
    Some((ms, nano_of_second % 1_000_000, text))
}

/// A timestamp: `2024-2-9`, `2024-02-09 10:11:12.3456`. A day beyond a short month is its last.
pub(crate) fn timestamp(text: &str) -> Option<Stamp> {
    let year = text.get(..4)?;
    if !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let year: i64 = year.parse().ok()?;
    let (month, rest) = two_digits(text[4..].strip_prefix('-')?)?;
    let (day, rest) = two_digits(rest.strip_prefix('-')?)?;
    if year == 0 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let date = days(year, month, day.min(month_length(year, month)));
    let (ms, nanos) = match rest {
        "" => (0, 0),
        rest => match clock(rest.strip_prefix(' ')?)? {
            (ms, nanos, "") => (ms, nanos),
            _ => return None,
        },
    };
    Some(Stamp { ms: date * DAY_MS + ms, nanos })
}

/// A time of day: `01:02:03.456`, `01:02`, `1`. Milliseconds.
pub(crate) fn time(text: &str) -> Option<i32> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let (main, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = main.splitn(3, ':');
    let hour = integer(parts.next()?)?;
    let minute = parts.next().map_or(Some(0), integer)?;
    let second = parts.next().map_or(Some(0), integer)?;
    let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    if !fits || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let ms = fraction.bytes().chain(*b"000").take(3).fold(0, |ms, b| ms * 10 + i64::from(b - b'0'));
    Some(((hour * 3600 + minute * 60 + second) * 1000 + ms) as i32)
}

/// Cuts a timestamp to a number of digits after the second. As in Flink, a fraction whose
/// nanoseconds have no more digits than that is left alone (1 ns stays in a TIMESTAMP(3)).
pub(crate) fn cut(at: Stamp, precision: u8) -> Stamp {
    let fraction = at.nano_of_second();
    let digits = fraction.checked_ilog10().unwrap_or(0) + 1;
    if digits <= u32::from(precision) {
        return at;
    }
    if precision <= 3 {
        let unit = 10i64.pow(u32::from(3 - precision));
        return Stamp::of_ms(at.ms - at.ms.rem_euclid(unit));
    }
    let unit = 10u32.pow(u32::from(9 - precision.min(9)));
    Stamp { ms: at.ms, nanos: at.nanos - at.nanos % unit }
}

#[cfg(test)]
mod tests {
    use super::{date, time, timestamp};
    use crate::expr::temporal::calendar::{DAY_MS, days};

    #[test]
    fn dates_may_be_short() {
        let day = |y, m, d| Some(days(y, m, d) as i32);
        assert_eq!(date("2024-02-29"), day(2024, 2, 29));
        assert_eq!(date("2024-2-9 11:00:00"), day(2024, 2, 9));
        assert_eq!(date("12"), day(12, 1, 1));
        assert_eq!(date("0"), day(0, 1, 1));
        for bad in ["2024-02-30", "2024-13-01", "2024-02-29T10:11:12", "T", "", "nonsense"] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    #[test]
    fn timestamps_may_have_days_too_many() {
        let ms = |y, m, d| days(y, m, d) * DAY_MS;
        let read = |text| timestamp(text).map(|at| at.ms);
        assert_eq!(read("2024-02-30"), Some(ms(2024, 2, 29)));
        assert_eq!(read("2024-02-30 10:00:00"), Some(ms(2024, 2, 29) + 36_000_000));
        assert_eq!(read("2024-2-9 1:2:3.4"), Some(ms(2024, 2, 9) + 3_723_400));
        for bad in ["12", "2024-13-01", "2024-01-01T00:00:00", "2024-01-01 10:00", "24-1-1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(time("10:11:12.5"), Some(36_672_500));
        assert_eq!(time("25:00:00"), None);
    }
}
