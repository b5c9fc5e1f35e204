//! `FIRST_VALUE` and `LAST_VALUE` where nothing is taken back.

use arrow::array::{ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;

use super::Accumulator;
use super::select::{for_selected, selected};
use super::values::ValueBytes;
use crate::Result;

/// Which of the non-NULL values, by arrival, a group keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    First,
    Last,
}

/// Holds one value of any type per group.
#[derive(Debug)]
pub(super) struct FirstLast {
    keep: Keep,
    bytes: ValueBytes,
    values: Vec<Option<Box<[u8]>>>,
    /// Per group the row of the present batch that is kept, counted from 1; 0 = none.
    chosen: Vec<u32>,
}

impl FirstLast {
    pub(super) fn new(keep: Keep, of: &DataType) -> Result<Self> {
        let bytes = ValueBytes::new(std::slice::from_ref(of))?;
        Ok(Self { keep, bytes, values: Vec::new(), chosen: Vec::new() })
    }
}

impl Accumulator for FirstLast {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups.max(self.values.len()), None);
        self.chosen.resize(self.values.len(), 0);
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        // Only the rows that stay are turned into bytes, however many there are of a group.
        let mut touched = Vec::new();
        let mask = selected(&arguments[..1], filter);
        for_selected(groups.len(), mask.as_ref(), |row| {
            let group = groups[row];
            let chosen = &mut self.chosen[group as usize];
            let number = u32::try_from(row + 1).unwrap_or(u32::MAX);
            match (self.keep, *chosen) {
                (Keep::First, 0) if self.values[group as usize].is_some() => {}
                (_, 0) => {
                    *chosen = number;
                    touched.push(group);
                }
                (Keep::First, _) => {}
                (Keep::Last, _) => *chosen = number,
            }
        });
        let rows = touched.iter().map(|&group| self.chosen[group as usize] - 1);
        let rows = UInt32Array::from_iter_values(rows);
        let encoded = self.bytes.encode(&[take(&arguments[0], &rows, None)?])?;
        for (row, group) in encoded.iter().zip(touched) {
            self.values[group as usize] = Some(row.as_ref().into());
            self.chosen[group as usize] = 0;
        }
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.update(groups, state, None)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.finish(groups)?])
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef> {
        let values = groups.iter().map(|&group| self.values[group as usize].as_deref());
        self.bytes.decode_optional(values)
    }

    fn clear(&mut self, groups: &[u32]) {
        for &group in groups {
            self.values[group as usize] = None;
        }
    }

    fn size(&self) -> usize {
        let held: usize = self.values.iter().flatten().map(|value| value.len()).sum();
        held + size_of_val(self.values.as_slice()) + size_of_val(self.chosen.as_slice())
    }
}
