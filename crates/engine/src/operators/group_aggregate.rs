//! `GROUP BY` without a window: an aggregate that changes with every record.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int8Array, Int64Array, RecordBatch, RecordBatchOptions,
    UInt32Array,
};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{and, interleave, take};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};

use super::groups::{CHUNK, GroupPlan, Groups, Selection};
use super::snapshot::{Reached, StateWriter, read};
use super::window::fields_of;
use crate::aggregate::{AggregateCall, call_type};
use crate::batch::{Batch, RowKind, SchemaRef};
use crate::operator::{Operator, OperatorContext, OperatorFactory, Output};
use crate::state::{OperatorState, RestoredState};
use crate::{Error, Result};

/// Emits a changelog: `+I` for a new group, `-U` and `+U` when its values change, `-D` when its
/// last record was taken back. Without keys there is one group.
///
/// Output columns: keys, aggregates, in this order. (Flink's `GroupAggFunction`.)
#[derive(Debug, Clone)]
pub struct GroupAggregate {
    input: SchemaRef,
    keys: Vec<usize>,
    aggregates: Vec<(AggregateCall, String)>,
    updating_input: bool,
    schema: SchemaRef,
}

impl GroupAggregate {
    /// Checks the parts and derives the output schema. `updating_input` says that the input may
    /// take records back: the state then keeps what that needs (all values of a MIN, for example).
    pub fn new(
        input: SchemaRef,
        keys: Vec<usize>,
        aggregates: Vec<(AggregateCall, String)>,
        updating_input: bool,
    ) -> Result<Self> {
        let mut fields = fields_of(&input, &keys)?;
        for (call, name) in &aggregates {
            fields.push(Arc::new(Field::new(name, call_type(call, &input)?, true)));
        }
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { input, keys, aggregates, updating_input, schema })
    }
}

impl OperatorFactory for GroupAggregate {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let plan = self.plan()?;
        let groups = plan.groups()?;
        let (schema, fingerprint) = (self.schema(), self.fingerprint());
        let (counts, turns, live) = (Vec::new(), Vec::new(), 0);
        Ok(Box::new(Changing { plan, schema, fingerprint, groups, counts, turns, live }))
    }

    fn fingerprint(&self) -> String {
        let plan = self.plan();
        plan.map_or_else(|error| error.to_string(), |plan| format!("group {}", plan.fingerprint()))
    }
}

impl GroupAggregate {
    fn plan(&self) -> Result<GroupPlan> {
        let plan = GroupPlan::new(&self.input, &self.keys, &self.aggregates)?;
        Ok(if self.updating_input { plan.retractable() } else { plan })
    }
}

/// One subtask's groups.
struct Changing {
    plan: GroupPlan,
    schema: SchemaRef,
    fingerprint: String,
    groups: Groups,
    /// Records of each group that were not taken back; 0 = the group is not there.
    counts: Vec<i64>,
    /// Scratch: in which round each group takes part next.
    turns: Vec<u32>,
    /// Groups that are there.
    live: usize,
}

/// A record to emit.
#[derive(Debug, Clone, Copy)]
struct Change {
    /// The input record that caused it.
    row: u32,
    kind: RowKind,
    /// Which column pieces hold its values, and where.
    piece: usize,
    at: usize,
}

/// Records of different groups, at most one of each.
#[derive(Debug, Default)]
struct Round {
    rows: Vec<u32>,
    groups: Vec<u32>,
}

impl Changing {
    /// Every record must show its own change, so a group takes part once in each round.
    fn rounds(&mut self, of_rows: &[u32]) -> Vec<Round> {
        let mut rounds: Vec<Round> = Vec::new();
        self.turns.clear();
        self.turns.resize(self.groups.len(), 0);
        for (row, &group) in (0_u32..).zip(of_rows) {
            let turn = &mut self.turns[group as usize];
            if rounds.len() == *turn as usize {
                rounds.push(Round::default());
            }
            let round = &mut rounds[*turn as usize];
            round.rows.push(row);
            round.groups.push(group);
            *turn += 1;
        }
        rounds
    }

    /// Adds the round's records; gives the results before and after.
    fn apply(&mut self, batch: &Batch, round: &Round) -> Result<[Vec<ArrayRef>; 2]> {
        let room = self.groups.len();
        self.groups.resize(room);
        let before = self.groups.results(&round.groups)?;
        for back in [false, true] {
            let (mut rows, mut groups) = (Vec::new(), Vec::new());
            for (&row, &group) in round.rows.iter().zip(&round.groups) {
                if batch.kind(row as usize).adds() != back {
                    rows.push(row);
                    groups.push(group);
                }
            }
            if !rows.is_empty() {
                let selection = Selection::of(rows);
                self.groups.change(&self.plan, &batch.rows, &selection, &groups, room, back)?;
            }
        }
        let after = self.groups.results(&round.groups)?;
        Ok([before, after])
    }

    /// What the round changed; `piece` is the number of its results before.
    fn changes(
        &mut self,
        batch: &Batch,
        round: &Round,
        results: &[Vec<ArrayRef>; 2],
        piece: usize,
        changes: &mut Vec<Change>,
    ) -> Result<()> {
        let same = same_rows(&results[0], &results[1], round.rows.len())?;
        let mut gone = Vec::new();
        for (at, (&row, &group)) in round.rows.iter().zip(&round.groups).enumerate() {
            let adds = batch.kind(row as usize).adds();
            let count = &mut self.counts[group as usize];
            let old = Change { row, kind: RowKind::UpdateBefore, piece, at };
            let new = Change { row, kind: RowKind::UpdateAfter, piece: piece + 1, at };
            match (*count, adds) {
                // As in Flink, a record of which nothing is known cannot be taken back.
                (0, false) => gone.push(group),
                (0, true) => {
                    changes.push(Change { kind: RowKind::Insert, ..new });
                    *count = 1;
                    self.live += 1;
                }
                (1, false) => {
                    changes.push(Change { kind: RowKind::Delete, ..old });
                    *count = 0;
                    self.live -= 1;
                    gone.push(group);
                }
                (_, adds) => {
                    if !same.value(at) {
                        changes.extend([old, new]);
                    }
                    *count += if adds { 1 } else { -1 };
                }
            }
        }
        self.groups.clear(&gone);
        Ok(())
    }

    fn emit(
        &self,
        batch: &Batch,
        pieces: &[Vec<ArrayRef>],
        mut changes: Vec<Change>,
        out: &mut Output,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        // Back into the order of the input; the sort keeps -U before +U.
        changes.sort_by_key(|change| change.row);
        let rows = UInt32Array::from_iter_values(changes.iter().map(|change| change.row));
        let mut columns = self
            .plan
            .key_columns(&batch.rows)
            .iter()
            .map(|key| Ok(take(key, &rows, None)?))
            .collect::<Result<Vec<_>>>()?;
        let places: Vec<(usize, usize)> =
            changes.iter().map(|change| (change.piece, change.at)).collect();
        let results = pieces.first().map_or(0, Vec::len);
        for call in 0..results {
            let parts: Vec<&dyn Array> = pieces.iter().map(|piece| piece[call].as_ref()).collect();
            columns.push(interleave(&parts, &places)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(changes.len()));
        let schema = SchemaRef::clone(&self.schema);
        let mut made = Batch::of(RecordBatch::try_new_with_options(schema, columns, &options)?);
        let kinds = changes.iter().map(|change| change.kind as i8);
        made.kinds = Some(Int8Array::from_iter_values(kinds));
        out.emit(made);
        Ok(())
    }

    /// Drops the groups that are not there once they are the majority.
    fn forget_groups(&mut self) -> Result<()> {
        if self.groups.len() < 1024 || self.live * 2 > self.groups.len() {
            return Ok(());
        }
        let live = self.live_groups();
        let mut groups = self.plan.groups()?;
        for some in live.chunks(CHUNK) {
            groups.merge_some(&self.groups, some)?;
        }
        self.counts = live.iter().map(|&group| self.counts[group as usize]).collect();
        self.groups = groups;
        Ok(())
    }

    fn live_groups(&self) -> Vec<u32> {
        let all = (0_u32..).zip(&self.counts);
        all.filter(|(_, count)| **count != 0).map(|(group, _)| group).collect()
    }
}

/// Which rows are equal in all columns.
fn same_rows(before: &[ArrayRef], after: &[ArrayRef], rows: usize) -> Result<BooleanArray> {
    let mut same = BooleanArray::from(vec![true; rows]);
    for (before, after) in before.iter().zip(after) {
        let equal = if before.data_type().is_nested() {
            (0..rows).map(|row| Some(before.slice(row, 1) == after.slice(row, 1))).collect()
        } else {
            not_distinct(before, after)?
        };
        same = and(&same, &equal)?;
    }
    Ok(same)
}

impl Operator for Changing {
    fn on_batch(&mut self, _input: usize, batch: Batch, out: &mut Output) -> Result<()> {
        let keys = self.plan.keys(&batch.rows)?;
        let mut of_rows = Vec::with_capacity(batch.len());
        self.groups.table.intern(&keys, 0..batch.len(), &mut of_rows);
        self.counts.resize(self.groups.len(), 0);
        let (mut pieces, mut changes) = (Vec::new(), Vec::new());
        for round in self.rounds(&of_rows) {
            let results = self.apply(&batch, &round)?;
            self.changes(&batch, &round, &results, pieces.len(), &mut changes)?;
            pieces.extend(results);
        }
        self.emit(&batch, &pieces, changes, out)?;
        self.forget_groups()
    }

    fn snapshot(&mut self) -> Result<Option<OperatorState>> {
        let mut fields = vec![Field::new("records", DataType::Int64, false)];
        fields.extend(self.plan.state_fields()?);
        let mut writer = StateWriter::new(fields, Reached::default())?;
        for groups in self.live_groups().chunks(CHUNK) {
            let keys = self.groups.table.columns(groups)?;
            let counts = groups.iter().map(|&group| self.counts[group as usize]);
            let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(counts))];
            columns.extend(keys.iter().cloned());
            columns.extend(self.groups.states(groups)?);
            writer.add(&keys, columns, groups.len())?;
        }
        Ok(Some(writer.finish(self.fingerprint.clone())?))
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        read(&state, &self.fingerprint, |rows| {
            let broken = || Error::internal("the state of a group has no count");
            let [counts, columns @ ..] = rows.columns() else { return Err(broken()) };
            let counts = counts.as_primitive_opt::<Int64Type>().ok_or_else(broken)?;
            // A group is in one row of one part, so its number is the next.
            self.counts.extend_from_slice(counts.values());
            self.groups.restore(&self.plan, columns, rows.num_rows())
        })?;
        self.live = self.counts.len();
        Ok(())
    }
}
