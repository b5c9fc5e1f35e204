//! Functions that make an array of the items of others.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DynComparator, ListArray, UInt32Array, make_comparator,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{SortOptions, concat, take};
use arrow::datatypes::{DataType, Int32Type};
use engine::{Error, Result};

use super::collection::{item_type, refused, with_item};
use super::{Binding, Entry};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, Session, build, cast, conditional};
use crate::types::{Kind, SqlType};

const fn special(
    names: &'static [&'static str],
    least: usize,
    most: usize,
    build: fn(&Session, &str, Vec<Expr>) -> Result<Expr, CallError>,
) -> Entry {
    Entry { names, binding: Binding::Special { least, most, build } }
}

pub(super) const ENTRIES: &[Entry] = &[
    special(&["ARRAY_DISTINCT", "ARRAY_REVERSE"], 1, 1, of_one),
    special(&["ARRAY_SORT"], 1, 3, sort),
    special(&["ARRAY_SLICE"], 2, 3, slice),
    special(&["ARRAY_REMOVE", "ARRAY_APPEND", "ARRAY_PREPEND"], 2, 2, with_value),
    special(&["ARRAY_UNION", "ARRAY_EXCEPT", "ARRAY_INTERSECT"], 2, 2, of_arrays),
    special(&["ARRAY_CONCAT"], 1, usize::MAX, of_arrays),
];

/// How the items are chosen. All arrays' items, and those given singly, lie in one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Distinct,
    Reverse,
    Sort,
    Slice,
    Remove,
    Append,
    Prepend,
    Union,
    Except,
    Intersect,
    Concat,
}

#[derive(Debug)]
struct Choose {
    choice: Choice,
    /// How many of the arguments are arrays; items follow, then numbers and booleans.
    arrays: usize,
    items: usize,
    data_type: DataType,
}

impl Function for Choose {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let DataType::List(field) = &self.data_type else {
            return Err(Error::internal("an array function makes a list"));
        };
        let given = self.arrays + self.items;
        let pools: Vec<ArrayRef> = values[..given]
            .iter()
            .enumerate()
            .map(|(index, value)| {
                if index < self.arrays {
                    Arc::clone(value.array.as_list::<i32>().values())
                } else {
                    Arc::clone(&value.array)
                }
            })
            .collect();
        let pool = concat(&pools.iter().map(|pool| pool.as_ref()).collect::<Vec<_>>())?;
        let starts: Vec<usize> = pools
            .iter()
            .scan(0, |at, pool| {
                let start = *at;
                *at += pool.len();
                Some(start)
            })
            .collect();
        let order = make_comparator(&pool, &pool, SortOptions::default())?;
        let mut places: Vec<u32> = Vec::with_capacity(pool.len());
        let mut lengths = Vec::with_capacity(args.rows());
        let mut valid = Vec::with_capacity(args.rows());
        for row in 0..args.rows() {
            let before = places.len();
            let unknown = |value: &Value| value.array.is_null(value.index(row));
            let known =
                !values[..self.arrays].iter().any(unknown) && !values[given..].iter().any(unknown);
            if known {
                let ranges: Vec<Vec<usize>> = (0..given)
                    .map(|index| range(&values[index], row, starts[index], index < self.arrays))
                    .collect();
                let chosen = self.choose(&ranges, &values[given..], row, &pool, &order);
                places.extend(chosen.into_iter().map(|at| at as u32));
            }
            lengths.push(places.len() - before);
            valid.push(known);
        }
        let items = take(&pool, &UInt32Array::from(places), None)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        let nulls = Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
        let made = ListArray::try_new(Arc::clone(field), offsets, items, nulls)?;
        Ok(Value::column(Arc::new(made)))
    }
}

/// Places in the pool of one argument's items.
fn range(value: &Value, row: usize, start: usize, is_array: bool) -> Vec<usize> {
    let at = value.index(row);
    if !is_array {
        return vec![start + at];
    }
    let offsets = value.array.as_list::<i32>().value_offsets();
    (start + offsets[at] as usize..start + offsets[at + 1] as usize).collect()
}

impl Choose {
    fn choose(
        &self,
        ranges: &[Vec<usize>],
        settings: &[Value],
        row: usize,
        pool: &ArrayRef,
        order: &DynComparator,
    ) -> Vec<usize> {
        let first = &ranges[0];
        let is_in = |at: usize, of: &[usize]| of.iter().any(|other| order(at, *other).is_eq());
        match self.choice {
            Choice::Reverse => first.iter().rev().copied().collect(),
            Choice::Concat | Choice::Append => ranges.concat(),
            Choice::Prepend => [ranges[1].as_slice(), first].concat(),
            Choice::Remove => first.iter().copied().filter(|at| !is_in(*at, &ranges[1])).collect(),
            Choice::Distinct | Choice::Union => distinct(&ranges.concat(), order),
            Choice::Intersect => {
                let both: Vec<_> =
                    first.iter().copied().filter(|at| is_in(*at, &ranges[1])).collect();
                distinct(&both, order)
            }
            Choice::Except => {
                // Each item of the second array takes one equal item of the first away.
                let mut left = ranges[1].clone();
                let stays = first.iter().copied().filter(|at| {
                    match left.iter().position(|other| order(*at, *other).is_eq()) {
                        Some(found) => {
                            left.remove(found);
                            false
                        }
                        None => true,
                    }
                });
                stays.collect()
            }
            Choice::Sort => {
                let flag = |index: usize, default: bool| {
                    settings
                        .get(index)
                        .map_or(default, |value| value.array.as_boolean().value(value.index(row)))
                };
                let ascending = flag(0, true);
                let nulls_first = flag(1, ascending);
                let mut sorted = first.clone();
                sorted.sort_by(|a, b| match (pool.is_null(*a), pool.is_null(*b)) {
                    (true, true) => Ordering::Equal,
                    (true, false) if nulls_first => Ordering::Less,
                    (true, false) => Ordering::Greater,
                    (false, true) if nulls_first => Ordering::Greater,
                    (false, true) => Ordering::Less,
                    (false, false) if ascending => order(*a, *b),
                    (false, false) => order(*b, *a),
                });
                sorted
            }
            Choice::Slice => {
                let position = |index: usize, default: i32| {
                    let given = settings.get(index).map_or(default, |value| {
                        value.array.as_primitive::<Int32Type>().value(value.index(row))
                    });
                    // From the end when negative; 0 is as 1.
                    if given < 0 { given + first.len() as i32 + 1 } else { given.max(1) }
                };
                let (start, end) = (position(0, 1), position(1, first.len() as i32));
                let end = usize::try_from(end).unwrap_or(0).min(first.len());
                let start = usize::try_from(start - 1).unwrap_or(0);
                if start < end { first[start..end].to_vec() } else { Vec::new() }
            }
        }
    }
}

fn distinct(places: &[usize], order: &DynComparator) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for at in places {
        if !kept.iter().any(|known| order(*at, *known).is_eq()) {
            kept.push(*at);
        }
    }
    kept
}

fn chosen(
    name: &str,
    choice: Choice,
    (arrays, items): (usize, usize),
    args: Vec<Expr>,
    item: SqlType,
) -> Expr {
    let nullable = args[..arrays].iter().chain(&args[arrays + items..]);
    let nullable = nullable.into_iter().any(|arg| arg.sql_type().nullable);
    let kind = Kind::Array(Box::new(item));
    let function = Choose { choice, arrays, items, data_type: kind.to_arrow() };
    Expr::call(name, function, args, SqlType { kind, nullable })
}

fn of_one(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let item = item_type(name, &args)?;
    let choice = if name == "ARRAY_REVERSE" { Choice::Reverse } else { Choice::Distinct };
    Ok(chosen(name, choice, (1, 0), args, item))
}

fn sort(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let item = item_type(name, &args)?;
    if args[1..].iter().any(|arg| arg.sql_type().kind != Kind::Boolean) {
        return Err(refused(name, &args, "ARRAY_SORT(ARRAY[, BOOLEAN[, BOOLEAN]])"));
    }
    Ok(chosen(name, Choice::Sort, (1, 0), args, item))
}

fn slice(session: &Session, name: &str, mut args: Vec<Expr>) -> Result<Expr, CallError> {
    let item = item_type(name, &args)?;
    if !args[1..].iter().all(|arg| arg.sql_type().kind.is_integer()) {
        return Err(refused(name, &args, "ARRAY_SLICE(ARRAY, INT[, INT])"));
    }
    let numbers = args.split_off(1).into_iter();
    for number in numbers {
        args.push(cast::cast(session, number, &SqlType::nullable(Kind::Int))?);
    }
    Ok(chosen(name, Choice::Slice, (1, 0), args, item))
}

fn with_value(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let (args, item) = with_item(session, name, args)?;
    let choice = match name {
        "ARRAY_REMOVE" => Choice::Remove,
        "ARRAY_APPEND" => Choice::Append,
        _ => Choice::Prepend,
    };
    Ok(chosen(name, choice, (1, 1), args, item))
}

fn of_arrays(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    item_type(name, &args)?;
    let (args, common) = conditional::align(session, name, args)?;
    let Kind::Array(item) = common.kind else {
        return Err(refused(name, &[build::null()], &format!("{name}(ARRAY, …)")));
    };
    let choice = match name {
        "ARRAY_UNION" => Choice::Union,
        "ARRAY_EXCEPT" => Choice::Except,
        "ARRAY_INTERSECT" => Choice::Intersect,
        _ => Choice::Concat,
    };
    let arrays = args.len();
    Ok(chosen(name, choice, (arrays, 0), args, *item))
}
