//! Texts: case, parts, padding, searching.

use super::{Binding, Body, Entry, Nulls, Param, Row, Signature};
use crate::expr::{CallError, Expr, Session, TrimSide};

use Nulls::{MayBeNull, Strict};
use Param::{Int, Long, Text};

macro_rules! entries {
    ($($names:expr => $params:expr, $optional:expr, $nulls:expr, $body:expr;)*) => {
        &[$(Entry {
            names: &$names,
            binding: Binding::Table(&[Signature {
                params: &$params,
                optional: $optional,
                variadic: false,
                nulls: $nulls,
                body: $body,
            }]),
        }),*]
    };
}
pub(super) use entries;

pub(super) const ENTRIES: &[Entry] = entries! {
    ["UPPER", "UCASE"] => [Text], 0, Strict, Body::Text(|r, out| put(out, &r.text(0).to_uppercase()));
    ["LOWER", "LCASE"] => [Text], 0, Strict, Body::Text(|r, out| put(out, &r.text(0).to_lowercase()));
    ["INITCAP"] => [Text], 0, Strict, Body::Text(|r, out| init_cap(r.text(0), out));
    ["REVERSE"] => [Text], 0, Strict, Body::Text(|r, out| {
        out.extend(r.text(0).chars().rev());
        true
    });
    ["CHAR_LENGTH", "CHARACTER_LENGTH"] => [Text], 0, Strict,
        Body::Int(|r| Some(count(r.text(0)) as i32));
    ["ASCII"] => [Text], 0, Strict,
        Body::Int(|r| Some(r.text(0).bytes().next().map_or(0, |b| i32::from(b as i8))));
    ["CHR"] => [Long], 0, Strict, Body::Text(|r, out| chr(r.long(0), out));
    ["REPEAT"] => [Text, Int], 0, Strict, Body::Text(|r, out| {
        (0..r.int(1)).for_each(|_| out.push_str(r.text(0)));
        true
    });
    ["SUBSTRING", "SUBSTR"] => [Text, Int, Int], 1, MayBeNull, Body::Text(substring);
    ["LEFT"] => [Text, Int], 0, Strict, Body::Text(|r, out| {
        let keep = usize::try_from(r.int(1)).unwrap_or(0);
        out.extend(r.text(0).chars().take(keep));
        true
    });
    ["RIGHT"] => [Text, Int], 0, Strict, Body::Text(|r, out| {
        let keep = usize::try_from(r.int(1)).unwrap_or(0);
        let length = count(r.text(0));
        out.extend(r.text(0).chars().skip(length.saturating_sub(keep)));
        true
    });
    ["LPAD"] => [Text, Int, Text], 0, MayBeNull, Body::Text(|r, out| pad(r, out, true));
    ["RPAD"] => [Text, Int, Text], 0, MayBeNull, Body::Text(|r, out| pad(r, out, false));
    ["REPLACE"] => [Text, Text, Text], 0, Strict,
        Body::Text(|r, out| put(out, &r.text(0).replace(r.text(1), r.text(2))));
    ["TRANSLATE", "TRANSLATE3"] => [Text, Text, Text], 0, Strict, Body::Text(translate);
    ["OVERLAY"] => [Text, Text, Int, Int], 1, Strict, Body::Text(overlay);
    ["POSITION"] => [Text, Text], 0, Strict, Body::Int(|r| Some(find(r.text(0), r.text(1), 1)));
    ["LOCATE"] => [Text, Text, Int], 1, Strict, Body::Int(|r| {
        Some(find(r.text(0), r.text(1), if r.len() > 2 { r.int(2) } else { 1 }))
    });
    ["INSTR"] => [Text, Text], 0, Strict, Body::Int(|r| Some(find(r.text(1), r.text(0), 1)));
    ["STARTSWITH"] => [Text, Text], 0, Strict,
        Body::Boolean(|r| Some(r.text(0).starts_with(r.text(1))));
    ["ENDSWITH"] => [Text, Text], 0, Strict,
        Body::Boolean(|r| Some(r.text(0).ends_with(r.text(1))));
    ["SPLIT_INDEX"] => [Text, Text, Int], 0, MayBeNull, Body::Text(split_index);
    ["LTRIM"] => [Text, Text], 1, Strict, Body::Text(|r, out| trimmed(r, TrimSide::Leading, out));
    ["RTRIM"] => [Text, Text], 1, Strict, Body::Text(|r, out| trimmed(r, TrimSide::Trailing, out));
    ["BTRIM", "TRIM"] => [Text, Text], 1, Strict,
        Body::Text(|r, out| trimmed(r, TrimSide::Both, out));
};

fn put(out: &mut String, text: &str) -> bool {
    out.push_str(text);
    true
}

fn count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// Capital after anything that is no ASCII letter or digit; other letters are left alone.
fn init_cap(text: &str, out: &mut String) -> bool {
    let mut start = true;
    for c in text.chars() {
        out.push(if start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
        start = !c.is_ascii_alphanumeric();
    }
    true
}

fn chr(code: i64, out: &mut String) -> bool {
    if code >= 0 {
        out.push(char::from((code & 0xFF) as u8));
    }
    true
}

/// Positions count from 1, from the end when negative; 0 is as 1.
fn substring(r: &Row<'_>, out: &mut String) -> bool {
    let (text, from) = (r.text(0), i64::from(r.int(1)));
    let length = if r.len() > 2 { i64::from(r.int(2)) } else { i64::MAX };
    if length < 0 {
        return false;
    }
    let start = match from {
        1.. => from - 1,
        0 => 0,
        _ => count(text) as i64 + from,
    };
    let (Ok(start), Ok(length)) = (usize::try_from(start), usize::try_from(length)) else {
        return true;
    };
    if text.is_ascii() {
        let start = start.min(text.len());
        out.push_str(&text[start..start.saturating_add(length).min(text.len())]);
    } else {
        out.extend(text.chars().skip(start).take(length));
    }
    true
}

fn pad(r: &Row<'_>, out: &mut String, left: bool) -> bool {
    let (text, padding) = (r.text(0), r.text(2));
    let Ok(length) = usize::try_from(r.int(1)) else { return false };
    if padding.is_empty() {
        return false;
    }
    let given = count(text);
    let fill = padding.chars().cycle().take(length.saturating_sub(given));
    if left {
        out.extend(fill);
        out.extend(text.chars().take(length));
    } else {
        out.extend(text.chars().take(length));
        out.extend(fill);
    }
    true
}

/// Replaces character by character; those without a counterpart go away.
fn translate(r: &Row<'_>, out: &mut String) -> bool {
    let (from, to) = (r.text(1), r.text(2));
    for c in r.text(0).chars() {
        match from.chars().position(|known| known == c) {
            None => out.push(c),
            Some(at) => out.extend(to.chars().nth(at)),
        }
    }
    true
}

/// As in Flink nothing of the rest stays when the replaced part reaches the end or is empty.
fn overlay(r: &Row<'_>, out: &mut String) -> bool {
    let (text, new, start) = (r.text(0), r.text(1), i64::from(r.int(2)));
    let length = if r.len() > 3 { i64::from(r.int(3)) } else { count(new) as i64 };
    let given = count(text) as i64;
    if start <= 0 || start > given {
        out.push_str(text);
        return true;
    }
    out.extend(text.chars().take(start as usize - 1));
    out.push_str(new);
    if start + length <= given && length > 0 {
        out.extend(text.chars().skip((start - 1 + length) as usize));
    }
    true
}

/// Position (from 1) of a text in another, at or after position `from`; 0 when it is not there.
fn find(needle: &str, text: &str, from: i32) -> i32 {
    if from <= 0 {
        return 0;
    }
    let skip = from as usize - 1;
    let Some(start) = text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(skip) else {
        return 0;
    };
    match text[start..].find(needle) {
        Some(at) => (skip + count(&text[start..start + at])) as i32 + 1,
        None => 0,
    }
}

/// Part `index` (from 0) between separators.
fn split_index(r: &Row<'_>, out: &mut String) -> bool {
    let (text, separator) = (r.text(0), r.text(1));
    let Ok(index) = usize::try_from(r.int(2)) else { return false };
    if text.is_empty() {
        return false;
    }
    let part = if separator.is_empty() {
        text.split(char::is_whitespace).nth(index)
    } else {
        text.split(separator).nth(index)
    };
    part.is_some_and(|part| put(out, part))
}

fn trimmed(r: &Row<'_>, side: TrimSide, out: &mut String) -> bool {
    let what = if r.len() > 1 { r.text(1) } else { " " };
    let unwanted = |c: char| what.contains(c);
    put(
        out,
        match side {
            TrimSide::Leading => r.text(0).trim_start_matches(unwanted),
            TrimSide::Trailing => r.text(0).trim_end_matches(unwanted),
            TrimSide::Both => r.text(0).trim_matches(unwanted),
        },
    )
}

/// `TRIM([side] [what] FROM operand)`: every character of `what` goes, blanks by default.
pub fn trim(
    session: &Session,
    side: TrimSide,
    what: Option<Expr>,
    operand: Expr,
) -> Result<Expr, CallError> {
    let name = match side {
        TrimSide::Leading => "LTRIM",
        TrimSide::Trailing => "RTRIM",
        TrimSide::Both => "BTRIM",
    };
    let args = [operand].into_iter().chain(what).collect();
    super::call(session, name, args)
}
