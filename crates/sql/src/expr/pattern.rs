//! LIKE and SIMILAR TO.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanBuilder, StringArray};
use engine::{Error, Result};
use regex::Regex;

use super::function::{Arguments, Function, Value};
use super::{CallError, Expr, Session};
use crate::types::{Kind, SqlType};

/// Which language a pattern is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Like,
    Similar,
}

#[derive(Debug)]
struct Matches {
    syntax: Syntax,
}

/// A pattern ready to be compared with texts; the common forms need no regular expression.
#[derive(Debug)]
enum Matcher {
    Equals(String),
    Starts(String),
    Ends(String),
    Contains(String),
    Regex(Regex),
}

impl Matcher {
    fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Equals(pattern) => text == pattern,
            Self::Starts(pattern) => text.starts_with(pattern.as_str()),
            Self::Ends(pattern) => text.ends_with(pattern.as_str()),
            Self::Contains(pattern) => text.contains(pattern.as_str()),
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    fn of(syntax: Syntax, pattern: &str, escape: Option<&str>) -> Result<Self> {
        let mut escapes = escape.unwrap_or("").chars();
        let escape_char = escapes.next();
        if escapes.next().is_some() {
            return Err(Error::user(format!(
                "the escape `{}` must be one character",
                escape.unwrap_or("")
            )));
        }
        if syntax == Syntax::Like
            && escape_char.is_none()
            && let Some(simple) = Self::simple(pattern)
        {
            return Ok(simple);
        }
        let body = match syntax {
            Syntax::Like => like_to_regex(pattern, escape_char)?,
            Syntax::Similar => similar_to_regex(pattern, escape_char)?,
        };
        let regex = Regex::new(&format!("(?s)^(?:{body})$")).map_err(|error| {
            Error::user(format!("`{pattern}` is no valid pattern")).because(error)
        })?;
        Ok(Self::Regex(regex))
    }

    fn simple(pattern: &str) -> Option<Self> {
        let inner = pattern.trim_start_matches('%').trim_end_matches('%');
        if inner.contains(['%', '_', '\\']) || pattern.contains("%%") {
            return None;
        }
        let inner = inner.to_owned();
        Some(match (pattern.starts_with('%'), pattern.ends_with('%')) {
            (false, false) => Self::Equals(inner),
            (false, true) => Self::Starts(inner),
            (true, false) => Self::Ends(inner),
            (true, true) => Self::Contains(inner),
        })
    }
}

fn like_to_regex(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => match chars.next() {
                Some(next) if next == '_' || next == '%' || Some(next) == escape => {
                    out.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
                }
                _ => {
                    return Err(Error::user(format!(
                        "the escape `{c}` in the pattern `{pattern}` must stand before `_`, `%` or \
                         itself"
                    )));
                }
            },
            '_' => out.push('.'),
            '%' => out.push_str(".*"),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    Ok(out)
}

/// SQL's regular expressions: `_` and `%` as in LIKE, `| * + ? {} () []` as usual.
fn similar_to_regex(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut out = String::new();
    let mut chars = pattern.chars();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => match chars.next() {
                Some(next) => out.push_str(&regex::escape(next.encode_utf8(&mut [0; 4]))),
                None => {
                    return Err(Error::user(format!(
                        "the pattern `{pattern}` ends with its escape `{c}`"
                    )));
                }
            },
            '[' => {
                in_class = true;
                out.push('[');
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            c if in_class => {
                // `[:alpha:]` and the like stay as they are.
                if matches!(c, '\\' | '&' | '~') {
                    out.push('\\');
                }
                out.push(c);
            }
            '_' => out.push('.'),
            '%' => out.push_str(".*"),
            '.' | '|' | '*' | '+' | '?' | '{' | '}' | '(' | ')' => out.push(c),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    Ok(out)
}

impl Function for Matches {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let constant = values.iter().all(|value| value.constant);
        let rows = if constant { 1 } else { args.rows() };
        let texts: Vec<&StringArray> = values.iter().map(|v| v.array.as_string()).collect();
        let mut out = BooleanBuilder::with_capacity(rows);
        let mut matcher: Option<(String, Matcher)> = None;
        let fixed = values[1..].iter().all(|value| value.constant);
        for row in 0..rows {
            let at = |index: usize| values[index].index(row);
            if texts.iter().enumerate().any(|(index, text)| text.is_null(at(index))) {
                out.append_null();
                continue;
            }
            let pattern = texts[1].value(at(1));
            let same = matcher
                .as_ref()
                .filter(|(known, _)| fixed || texts.len() == 2 && known == pattern)
                .is_some();
            if !same {
                let escape = texts.get(2).map(|escape| escape.value(at(2)));
                matcher = Some((pattern.to_owned(), Matcher::of(self.syntax, pattern, escape)?));
            }
            let matches = matcher.as_ref().is_some_and(|(_, m)| m.is_match(texts[0].value(at(0))));
            out.append_value(matches);
        }
        Ok(Value { array: Arc::new(out.finish()), constant })
    }

    fn may_fail(&self) -> bool {
        true
    }
}

fn bind(
    syntax: Syntax,
    operand: Expr,
    pattern: Expr,
    escape: Option<Expr>,
) -> Result<Expr, CallError> {
    let name = if syntax == Syntax::Like { "LIKE" } else { "SIMILAR TO" };
    let args: Vec<_> = [operand, pattern].into_iter().chain(escape).collect();
    let mut texts = Vec::with_capacity(args.len());
    for arg in args {
        texts.push(match &arg.sql_type().kind {
            kind if kind.is_text() => arg,
            Kind::Null => arg.retyped(SqlType::nullable(Kind::String)),
            kind => {
                return Err(CallError::wrong(format!("`{name}` takes texts, not {kind}")));
            }
        });
    }
    let nullable = texts.iter().any(|text| text.sql_type().nullable);
    let sql_type = SqlType { kind: Kind::Boolean, nullable };
    Ok(Expr::call(name, Matches { syntax }, texts, sql_type))
}

/// `operand LIKE pattern [ESCAPE escape]`; NOT LIKE is its [`super::not`].
pub fn like(
    _session: &Session,
    operand: Expr,
    pattern: Expr,
    escape: Option<Expr>,
) -> Result<Expr, CallError> {
    bind(Syntax::Like, operand, pattern, escape)
}

/// `operand SIMILAR TO pattern [ESCAPE escape]`.
pub fn similar(
    _session: &Session,
    operand: Expr,
    pattern: Expr,
    escape: Option<Expr>,
) -> Result<Expr, CallError> {
    bind(Syntax::Similar, operand, pattern, escape)
}
