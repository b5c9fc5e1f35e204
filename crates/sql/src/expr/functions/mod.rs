//! The library of scalar functions called with ordinary syntax, one file per group.
//!
//! A function is an [`Entry`]: a name and either a table of [`Signature`]s whose bodies see one
//! record at a time, or a constructor that builds the expression itself.

mod arrays;
mod binder;
mod collection;
mod concat;
mod conditional;
mod encode;
mod json;
mod maps;
mod math;
mod meta;
mod random;
mod regexp;
mod rounding;
mod row;
mod temporal;
pub(super) mod text;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(super) use binder::{Binding, Body, Entry, Nulls, Param, Signature};
pub(super) use row::Row;

use super::{CallError, Expr, Session};

/// All functions by name.
static REGISTRY: LazyLock<HashMap<&'static str, &'static Entry>> = LazyLock::new(|| {
    let groups: [&'static [Entry]; 13] = [
        arrays::ENTRIES,
        collection::ENTRIES,
        concat::ENTRIES,
        conditional::ENTRIES,
        maps::ENTRIES,
        math::ENTRIES,
        meta::ENTRIES,
        meta::TESTS,
        random::ENTRIES,
        regexp::ENTRIES,
        rounding::ENTRIES,
        text::ENTRIES,
        json::ENTRIES,
    ];
    let groups = groups.into_iter().chain(encode::GROUPS).chain(temporal::GROUPS);
    let mut all = HashMap::new();
    for entry in groups.flatten() {
        for name in entry.names {
            all.insert(*name, entry);
        }
    }
    all
});

/// Whether there is a scalar function of this name (any case).
#[must_use]
pub fn is_function(name: &str) -> bool {
    REGISTRY.contains_key(name.to_ascii_uppercase().as_str())
}

/// A call of a function by name, with ordinary syntax.
pub fn call(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let upper = name.to_ascii_uppercase();
    match REGISTRY.get(upper.as_str()) {
        Some(entry) => binder::bind(session, &upper, entry, args),
        None => {
            Err(CallError::UnknownFunction { name: name.to_owned(), suggestion: closest(&upper) })
        }
    }
}

/// The known name that differs least, when it differs little.
fn closest(name: &str) -> Option<String> {
    let most = (name.len() / 3).max(1);
    let near = REGISTRY.keys().map(|known| (distance(name, known), *known));
    let best = near.filter(|(distance, _)| *distance <= most).min()?;
    Some(best.1.to_owned())
}

/// Single-character edits between two names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
