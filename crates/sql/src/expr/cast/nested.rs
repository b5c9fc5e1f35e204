//! Casts of arrays, maps and rows, part by part.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray};
use arrow::datatypes::DataType;
use engine::{Error, Result};

use super::{Context, convert as convert_part};
use crate::types::{Kind, SqlType};

pub(super) fn convert(
    array: &ArrayRef,
    from: &Kind,
    to: &Kind,
    context: Context,
) -> Result<ArrayRef> {
    match (from, to, to.to_arrow()) {
        (Kind::Array(a), Kind::Array(b), DataType::List(field)) => {
            let list = array.as_list::<i32>();
            let items = convert_part(list.values(), &a.kind, &b.kind, context)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(field, offsets, items, nulls)?))
        }
        (Kind::Map(k, v), Kind::Map(l, w), data_type) => {
            map(array, (k, l), (v, w), &data_type, context)
        }
        (Kind::Multiset(a), Kind::Multiset(b), data_type) => {
            let count = SqlType::nullable(Kind::Int);
            map(array, (a, b), (&count, &count), &data_type, context)
        }
        (Kind::Row(a), Kind::Row(b), DataType::Struct(fields)) => {
            let parts = array.as_struct();
            let columns = a.iter().zip(b).zip(parts.columns());
            let columns = columns
                .map(|(((_, s), (_, t)), column)| convert_part(column, &s.kind, &t.kind, context))
                .collect::<Result<Vec<_>>>()?;
            let nulls = parts.nulls().cloned();
            Ok(Arc::new(StructArray::try_new_with_length(fields, columns, nulls, array.len())?))
        }
        _ => Err(Error::internal(format!("no cast from {from} to {to}"))),
    }
}

fn map(
    array: &ArrayRef,
    keys: (&SqlType, &SqlType),
    values: (&SqlType, &SqlType),
    data_type: &DataType,
    context: Context,
) -> Result<ArrayRef> {
    let DataType::Map(field, ordered) = data_type else {
        return Err(Error::internal(format!("{data_type} is no map")));
    };
    let DataType::Struct(fields) = field.data_type() else {
        return Err(Error::internal(format!("{data_type} has no entries")));
    };
    let map = array.as_map();
    let key = convert_part(map.keys(), &keys.0.kind, &keys.1.kind, context)?;
    let value = convert_part(map.values(), &values.0.kind, &values.1.kind, context)?;
    let entries = StructArray::try_new(fields.clone(), vec![key, value], None)?;
    let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
    let made = MapArray::try_new(Arc::clone(field), offsets, entries, nulls, *ordered)?;
    Ok(Arc::new(made))
}
