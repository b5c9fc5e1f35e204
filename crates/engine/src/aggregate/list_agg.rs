//! `LISTAGG` where nothing is taken back.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, StringArray};

use super::Accumulator;
use super::select::{for_selected, selected};
use crate::Result;

/// Texts joined in order of arrival; NULL when there was none.
#[derive(Debug)]
pub(super) struct ListAgg {
    separator: String,
    texts: Vec<Option<String>>,
}

impl ListAgg {
    pub(super) fn new(separator: &str) -> Self {
        Self { separator: separator.to_owned(), texts: Vec::new() }
    }
}

impl Accumulator for ListAgg {
    fn resize(&mut self, groups: usize) {
        self.texts.resize(groups.max(self.texts.len()), None);
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(&arguments[..1], filter);
        let values = arguments[0].as_string::<i32>();
        for_selected(groups.len(), mask.as_ref(), |row| {
            match &mut self.texts[groups[row] as usize] {
                Some(text) => {
                    text.push_str(&self.separator);
                    text.push_str(values.value(row));
                }
                empty => *empty = Some(values.value(row).to_owned()),
            }
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.update(groups, state, None)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.finish(groups)?])
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef> {
        let texts = groups.iter().map(|&group| self.texts[group as usize].as_deref());
        Ok(Arc::new(texts.collect::<StringArray>()))
    }

    fn clear(&mut self, groups: &[u32]) {
        for &group in groups {
            self.texts[group as usize] = None;
        }
    }

    fn size(&self) -> usize {
        let held: usize = self.texts.iter().flatten().map(String::capacity).sum();
        held + size_of_val(self.texts.as_slice())
    }
}
