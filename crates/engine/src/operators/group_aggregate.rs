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
        Ok(Box::new(Changing {
            plan,
            schema,
            fingerprint,
            groups,
            counts: Vec::new(),
            turns: Vec::new(),
            places: Vec::new(),
            live: 0,
        }))
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
    /// Scratch: in which round each group takes part next; all 0 between batches.
    turns: Vec<u32>,
    /// Scratch: where the last results of the groups of the present batch lie.
    places: Vec<Place>,
    /// Groups that are there.
    live: usize,
}

/// What became of the group of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Came,
    Stayed,
    Went,
}

/// Where results lie: in which piece, and in which row of it.
type Place = (usize, usize);

/// A record's step, with the results before and after it.
#[derive(Debug, Clone, Copy)]
struct Change {
    row: u32,
    step: Step,
    old: Place,
    new: Place,
}

/// Records of different groups, at most one of each.
#[derive(Debug, Default)]
struct Round {
    rows: Vec<u32>,
    groups: Vec<u32>,
}

impl Changing {
    /// Every record must show its own change, so a group takes part once in each round; those of a
    /// round were in the round before, too.
    fn rounds(&mut self, of_rows: &[u32]) -> Vec<Round> {
        let mut rounds: Vec<Round> = Vec::new();
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
        for &group in of_rows {
            self.turns[group as usize] = 0;
        }
        rounds
    }

    /// Adds the round's records to their groups, or takes them back.
    fn apply(&mut self, batch: &Batch, round: &Round) -> Result<()> {
        let room = self.groups.len();
        if batch.kinds.is_none() {
            let selection = Selection::of(round.rows.clone());
            let groups = &round.groups;
            return self.groups.change(&self.plan, &batch.rows, &selection, groups, room, false);
        }
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
        Ok(())
    }

    /// Counts the round's records and clears the groups that are gone; `piece` holds the results
    /// after the round.
    fn step(&mut self, batch: &Batch, round: &Round, piece: usize, changes: &mut Vec<Change>) {
        let mut gone = Vec::new();
        for (at, (&row, &group)) in round.rows.iter().zip(&round.groups).enumerate() {
            let count = &mut self.counts[group as usize];
            let new = (piece, at);
            let old = std::mem::replace(&mut self.places[group as usize], new);
            let step = match (*count, batch.kind(row as usize).adds()) {
                // As in Flink, a record of which nothing is known cannot be taken back.
                (0, false) => {
                    gone.push(group);
                    continue;
                }
                (0, true) => {
                    *count = 1;
                    self.live += 1;
                    Step::Came
                }
                (1, false) => {
                    *count = 0;
                    self.live -= 1;
                    gone.push(group);
                    Step::Went
                }
                (_, adds) => {
                    *count += if adds { 1 } else { -1 };
                    Step::Stayed
                }
            };
            changes.push(Change { row, step, old, new });
        }
        self.groups.clear(&gone);
    }

    /// Emits the changes in the order of the input records.
    fn emit(
        &self,
        batch: &Batch,
        pieces: &[Vec<ArrayRef>],
        mut changes: Vec<Change>,
        out: &mut Output,
    ) -> Result<()> {
        changes.sort_unstable_by_key(|change| change.row);
        let old: Vec<Place> = changes.iter().map(|change| change.old).collect();
        let new: Vec<Place> = changes.iter().map(|change| change.new).collect();
        let (old, new) = (gathered(pieces, &old)?, gathered(pieces, &new)?);
        let same = same_rows(&old, &new, changes.len())?;

        let (mut rows, mut kinds, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut add = |row: u32, kind: RowKind, place: Place| {
            rows.push(row);
            kinds.push(kind as i8);
            places.push(place);
        };
        for (at, change) in changes.iter().enumerate() {
            match change.step {
                Step::Came => add(change.row, RowKind::Insert, (1, at)),
                Step::Went => add(change.row, RowKind::Delete, (0, at)),
                Step::Stayed if same.value(at) => {}
                Step::Stayed => {
                    add(change.row, RowKind::UpdateBefore, (0, at));
                    add(change.row, RowKind::UpdateAfter, (1, at));
                }
            }
        }
        let (count, rows) = (rows.len(), UInt32Array::from(rows));
        let keys = self.plan.key_columns(&batch.rows);
        let mut columns =
            keys.iter().map(|key| Ok(take(key, &rows, None)?)).collect::<Result<Vec<_>>>()?;
        columns.extend(gathered(&[old, new], &places)?);
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let schema = SchemaRef::clone(&self.schema);
        let mut made = Batch::of(RecordBatch::try_new_with_options(schema, columns, &options)?);
        made.kinds = Some(Int8Array::from(kinds));
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

/// Columns of the rows at `places` of pieces with the same columns.
fn gathered(pieces: &[Vec<ArrayRef>], places: &[Place]) -> Result<Vec<ArrayRef>> {
    let columns = pieces.first().map_or(0, Vec::len);
    let column = |column: usize| {
        let parts: Vec<&dyn Array> = pieces.iter().map(|piece| piece[column].as_ref()).collect();
        Ok(interleave(&parts, places)?)
    };
    (0..columns).map(column).collect()
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
        if batch.is_empty() {
            return Ok(());
        }
        let keys = self.plan.keys(&batch.rows)?;
        let mut of_rows = Vec::with_capacity(batch.len());
        self.groups.table.intern(&keys, 0..batch.len(), &mut of_rows);
        self.counts.resize(self.groups.len(), 0);
        self.groups.resize(self.groups.len());
        let (mut pieces, mut changes) = (Vec::new(), Vec::new());
        self.places.resize(self.groups.len(), (0, 0));
        for round in self.rounds(&of_rows) {
            if pieces.is_empty() {
                pieces.push(self.groups.results(&round.groups)?);
                for (at, &group) in round.groups.iter().enumerate() {
                    self.places[group as usize] = (0, at);
                }
            }
            self.apply(&batch, &round)?;
            pieces.push(self.groups.results(&round.groups)?);
            self.step(&batch, &round, pieces.len() - 1, &mut changes);
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
