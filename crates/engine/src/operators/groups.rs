//! Keys and accumulators together: the groups of one slice, or of all sessions.

use std::ops::Range;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field};

use super::keys::{BatchKeys, KeyLayout, KeyTable};
use crate::aggregate::{
    Accumulator, AggregateCall, accumulator, argument_types, retractable_accumulator,
};
use crate::batch::SchemaRef;
use crate::{Error, Result};

/// Groups that are emitted or stored at a time.
pub(crate) const CHUNK: usize = 8192;

/// What an operator groups by and computes.
#[derive(Debug, Clone)]
pub(crate) struct GroupPlan {
    keys: Vec<usize>,
    layout: KeyLayout,
    calls: Vec<(AggregateCall, Vec<DataType>)>,
    retractable: bool,
}

/// Rows of a batch, in order.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    /// All from one to another.
    Range(Range<usize>),
    /// These.
    Rows(Vec<u32>),
}

impl Selection {
    /// Chosen rows; a run when they lie side by side.
    pub(crate) fn of(rows: Vec<u32>) -> Self {
        match (rows.first(), rows.last()) {
            (Some(&first), Some(&last)) if (last - first) as usize + 1 == rows.len() => {
                Self::Range(first as usize..last as usize + 1)
            }
            _ => Self::Rows(rows),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::Rows(rows) => rows.len(),
        }
    }

    pub(crate) fn last(&self) -> Option<usize> {
        match self {
            Self::Range(range) => range.clone().next_back(),
            Self::Rows(rows) => rows.last().map(|&row| row as usize),
        }
    }

    pub(crate) fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let narrow = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        Self::of(match self {
            Self::Range(range) => range.clone().filter(|&row| keep(row)).map(narrow).collect(),
            Self::Rows(rows) => rows.iter().copied().filter(|&row| keep(row as usize)).collect(),
        })
    }

    fn apply(&self, column: &ArrayRef) -> Result<ArrayRef> {
        Ok(match self {
            Self::Range(range) if range.len() == column.len() => ArrayRef::clone(column),
            Self::Range(range) => column.slice(range.start, range.len()),
            Self::Rows(rows) => take(column, &UInt32Array::from(rows.clone()), None)?,
        })
    }
}

impl GroupPlan {
    /// For inputs that only insert.
    pub(crate) fn new(
        input: &SchemaRef,
        keys: &[usize],
        aggregates: &[(AggregateCall, String)],
    ) -> Result<Self> {
        let types = keys.iter().map(|&key| input.field(key).data_type().clone()).collect();
        let calls = aggregates
            .iter()
            .map(|(call, _)| Ok((call.clone(), argument_types(call, input)?)))
            .collect::<Result<_>>()?;
        let layout = KeyLayout::new(types)?;
        Ok(Self { keys: keys.to_vec(), layout, calls, retractable: false })
    }

    /// The same for inputs that also take records back.
    pub(crate) fn retractable(self) -> Self {
        Self { retractable: true, ..self }
    }

    /// The key columns of a batch.
    pub(crate) fn key_columns(&self, rows: &RecordBatch) -> Vec<ArrayRef> {
        self.keys.iter().map(|&key| ArrayRef::clone(rows.column(key))).collect()
    }

    /// The keys of a batch.
    pub(crate) fn keys(&self, rows: &RecordBatch) -> Result<BatchKeys> {
        self.layout.of_batch(&self.key_columns(rows))
    }

    /// How keys are held.
    pub(crate) fn layout(&self) -> &KeyLayout {
        &self.layout
    }

    /// No groups yet.
    pub(crate) fn groups(&self) -> Result<Groups> {
        let make = if self.retractable { retractable_accumulator } else { accumulator };
        let accumulators =
            self.calls.iter().map(|(call, types)| make(call, types)).collect::<Result<_>>()?;
        Ok(Groups { table: self.layout.table(), accumulators })
    }

    /// Fields of stored groups: keys, then the states of all calls.
    pub(crate) fn state_fields(&self) -> Result<Vec<Field>> {
        let keys = self.layout.types().iter().enumerate();
        let mut fields: Vec<Field> =
            keys.map(|(key, of)| Field::new(format!("key_{key}"), of.clone(), true)).collect();
        for (call, accumulator) in self.groups()?.accumulators.iter().enumerate() {
            for (part, column) in accumulator.state(&[])?.iter().enumerate() {
                let name = format!("aggregate_{call}_{part}");
                fields.push(Field::new(name, column.data_type().clone(), true));
            }
        }
        Ok(fields)
    }

    /// Stored columns as key columns and states.
    pub(crate) fn split_stored<'a>(
        &self,
        columns: &'a [ArrayRef],
    ) -> Result<(&'a [ArrayRef], &'a [ArrayRef])> {
        let split = columns.split_at_checked(self.layout.types().len());
        split.ok_or_else(|| Error::internal("the state has too few columns"))
    }

    /// Keys and aggregates as far as state depends on them.
    pub(crate) fn fingerprint(&self) -> String {
        let keys: Vec<String> = self.layout.types().iter().map(ToString::to_string).collect();
        let calls: Vec<String> = self
            .calls
            .iter()
            .map(|(call, types)| {
                let types: Vec<String> = types.iter().map(ToString::to_string).collect();
                let distinct = if call.distinct { "distinct " } else { "" };
                let filter = if call.filter.is_some() { " filtered" } else { "" };
                format!("{:?}({distinct}{}){filter}", call.function, types.join(", "))
            })
            .collect();
        let back = if self.retractable { " retractable" } else { "" };
        format!("keys [{}] aggregates [{}]{back}", keys.join(", "), calls.join(", "))
    }
}

/// Keys and their accumulators, numbered alike.
pub(crate) struct Groups {
    pub(crate) table: KeyTable,
    accumulators: Vec<Box<dyn Accumulator>>,
}

impl Groups {
    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Adds some rows of a batch; `scratch` saves an allocation.
    pub(crate) fn update(
        &mut self,
        plan: &GroupPlan,
        keys: &BatchKeys,
        rows: &RecordBatch,
        selection: &Selection,
        scratch: &mut Vec<u32>,
    ) -> Result<()> {
        scratch.clear();
        match selection {
            Selection::Range(range) => self.table.intern(keys, range.clone(), scratch),
            Selection::Rows(rows) => {
                self.table.intern(keys, rows.iter().map(|&row| row as usize), scratch);
            }
        }
        let room = self.len();
        self.change(plan, rows, selection, scratch, room, false)
    }

    /// Adds (or takes back) some rows to groups that are known, of which there are `room`.
    pub(crate) fn change(
        &mut self,
        plan: &GroupPlan,
        rows: &RecordBatch,
        selection: &Selection,
        groups: &[u32],
        room: usize,
        back: bool,
    ) -> Result<()> {
        let mut columns: Vec<Option<ArrayRef>> = vec![None; rows.num_columns()];
        let mut column = |index: usize| -> Result<ArrayRef> {
            if let Some(column) = &columns[index] {
                return Ok(ArrayRef::clone(column));
            }
            let column = selection.apply(rows.column(index))?;
            columns[index] = Some(ArrayRef::clone(&column));
            Ok(column)
        };
        for ((call, _), accumulator) in plan.calls.iter().zip(&mut self.accumulators) {
            accumulator.resize(room);
            let arguments: Vec<ArrayRef> =
                call.arguments.iter().map(|&index| column(index)).collect::<Result<_>>()?;
            let filter = call.filter.map(&mut column).transpose()?;
            let filter = filter.as_ref().map(|filter| filter.as_boolean());
            if back {
                accumulator.retract(groups, &arguments, filter)?;
            } else {
                accumulator.update(groups, &arguments, filter)?;
            }
        }
        Ok(())
    }

    /// Takes in all groups of another.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        for range in chunks(other.len()) {
            self.merge_some(other, &numbers(range))?;
        }
        Ok(())
    }

    /// Takes in some groups of another; they are numbered here in this order if they are new.
    pub(crate) fn merge_some(&mut self, other: &Self, theirs: &[u32]) -> Result<()> {
        let ours = self.table.intern_table(&other.table, theirs);
        let room = self.len();
        for (accumulator, from) in self.accumulators.iter_mut().zip(&other.accumulators) {
            accumulator.resize(room);
            accumulator.merge(&ours, &from.state(theirs)?)?;
        }
        Ok(())
    }

    /// Moves what group `from` holds into group `to`, and empties it.
    pub(crate) fn join(&mut self, to: u32, from: u32) -> Result<()> {
        for accumulator in &mut self.accumulators {
            let state = accumulator.state(&[from])?;
            accumulator.merge(&[to], &state)?;
            accumulator.clear(&[from]);
        }
        Ok(())
    }

    /// Forgets what groups hold.
    pub(crate) fn clear(&mut self, groups: &[u32]) {
        for accumulator in &mut self.accumulators {
            accumulator.clear(groups);
        }
    }

    /// Makes room in the accumulators for groups that have no records yet.
    pub(crate) fn resize(&mut self, groups: usize) {
        for accumulator in &mut self.accumulators {
            accumulator.resize(groups);
        }
    }

    /// Results of groups, one column per call.
    pub(crate) fn results(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        self.accumulators.iter().map(|accumulator| accumulator.finish(groups)).collect()
    }

    /// States of groups: the columns of all calls side by side.
    pub(crate) fn states(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = Vec::new();
        for accumulator in &self.accumulators {
            columns.extend(accumulator.state(groups)?);
        }
        Ok(columns)
    }

    /// Adds stored rows: key columns, then states.
    pub(crate) fn restore(
        &mut self,
        plan: &GroupPlan,
        columns: &[ArrayRef],
        rows: usize,
    ) -> Result<()> {
        let (keys, states) = plan.split_stored(columns)?;
        let mut groups = Vec::with_capacity(rows);
        self.table.intern(&plan.layout.of_batch(keys)?, 0..rows, &mut groups);
        self.merge_states(&groups, states, self.len())
    }

    /// Adds states as [`Self::states`] gave them to groups, of which there are `room`.
    pub(crate) fn merge_states(
        &mut self,
        groups: &[u32],
        mut columns: &[ArrayRef],
        room: usize,
    ) -> Result<()> {
        for accumulator in &mut self.accumulators {
            let parts = accumulator.state(&[])?.len();
            let Some((mine, rest)) = columns.split_at_checked(parts) else {
                return Err(Error::internal("the state has too few columns"));
            };
            accumulator.resize(room);
            accumulator.merge(groups, mine)?;
            columns = rest;
        }
        Ok(())
    }
}

/// `0..groups` in pieces of [`CHUNK`].
pub(crate) fn chunks(groups: usize) -> impl Iterator<Item = Range<usize>> {
    (0..groups).step_by(CHUNK).map(move |from| from..groups.min(from + CHUNK))
}

/// The group numbers of a range.
pub(crate) fn numbers(range: Range<usize>) -> Vec<u32> {
    range.map(|group| u32::try_from(group).unwrap_or(u32::MAX)).collect()
}
