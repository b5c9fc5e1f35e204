//! JSON_OBJECT, JSON_ARRAY and JSON_STRING.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringBuilder};
use engine::Result;

use super::write;
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, OnNull, Session, cast};
use crate::types::{Kind, SqlType};

/// How a value goes into the JSON.
#[derive(Debug, Clone)]
struct Member {
    kind: Kind,
    /// The result of JSON_OBJECT or JSON_ARRAY: JSON already.
    raw: bool,
}

impl Member {
    fn of(value: &Expr) -> Self {
        let raw =
            value.as_call().is_some_and(|(name, _)| matches!(name, "JSON_OBJECT" | "JSON_ARRAY"));
        Self { kind: value.sql_type().kind.clone(), raw }
    }

    fn text(&self, value: &Value, row: usize) -> Option<String> {
        let at = value.index(row);
        if value.array.is_null(at) || self.kind == Kind::Null {
            return None;
        }
        Some(if self.raw {
            value.array.as_string::<i32>().value(at).to_owned()
        } else {
            write::text(&self.kind, &value.array, at)
        })
    }
}

/// Arguments: key, value, key, value, ….
#[derive(Debug)]
struct JsonObject {
    members: Vec<Member>,
    on_null: OnNull,
}

impl Function for JsonObject {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let mut out = StringBuilder::new();
        let mut text = String::new();
        for row in 0..args.rows() {
            let mut fields = Vec::with_capacity(self.members.len());
            for (member, pair) in self.members.iter().zip(values.chunks(2)) {
                let at = pair[0].index(row);
                if pair[0].array.is_null(at) {
                    return Err(engine::Error::user(
                        "a key of JSON_OBJECT is NULL, keep NULLs out with COALESCE",
                    ));
                }
                let key = pair[0].array.as_string::<i32>().value(at).to_owned();
                match (member.text(&pair[1], row), self.on_null) {
                    (Some(value), _) => fields.push((key, value)),
                    (None, OnNull::Null) => fields.push((key, "null".to_owned())),
                    (None, OnNull::Absent) => {}
                }
            }
            text.clear();
            write::object(fields, &mut text);
            out.append_value(&text);
        }
        Ok(Value::column(Arc::new(out.finish())))
    }
}

/// `JSON_OBJECT(key VALUE value, … [on_null])`; NULL ON NULL is the default.
pub fn json_object(
    session: &Session,
    entries: Vec<(Expr, Expr)>,
    on_null: OnNull,
) -> Result<Expr, CallError> {
    let mut args = Vec::with_capacity(entries.len() * 2);
    let mut members = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if !key.sql_type().kind.is_text() {
            return Err(CallError::wrong(format!(
                "a key of `JSON_OBJECT` must be a text, not {}",
                key.sql_type().kind
            )));
        }
        members.push(Member::of(&value));
        args.push(cast::cast(session, key, &SqlType::nullable(Kind::String))?);
        args.push(value);
    }
    let function = JsonObject { members, on_null };
    Ok(Expr::call("JSON_OBJECT", function, args, SqlType::required(Kind::String)))
}

#[derive(Debug)]
struct JsonArray {
    members: Vec<Member>,
    on_null: OnNull,
}

impl Function for JsonArray {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let mut out = StringBuilder::new();
        for row in 0..args.rows() {
            let items = self.members.iter().zip(&values).filter_map(|(member, value)| {
                let null = (self.on_null == OnNull::Null).then(|| "null".to_owned());
                member.text(value, row).or(null)
            });
            let items: Vec<String> = items.collect();
            out.append_value(format!("[{}]", items.join(",")));
        }
        Ok(Value::column(Arc::new(out.finish())))
    }
}

/// `JSON_ARRAY(item, … [on_null])`; ABSENT ON NULL is the default.
pub fn json_array(
    _session: &Session,
    items: Vec<Expr>,
    on_null: OnNull,
) -> Result<Expr, CallError> {
    let members = items.iter().map(Member::of).collect();
    let function = JsonArray { members, on_null };
    Ok(Expr::call("JSON_ARRAY", function, items, SqlType::required(Kind::String)))
}

#[derive(Debug)]
struct JsonString {
    member: Member,
}

impl Function for JsonString {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let mut out = StringBuilder::new();
        for row in 0..operand.array.len() {
            let value = Value::column(Arc::clone(&operand.array));
            out.append_option(self.member.text(&value, row));
        }
        Ok(Value { array: Arc::new(out.finish()), ..operand })
    }
}

/// `JSON_STRING(value)`: any value as JSON.
pub(in crate::expr) fn json_string(value: Expr) -> Expr {
    let nullable = value.sql_type().nullable;
    let member = Member { kind: value.sql_type().kind.clone(), raw: false };
    let function = JsonString { member };
    Expr::call("JSON_STRING", function, vec![value], SqlType { kind: Kind::String, nullable })
}
