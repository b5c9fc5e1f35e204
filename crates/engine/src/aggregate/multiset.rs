//! `COLLECT`, and `MIN` and `MAX` whose values may be taken back: all values with their counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, MapArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;

use super::Accumulator;
use super::select::{for_selected, selected};
use super::types::multiset;
use super::values::{ValueBytes, byte_lists, count_lists, read_lists};
use crate::{Error, Result};

/// What is made of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Smallest,
    Largest,
    All,
}

/// The non-NULL values of each group in their order, each with its count. A count below zero is a
/// value that was taken back before it came; it counts as absent.
#[derive(Debug)]
pub(super) struct Multiset {
    outcome: Outcome,
    of: DataType,
    bytes: ValueBytes,
    groups: Vec<BTreeMap<Box<[u8]>, i64>>,
}

impl Multiset {
    pub(super) fn new(outcome: Outcome, of: &DataType) -> Result<Self> {
        let bytes = ValueBytes::new(std::slice::from_ref(of))?;
        Ok(Self { outcome, of: of.clone(), bytes, groups: Vec::new() })
    }

    fn add_rows(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
        by: i64,
    ) -> Result<()> {
        let mask = selected(&arguments[..1], filter);
        let rows = self.bytes.encode(arguments)?;
        for_selected(groups.len(), mask.as_ref(), |row| {
            add(&mut self.groups[groups[row] as usize], rows.row(row).as_ref(), by);
        });
        Ok(())
    }

    fn present(&self, group: u32) -> impl DoubleEndedIterator<Item = (&[u8], i64)> {
        let values = &self.groups[group as usize];
        values.iter().filter(|(_, count)| **count > 0).map(|(value, &count)| (&**value, count))
    }
}

fn add(values: &mut BTreeMap<Box<[u8]>, i64>, value: &[u8], by: i64) {
    match values.get_mut(value) {
        Some(count) => {
            *count += by;
            if *count == 0 {
                values.remove(value);
            }
        }
        None => {
            values.insert(value.into(), by);
        }
    }
}

impl Accumulator for Multiset {
    fn resize(&mut self, groups: usize) {
        self.groups.resize_with(groups.max(self.groups.len()), BTreeMap::new);
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        self.add_rows(groups, arguments, filter, 1)
    }

    fn retract(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        self.add_rows(groups, arguments, filter, -1)
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        read_lists(groups, &state[0], state.get(1), |group, value, count| {
            add(&mut self.groups[group as usize], value, count);
        })
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let held = || groups.iter().map(|&group| &self.groups[group as usize]);
        Ok(vec![
            byte_lists(held().map(|values| values.keys().map(|value| &**value).collect()))?,
            count_lists(held().map(|values| values.values().copied().collect()))?,
        ])
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef> {
        let first = |&group: &u32| self.present(group).next().map(|(value, _)| value);
        let last = |&group: &u32| self.present(group).next_back().map(|(value, _)| value);
        match self.outcome {
            Outcome::Smallest => self.bytes.decode_optional(groups.iter().map(first)),
            Outcome::Largest => self.bytes.decode_optional(groups.iter().map(last)),
            Outcome::All => self.maps(groups),
        }
    }

    fn clear(&mut self, groups: &[u32]) {
        for &group in groups {
            self.groups[group as usize].clear();
        }
    }

    fn size(&self) -> usize {
        // A B-tree entry costs about as much again as what it holds.
        let entry = |value: &[u8]| 2 * (value.len() + size_of::<(Box<[u8]>, i64)>());
        self.groups.iter().flat_map(BTreeMap::keys).map(|value| entry(value)).sum()
    }
}

impl Multiset {
    fn maps(&self, groups: &[u32]) -> Result<ArrayRef> {
        let entries = || groups.iter().flat_map(|&group| self.present(group));
        let keys = self.bytes.decode(entries().map(|(value, _)| value))?.swap_remove(0);
        let counts = entries().map(|(_, count)| i32::try_from(count).unwrap_or(i32::MAX));
        let counts = Int32Array::from_iter_values(counts);
        let DataType::Map(field, sorted) = multiset(&self.of) else {
            return Err(Error::internal("a multiset is a map"));
        };
        let DataType::Struct(fields) = field.data_type() else {
            return Err(Error::internal("a map has entries"));
        };
        let entries = StructArray::try_new(fields.clone(), vec![keys, Arc::new(counts)], None)?;
        let lengths = groups.iter().map(|&group| self.present(group).count());
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(MapArray::try_new(field, offsets, entries, None, sorted)?))
    }
}
