//! JSON values read from text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A JSON value. Objects are sorted by key, as Flink's JSON functions write them.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::expr) enum Json {
    Null,
    Boolean(bool),
    /// As Java would print it: an integer, or a `BigDecimal`.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 500;

impl Json {
    /// Reads the value at the start of `text`; what follows it is not looked at.
    pub(in crate::expr) fn parse(text: &str) -> Option<Self> {
        Reader { text, at: 0, depth: 0 }.value()
    }

    /// Neither an array nor an object.
    pub(in crate::expr) fn is_scalar(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Object(_))
    }

    /// Writes the value without blanks.
    pub(in crate::expr) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => write_text(text, out),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (index, (key, value)) in fields.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// A text in quotes, escaped as Jackson does.
pub(in crate::expr) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, wanted: u8) -> bool {
        self.skip_blanks();
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        let rest = self.text[self.at..].strip_prefix(word)?;
        // `nullx` is no null.
        let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        self.at += word.len();
        ends.then_some(value)
    }

    fn value(&mut self) -> Option<Json> {
        self.skip_blanks();
        match self.peek()? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => self.string().map(Json::Text),
            b't' => self.word("true", Json::Boolean(true)),
            b'f' => self.word("false", Json::Boolean(false)),
            b'n' => self.word("null", Json::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Json>) -> Option<Json> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Option<Json> {
        let mut fields = BTreeMap::new();
        if self.eat(b'}') {
            return Some(Json::Object(fields));
        }
        loop {
            self.skip_blanks();
            let key = self.string()?;
            if !self.eat(b':') {
                return None;
            }
            // The last of several equal keys counts.
            fields.insert(key, self.value()?);
            if self.eat(b'}') {
                return Some(Json::Object(fields));
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    fn array(&mut self) -> Option<Json> {
        let mut items = Vec::new();
        if self.eat(b']') {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.eat(b']') {
                return Some(Json::Array(items));
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if self.peek() != Some(b'"') {
            return None;
        }
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find(['"', '\\'])?;
            if rest[..end].bytes().any(|b| b < b' ') {
                return None;
            }
            out.push_str(&rest[..end]);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return Some(out);
            }
            self.escape(&mut out)?;
        }
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        let escaped = self.peek()?;
        self.at += 1;
        out.push(match escaped {
            b'"' | b'\\' | b'/' => char::from(escaped),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(out),
            _ => return None,
        });
        Some(())
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn unicode(&mut self, out: &mut String) -> Option<()> {
        let unit = self.hex()?;
        let code = if (0xD800..0xDC00).contains(&unit) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            let low = self.hex()?;
            0x10000 + ((unit - 0xD800) << 10) + low.checked_sub(0xDC00)?
        } else {
            unit
        };
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        Some(())
    }

    fn number(&mut self) -> Option<Json> {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let digits = &rest[..end];
        self.at += end;
        canonical(digits).map(Json::Number)
    }
}

/// A JSON number as Java prints it after reading; none when it is none.
fn canonical(text: &str) -> Option<String> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if !plain(whole) || leading_zero || fraction.is_some_and(|fraction| !plain(fraction)) {
        return None;
    }
    if fraction.is_none() && exponent.is_none() {
        return Some(if unsigned == "0" { "0".to_owned() } else { text.to_owned() });
    }
    let exponent: i64 = exponent.map_or(Some(0), |exponent| exponent.parse().ok())?;
    let fraction = fraction.unwrap_or("");
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let scale = fraction.len() as i64 - exponent;
    let sign = if negative && digits != "0" { "-" } else { "" };
    Some(format!("{sign}{}", big_decimal(digits, scale)))
}

/// `digits` / 10^`scale` as Java's `BigDecimal.toString` gives it.
pub(super) fn big_decimal(digits: &str, scale: i64) -> String {
    let length = digits.len() as i64;
    let adjusted = length - 1 - scale;
    if scale >= 0 && adjusted >= -6 {
        if scale == 0 {
            return digits.to_owned();
        }
        if length > scale {
            let (whole, fraction) = digits.split_at((length - scale) as usize);
            return format!("{whole}.{fraction}");
        }
        return format!("0.{}{digits}", "0".repeat((scale - length) as usize));
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    match adjusted {
        0 => format!("{first}{point}{rest}"),
        adjusted => format!("{first}{point}{rest}E{adjusted:+}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[track_caller]
    fn check(text: &str, want: Option<&str>) {
        let written = Json::parse(text).map(|json| {
            let mut out = String::new();
            json.write(&mut out);
            out
        });
        assert_eq!(written.as_deref(), want);
    }

    #[test]
    fn json_is_read_and_written() {
        check(
            r#" {"b":1,"a":[true,null,"x\n\u00e4"]} "#,
            Some(r#"{"a":[true,null,"x\nä"],"b":1}"#),
        );
        check("1.00", Some("1.00"));
        check("1e3", Some("1E+3"));
        check("0.0000001", Some("1E-7"));
        check("-0", Some("0"));
        check("\"\\ud83d\\ude00\"", Some("\"😀\""));
        check("[]", Some("[]"));
        check("{", None);
        check("", None);
        check("not json", None);
        check("01", None);
        check("nullx", None);
    }
}
