//! Regular expressions, in Java's language as far as the `regex` crate knows it.

use std::cell::RefCell;
use std::rc::Rc;

use regex::Regex;

use super::text::entries;
use super::{Binding, Body, Entry, Nulls, Param, Row, Signature};
use crate::expr::{CallError, Expr, Literal, Session};

use Nulls::MayBeNull;
use Param::{Int, Text};

pub(super) const ENTRIES: &[Entry] = &[Entry {
    names: &[
        "REGEXP",
        "RLIKE",
        "REGEXP_EXTRACT",
        "REGEXP_REPLACE",
        "REGEXP_COUNT",
        "REGEXP_SUBSTR",
        "REGEXP_INSTR",
    ],
    binding: Binding::Special { least: 2, most: 3, build },
}];

/// A constant pattern must be one that can be run; others give NULL where they are none.
fn build(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    if let Some(Literal::Text(pattern)) = args[1].as_literal()
        && let Err(error) = Regex::new(&in_our_syntax(pattern))
    {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        return Err(CallError::wrong(format!(
            "`{pattern}` is no regular expression that can be run: {reason}"
        )));
    }
    match TABLE.iter().find(|entry| entry.names.contains(&name)) {
        Some(entry) => super::binder::bind(session, name, entry, args),
        None => Err(CallError::UnknownFunction { name: name.to_owned(), suggestion: None }),
    }
}

/// The functions themselves; reached after a constant pattern was looked at.
const TABLE: &[Entry] = entries! {
    ["REGEXP", "RLIKE"] => [Text, Text], 0, MayBeNull, Body::Boolean(|r| {
        let found = compiled(r.text(1)).is_some_and(|regex| regex.is_match(r.text(0)));
        Some(found && !r.text(1).is_empty())
    });
    ["REGEXP_EXTRACT"] => [Text, Text, Int], 1, MayBeNull, Body::Text(extract);
    ["REGEXP_REPLACE"] => [Text, Text, Text], 0, MayBeNull, Body::Text(|r, out| {
        compiled(r.text(1)).is_some_and(|regex| {
            out.push_str(&regex.replace_all(r.text(0), regex::NoExpand(r.text(2))));
            true
        })
    });
    ["REGEXP_COUNT"] => [Text, Text], 0, MayBeNull, Body::Int(|r| {
        compiled(r.text(1)).map(|regex| regex.find_iter(r.text(0)).count() as i32)
    });
    ["REGEXP_SUBSTR"] => [Text, Text], 0, MayBeNull, Body::Text(|r, out| {
        let regex = compiled(r.text(1));
        let found = regex.as_ref().and_then(|regex| regex.find(r.text(0)));
        found.is_some_and(|found| {
            out.push_str(found.as_str());
            true
        })
    });
    ["REGEXP_INSTR"] => [Text, Text], 0, MayBeNull, Body::Int(|r| {
        compiled(r.text(1)).map(|regex| {
            regex.find(r.text(0)).map_or(0, |found| {
                r.text(0)[..found.start()].chars().count() as i32 + 1
            })
        })
    });
};

/// Group `index` (the whole match by default) of the first match.
fn extract(r: &Row<'_>, out: &mut String) -> bool {
    let group = if r.len() > 2 { r.int(2) } else { 0 };
    let Ok(group) = usize::try_from(group) else { return false };
    let regex = compiled(r.text(1));
    let captures = regex.as_ref().and_then(|regex| regex.captures(r.text(0)));
    captures.and_then(|captures| captures.get(group)).is_some_and(|found| {
        out.push_str(found.as_str());
        true
    })
}

/// How many patterns a thread keeps compiled.
const KEPT: usize = 32;

thread_local! {
    /// Patterns used lately, the latest first; none for a text that is no pattern.
    static COMPILED: RefCell<Vec<(String, Option<Rc<Regex>>)>> = const { RefCell::new(Vec::new()) };
}

/// The pattern compiled; none when it is no regular expression.
pub(super) fn compiled(pattern: &str) -> Option<Rc<Regex>> {
    COMPILED.with_borrow_mut(|kept| {
        if let Some(at) = kept.iter().position(|(known, _)| known == pattern) {
            kept[..=at].rotate_right(1);
            return kept[0].1.clone();
        }
        let regex = Regex::new(&in_our_syntax(pattern)).ok().map(Rc::new);
        kept.truncate(KEPT - 1);
        kept.insert(0, (pattern.to_owned(), regex.clone()));
        regex
    })
}

/// Java's pattern in the syntax of the `regex` crate: in Java `\d`, `\w`, `\s` are about ASCII.
fn in_our_syntax(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[A-Za-z0-9_]"),
            Some('W') => out.push_str("[^A-Za-z0-9_]"),
            Some('s') => out.push_str(r"[ \t\n\x0B\f\r]"),
            Some('S') => out.push_str(r"[^ \t\n\x0B\f\r]"),
            Some('Z') => out.push_str(r"\n?\z"),
            Some('h') => out.push_str(r"[ \t\xA0]"),
            Some('R') => out.push_str(r"(?:\r\n|[\n\x0B\f\r])"),
            Some('Q') => {
                let rest = chars.as_str();
                let end = rest.find(r"\E").unwrap_or(rest.len());
                out.push_str(&regex::escape(&rest[..end]));
                chars = rest.get(end + 2..).unwrap_or("").chars();
            }
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// Whether a text means itself as a regular expression.
fn is_plain(pattern: &str) -> bool {
    !pattern.contains(['\\', '.', '[', ']', '{', '}', '(', ')', '*', '+', '?', '^', '$', '|'])
}

/// Parts between matches of `delimiter`, as Java's `String.split` gives them: empty parts at the
/// end are left out, and nothing comes of an empty text.
pub(super) fn split<'a>(text: &'a str, delimiter: &str) -> Vec<&'a str> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut parts: Vec<&str> = if is_plain(delimiter) && !delimiter.is_empty() {
        text.split(delimiter).collect()
    } else {
        match compiled(delimiter) {
            Some(regex) => regex.split(text).collect(),
            None => vec![text],
        }
    };
    while parts.len() > 1 && parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    parts
}

/// What is before and after the first match of `delimiter`.
pub(super) fn split_once<'a>(text: &'a str, delimiter: &str) -> (&'a str, Option<&'a str>) {
    let halves = if is_plain(delimiter) && !delimiter.is_empty() {
        text.split_once(delimiter)
    } else {
        let regex = compiled(delimiter);
        let found = regex.as_ref().and_then(|regex| regex.find(text));
        found.map(|found| (&text[..found.start()], &text[found.end()..]))
    };
    match halves {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}
