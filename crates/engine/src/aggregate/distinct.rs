//! `DISTINCT`: lets each value of a group through to the aggregate once.

use std::hash::BuildHasher;

use arrow::array::{ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::Accumulator;
use super::select::{for_selected, selected};
use super::values::{ValueBytes, byte_lists, count_lists, read_lists};
use crate::Result;

/// End of a chain.
const NONE: u32 = u32::MAX;

/// A value of a group, and how often it is there.
#[derive(Debug)]
struct Entry {
    group: u32,
    count: i64,
    hash: u64,
    /// Neighbours in the group's chain, which is in order of arrival.
    before: u32,
    after: u32,
    value: Box<[u8]>,
}

#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

/// All values of all groups.
#[derive(Debug, Default)]
struct Seen {
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    chains: Vec<Chain>,
}

impl Seen {
    fn hash(&self, group: u32, value: &[u8]) -> u64 {
        self.hasher.hash_one((group, value))
    }

    fn find(&self, hash: u64, group: u32, value: &[u8]) -> Option<u32> {
        let same = |&at: &u32| {
            let entry = &self.entries[at as usize];
            entry.group == group && *entry.value == *value
        };
        self.table.find(hash, same).copied()
    }

    /// Adds a value `by` times; says where it is if it is new.
    fn add(&mut self, group: u32, value: &[u8], by: i64) -> Option<u32> {
        let hash = self.hash(group, value);
        if let Some(at) = self.find(hash, group, value) {
            self.entries[at as usize].count += by;
            return None;
        }
        let chain = &mut self.chains[group as usize];
        let before = chain.last;
        let entry = Entry { group, count: by, hash, before, after: NONE, value: value.into() };
        let at = match self.free.pop() {
            Some(at) => {
                self.entries[at as usize] = entry;
                at
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
            }
        };
        match before {
            NONE => chain.first = at,
            before => self.entries[before as usize].after = at,
        }
        chain.last = at;
        let entries = &self.entries;
        self.table.insert_unique(hash, at, |&at| entries[at as usize].hash);
        Some(at)
    }

    /// Takes a value back once; true when that was the last time it was there.
    fn remove(&mut self, group: u32, value: &[u8]) -> bool {
        let hash = self.hash(group, value);
        let Some(at) = self.find(hash, group, value) else { return false };
        let entry = &mut self.entries[at as usize];
        entry.count -= 1;
        if entry.count > 0 {
            return false;
        }
        self.unlink(at);
        true
    }

    fn unlink(&mut self, at: u32) {
        let entry = &mut self.entries[at as usize];
        let (group, hash) = (entry.group, entry.hash);
        let (before, after) = (entry.before, entry.after);
        entry.value = Box::default();
        match before {
            NONE => self.chains[group as usize].first = after,
            before => self.entries[before as usize].after = after,
        }
        match after {
            NONE => self.chains[group as usize].last = before,
            after => self.entries[after as usize].before = before,
        }
        if let Ok(found) = self.table.find_entry(hash, |&other| other == at) {
            found.remove();
        }
        self.free.push(at);
    }

    fn entries_of(&self, group: u32) -> impl Iterator<Item = &Entry> {
        let mut at = self.chains[group as usize].first;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at as usize)?;
            at = entry.after;
            Some(entry)
        })
    }

    fn clear(&mut self, group: u32) {
        loop {
            match self.chains[group as usize].first {
                NONE => return,
                at => self.unlink(at),
            }
        }
    }
}

/// An accumulator over distinct values. Its state is the values with their counts: the inner
/// accumulator is filled again from them.
pub(super) struct Distinct {
    inner: Box<dyn Accumulator>,
    bytes: ValueBytes,
    seen: Seen,
}

impl Distinct {
    pub(super) fn new(inner: Box<dyn Accumulator>, arguments: &[DataType]) -> Result<Self> {
        Ok(Self { inner, bytes: ValueBytes::new(arguments)?, seen: Seen::default() })
    }
}

fn taken(arguments: &[ArrayRef], rows: Vec<u32>) -> Result<Vec<ArrayRef>> {
    let rows = UInt32Array::from(rows);
    arguments.iter().map(|argument| Ok(take(argument, &rows, None)?)).collect()
}

impl Accumulator for Distinct {
    fn resize(&mut self, groups: usize) {
        let empty = Chain { first: NONE, last: NONE };
        self.seen.chains.resize(groups.max(self.seen.chains.len()), empty);
        self.inner.resize(groups);
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(arguments, filter);
        let values = self.bytes.encode(arguments)?;
        let (mut rows, mut theirs) = (Vec::new(), Vec::new());
        for_selected(groups.len(), mask.as_ref(), |row| {
            if self.seen.add(groups[row], values.row(row).as_ref(), 1).is_some() {
                rows.push(u32::try_from(row).unwrap_or(u32::MAX));
                theirs.push(groups[row]);
            }
        });
        if rows.is_empty() {
            return Ok(());
        }
        self.inner.update(&theirs, &taken(arguments, rows)?, None)
    }

    fn retract(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(arguments, filter);
        let values = self.bytes.encode(arguments)?;
        let (mut rows, mut theirs) = (Vec::new(), Vec::new());
        for_selected(groups.len(), mask.as_ref(), |row| {
            if self.seen.remove(groups[row], values.row(row).as_ref()) {
                rows.push(u32::try_from(row).unwrap_or(u32::MAX));
                theirs.push(groups[row]);
            }
        });
        if rows.is_empty() {
            return Ok(());
        }
        self.inner.retract(&theirs, &taken(arguments, rows)?, None)
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let mut new = Vec::new();
        read_lists(groups, &state[0], state.get(1), |group, value, count| {
            new.extend(self.seen.add(group, value, count));
        })?;
        if new.is_empty() {
            return Ok(());
        }
        let entries = || new.iter().map(|&at| &self.seen.entries[at as usize]);
        let theirs: Vec<u32> = entries().map(|entry| entry.group).collect();
        let arguments = self.bytes.decode(entries().map(|entry| &*entry.value))?;
        self.inner.update(&theirs, &arguments, None)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let held = |group: &u32| self.seen.entries_of(*group);
        let values = groups.iter().map(|group| held(group).map(|entry| &*entry.value).collect());
        let counts = groups.iter().map(|group| held(group).map(|entry| entry.count).collect());
        Ok(vec![byte_lists(values)?, count_lists(counts)?])
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef> {
        self.inner.finish(groups)
    }

    fn clear(&mut self, groups: &[u32]) {
        for &group in groups {
            self.seen.clear(group);
        }
        self.inner.clear(groups);
    }

    fn size(&self) -> usize {
        let values: usize = self.seen.entries.iter().map(|entry| entry.value.len()).sum();
        values
            + self.seen.entries.len() * (size_of::<Entry>() + 8)
            + size_of_val(self.seen.chains.as_slice())
            + self.inner.size()
    }
}
