//! Rows as Java's `Row.toString` spells them: `+I[1, a, 2024-01-01T00:00, null]`.

use engine::batch::RowKind;

use crate::format::{Values, View, children, write_double, write_float};

/// One row with its kind.
pub(super) fn row(kind: RowKind, columns: &[View<'_>], row: usize) -> String {
    let kind = match kind {
        RowKind::Insert => "+I",
        RowKind::UpdateBefore => "-U",
        RowKind::UpdateAfter => "+U",
        RowKind::Delete => "-D",
    };
    format!("{kind}[{}]", joined(columns.iter().map(|column| value(column, row))))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn value(column: &View<'_>, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    match &column.values {
        Values::Bool(values) => values.value(row).to_string(),
        Values::Tiny(values) => values[row].to_string(),
        Values::Small(values) => values[row].to_string(),
        Values::Int(values) => values[row].to_string(),
        Values::Big(values) => values[row].to_string(),
        Values::Float(values) => written(|out| write_float(out, values[row])),
        Values::Double(values) => written(|out| write_double(out, values[row])),
        Values::Decimal { values, scale } => decimal(values[row], *scale),
        Values::Text(values) => values.value(row).to_owned(),
        // Java's bytes are signed.
        Values::Binary(values) => {
            let bytes = values.value(row).iter().map(|byte| byte.cast_signed().to_string());
            format!("[{}]", joined(bytes))
        }
        Values::Date(values) => date(i64::from(values[row])),
        Values::Time(values) => time(i64::from(values[row]) * 1_000_000),
        Values::Timestamp { values, per_second, zoned } => {
            timestamp(values[row], *per_second, *zoned)
        }
        Values::Months(values) => months(values[row]),
        Values::Millis(values) => duration(values[row]),
        Values::List { offsets, item } => {
            format!("[{}]", joined(children(offsets, row).map(|at| value(item, at))))
        }
        Values::Map { offsets, key, value: values } => {
            let entry = |at| format!("{}={}", value(key, at), value(values, at));
            format!("{{{}}}", joined(children(offsets, row).map(entry)))
        }
        Values::Row { columns, .. } => self::row(RowKind::Insert, columns, row),
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// With all digits of its scale (`BigDecimal.toString` of a number with scale 0 to 38).
fn decimal(value: i128, scale: i8) -> String {
    let digits = value.unsigned_abs().to_string();
    let scale = usize::from(scale.unsigned_abs());
    let sign = if value < 0 { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    // Java turns to exponents where the first digit stands more than six places behind the point.
    let exponent = digits.len() as i32 - 1 - scale as i32;
    if exponent < -6 {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}E{exponent}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

fn date(days: i64) -> String {
    written(|out| crate::format::write_date(out, days))
}

/// `LocalTime.toString`: seconds only where there are some, fractions of 3, 6 or 9 digits.
fn time(nanos: i64) -> String {
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let mut text = format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 != 0 || fraction != 0 {
        text += &format!(":{:02}{}", seconds % 60, grouped(fraction));
    }
    text
}

fn grouped(fraction: i64) -> String {
    match fraction {
        0 => String::new(),
        nanos if nanos % 1_000_000 == 0 => format!(".{:03}", nanos / 1_000_000),
        nanos if nanos % 1000 == 0 => format!(".{:06}", nanos / 1000),
        nanos => format!(".{nanos:09}"),
    }
}

/// `LocalDateTime.toString`, or `Instant.toString`, which never leaves the seconds out.
fn timestamp(value: i64, per_second: i64, zoned: bool) -> String {
    let seconds = value.div_euclid(per_second);
    let fraction = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
    let of_day = seconds.rem_euclid(86_400);
    let day = date(seconds.div_euclid(86_400));
    if !zoned {
        return format!("{day}T{}", time(of_day * 1_000_000_000 + fraction));
    }
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{day}T{hour:02}:{minute:02}:{second:02}{}Z", grouped(fraction))
}

/// `Period.toString` of years and months.
fn months(months: i32) -> String {
    let (years, rest) = (months / 12, months % 12);
    match (years, rest) {
        (0, 0) => "P0D".to_owned(),
        (0, rest) => format!("P{rest}M"),
        (years, 0) => format!("P{years}Y"),
        (years, rest) => format!("P{years}Y{rest}M"),
    }
}

/// `Duration.toString`.
fn duration(millis: i64) -> String {
    if millis == 0 {
        return "PT0S".to_owned();
    }
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let rest = millis % 60_000;
    let mut text = "PT".to_owned();
    if hours != 0 {
        text += &format!("{hours}H");
    }
    if minutes != 0 {
        text += &format!("{minutes}M");
    }
    if rest != 0 {
        let sign = if rest < 0 { "-" } else { "" };
        let (whole, part) = (rest.abs() / 1000, rest.abs() % 1000);
        let part = if part == 0 { String::new() } else { format!(".{part:03}") };
        text += &format!("{sign}{whole}{}S", part.trim_end_matches('0'));
    }
    text
}
