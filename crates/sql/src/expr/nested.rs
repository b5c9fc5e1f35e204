//! ROW, ARRAY and MAP values: built, and taken apart.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, UInt32Array, make_comparator,
    new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{SortOptions, concat, interleave, take};
use arrow::datatypes::{DataType, Fields, Int32Type};
use engine::{Error, Result};

use super::function::{Arguments, Function, Value};
use super::{CallError, Expr, Literal, Session, cast, conditional};
use crate::types::{Kind, SqlType, common_type};

#[derive(Debug)]
struct MakeRow {
    fields: Fields,
}

impl Function for MakeRow {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let rows = args.rows();
        let columns = values.into_iter().map(|value| value.into_column(rows));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let made = StructArray::try_new_with_length(self.fields.clone(), columns, None, rows)?;
        Ok(Value::column(Arc::new(made)))
    }
}

/// `ROW(…)` or `(…)`: fields are named EXPR$0, EXPR$1, ….
pub fn row(fields: Vec<Expr>) -> Result<Expr, CallError> {
    let fields: Vec<_> = fields.into_iter().map(typed_null).collect();
    let types = fields
        .iter()
        .enumerate()
        .map(|(index, field)| (format!("EXPR${index}"), field.sql_type().clone()));
    let kind = Kind::Row(types.collect());
    let DataType::Struct(arrow) = kind.to_arrow() else {
        return Err(CallError::wrong("a row needs fields"));
    };
    Ok(Expr::call("ROW", MakeRow { fields: arrow }, fields, SqlType::required(kind)))
}

/// A bare NULL inside a value is kept as a NULL text, the type Flink would ask for.
fn typed_null(expr: Expr) -> Expr {
    if expr.sql_type().kind == Kind::Null {
        return Expr::Literal { value: Literal::Null, sql_type: SqlType::nullable(Kind::String) };
    }
    expr
}

#[derive(Debug)]
struct MakeArray {
    data_type: DataType,
}

/// The values of all arguments, record by record.
fn interleaved(values: &[Value], rows: usize, data_type: &DataType) -> Result<ArrayRef> {
    if values.is_empty() || rows == 0 {
        return Ok(new_null_array(data_type, 0));
    }
    let arrays: Vec<&dyn Array> = values.iter().map(|value| value.array.as_ref()).collect();
    let places: Vec<_> = (0..rows)
        .flat_map(|row| values.iter().enumerate().map(move |(at, v)| (at, v.index(row))))
        .collect();
    Ok(interleave(&arrays, &places)?)
}

impl Function for MakeArray {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let DataType::List(field) = &self.data_type else {
            return Err(Error::internal("ARRAY makes a list"));
        };
        let items = interleaved(&args.values()?, args.rows(), field.data_type())?;
        let offsets = OffsetBuffer::from_repeated_length(args.len(), args.rows());
        let made = ListArray::try_new(Arc::clone(field), offsets, items, None)?;
        Ok(Value::column(Arc::new(made)))
    }
}

/// `ARRAY[…]`.
pub fn array(session: &Session, items: Vec<Expr>) -> Result<Expr, CallError> {
    if items.is_empty() {
        return Err(CallError::wrong("`ARRAY[]` needs at least one item"));
    }
    let (items, item) = conditional::align(session, "ARRAY", items)?;
    let kind = Kind::Array(Box::new(item));
    let function = MakeArray { data_type: kind.to_arrow() };
    Ok(Expr::call("ARRAY", function, items, SqlType::required(kind)))
}

/// Arguments: all keys, then all values. A key given twice keeps its last value.
#[derive(Debug)]
struct MakeMap {
    data_type: DataType,
}

impl Function for MakeMap {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let (keys, values) = values.split_at(values.len() / 2);
        let rows = args.rows();
        let DataType::Map(field, _) = &self.data_type else {
            return Err(Error::internal("MAP makes a map"));
        };
        let DataType::Struct(parts) = field.data_type() else {
            return Err(Error::internal("a map has entries"));
        };
        let all_keys = interleaved(keys, rows, parts[0].data_type())?;
        let all_values = interleaved(values, rows, parts[1].data_type())?;
        let (kept, offsets) = last_of_each(&all_keys, keys.len(), rows)?;
        let entries = StructArray::try_new(
            parts.clone(),
            vec![take(&all_keys, &kept, None)?, take(&all_values, &kept, None)?],
            None,
        )?;
        let made = MapArray::try_new(Arc::clone(field), offsets, entries, None, false)?;
        Ok(Value::column(Arc::new(made)))
    }
}

/// Places of the entries that stay when keys repeat, and the offsets they make.
fn last_of_each(
    keys: &ArrayRef,
    each: usize,
    rows: usize,
) -> Result<(UInt32Array, OffsetBuffer<i32>)> {
    if keys.null_count() > 0 {
        return Err(Error::user("a key of a MAP is NULL, keep NULLs out with COALESCE"));
    }
    let same = make_comparator(keys, keys, SortOptions::default())?;
    let mut kept = Vec::with_capacity(keys.len());
    let mut lengths = Vec::with_capacity(rows);
    for row in 0..rows {
        let (start, before) = (row * each, kept.len());
        for at in start..start + each {
            if !(at + 1..start + each).any(|later| same(at, later).is_eq()) {
                kept.push(at as u32);
            }
        }
        lengths.push(kept.len() - before);
    }
    Ok((UInt32Array::from(kept), OffsetBuffer::from_lengths(lengths)))
}

/// `MAP[key, value, …]`.
pub fn map(session: &Session, entries: Vec<Expr>) -> Result<Expr, CallError> {
    if entries.is_empty() || entries.len() % 2 == 1 {
        return Err(CallError::wrong("`MAP[…]` needs pairs of a key and a value"));
    }
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (index, entry) in entries.into_iter().enumerate() {
        if index % 2 == 0 { keys.push(entry) } else { values.push(entry) }
    }
    let (mut keys, key) = conditional::align(session, "the keys of MAP", keys)?;
    let (values, value) = conditional::align(session, "the values of MAP", values)?;
    let kind = Kind::Map(Box::new(key), Box::new(value));
    keys.extend(values);
    let function = MakeMap { data_type: kind.to_arrow() };
    Ok(Expr::call("MAP", function, keys, SqlType::required(kind)))
}

#[derive(Debug)]
struct Field {
    index: usize,
}

impl Function for Field {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let parts = operand.array.as_struct();
        let column = parts.column(self.index);
        let array = match parts.nulls() {
            None => Arc::clone(column),
            Some(nulls) => {
                let both = NullBuffer::union(Some(nulls), column.nulls());
                let data = column.to_data().into_builder().nulls(both).build()?;
                arrow::array::make_array(data)
            }
        };
        Ok(Value { array, ..operand })
    }
}

/// `operand.name` of a ROW.
pub fn field(operand: Expr, name: &str) -> Result<Expr, CallError> {
    let Kind::Row(fields) = &operand.sql_type().kind else {
        return Err(CallError::wrong(format!(
            "`.{name}` needs a ROW, not {}",
            operand.sql_type().kind
        )));
    };
    let Some(index) = fields.iter().position(|(field, _)| field == name) else {
        let known: Vec<_> = fields.iter().map(|(name, _)| format!("`{name}`")).collect();
        return Err(CallError::wrong(format!(
            "the row has no field `{name}`, it has {}",
            known.join(", ")
        )));
    };
    let part = fields[index].1.clone();
    let nullable = part.nullable || operand.sql_type().nullable;
    Ok(Expr::call(
        &format!(".{name}"),
        Field { index },
        vec![operand],
        part.with_nullable(nullable),
    ))
}

/// `array[index]`, counted from 1.
#[derive(Debug)]
struct ArrayItem {
    /// Flink reads past the end of an array of numbers that cannot be NULL as -1.
    missing: Option<Literal>,
    item: SqlType,
}

impl Function for ArrayItem {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (list, index) = (args.value(0)?, args.value(1)?);
        let constant = list.constant && index.constant;
        let rows = super::vector::rows(&list, &index);
        let lists = list.array.as_list::<i32>();
        let indexes = index.array.as_primitive::<Int32Type>();
        // The value given past the end stands after all items.
        let missing = self.missing.as_ref().map(|value| value.to_array(&self.item));
        let items = match &missing {
            Some(value) => concat(&[lists.values().as_ref(), value.as_ref()])?,
            None => Arc::clone(lists.values()),
        };
        let places = (0..rows).map(|row| {
            let (l, i) = (list.index(row), index.index(row));
            if lists.is_null(l) || indexes.is_null(i) {
                return Ok(None);
            }
            let length = lists.value_length(l);
            match indexes.value(i) {
                at if (1..=length).contains(&at) => {
                    Ok(Some((lists.value_offsets()[l] + at - 1) as u32))
                }
                at if at > length => Ok(missing.is_some().then(|| items.len() as u32 - 1)),
                at => {
                    Err(Error::user(format!("an array has no item {at}, items are counted from 1")))
                }
            }
        });
        let places = places.collect::<Result<UInt32Array>>()?;
        Ok(Value { array: take(&items, &places, None)?, constant })
    }

    fn may_fail(&self) -> bool {
        true
    }
}

/// `map[key]`
#[derive(Debug)]
struct MapItem;

impl Function for MapItem {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (map, key) = (args.value(0)?, args.value(1)?);
        let constant = map.constant && key.constant;
        let rows = super::vector::rows(&map, &key);
        let maps = map.array.as_map();
        let same = make_comparator(maps.keys(), &key.array, SortOptions::default())?;
        let places: UInt32Array = (0..rows)
            .map(|row| {
                let (m, k) = (map.index(row), key.index(row));
                if maps.is_null(m) || key.array.is_null(k) {
                    return None;
                }
                let range = maps.value_offsets()[m] as usize..maps.value_offsets()[m + 1] as usize;
                range.rev().find(|at| same(*at, k).is_eq()).map(|at| at as u32)
            })
            .collect();
        Ok(Value { array: take(maps.values(), &places, None)?, constant })
    }
}

/// `operand[index]` of an ARRAY (counted from 1) or MAP.
pub fn item(session: &Session, operand: Expr, index: Expr) -> Result<Expr, CallError> {
    let nullable = operand.sql_type().nullable;
    match operand.sql_type().kind.clone() {
        Kind::Array(part) => {
            if !index.sql_type().kind.is_integer() {
                return Err(CallError::wrong(format!(
                    "the index of an ARRAY must be an integer, not {}",
                    index.sql_type().kind
                )));
            }
            if let Some(Literal::Integer(at)) = index.as_literal()
                && *at < 1
            {
                return Err(CallError::wrong(format!(
                    "an array has no item {at}, items are counted from 1"
                )));
            }
            let index = cast::cast(session, index, &SqlType::nullable(Kind::Int))?;
            let missing =
                (!part.nullable && part.kind.is_integer()).then_some(Literal::Integer(-1));
            let function = ArrayItem { missing, item: (*part).clone() };
            let nullable = nullable || part.nullable || index.sql_type().nullable;
            let sql_type = part.with_nullable(nullable);
            Ok(Expr::call("ITEM", function, vec![operand, index], sql_type))
        }
        Kind::Map(key, value) => {
            let Some(common) = common_type(&key, index.sql_type()) else {
                return Err(CallError::wrong(format!(
                    "the keys of the MAP are {key}, not {}",
                    index.sql_type().kind
                )));
            };
            let _ = common;
            let index = cast::cast(session, index, &key.with_nullable(true))?;
            let sql_type = value.with_nullable(true);
            Ok(Expr::call("ITEM", MapItem, vec![operand, index], sql_type))
        }
        other => Err(CallError::wrong(format!("`[…]` needs an ARRAY or MAP, not {other}"))),
    }
}
