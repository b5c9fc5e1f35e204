//! What is said about a program that cannot be run, and where in its text.

use std::fmt;

use sqlparser::ast::{Ident, Spanned};
use sqlparser::tokenizer::{Location, Span};

/// Result of everything that reads, binds or plans SQL text.
pub type Result<T, E = Diagnostic> = std::result::Result<T, E>;

/// A place in SQL text: line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl Place {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };

    /// Where `node` begins; `otherwise` when the parser kept no position for it.
    pub(crate) fn of(node: &impl Spanned, otherwise: Self) -> Self {
        Self::from_span(node.span()).unwrap_or(otherwise)
    }

    /// Where a name stands.
    pub(crate) fn of_name(name: &Ident, otherwise: Self) -> Self {
        Self::from_span(name.span).unwrap_or(otherwise)
    }

    /// Where `span` begins, if it is known.
    pub(crate) fn from_span(span: Span) -> Option<Self> {
        (span.start.line > 0).then_some(span.start.into())
    }
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self { line: location.line.max(1), column: location.column.max(1) }
    }
}

/// Why a program is refused, where, and what would work instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line in the text, from 1.
    pub line: u64,
    /// Column in the line, in characters, from 1.
    pub column: u64,
    /// What is wrong: lower case, names in backticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A finding without advice.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { line: place.line, column: place.column, message: message.into(), hint: None }
    }

    /// The same finding with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same finding; with `did you mean` advice if `candidates` has a name much like `name`.
    pub(crate) fn did_you_mean<'a>(
        self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match closest(name, candidates) {
            Some(candidate) => self.hint(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }

    /// Where it was found.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { line: self.line, column: self.column }
    }

    /// The same finding at another place (in a text this one was made from).
    #[must_use]
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.line = place.line;
        self.column = place.column;
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// The candidate nearest to `name`: the same but for upper and lower case, or few letters away.
fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let limit = (wanted.chars().count() + 1) / 3;
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_nearest_candidate() {
        let names = ["temperature", "event_time", "sensor_id"];
        assert_eq!(closest("temprature", names), Some("temperature"));
        assert_eq!(closest("SENSOR_ID", names), Some("sensor_id"));
        assert_eq!(closest("colour", names), None);
    }

    #[test]
    fn prints_place_message_and_hint() {
        let found = Diagnostic::new(Place { line: 3, column: 14 }, "unknown column `colour`")
            .did_you_mean("colour", ["color"]);
        assert_eq!(
            found.to_string(),
            "line 3, column 14: unknown column `colour`; did you mean `color`?"
        );
    }
}
