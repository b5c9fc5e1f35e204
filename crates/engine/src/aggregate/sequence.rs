//! `FIRST_VALUE`, `LAST_VALUE` and `LISTAGG` whose values may be taken back: all values in order.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, StringArray};
use arrow::datatypes::DataType;

use super::Accumulator;
use super::select::{for_selected, selected};
use super::values::{ValueBytes, byte_lists, read_lists};
use crate::Result;

/// What is made of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pick {
    First,
    Last,
    /// All, joined by a separator.
    Joined(String),
}

/// The non-NULL values of each group in order of arrival. Taking a value back removes its
/// earliest occurrence, as in Flink's `FirstValueWithRetractAggFunction` and its sisters.
#[derive(Debug)]
pub(super) struct Sequence {
    pick: Pick,
    bytes: ValueBytes,
    groups: Vec<VecDeque<Box<[u8]>>>,
}

impl Sequence {
    pub(super) fn new(pick: Pick, of: &DataType) -> Result<Self> {
        Ok(Self { pick, bytes: ValueBytes::new(std::slice::from_ref(of))?, groups: Vec::new() })
    }
}

impl Accumulator for Sequence {
    fn resize(&mut self, groups: usize) {
        self.groups.resize(groups.max(self.groups.len()), VecDeque::new());
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(&arguments[..1], filter);
        let rows = self.bytes.encode(arguments)?;
        for_selected(groups.len(), mask.as_ref(), |row| {
            self.groups[groups[row] as usize].push_back(rows.row(row).as_ref().into());
        });
        Ok(())
    }

    fn retract(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(&arguments[..1], filter);
        let rows = self.bytes.encode(arguments)?;
        for_selected(groups.len(), mask.as_ref(), |row| {
            let values = &mut self.groups[groups[row] as usize];
            let row = rows.row(row);
            if let Some(at) = values.iter().position(|value| **value == *row.as_ref()) {
                values.remove(at);
            }
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        read_lists(groups, &state[0], None, |group, value, _| {
            self.groups[group as usize].push_back(value.into());
        })
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let held = groups.iter().map(|&group| &self.groups[group as usize]);
        Ok(vec![byte_lists(held.map(|values| values.iter().map(|value| &**value).collect()))?])
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef> {
        let held = || groups.iter().map(|&group| &self.groups[group as usize]);
        let separator = match &self.pick {
            Pick::First => {
                return self.bytes.decode_optional(held().map(|v| v.front().map(|value| &**value)));
            }
            Pick::Last => {
                return self.bytes.decode_optional(held().map(|v| v.back().map(|value| &**value)));
            }
            Pick::Joined(separator) => separator,
        };
        let mut joined = Vec::with_capacity(groups.len());
        for values in held() {
            let texts = self.bytes.decode(values.iter().map(|value| &**value))?.swap_remove(0);
            let texts: Vec<&str> = texts.as_string::<i32>().iter().flatten().collect();
            joined.push((!texts.is_empty()).then(|| texts.join(separator)));
        }
        Ok(Arc::new(StringArray::from(joined)))
    }

    fn clear(&mut self, groups: &[u32]) {
        for &group in groups {
            self.groups[group as usize].clear();
        }
    }

    fn size(&self) -> usize {
        let value = |value: &[u8]| value.len() + size_of::<Box<[u8]>>();
        self.groups.iter().flatten().map(|bytes| value(bytes)).sum()
    }
}
