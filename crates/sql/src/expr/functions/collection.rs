//! Arrays, maps and multisets: size, membership, parts.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, StringBuilder, UInt32Array, make_comparator,
};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::DataType;
use engine::{Error, Result};

use super::{Binding, Entry};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, Session, cast};
use crate::types::{Kind, SqlType, common_type};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        names: &["CARDINALITY"],
        binding: Binding::Special { least: 1, most: 1, build: cardinality },
    },
    Entry { names: &["ELEMENT"], binding: Binding::Special { least: 1, most: 1, build: one_item } },
    Entry {
        names: &["ARRAY_MAX", "ARRAY_MIN"],
        binding: Binding::Special { least: 1, most: 1, build: one_item },
    },
    Entry {
        names: &["ARRAY_CONTAINS", "ARRAY_POSITION"],
        binding: Binding::Special { least: 2, most: 2, build: search },
    },
    Entry {
        names: &["ARRAY_JOIN"],
        binding: Binding::Special { least: 2, most: 3, build: array_join },
    },
];

/// The list or map's offsets and items.
fn parts(array: &ArrayRef) -> (&[i32], ArrayRef) {
    match array.data_type() {
        DataType::Map(..) => {
            let map = array.as_map();
            (map.value_offsets(), Arc::new(map.entries().clone()))
        }
        _ => {
            let list = array.as_list::<i32>();
            (list.value_offsets(), Arc::clone(list.values()))
        }
    }
}

#[derive(Debug)]
struct Cardinality;

impl Function for Cardinality {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let (offsets, _) = parts(&operand.array);
        let sizes = Int32Array::from_iter(
            (0..operand.array.len())
                .map(|row| operand.array.is_valid(row).then(|| offsets[row + 1] - offsets[row])),
        );
        Ok(Value { array: Arc::new(sizes), ..operand })
    }
}

fn cardinality(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    match &args[0].sql_type().kind {
        Kind::Array(_) | Kind::Map(..) | Kind::Multiset(_) => {
            let sql_type = SqlType { kind: Kind::Int, nullable: args[0].sql_type().nullable };
            Ok(Expr::call(name, Cardinality, args, sql_type))
        }
        _ => Err(refused(name, &args, "CARDINALITY(ARRAY), CARDINALITY(MAP)")),
    }
}

pub(super) fn refused(name: &str, args: &[Expr], taken: &str) -> CallError {
    super::binder::refused(name, args, std::iter::once(taken.to_owned()))
}

/// Item type of an array argument.
pub(super) fn item_type(name: &str, args: &[Expr]) -> Result<SqlType, CallError> {
    match &args[0].sql_type().kind {
        Kind::Array(item) => Ok((**item).clone()),
        _ => Err(refused(name, args, &format!("{name}(ARRAY, …)"))),
    }
}

/// What is taken out of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pick {
    Only,
    Least,
    Greatest,
}

#[derive(Debug)]
struct OneItem(Pick);

impl Function for OneItem {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let (offsets, items) = parts(&operand.array);
        let order = make_comparator(&items, &items, SortOptions::default())?;
        let places = (0..operand.array.len()).map(|row| {
            if operand.array.is_null(row) {
                return Ok(None);
            }
            let range = offsets[row] as usize..offsets[row + 1] as usize;
            let mut known = range.clone().filter(|at| items.is_valid(*at));
            let found = match self.0 {
                Pick::Only if range.len() > 1 => {
                    return Err(Error::user(format!(
                        "ELEMENT needs an array of one item, not of {}",
                        range.len()
                    )));
                }
                Pick::Only => range.start.checked_add(0).filter(|_| !range.is_empty()),
                Pick::Least => known.reduce(|a, b| if order(b, a).is_lt() { b } else { a }),
                Pick::Greatest => {
                    known.by_ref().reduce(|a, b| if order(b, a).is_gt() { b } else { a })
                }
            };
            Ok(found.map(|at| at as u32))
        });
        let places = places.collect::<Result<UInt32Array>>()?;
        Ok(Value { array: take(&items, &places, None)?, ..operand })
    }

    fn may_fail(&self) -> bool {
        self.0 == Pick::Only
    }
}

fn one_item(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let item = item_type(name, &args)?;
    let pick = match name {
        "ARRAY_MAX" => Pick::Greatest,
        "ARRAY_MIN" => Pick::Least,
        _ => Pick::Only,
    };
    Ok(Expr::call(name, OneItem(pick), args, item.with_nullable(true)))
}

/// ARRAY_CONTAINS and ARRAY_POSITION.
#[derive(Debug)]
struct Search {
    position: bool,
}

impl Function for Search {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (list, needle) = (args.value(0)?, args.value(1)?);
        let constant = list.constant && needle.constant;
        let rows = crate::expr::vector::rows(&list, &needle);
        let (offsets, items) = parts(&list.array);
        let order = make_comparator(&items, &needle.array, SortOptions::default())?;
        let found = (0..rows).map(|row| {
            let (l, n) = (list.index(row), needle.index(row));
            let unknown = list.array.is_null(l) || self.position && needle.array.is_null(n);
            if unknown {
                return None;
            }
            let mut range = offsets[l] as usize..offsets[l + 1] as usize;
            let start = range.start;
            Some(range.find(|at| order(*at, n).is_eq()).map_or(0, |at| (at - start) as i32 + 1))
        });
        let array: ArrayRef = if self.position {
            Arc::new(found.collect::<Int32Array>())
        } else {
            Arc::new(found.map(|at| at.map(|at| at > 0)).collect::<BooleanArray>())
        };
        Ok(Value { array, constant })
    }
}

/// The array's items and `value` in their common type.
pub(super) fn with_item(
    session: &Session,
    name: &str,
    mut args: Vec<Expr>,
) -> Result<(Vec<Expr>, SqlType), CallError> {
    let item = item_type(name, &args)?;
    let Some(common) = common_type(&item, args[1].sql_type()) else {
        return Err(refused(name, &args, &format!("{name}(ARRAY<{item}>, {item})")));
    };
    let value = args.remove(1);
    let value = cast::cast(session, value, &common.clone().with_nullable(true))?;
    let array = args.remove(0);
    let list = SqlType::nullable(Kind::Array(Box::new(common.clone())));
    Ok((vec![cast::cast(session, array, &list)?, value], common))
}

fn search(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let (args, _) = with_item(session, name, args)?;
    let position = name == "ARRAY_POSITION";
    let kind = if position { Kind::Int } else { Kind::Boolean };
    let nullable = args[0].sql_type().nullable || position && args[1].sql_type().nullable;
    Ok(Expr::call(name, Search { position }, args, SqlType { kind, nullable }))
}

#[derive(Debug)]
struct Join;

impl Function for Join {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let (offsets, items) = parts(&values[0].array);
        let items = items.as_string::<i32>();
        let mut out = StringBuilder::new();
        for row in 0..args.rows() {
            if values.iter().any(|value| value.array.is_null(value.index(row))) {
                out.append_null();
                continue;
            }
            let text = |index: usize| {
                let value: &Value = &values[index];
                value.array.as_string::<i32>().value(value.index(row))
            };
            let missing = (values.len() > 2).then(|| text(2));
            let l = values[0].index(row);
            let known = (offsets[l] as usize..offsets[l + 1] as usize)
                .filter_map(|at| if items.is_valid(at) { Some(items.value(at)) } else { missing });
            let joined = known.collect::<Vec<_>>().join(text(1));
            out.append_value(joined);
        }
        Ok(Value::column(Arc::new(out.finish())))
    }
}

/// ARRAY_JOIN(array of texts, delimiter[, text for NULL]): NULLs are left out by default.
fn array_join(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let item = item_type(name, &args)?;
    if !item.kind.is_text() || !args[1..].iter().all(|arg| arg.sql_type().kind.is_text()) {
        return Err(refused(name, &args, "ARRAY_JOIN(ARRAY<STRING>, STRING[, STRING])"));
    }
    let nullable = args.iter().any(|arg| arg.sql_type().nullable);
    Ok(Expr::call(name, Join, args, SqlType { kind: Kind::String, nullable }))
}
