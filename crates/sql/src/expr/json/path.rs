//! JSON paths: `$.a.b[0]`, `$['a'][*]`, `$..x`.

use super::Json;

/// A path, and whether it may miss what is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// `lax`: what is missing is nothing. Otherwise (`strict`, the default) it is an error.
    pub lax: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    /// Negative counts from the end.
    Index(i64),
    Indexes(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    All,
    /// The value itself and everything in it.
    Deep,
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// The value of a definite path.
    One(&'a Json),
    /// All values of a path with wildcards.
    Many(Vec<&'a Json>),
    /// A definite path leads nowhere.
    Missing,
}

impl Path {
    /// Reads a path, with `lax` or `strict` before it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let trimmed = text.trim_start();
        let mode = |name: &str| {
            let head = trimmed.get(..name.len())?;
            let rest = &trimmed[name.len()..];
            let apart = rest.starts_with(char::is_whitespace);
            (head.eq_ignore_ascii_case(name) && apart).then(|| rest.trim())
        };
        let (lax, path) = match (mode("lax"), mode("strict")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => (false, text.trim()),
        };
        let mut rest = path.strip_prefix('$').unwrap_or(path);
        if path.is_empty() {
            return None;
        }
        let mut steps = Vec::new();
        if !path.starts_with('$') {
            // A bare path is taken as one below the root.
            let (step, after) = dotted(rest)?;
            steps.push(step);
            rest = after;
        }
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("..") {
                steps.push(Step::Deep);
                rest = after;
                if rest.starts_with('[') {
                    continue;
                }
                let (step, after) = dotted(rest)?;
                steps.push(step);
                rest = after;
            } else if let Some(after) = rest.strip_prefix('.') {
                let (step, after) = dotted(after)?;
                steps.push(step);
                rest = after;
            } else {
                let (step, after) = bracketed(rest.strip_prefix('[')?)?;
                steps.push(step);
                rest = after;
            }
        }
        Some(Self { lax, steps })
    }

    fn is_definite(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Field(_) | Step::Index(_)))
    }

    /// Follows the path from `root`.
    pub(super) fn find<'a>(&self, root: &'a Json) -> Found<'a> {
        let mut found = vec![root];
        let mut definite = true;
        for step in &self.steps {
            let mut next = Vec::new();
            for value in &found {
                let stepped = step.follow(value, &mut next);
                if !stepped && definite {
                    return self.nothing();
                }
            }
            definite &= matches!(step, Step::Field(_) | Step::Index(_));
            found = next;
        }
        match (self.is_definite(), found.as_slice()) {
            (true, [value]) => Found::One(value),
            (true, _) => self.nothing(),
            (false, _) => Found::Many(found),
        }
    }

    fn nothing<'a>(&self) -> Found<'a> {
        if self.lax && !self.is_definite() { Found::Many(Vec::new()) } else { Found::Missing }
    }
}

/// A name or `*` after a dot.
fn dotted(text: &str) -> Option<(Step, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match name.trim() {
        "" => None,
        "*" => Some((Step::All, rest)),
        name if name.ends_with(')') => None,
        name => Some((Step::Field(name.to_owned()), rest)),
    }
}

/// What stands in brackets.
fn bracketed(text: &str) -> Option<(Step, &str)> {
    let text = text.trim_start();
    if let Some(quote @ ('\'' | '"')) = text.chars().next() {
        let mut name = String::new();
        let mut chars = text.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.push(chars.next()?.1),
                c if c == quote => {
                    let rest = text[at + 1..].trim_start().strip_prefix(']')?;
                    return Some((Step::Field(name), rest));
                }
                c => name.push(c),
            }
        }
        return None;
    }
    let (inner, rest) = text.split_once(']')?;
    let inner = inner.trim();
    let number = |text: &str| text.trim().parse::<i64>().ok();
    let step = if inner == "*" {
        Step::All
    } else if let Some((from, to)) = inner.split_once(':') {
        let bound = |text: &str| match text.trim() {
            "" => Some(None),
            text => number(text).map(Some),
        };
        Step::Slice(bound(from)?, bound(to)?)
    } else if inner.contains(',') {
        Step::Indexes(inner.split(',').map(number).collect::<Option<_>>()?)
    } else {
        Step::Index(number(inner)?)
    };
    Some((step, rest))
}

impl Step {
    /// Appends what the step leads to; false where a definite path must not come.
    fn follow<'a>(&self, value: &'a Json, next: &mut Vec<&'a Json>) -> bool {
        match (self, value) {
            (Self::Field(name), Json::Object(fields)) => match fields.get(name) {
                Some(field) => {
                    next.push(field);
                    true
                }
                None => false,
            },
            (Self::Index(index), Json::Array(items)) => {
                next.extend(at(items, *index));
                true
            }
            (Self::Indexes(indexes), Json::Array(items)) => {
                next.extend(indexes.iter().filter_map(|index| at(items, *index)));
                true
            }
            (Self::Slice(from, to), Json::Array(items)) => {
                let length = items.len() as i64;
                let place = |bound: i64| if bound < 0 { bound + length } else { bound };
                let from = place(from.unwrap_or(0)).clamp(0, length) as usize;
                let to = place(to.unwrap_or(length)).clamp(0, length) as usize;
                next.extend(items.get(from..to).unwrap_or(&[]));
                true
            }
            (Self::All, Json::Array(items)) => {
                next.extend(items);
                true
            }
            (Self::All, Json::Object(fields)) => {
                next.extend(fields.values());
                true
            }
            (Self::All, _) => true,
            (Self::Deep, value) => {
                descend(value, next);
                true
            }
            (Self::Field(_) | Self::Index(_) | Self::Indexes(_) | Self::Slice(..), _) => false,
        }
    }
}

fn at(items: &[Json], index: i64) -> Option<&Json> {
    let index = if index < 0 { index + items.len() as i64 } else { index };
    usize::try_from(index).ok().and_then(|index| items.get(index))
}

fn descend<'a>(value: &'a Json, next: &mut Vec<&'a Json>) {
    next.push(value);
    match value {
        Json::Array(items) => items.iter().for_each(|item| descend(item, next)),
        Json::Object(fields) => fields.values().for_each(|field| descend(field, next)),
        Json::Null | Json::Boolean(_) | Json::Number(_) | Json::Text(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Json, Path};

    #[track_caller]
    fn check(path: &str, want: &str) {
        let json = Json::parse(r#"{"a":{"b":[1,{"c":2},null]},"x y":true,"c":3}"#).unwrap();
        let path = Path::parse(path).unwrap();
        let mut out = String::new();
        match path.find(&json) {
            Found::One(value) => value.write(&mut out),
            Found::Many(values) => {
                Json::Array(values.into_iter().cloned().collect()).write(&mut out);
            }
            Found::Missing => out.push_str("missing"),
        }
        assert_eq!(out, want);
    }

    #[test]
    fn paths_lead_to_values() {
        check("$.a.b[1].c", "2");
        check("lax $['x y']", "true");
        check("$.a.b[-1]", "null");
        check("$.a.b[*]", "[1,{\"c\":2},null]");
        check("$.a.b[*].c", "[2]");
        check("$..c", "[3,2]");
        check("$.a.b[0:2]", "[1,{\"c\":2}]");
        check("$.a.b[7]", "missing");
        check("$.nope[*]", "missing");
        check("lax $.nope[*]", "[]");
        check("$.c.d", "missing");
        assert_eq!(Path::parse("$.a["), None);
    }
}
