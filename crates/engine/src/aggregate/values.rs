//! Values of any type as comparable bytes, and lists of them as state columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Int64Array, ListArray, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Int64Type};
use arrow::row::{RowConverter, Rows, SortField};

use crate::{Error, Result};

/// Turns values into bytes that compare as the values do, and back.
#[derive(Debug)]
pub(super) struct ValueBytes {
    converter: RowConverter,
    types: Vec<DataType>,
}

impl ValueBytes {
    pub(super) fn new(types: &[DataType]) -> Result<Self> {
        let fields = types.iter().map(|of| SortField::new(of.clone())).collect();
        Ok(Self { converter: RowConverter::new(fields)?, types: types.to_vec() })
    }

    /// One row of bytes per record.
    pub(super) fn encode(&self, arguments: &[ArrayRef]) -> Result<Rows> {
        Ok(self.converter.convert_columns(&arguments[..self.types.len()])?)
    }

    /// The columns behind rows of bytes.
    pub(super) fn decode<'a>(
        &self,
        values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<ArrayRef>> {
        let parser = self.converter.parser();
        let values: Vec<&[u8]> = values.collect();
        if values.is_empty() {
            return Ok(self.types.iter().map(new_empty_array).collect());
        }
        Ok(self.converter.convert_rows(values.iter().map(|bytes| parser.parse(bytes)))?)
    }

    /// The values of the first column, where there is one.
    pub(super) fn decode_optional<'a>(
        &self,
        values: impl Iterator<Item = Option<&'a [u8]>>,
    ) -> Result<ArrayRef> {
        let values: Vec<Option<&[u8]>> = values.collect();
        let present = self.decode(values.iter().flatten().copied())?.swap_remove(0);
        if present.len() == values.len() {
            return Ok(present);
        }
        let mut next = 0_u32;
        let indices: arrow::array::UInt32Array = values
            .iter()
            .map(|value| {
                value.map(|_| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        Ok(arrow::compute::take(&present, &indices, None)?)
    }
}

/// A list column: `lengths[i]` of the flat values for row `i`.
pub(super) fn lists(values: ArrayRef, lengths: impl Iterator<Item = usize>) -> Result<ArrayRef> {
    let field = Arc::new(Field::new("item", values.data_type().clone(), false));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, None)?))
}

/// A list column of byte strings, one list per group.
pub(super) fn byte_lists<'a>(groups: impl Iterator<Item = Vec<&'a [u8]>>) -> Result<ArrayRef> {
    let groups: Vec<_> = groups.collect();
    let flat = BinaryArray::from_iter_values(groups.iter().flatten());
    lists(Arc::new(flat), groups.iter().map(Vec::len))
}

/// A list column of counts, one list per group.
pub(super) fn count_lists(groups: impl Iterator<Item = Vec<i64>>) -> Result<ArrayRef> {
    let groups: Vec<_> = groups.collect();
    let flat = Int64Array::from_iter_values(groups.iter().flatten().copied());
    lists(Arc::new(flat), groups.iter().map(Vec::len))
}

/// Reads back what [`byte_lists`] and [`count_lists`] wrote: calls `each` with the group, the
/// bytes and the count of every value in order.
pub(super) fn read_lists(
    groups: &[u32],
    values: &ArrayRef,
    counts: Option<&ArrayRef>,
    mut each: impl FnMut(u32, &[u8], i64),
) -> Result<()> {
    let broken = || Error::internal("a list in the state is not as it was written");
    let values = values.as_list_opt::<i32>().ok_or_else(broken)?;
    let bytes = values.values().as_binary_opt::<i32>().ok_or_else(broken)?;
    let counts = match counts {
        None => None,
        Some(counts) => {
            let counts = counts.as_list_opt::<i32>().ok_or_else(broken)?;
            Some((counts, counts.values().as_primitive_opt::<Int64Type>().ok_or_else(broken)?))
        }
    };
    let index = |offset: i32| usize::try_from(offset).map_err(|_| broken());
    for (row, &group) in groups.iter().enumerate() {
        let (start, end) =
            (index(values.value_offsets()[row])?, index(values.value_offsets()[row + 1])?);
        for at in start..end {
            let count = match counts {
                None => 1,
                Some((lists, flat)) => flat.value(at - start + index(lists.value_offsets()[row])?),
            };
            each(group, bytes.value(at), count);
        }
    }
    Ok(())
}
