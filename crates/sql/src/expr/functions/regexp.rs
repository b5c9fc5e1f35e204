//! Regular expressions, in Java's language as far as the `regex` crate knows it.

use std::cell::RefCell;
use std::rc::Rc;

use regex::Regex;

use super::text::entries;
use super::{Binding, Body, Entry, Nulls, Param, Row, Signature};

use Nulls::MayBeNull;
use Param::{Int, Text};

pub(super) const ENTRIES: &[Entry] = entries! {
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
        let regex = Regex::new(pattern).ok().map(Rc::new);
        kept.truncate(KEPT - 1);
        kept.insert(0, (pattern.to_owned(), regex.clone()));
        regex
    })
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
