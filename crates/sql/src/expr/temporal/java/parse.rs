//! Reading local times by a pattern.

use super::{DAYS, Dialect, Field, Item, MONTHS, Pattern};
use crate::expr::temporal::calendar::{DAY_MS, add_months, days, month_length};
use crate::expr::temporal::stamp::Stamp;

/// Fields found in a text. What is missing is that of 1970-01-01 00:00:00.
#[derive(Debug, Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    /// Hour of the half day, 0 to 11.
    half_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nano: i64,
    /// Seconds east of UTC.
    offset: Option<i64>,
}

impl Pattern {
    /// The local time written in `text`, with the seconds its own offset is east of UTC if it
    /// has one; none when the text does not fit.
    pub(crate) fn parse(&self, text: &str) -> Option<(Stamp, Option<i64>)> {
        let mut found = Found::default();
        let mut rest = text;
        for (at, item) in self.items.iter().enumerate() {
            rest = match item {
                Item::Literal(literal) => rest.strip_prefix(literal.as_str())?,
                Item::Field(field, count) => {
                    let rest = match self.dialect {
                        Dialect::Simple => rest.trim_start(),
                        Dialect::Formatter => rest,
                    };
                    self.read_field(*field, *count, at, rest, &mut found)?
                }
            };
        }
        if self.dialect == Dialect::Formatter && !rest.is_empty() {
            return None;
        }
        let stamp = match self.dialect {
            Dialect::Formatter => found.resolve(),
            Dialect::Simple => Some(found.resolve_leniently()),
        }?;
        Some((stamp, found.offset))
    }

    /// Digits that belong to the numbers directly after item `at`.
    fn reserved(&self, at: usize) -> usize {
        let numbers = self.items[at + 1..].iter().map_while(|item| match item {
            Item::Field(field, count) if is_number(*field, *count) => Some(*count),
            _ => None,
        });
        numbers.sum()
    }

    fn read_field<'a>(
        &self,
        field: Field,
        count: usize,
        at: usize,
        text: &'a str,
        found: &mut Found,
    ) -> Option<&'a str> {
        match field {
            Field::Month if count > 2 => {
                let (index, rest) = one_of(&MONTHS, text)?;
                found.month = Some(index as i64 + 1);
                return Some(rest);
            }
            Field::DayOfWeek => return one_of(&DAYS, text).map(|(_, rest)| rest),
            Field::HalfDay => {
                let half = text.get(..2)?;
                found.afternoon = Some(half.eq_ignore_ascii_case("pm"));
                let known = half.eq_ignore_ascii_case("pm") || half.eq_ignore_ascii_case("am");
                return known.then(|| &text[2..]);
            }
            Field::Era => return text.strip_prefix("AD"),
            Field::Offset | Field::IsoOffset | Field::Zone => return found.offset(text),
            _ => {}
        }
        let (value, digits, rest) = self.number(count, field, at, text)?;
        match field {
            Field::Year if count == 2 && digits == 2 => {
                // DateTimeFormatter counts from 2000, SimpleDateFormat from 80 years ago.
                let century =
                    if self.dialect == Dialect::Simple && value > 45 { 1900 } else { 2000 };
                found.year = Some(century + value);
            }
            Field::Year => found.year = Some(value),
            Field::Month => found.month = Some(value),
            Field::Day => found.day = Some(value),
            Field::DayOfYear => found.day_of_year = Some(value),
            Field::Hour => found.hour = Some(value),
            Field::Hour24 => found.hour = Some(value % 24),
            Field::Hour11 => found.half_hour = Some(value),
            Field::Hour12 => found.half_hour = Some(value % 12),
            Field::Minute => found.minute = Some(value),
            Field::Second => found.second = Some(value),
            Field::Fraction if self.dialect == Dialect::Simple => found.nano = value * 1_000_000,
            Field::Fraction => found.nano = value * 10i64.pow(9 - (digits as u32).min(9)),
            _ => {}
        }
        Some(rest)
    }

    /// A number, how many digits it has, and what follows.
    fn number<'a>(
        &self,
        count: usize,
        field: Field,
        at: usize,
        text: &'a str,
    ) -> Option<(i64, usize, &'a str)> {
        let available = text.bytes().take_while(u8::is_ascii_digit).count();
        let reserved = self.reserved(at);
        let most = match (self.dialect, reserved, field, count) {
            // Numbers that stand next to each other have the width of their letters.
            (Dialect::Simple, 1.., ..) | (Dialect::Formatter, _, Field::Fraction, _) => count,
            (Dialect::Simple, ..) => 18,
            (Dialect::Formatter, 0, _, 1) => 18,
            (Dialect::Formatter, reserved, _, 1) => available.saturating_sub(reserved),
            (Dialect::Formatter, _, _, count) => count,
        };
        let least = if self.dialect == Dialect::Formatter { count } else { 1 };
        let digits = available.min(most);
        if digits < least.min(18) || digits == 0 {
            return None;
        }
        Some((text[..digits].parse().ok()?, digits, &text[digits..]))
    }
}

fn is_number(field: Field, count: usize) -> bool {
    !matches!(
        (field, count),
        (Field::Month, 3..)
            | (
                Field::DayOfWeek
                    | Field::HalfDay
                    | Field::Era
                    | Field::Offset
                    | Field::IsoOffset
                    | Field::Zone,
                _
            )
    )
}

/// A name in full or its first three letters.
fn one_of<'a>(names: &[&str], text: &'a str) -> Option<(usize, &'a str)> {
    let starts =
        |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let full = names.iter().position(|name| starts(name)).map(|at| (at, names[at].len()));
    let found = full.or_else(|| names.iter().position(|name| starts(&name[..3])).map(|at| (at, 3)));
    found.map(|(at, length)| (at, &text[length..]))
}

impl Found {
    /// `Z`, `+0100`, `+01:00`, `+01`, `UTC`, `GMT`.
    fn offset<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        for name in ["UTC", "GMT", "Z"] {
            if let Some(rest) = text.strip_prefix(name) {
                self.offset = Some(0);
                return Some(rest);
            }
        }
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours: i64 = text.get(1..3)?.parse().ok()?;
        let rest = &text[3..];
        let after = rest.strip_prefix(':').unwrap_or(rest);
        let minutes = after.get(..2).and_then(|two| two.parse::<i64>().ok());
        self.offset = Some(sign * (hours * 3600 + minutes.unwrap_or(0) * 60));
        Some(if minutes.is_some() { &after[2..] } else { rest })
    }

    fn hour(&self) -> i64 {
        let half = |hour: i64| hour + if self.afternoon == Some(true) { 12 } else { 0 };
        self.hour.unwrap_or_else(|| self.half_hour.map_or(0, half))
    }

    fn time(&self) -> Stamp {
        let seconds = self.hour() * 3600 + self.minute.unwrap_or(0) * 60 + self.second.unwrap_or(0);
        Stamp { ms: seconds * 1000 + self.nano / 1_000_000, nanos: (self.nano % 1_000_000) as u32 }
    }

    /// Each field within its range; a day beyond a short month is its last.
    fn resolve(&self) -> Option<Stamp> {
        let (year, month) = (self.year.unwrap_or(1970), self.month.unwrap_or(1));
        let day = self.day.unwrap_or(1);
        let within = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..24).contains(&self.hour())
            && (0..60).contains(&self.minute.unwrap_or(0))
            && (0..60).contains(&self.second.unwrap_or(0));
        if !within {
            return None;
        }
        let month = month as u32;
        let date = match self.day_of_year {
            Some(day) if self.month.is_none() => days(year, 1, 1) + day - 1,
            _ => days(year, month, (day as u32).min(month_length(year, month))),
        };
        let time = self.time();
        Some(Stamp { ms: date * DAY_MS + time.ms, ..time })
    }

    /// Fields beyond their range run over into the next.
    fn resolve_leniently(&self) -> Stamp {
        let first = days(self.year.unwrap_or(1970), 1, 1);
        let date = match self.day_of_year {
            Some(day) if self.month.is_none() => first + day - 1,
            _ => add_months(first, self.month.unwrap_or(1) - 1) + self.day.unwrap_or(1) - 1,
        };
        let time = self.time();
        Stamp { ms: date * DAY_MS + time.ms, ..time }
    }
}
