//! Constructors of expressions. Each checks and converts its arguments.

use super::{
    BinaryOp, CallError, Expr, JsonKind, JsonOn, JsonWrapper, Literal, OnNull, Session, TrimSide,
    Truth, UnaryOp, Unit,
};
use crate::types::{Kind, SqlType};

/// What every constructor that checks arguments gives.
pub type Built = Result<Expr, CallError>;

/// Column `index` of the input.
#[must_use]
pub fn column(index: usize, name: &str, sql_type: SqlType) -> Expr {
    Expr::Column { index, name: name.to_owned(), sql_type }
}

/// A constant of a given type.
#[must_use]
pub fn literal(value: Literal, sql_type: SqlType) -> Expr {
    Expr::Literal { value, sql_type }
}

/// A bare NULL.
#[must_use]
pub fn null() -> Expr {
    literal(Literal::Null, SqlType::nullable(Kind::Null))
}

/// TRUE or FALSE.
#[must_use]
pub fn boolean(value: bool) -> Expr {
    literal(Literal::Boolean(value), SqlType::required(Kind::Boolean))
}

/// `'text'`, a CHAR of its length.
#[must_use]
pub fn string(text: &str) -> Expr {
    let length = u32::try_from(text.chars().count().max(1)).unwrap_or(u32::MAX);
    literal(Literal::Text(text.to_owned()), SqlType::required(Kind::Char(length)))
}

fn later() -> Built {
    Err(CallError::wrong("not there yet"))
}

/// A number as written: `7` is INT (or BIGINT), `1.50` is DECIMAL(3, 2), `1e3` is DOUBLE.
pub fn number(text: &str) -> Built {
    let value: i64 = text.parse().map_err(|_| CallError::wrong("not there yet"))?;
    Ok(literal(Literal::Integer(value), SqlType::required(Kind::Int)))
}
/// `X'0A'`.
pub fn bytes(hex: &str) -> Built {
    let _ = hex;
    later()
}
/// `DATE '2024-02-29'`.
pub fn date(text: &str) -> Built {
    let _ = text;
    later()
}
/// `TIME '01:02:03'`.
pub fn time(text: &str) -> Built {
    let _ = text;
    later()
}
/// `TIMESTAMP '2024-02-29 01:02:03.456'`; its precision is the number of digits.
pub fn timestamp(text: &str) -> Built {
    let _ = text;
    later()
}
/// `INTERVAL '1 02:03' DAY TO MINUTE`; a minus sign may lead the text.
pub fn interval(text: &str, from: Unit, to: Option<Unit>) -> Built {
    let _ = (text, from, to);
    later()
}
/// Whether there is a scalar function of this name (any case).
#[must_use]
pub fn is_function(name: &str) -> bool {
    let _ = name;
    false
}
/// A call of a function by name, with ordinary syntax.
pub fn call(session: &Session, name: &str, args: Vec<Expr>) -> Built {
    let _ = (session, args);
    Err(CallError::UnknownFunction { name: name.to_owned(), suggestion: None })
}
/// `left op right`.
pub fn binary(session: &Session, op: BinaryOp, left: Expr, right: Expr) -> Built {
    let _ = (session, op, left, right);
    later()
}
/// `op operand`.
pub fn unary(session: &Session, op: UnaryOp, operand: Expr) -> Built {
    let _ = (session, op, operand);
    later()
}
/// `NOT operand`.
pub fn not(operand: Expr) -> Built {
    let _ = operand;
    later()
}
/// All of the conditions; TRUE when there is none.
pub fn all(conditions: Vec<Expr>) -> Built {
    let _ = conditions;
    later()
}
/// `CAST(operand AS to)`. A `to` that is NOT NULL takes the operand's nullability.
pub fn cast(session: &Session, operand: Expr, to: &SqlType) -> Built {
    let _ = (session, operand, to);
    later()
}
/// `TRY_CAST(operand AS to)`.
pub fn try_cast(session: &Session, operand: Expr, to: &SqlType) -> Built {
    let _ = (session, operand, to);
    later()
}
/// `CASE [operand] WHEN … THEN … [ELSE …] END`.
pub fn case(
    session: &Session,
    operand: Option<Expr>,
    whens: Vec<(Expr, Expr)>,
    otherwise: Option<Expr>,
) -> Built {
    let _ = (session, operand, whens, otherwise);
    later()
}
/// `operand IS NULL`; IS NOT NULL is its [`not`].
#[must_use]
pub fn is_null(operand: Expr) -> Expr {
    operand
}
/// `operand IS TRUE`, `IS FALSE`, `IS UNKNOWN`; the negated ones are its [`not`].
pub fn is_truth(operand: Expr, truth: Truth) -> Built {
    let _ = (operand, truth);
    later()
}
/// `operand LIKE pattern [ESCAPE escape]`.
pub fn like(session: &Session, operand: Expr, pattern: Expr, escape: Option<Expr>) -> Built {
    let _ = (session, operand, pattern, escape);
    later()
}
/// `operand SIMILAR TO pattern [ESCAPE escape]`.
pub fn similar(session: &Session, operand: Expr, pattern: Expr, escape: Option<Expr>) -> Built {
    let _ = (session, operand, pattern, escape);
    later()
}
/// `operand IN (list)`; NOT IN is its [`not`].
pub fn in_list(session: &Session, operand: Expr, list: Vec<Expr>) -> Built {
    let _ = (session, operand, list);
    later()
}
/// `operand BETWEEN low AND high`; NOT BETWEEN is its [`not`].
pub fn between(session: &Session, operand: Expr, low: Expr, high: Expr) -> Built {
    let _ = (session, operand, low, high);
    later()
}
/// `EXTRACT(unit FROM operand)`.
pub fn extract(session: &Session, unit: Unit, operand: Expr) -> Built {
    let _ = (session, unit, operand);
    later()
}
/// `FLOOR(operand TO unit)`.
pub fn floor_to(session: &Session, operand: Expr, unit: Unit) -> Built {
    let _ = (session, operand, unit);
    later()
}
/// `CEIL(operand TO unit)`.
pub fn ceil_to(session: &Session, operand: Expr, unit: Unit) -> Built {
    let _ = (session, operand, unit);
    later()
}
/// `TIMESTAMPADD(unit, count, operand)`.
pub fn timestamp_add(session: &Session, unit: Unit, count: Expr, operand: Expr) -> Built {
    let _ = (session, unit, count, operand);
    later()
}
/// `TIMESTAMPDIFF(unit, from, to)`.
pub fn timestamp_diff(session: &Session, unit: Unit, from: Expr, to: Expr) -> Built {
    let _ = (session, unit, from, to);
    later()
}
/// `ROW(…)` or `(…)`: fields are named EXPR$0, EXPR$1, ….
pub fn row(fields: Vec<Expr>) -> Built {
    let _ = fields;
    later()
}
/// `ARRAY[…]`.
pub fn array(session: &Session, items: Vec<Expr>) -> Built {
    let _ = (session, items);
    later()
}
/// `MAP[key, value, …]`.
pub fn map(session: &Session, entries: Vec<Expr>) -> Built {
    let _ = (session, entries);
    later()
}
/// `operand.name` of a ROW.
pub fn field(operand: Expr, name: &str) -> Built {
    let _ = (operand, name);
    later()
}
/// `operand[index]` of an ARRAY or MAP.
pub fn item(session: &Session, operand: Expr, index: Expr) -> Built {
    let _ = (session, operand, index);
    later()
}
/// `TRIM([side] [what] FROM operand)`.
pub fn trim(session: &Session, side: TrimSide, what: Option<Expr>, operand: Expr) -> Built {
    let _ = (session, side, what, operand);
    later()
}
/// `JSON_VALUE(json, path [RETURNING …] [… ON EMPTY] [… ON ERROR])`.
pub fn json_value(
    session: &Session,
    json: Expr,
    path: Expr,
    returning: Option<SqlType>,
    on_empty: JsonOn,
    on_error: JsonOn,
) -> Built {
    let _ = (session, json, path, returning, on_empty, on_error);
    later()
}
/// `JSON_QUERY(json, path [wrapper] [… ON EMPTY] [… ON ERROR])`.
pub fn json_query(
    session: &Session,
    json: Expr,
    path: Expr,
    wrapper: JsonWrapper,
    on_empty: JsonOn,
    on_error: JsonOn,
) -> Built {
    let _ = (session, json, path, wrapper, on_empty, on_error);
    later()
}
/// `JSON_EXISTS(json, path [… ON ERROR])`; FALSE ON ERROR is the default.
pub fn json_exists(session: &Session, json: Expr, path: Expr, on_error: JsonOn) -> Built {
    let _ = (session, json, path, on_error);
    later()
}
/// `operand IS JSON [kind]`; IS NOT JSON is its [`not`].
pub fn is_json(operand: Expr, kind: JsonKind) -> Built {
    let _ = (operand, kind);
    later()
}
/// `JSON_OBJECT(key VALUE value, … [on_null])`; NULL ON NULL is the default.
pub fn json_object(session: &Session, entries: Vec<(Expr, Expr)>, on_null: OnNull) -> Built {
    let _ = (session, entries, on_null);
    later()
}
/// `JSON_ARRAY(item, … [on_null])`; ABSENT ON NULL is the default.
pub fn json_array(session: &Session, items: Vec<Expr>, on_null: OnNull) -> Built {
    let _ = (session, items, on_null);
    later()
}
