//! The AWS API as data: which members a request may have, and which an answer has.
//!
//! One generic check holds every request against its shape before any use case sees it, and one
//! generic cut leaves in an answer only what AWS clients know.

mod check;
mod cut;
mod pattern;
mod read;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(super) use check::Wrong;
use pattern::Pattern;

/// All shapes, by name.
#[derive(Debug)]
pub(super) struct Shapes(HashMap<&'static str, Shape>);

/// What a value looks like.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    Structure(Vec<Member>),
    List { size: Range, of: &'static str },
    Map { size: Range, key: &'static str, value: &'static str },
    Text { length: Range, pattern: Option<Pattern> },
    Choice(Vec<&'static str>),
    Integer(Range),
    Truth,
    Time,
    Blob(Range),
}

/// A member of a structure.
#[derive(Debug, PartialEq, Eq)]
struct Member {
    name: &'static str,
    shape: &'static str,
    required: bool,
}

/// Limits of a length or a number; absent = none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    least: Option<i64>,
    most: Option<i64>,
}

/// The shapes of this API.
pub(super) static SHAPES: LazyLock<Shapes> =
    LazyLock::new(|| read::shapes(include_str!("shapes.txt")));

impl Shapes {
    fn named(&self, name: &str) -> &Shape {
        self.0.get(name).expect("a test visits every name in the file")
    }
}
