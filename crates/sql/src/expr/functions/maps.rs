//! Maps: their keys and values, maps made of arrays and of other maps.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, UInt32Array, make_comparator,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{SortOptions, concat, take};
use arrow::datatypes::DataType;
use engine::{Error, Result};

use super::collection::{item_type, refused};
use super::{Binding, Entry};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, Session, build, conditional};
use crate::types::{Kind, SqlType};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        names: &["MAP_KEYS", "MAP_VALUES", "MAP_ENTRIES"],
        binding: Binding::Special { least: 1, most: 1, build: map_part },
    },
    Entry {
        names: &["MAP_FROM_ARRAYS"],
        binding: Binding::Special { least: 2, most: 2, build: map_from_arrays },
    },
    Entry {
        names: &["MAP_UNION"],
        binding: Binding::Special { least: 1, most: usize::MAX, build: map_union },
    },
];

#[derive(Debug)]
struct MapPart {
    to: DataType,
    /// Column of the entries; none for both.
    column: Option<usize>,
}

impl Function for MapPart {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let map = operand.array.as_map();
        let DataType::List(field) = &self.to else {
            return Err(Error::internal("the part of a map is a list"));
        };
        let items: ArrayRef = match self.column {
            Some(column) => Arc::clone(map.entries().column(column)),
            None => {
                let DataType::Struct(fields) = field.data_type() else {
                    return Err(Error::internal("the entries of a map are rows"));
                };
                let columns = map.entries().columns().to_vec();
                Arc::new(StructArray::try_new(fields.clone(), columns, None)?)
            }
        };
        let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
        let made = ListArray::try_new(Arc::clone(field), offsets, items, nulls)?;
        Ok(Value { array: Arc::new(made), ..operand })
    }
}

fn map_part(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let Kind::Map(key, value) = args[0].sql_type().kind.clone() else {
        return Err(refused(name, &args, &format!("{name}(MAP)")));
    };
    let (column, item) = match name {
        "MAP_KEYS" => (Some(0), *key),
        "MAP_VALUES" => (Some(1), *value),
        _ => {
            let fields = vec![("key".to_owned(), *key), ("value".to_owned(), *value)];
            (None, SqlType::required(Kind::Row(fields)))
        }
    };
    let kind = Kind::Array(Box::new(item));
    let nullable = args[0].sql_type().nullable;
    let function = MapPart { to: kind.to_arrow(), column };
    Ok(Expr::call(name, function, args, SqlType { kind, nullable }))
}

/// A map of entries that lie in two pools.
fn assemble(
    data_type: &DataType,
    (keys, values): (&ArrayRef, &ArrayRef),
    rows: &[Option<Vec<u32>>],
) -> Result<ArrayRef> {
    let DataType::Map(field, ordered) = data_type else {
        return Err(Error::internal("a map function makes a map"));
    };
    let DataType::Struct(fields) = field.data_type() else {
        return Err(Error::internal("a map has entries"));
    };
    let places: UInt32Array = rows.iter().flatten().flatten().copied().collect();
    let lengths = rows.iter().map(|row| row.as_ref().map_or(0, Vec::len));
    let columns = vec![take(keys, &places, None)?, take(values, &places, None)?];
    let entries = StructArray::try_new(fields.clone(), columns, None)?;
    let nulls = NullBuffer::from_iter(rows.iter().map(Option::is_some));
    let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries, nulls, *ordered)?))
}

/// Keeps the last of entries with equal keys.
fn last_of_each(places: Vec<u32>, keys: &ArrayRef) -> Result<Vec<u32>> {
    let order = make_comparator(keys, keys, SortOptions::default())?;
    let kept = places.iter().enumerate().filter(|(index, at)| {
        let later = &places[index + 1..];
        !later.iter().any(|other| order(**at as usize, *other as usize).is_eq())
    });
    Ok(kept.map(|(_, at)| *at).collect())
}

#[derive(Debug)]
struct MapFromArrays {
    data_type: DataType,
}

impl Function for MapFromArrays {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (keys, values) = (args.value(0)?, args.value(1)?);
        let keys = keys.into_column(args.rows())?;
        let values = values.into_column(args.rows())?;
        let (keys, values) = (keys.as_list::<i32>(), values.as_list::<i32>());
        let mut value_places: Vec<u32> = Vec::new();
        let mut rows = Vec::with_capacity(args.rows());
        for row in 0..args.rows() {
            if keys.is_null(row) || values.is_null(row) {
                rows.push(None);
                continue;
            }
            let (from, to) = (keys.value_offsets()[row], keys.value_offsets()[row + 1]);
            let (start, end) = (values.value_offsets()[row], values.value_offsets()[row + 1]);
            if to - from != end - start {
                return Err(Error::user(format!(
                    "MAP_FROM_ARRAYS needs arrays of one length, not of {} and {}",
                    to - from,
                    end - start
                )));
            }
            let kept = last_of_each((from as u32..to as u32).collect(), keys.values())?;
            value_places.extend(kept.iter().map(|at| at - from as u32 + start as u32));
            rows.push(Some(kept));
        }
        // Values are brought to where their keys lie, so that both are taken by one place.
        let key_places: Vec<u32> = rows.iter().flatten().flatten().copied().collect();
        let mut moved = vec![None; keys.values().len()];
        for (key, value) in key_places.iter().zip(&value_places) {
            moved[*key as usize] = Some(*value);
        }
        let beside = take(values.values(), &UInt32Array::from(moved), None)?;
        let made = assemble(&self.data_type, (keys.values(), &beside), &rows)?;
        Ok(Value::column(made))
    }

    fn may_fail(&self) -> bool {
        true
    }
}

/// MAP_FROM_ARRAYS(keys, values)
fn map_from_arrays(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let key = item_type(name, &args)?;
    let value = item_type(name, &args[1..])?;
    let nullable = args.iter().any(|arg| arg.sql_type().nullable);
    let kind = Kind::Map(Box::new(key), Box::new(value));
    let function = MapFromArrays { data_type: kind.to_arrow() };
    Ok(Expr::call(name, function, args, SqlType { kind, nullable }))
}

#[derive(Debug)]
struct MapUnion {
    data_type: DataType,
}

impl Function for MapUnion {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let maps = args.values()?;
        let maps: Vec<ArrayRef> =
            maps.into_iter().map(|map| map.into_column(args.rows())).collect::<Result<_>>()?;
        let keys: Vec<&dyn Array> = maps.iter().map(|map| map.as_map().keys().as_ref()).collect();
        let values: Vec<&dyn Array> =
            maps.iter().map(|map| map.as_map().values().as_ref()).collect();
        let (keys, values) = (concat(&keys)?, concat(&values)?);
        let mut rows = Vec::with_capacity(args.rows());
        for row in 0..args.rows() {
            if maps.iter().any(|map| map.is_null(row)) {
                rows.push(None);
                continue;
            }
            let mut places = Vec::new();
            let mut start = 0;
            for map in &maps {
                let map = map.as_map();
                let offsets = map.value_offsets();
                places.extend(start + offsets[row] as u32..start + offsets[row + 1] as u32);
                start += map.keys().len() as u32;
            }
            rows.push(Some(last_of_each(places, &keys)?));
        }
        Ok(Value::column(assemble(&self.data_type, (&keys, &values), &rows)?))
    }
}

/// MAP_UNION(map, …): of equal keys the last map's value stays.
fn map_union(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let (args, common) = conditional::align(session, name, args)?;
    if !matches!(common.kind, Kind::Map(..)) {
        return Err(refused(name, &[build::null()], &format!("{name}(MAP, …)")));
    }
    let function = MapUnion { data_type: common.kind.to_arrow() };
    Ok(Expr::call(name, function, args, common))
}
