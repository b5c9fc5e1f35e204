//! IN over a list of values.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::datatypes::{Int32Type, Int64Type};
use engine::Result;

use super::function::{Arguments, Function, Value};
use super::{BinaryOp, CallError, Expr, Literal, Session, build, compare, logic};
use crate::types::{Kind, SqlType};

/// Lists from this length on are looked up instead of compared one by one.
const LOOKED_UP: usize = 4;

/// Constants of one type.
#[derive(Debug)]
enum Set {
    Texts(HashSet<String>),
    Integers(HashSet<i64>),
}

/// Whether the operand is one of some constants.
struct InSet {
    set: Set,
    /// The list as it is written, which tells two sets apart.
    list: Vec<Literal>,
    /// Whether NULL is in the list: then what is not found is unknown.
    has_null: bool,
}

impl std::fmt::Debug for InSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InSet({:?})", self.list)
    }
}

impl Function for InSet {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let known = |found: bool| if found || !self.has_null { Some(found) } else { None };
        let found: BooleanArray = match (&self.set, operand.array.as_string_opt::<i32>()) {
            (Set::Texts(set), Some(texts)) => {
                texts.iter().map(|text| known(set.contains(text?))).collect()
            }
            (Set::Integers(set), _) => {
                let array = &operand.array;
                let one = |row: usize| match array.as_primitive_opt::<Int32Type>() {
                    Some(values) => i64::from(values.value(row)),
                    None => array.as_primitive::<Int64Type>().value(row),
                };
                (0..array.len())
                    .map(
                        |row| {
                            if array.is_null(row) { None } else { known(set.contains(&one(row))) }
                        },
                    )
                    .collect()
            }
            (Set::Texts(_), None) => BooleanArray::new_null(operand.array.len()),
        };
        Ok(Value { array: Arc::new(found), ..operand })
    }
}

/// The list as a set, when it is one of constants of the operand's own kind.
fn set(operand: &Kind, list: &[Expr]) -> Option<InSet> {
    if list.len() < LOOKED_UP {
        return None;
    }
    let literals: Vec<Literal> =
        list.iter().map(|item| item.as_literal().cloned()).collect::<Option<_>>()?;
    let has_null = literals.contains(&Literal::Null);
    let values = literals.iter().filter(|literal| **literal != Literal::Null);
    let set = match operand {
        kind if kind.is_text() => Set::Texts(
            values
                .map(|value| match value {
                    Literal::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect::<Option<_>>()?,
        ),
        Kind::Int | Kind::BigInt => Set::Integers(
            values
                .map(|value| match value {
                    Literal::Integer(value) => Some(*value),
                    _ => None,
                })
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    };
    Some(InSet { set, list: literals, has_null })
}

/// `operand IN (list)`; NOT IN is its [`build::not`].
pub fn in_list(session: &Session, operand: Expr, list: Vec<Expr>) -> Result<Expr, CallError> {
    let list: Vec<Expr> = list.iter().map(Expr::fold).collect();
    if let Some(set) = set(&operand.sql_type().kind, &list) {
        let nullable = operand.sql_type().nullable || set.has_null;
        let sql_type = SqlType { kind: Kind::Boolean, nullable };
        return Ok(Expr::call("IN", set, vec![operand], sql_type));
    }
    let mut found: Option<Expr> = None;
    for item in list {
        let equal = compare::bind(session, BinaryOp::Eq, operand.clone(), item)?;
        found = Some(match found {
            None => equal,
            Some(before) => logic::connect(false, before, equal)?,
        });
    }
    Ok(found.unwrap_or_else(|| build::boolean(false)))
}
