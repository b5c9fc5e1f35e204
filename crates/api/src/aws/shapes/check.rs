//! Holds a request against its shape.

use serde_json::{Map, Number, Value};

use super::{Member, Range, Shape, Shapes};

/// Why a request is not what its operation takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aws) enum Wrong {
    /// A member has another type: the request cannot be read (`SerializationException`).
    Type(String),
    /// A member is missing or breaks a rule (`InvalidArgumentException`).
    Value(String),
}

impl Shapes {
    /// The request with its members read leniently and unknown members left out: newer clients know
    /// more members than we do.
    ///
    /// A wrong type anywhere goes before a wrong value: such a request cannot be read at all.
    pub(in crate::aws) fn admit(&self, shape: &str, request: Value) -> Result<Value, Wrong> {
        let mut check = Check { shapes: self, place: Vec::new(), problem: None };
        let read = check.value(shape, request).map_err(Wrong::Type)?;
        match check.problem {
            None => Ok(read),
            Some(problem) => Err(Wrong::Value(problem)),
        }
    }
}

struct Check<'a> {
    shapes: &'a Shapes,
    /// Members on the way to the present value.
    place: Vec<String>,
    /// The first value that breaks a rule.
    problem: Option<String>,
}

impl Check<'_> {
    fn value(&mut self, shape: &str, value: Value) -> Result<Value, String> {
        match (self.shapes.named(shape), value) {
            (Shape::Structure(members), Value::Object(given)) => self.structure(members, given),
            (Shape::List { size, of }, Value::Array(given)) => self.list(*size, of, given),
            (Shape::Map { size, key, value }, Value::Object(given)) => {
                self.map(*size, key, value, given)
            }
            (Shape::Text { length, pattern }, Value::String(text)) => {
                self.length(*length, text.chars().count(), "characters long");
                if text.contains('\0') {
                    self.breaks("must not contain a NUL character");
                }
                if let Some(pattern) = pattern
                    && !pattern.admits(&text)
                {
                    self.breaks(pattern.words());
                }
                Ok(Value::String(text))
            }
            (Shape::Choice(choices), Value::String(text)) => {
                if !choices.contains(&text.as_str()) {
                    let all = choices.iter().map(|choice| format!("`{choice}`"));
                    let all = all.collect::<Vec<_>>().join(", ");
                    let shown: String = text.chars().take(100).collect();
                    self.breaks(format!("must be one of {all}, not `{}`", shown.escape_debug()));
                }
                Ok(Value::String(text))
            }
            (Shape::Integer(range), Value::Number(number)) => self.integer(*range, &number),
            (Shape::Truth, Value::Bool(truth)) => Ok(Value::Bool(truth)),
            // The AWS guide's own examples have it so.
            (Shape::Truth, Value::String(text)) if text.eq_ignore_ascii_case("true") => {
                Ok(Value::Bool(true))
            }
            (Shape::Truth, Value::String(text)) if text.eq_ignore_ascii_case("false") => {
                Ok(Value::Bool(false))
            }
            (Shape::Time, Value::Number(number)) => Ok(Value::Number(number)),
            (Shape::Blob(range), Value::String(text)) => self.blob(*range, text),
            (wanted, found) => {
                Err(format!("{} must be {}, not {}", self.place(), wanted.words(), words(&found)))
            }
        }
    }

    fn structure(
        &mut self,
        members: &[Member],
        mut given: Map<String, Value>,
    ) -> Result<Value, String> {
        let mut read = Map::new();
        for member in members {
            let Some(value) = given.remove(member.name).filter(|value| !value.is_null()) else {
                if member.required {
                    self.place.push(member.name.to_owned());
                    self.breaks("is missing");
                    self.place.pop();
                }
                continue;
            };
            read.insert(member.name.to_owned(), self.inside(member.name, member.shape, value)?);
        }
        Ok(Value::Object(read))
    }

    fn list(&mut self, size: Range, of: &str, given: Vec<Value>) -> Result<Value, String> {
        self.length(size, given.len(), "entries long");
        let read = given.into_iter().enumerate();
        read.map(|(index, value)| self.inside(&(index + 1).to_string(), of, value)).collect()
    }

    fn map(
        &mut self,
        size: Range,
        key: &str,
        of: &str,
        given: Map<String, Value>,
    ) -> Result<Value, String> {
        self.length(size, given.len(), "entries long");
        let mut read = Map::new();
        for (name, value) in given {
            self.inside(&name, key, Value::String(name.clone()))?;
            let value = self.inside(&name, of, value)?;
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }

    fn inside(&mut self, step: &str, shape: &str, value: Value) -> Result<Value, String> {
        self.place.push(step.to_owned());
        let read = self.value(shape, value);
        self.place.pop();
        read
    }

    fn integer(&mut self, range: Range, number: &Number) -> Result<Value, String> {
        let Some(found) = number.as_i64() else {
            return Err(format!("{} must be an integer, not {number}", self.place()));
        };
        if !range.holds(found) {
            self.breaks(format!("must be {}, not {found}", range.words()));
        }
        Ok(Value::from(found))
    }

    fn blob(&mut self, range: Range, text: String) -> Result<Value, String> {
        let body = text.trim_end_matches('=');
        let padding = text.len() - body.len();
        let digit = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
        if !text.len().is_multiple_of(4) || padding > 2 || !body.bytes().all(digit) {
            return Err(format!("{} must be base64", self.place()));
        }
        self.length(range, text.len() / 4 * 3 - padding, "bytes long");
        Ok(Value::String(text))
    }

    fn length(&mut self, range: Range, found: usize, what: &str) {
        let found = i64::try_from(found).unwrap_or(i64::MAX);
        if !range.holds(found) {
            self.breaks(format!("must be {} {what}, not {found}", range.words()));
        }
    }

    fn breaks(&mut self, rule: impl AsRef<str>) {
        if self.problem.is_none() {
            self.problem = Some(format!("{} {}", self.place(), rule.as_ref()));
        }
    }

    fn place(&self) -> String {
        if self.place.is_empty() {
            return "the body".to_owned();
        }
        let shown: Vec<String> =
            self.place.iter().map(|it| it.chars().take(100).collect()).collect();
        format!("`{}`", shown.join(".").escape_debug())
    }
}

impl Range {
    fn holds(self, number: i64) -> bool {
        self.least.is_none_or(|least| number >= least)
            && self.most.is_none_or(|most| number <= most)
    }

    fn words(self) -> String {
        match (self.least, self.most) {
            (Some(least), Some(most)) if least == most => least.to_string(),
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => "any".to_owned(),
        }
    }
}

impl Shape {
    fn words(&self) -> &'static str {
        match self {
            Self::Structure(_) | Self::Map { .. } => "a JSON object",
            Self::List { .. } => "a JSON array",
            Self::Text { .. } | Self::Choice(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Truth => "true or false",
            Self::Time => "a number of seconds since 1970",
            Self::Blob(_) => "a string in base64",
        }
    }
}

fn words(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
