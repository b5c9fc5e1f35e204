//! JSON_VALUE, JSON_QUERY, JSON_EXISTS and IS JSON.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Builder, Int32Builder,
    StringBuilder,
};
use arrow::datatypes::{Float64Type, Int32Type};
use engine::{Error, Result};

use super::Json;
use super::path::{Found, Path};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, JsonKind, JsonOn, JsonWrapper, Literal, Session, cast};
use crate::types::{Kind, SqlType};

/// What a path in a text leads to.
enum Outcome {
    /// NULL text or path.
    Null,
    /// A value; `lax` is the path's mode.
    Value { value: Json, lax: bool },
    /// JSON null, or nothing in lax mode.
    Empty,
    /// No JSON, no path, or nothing there in strict mode.
    Failed(String),
}

/// The path when it is constant, so that it is read once.
#[derive(Debug, Clone)]
struct Source {
    path: Option<Path>,
}

impl Source {
    fn of(path: &Expr) -> Self {
        let literal = path.fold();
        let path = match literal.as_literal() {
            Some(Literal::Text(text)) => Path::parse(text),
            _ => None,
        };
        Self { path }
    }

    fn outcome(&self, json: &Value, path: &Value, row: usize) -> Outcome {
        let (j, p) = (json.index(row), path.index(row));
        if json.array.is_null(j) || path.array.is_null(p) {
            return Outcome::Null;
        }
        let text = json.array.as_string::<i32>().value(j);
        let path_text = path.array.as_string::<i32>().value(p);
        let parsed;
        let path = match &self.path {
            Some(path) => path,
            None => match Path::parse(path_text) {
                Some(path) => {
                    parsed = path;
                    &parsed
                }
                None => return Outcome::Failed(format!("`{path_text}` is no JSON path")),
            },
        };
        let Some(root) = Json::parse(text) else {
            if path.lax {
                return Outcome::Empty;
            }
            return Outcome::Failed(format!("`{}` is no JSON", shortened(text)));
        };
        if root == Json::Null {
            return Outcome::Failed("the JSON is null".to_owned());
        }
        let value = match path.find(&root) {
            Found::One(value) => value.clone(),
            Found::Many(values) => Json::Array(values.into_iter().cloned().collect()),
            Found::Missing if path.lax => return Outcome::Empty,
            Found::Missing => {
                return Outcome::Failed(format!(
                    "there is nothing at `{path_text}` in `{}`",
                    shortened(text)
                ));
            }
        };
        if value == Json::Null { Outcome::Empty } else { Outcome::Value { value, lax: path.lax } }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// What comes instead of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instead {
    Null,
    Error,
    /// The argument at this index.
    Argument(usize),
}

impl Instead {
    fn resolve(self, function: &str, why: &str) -> Result<Option<usize>> {
        match self {
            Self::Null => Ok(None),
            Self::Error => Err(Error::user(format!("{function}: {why}"))),
            Self::Argument(index) => Ok(Some(index)),
        }
    }
}

#[derive(Debug)]
struct JsonValue {
    source: Source,
    returning: Kind,
    on_empty: Instead,
    on_error: Instead,
}

/// A value of JSON_VALUE, or the index of the argument to take instead; none is NULL.
enum Chosen {
    Json(Json),
    Argument(usize),
    Null,
}

impl JsonValue {
    fn choose(&self, json: &Value, path: &Value, row: usize) -> Result<Chosen> {
        let instead = match self.source.outcome(json, path, row) {
            Outcome::Null => return Ok(Chosen::Null),
            Outcome::Value { value, .. } if value.is_scalar() => return Ok(Chosen::Json(value)),
            Outcome::Value { lax: true, .. } | Outcome::Empty => {
                self.on_empty.resolve("JSON_VALUE", "the result is empty")?
            }
            Outcome::Value { .. } => {
                self.on_error.resolve("JSON_VALUE", "the result is an array or object")?
            }
            Outcome::Failed(why) => self.on_error.resolve("JSON_VALUE", &why)?,
        };
        Ok(instead.map_or(Chosen::Null, Chosen::Argument))
    }
}

impl Function for JsonValue {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let rows = args.rows();
        let chosen = (0..rows).map(|row| self.choose(&values[0], &values[1], row));
        // The argument's value, where one is taken instead.
        macro_rules! build {
            ($builder:expr, $typed:expr, $read:expr) => {{
                let mut out = $builder;
                for (row, chosen) in chosen.enumerate() {
                    out.append_option(match chosen? {
                        Chosen::Null => None,
                        Chosen::Json(json) => $read(&json),
                        Chosen::Argument(index) => {
                            let value = &values[index];
                            let at = value.index(row);
                            value.array.is_valid(at).then(|| $typed(&value.array, at))
                        }
                    });
                }
                Arc::new(out.finish()) as ArrayRef
            }};
        }
        let array = match self.returning {
            Kind::Boolean => build!(
                BooleanBuilder::new(),
                |array: &ArrayRef, at| array.as_boolean().value(at),
                as_boolean
            ),
            Kind::Int => build!(
                Int32Builder::new(),
                |array: &ArrayRef, at| array.as_primitive::<Int32Type>().value(at),
                as_int
            ),
            Kind::Double => build!(
                Float64Builder::new(),
                |array: &ArrayRef, at| array.as_primitive::<Float64Type>().value(at),
                as_double
            ),
            _ => build!(
                StringBuilder::new(),
                |array: &ArrayRef, at| array.as_string::<i32>().value(at).to_owned(),
                as_text
            ),
        };
        Ok(Value::column(array))
    }

    fn may_fail(&self) -> bool {
        self.on_empty == Instead::Error || self.on_error == Instead::Error
    }
}

fn as_boolean(json: &Json) -> Option<bool> {
    match json {
        Json::Boolean(value) => Some(*value),
        Json::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn as_int(json: &Json) -> Option<i32> {
    match json {
        Json::Number(text) | Json::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn as_double(json: &Json) -> Option<f64> {
    match json {
        Json::Number(text) | Json::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn as_text(json: &Json) -> Option<String> {
    match json {
        Json::Text(text) | Json::Number(text) => Some(text.clone()),
        Json::Boolean(value) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn texts(name: &str, args: &[&Expr]) -> Result<(), CallError> {
    match args
        .iter()
        .find(|arg| !matches!(&arg.sql_type().kind, k if k.is_text() || *k == Kind::Null))
    {
        None => Ok(()),
        Some(other) => Err(CallError::wrong(format!(
            "`{name}` takes a JSON text and a path, not {}",
            other.sql_type().kind
        ))),
    }
}

fn as_string(session: &Session, arg: Expr) -> Result<Expr, CallError> {
    cast::cast(session, arg, &SqlType::nullable(Kind::String))
}

/// `JSON_VALUE(json, path [RETURNING …] [… ON EMPTY] [… ON ERROR])`.
pub fn json_value(
    session: &Session,
    json: Expr,
    path: Expr,
    returning: Option<SqlType>,
    on_empty: JsonOn,
    on_error: JsonOn,
) -> Result<Expr, CallError> {
    texts("JSON_VALUE", &[&json, &path])?;
    let returning = match returning.map(|to| to.kind) {
        None => Kind::String,
        Some(kind) if kind.is_text() => Kind::String,
        Some(kind @ (Kind::Boolean | Kind::Int | Kind::Double)) => kind,
        Some(kind) => {
            return Err(CallError::wrong(format!(
                "`JSON_VALUE` cannot return {kind}, it returns STRING, BOOLEAN, INTEGER or DOUBLE"
            )));
        }
    };
    let source = Source::of(&path);
    let mut args = vec![as_string(session, json)?, as_string(session, path)?];
    let mut instead = |on: JsonOn| match on {
        JsonOn::Null => Ok(Instead::Null),
        JsonOn::Error => Ok(Instead::Error),
        JsonOn::Default(value) => {
            let to = SqlType::nullable(returning.clone());
            args.push(cast::cast(session, *value, &to)?);
            Ok(Instead::Argument(args.len() - 1))
        }
        other => Err(CallError::wrong(format!(
            "`JSON_VALUE` has no {other:?} clause, use NULL, ERROR or DEFAULT"
        ))),
    };
    let (on_empty, on_error) = (instead(on_empty)?, instead(on_error)?);
    let function = JsonValue { source, returning: returning.clone(), on_empty, on_error };
    Ok(Expr::call("JSON_VALUE", function, args, SqlType::nullable(returning)))
}

#[derive(Debug)]
struct JsonQuery {
    source: Source,
    wrapper: JsonWrapper,
    on_empty: JsonOn,
    on_error: JsonOn,
}

impl JsonQuery {
    fn choose(&self, json: &Value, path: &Value, row: usize) -> Result<Option<String>> {
        let (on, why) = match self.source.outcome(json, path, row) {
            Outcome::Null => return Ok(None),
            Outcome::Value { value, lax } => {
                let value = match (self.wrapper, value) {
                    (JsonWrapper::Without, value) => value,
                    (JsonWrapper::Conditional, value @ Json::Array(_)) => value,
                    (_, value) => Json::Array(vec![value]),
                };
                if !value.is_scalar() {
                    let mut out = String::new();
                    value.write(&mut out);
                    return Ok(Some(out));
                }
                let why = "the result is neither an array nor an object".to_owned();
                (if lax { &self.on_empty } else { &self.on_error }, why)
            }
            Outcome::Empty => (&self.on_empty, "the result is empty".to_owned()),
            Outcome::Failed(why) => (&self.on_error, why),
        };
        match on {
            JsonOn::EmptyArray => Ok(Some("[]".to_owned())),
            JsonOn::EmptyObject => Ok(Some("{}".to_owned())),
            JsonOn::Error => Err(Error::user(format!("JSON_QUERY: {why}"))),
            _ => Ok(None),
        }
    }
}

impl Function for JsonQuery {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (json, path) = (args.value(0)?, args.value(1)?);
        let mut out = StringBuilder::new();
        for row in 0..args.rows() {
            out.append_option(self.choose(&json, &path, row)?);
        }
        Ok(Value::column(Arc::new(out.finish())))
    }

    fn may_fail(&self) -> bool {
        self.on_empty == JsonOn::Error || self.on_error == JsonOn::Error
    }
}

/// `JSON_QUERY(json, path [wrapper] [… ON EMPTY] [… ON ERROR])`.
pub fn json_query(
    session: &Session,
    json: Expr,
    path: Expr,
    wrapper: JsonWrapper,
    on_empty: JsonOn,
    on_error: JsonOn,
) -> Result<Expr, CallError> {
    texts("JSON_QUERY", &[&json, &path])?;
    for on in [&on_empty, &on_error] {
        if !matches!(on, JsonOn::Null | JsonOn::Error | JsonOn::EmptyArray | JsonOn::EmptyObject) {
            return Err(CallError::wrong(
                "`JSON_QUERY` takes NULL, ERROR, EMPTY ARRAY or EMPTY OBJECT before ON EMPTY and \
                 ON ERROR",
            ));
        }
    }
    let source = Source::of(&path);
    let args = vec![as_string(session, json)?, as_string(session, path)?];
    let function = JsonQuery { source, wrapper, on_empty, on_error };
    Ok(Expr::call("JSON_QUERY", function, args, SqlType::nullable(Kind::String)))
}

#[derive(Debug)]
struct JsonExists {
    source: Source,
    on_error: JsonOn,
}

impl Function for JsonExists {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (json, path) = (args.value(0)?, args.value(1)?);
        let mut out = BooleanBuilder::new();
        for row in 0..args.rows() {
            out.append_option(match self.source.outcome(&json, &path, row) {
                Outcome::Null => None,
                Outcome::Value { .. } => Some(true),
                Outcome::Empty => Some(false),
                Outcome::Failed(why) => match self.on_error {
                    JsonOn::True => Some(true),
                    JsonOn::Unknown => None,
                    JsonOn::Error => return Err(Error::user(format!("JSON_EXISTS: {why}"))),
                    _ => Some(false),
                },
            });
        }
        Ok(Value::column(Arc::new(out.finish())))
    }

    fn may_fail(&self) -> bool {
        self.on_error == JsonOn::Error
    }
}

/// `JSON_EXISTS(json, path [… ON ERROR])`; FALSE ON ERROR is the default.
pub fn json_exists(
    session: &Session,
    json: Expr,
    path: Expr,
    on_error: JsonOn,
) -> Result<Expr, CallError> {
    texts("JSON_EXISTS", &[&json, &path])?;
    let source = Source::of(&path);
    let args = vec![as_string(session, json)?, as_string(session, path)?];
    let function = JsonExists { source, on_error };
    Ok(Expr::call("JSON_EXISTS", function, args, SqlType::nullable(Kind::Boolean)))
}

#[derive(Debug)]
struct IsJson(JsonKind);

impl Function for IsJson {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let texts = operand.array.as_string::<i32>();
        let found: BooleanArray = texts
            .iter()
            .map(|text| {
                let json = text.and_then(Json::parse);
                Some(json.is_some_and(|json| match self.0 {
                    JsonKind::Value => true,
                    JsonKind::Object => matches!(json, Json::Object(_)),
                    JsonKind::Array => matches!(json, Json::Array(_)),
                    JsonKind::Scalar => json.is_scalar(),
                }))
            })
            .collect();
        Ok(Value { array: Arc::new(found), ..operand })
    }
}

/// `operand IS JSON [kind]`, FALSE for a NULL; IS NOT JSON is its [`crate::expr::not`].
pub fn is_json(operand: Expr, kind: JsonKind) -> Result<Expr, CallError> {
    texts("IS JSON", &[&operand])?;
    let operand = as_string(&Session::default(), operand)?;
    Ok(Expr::call("IS JSON", IsJson(kind), vec![operand], SqlType::required(Kind::Boolean)))
}
