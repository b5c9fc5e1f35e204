//! The operator: holds records until the watermark has reached them, and keeps the state.
//!
//! State, format 1: `part` says what a row is ([`WAITING`], [`HELD`], [`GROUP`]); then the input's
//! columns (records; only the needed ones of records in frames), then keys and accumulators.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int8Array, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Int8Type};

use super::OverAggregate;
use super::frames::{Frames, Held};
use super::rows::{RowAt, RowStore};
use crate::batch::{Batch, SchemaRef, Watermark};
use crate::operator::{Firing, Operator, OperatorContext, OperatorFactory, Output};
use crate::operators::groups::{CHUNK, chunks, numbers};
use crate::operators::local_time::TimeColumn;
use crate::operators::snapshot::{Reached, StateWriter, read};
use crate::operators::window::{TimeAttribute, only_inserts};
use crate::sample::LateRecord;
use crate::state::{OperatorState, RestoredState};
use crate::{Error, Result};

/// A record the watermark has not reached.
const WAITING: i8 = 0;
/// A record in a frame.
const HELD: i8 = 1;
/// A key with its accumulators.
const GROUP: i8 = 2;

/// One subtask's records and frames.
pub(super) struct Sorting {
    spec: OverAggregate,
    frames: Frames,
    fingerprint: String,
    context: OperatorContext,
    /// (time, place): ties in order of arrival.
    waiting: BinaryHeap<Reverse<(i64, RowAt)>>,
    store: RowStore,
    reached: Reached,
}

impl Sorting {
    pub(super) fn new(spec: OverAggregate, frames: Frames, context: &OperatorContext) -> Self {
        Self {
            fingerprint: spec.fingerprint(),
            store: RowStore::new(SchemaRef::clone(&spec.input)),
            spec,
            frames,
            context: context.clone(),
            waiting: BinaryHeap::new(),
            reached: Reached::default(),
        }
    }

    /// Emits records in their final order with their aggregates.
    fn emit(&mut self, rows: &RecordBatch, times: &[i64], out: &mut Output) -> Result<()> {
        let needed = rows.project(&self.spec.needed)?;
        let mut columns = rows.columns().to_vec();
        columns.extend(self.frames.append(&needed, times)?);
        let schema = SchemaRef::clone(&self.spec.schema);
        out.emit(Batch::of(RecordBatch::try_new(schema, columns)?));
        Ok(())
    }

    fn wait(&mut self, batch: &Batch, column: usize) -> Result<()> {
        let times = TimeColumn::new(batch.rows.column(column))?;
        let mut kept = Vec::with_capacity(batch.len());
        let mut first_late = None;
        for (number, row) in (0..batch.len()).zip(0_u32..) {
            let mark = batch.watermarks.as_ref().map_or(i64::MIN, |marks| marks.value(number));
            let mark = mark.max(self.reached.progress);
            if mark == i64::MIN || times.ms(number) > mark {
                kept.push(row);
            } else {
                first_late.get_or_insert((times.ms(number), mark));
            }
        }
        if let Some((event_ms, watermark_ms)) = first_late {
            let (origin, late) = (batch.origin, batch.len() - kept.len());
            self.context.metrics.late(origin, late, || LateRecord {
                origin,
                event_ms,
                watermark_ms,
                due_ms: event_ms,
            });
        }
        if let Some(marks) = &batch.watermarks {
            self.reached.progress = self.reached.progress.max(marks.value(batch.len() - 1));
        }
        let places = self.store.add(batch.rows.clone(), kept.iter().copied());
        let times = kept.iter().map(|&row| times.ms(row as usize));
        self.waiting.extend(times.zip(places).map(Reverse));
        Ok(())
    }

    /// Takes out the next records the watermark has reached, in order; all peers of the last.
    fn due(&mut self, watermark: i64) -> (Vec<i64>, Vec<RowAt>) {
        let (mut times, mut places) = (Vec::new(), Vec::new());
        while let Some(&Reverse((time, place))) = self.waiting.peek() {
            if time > watermark || (times.len() >= CHUNK && times.last() != Some(&time)) {
                break;
            }
            self.waiting.pop();
            times.push(time);
            places.push(place);
        }
        (times, places)
    }

    /// Rows of the state: columns of the input, and of keys and accumulators; `None` = NULLs.
    fn stored(
        &self,
        part: i8,
        rows: usize,
        of_input: &[(usize, ArrayRef)],
        of_groups: Option<Vec<ArrayRef>>,
        fields: &[Field],
    ) -> Vec<ArrayRef> {
        let null = |field: &Field| new_null_array(field.data_type(), rows);
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Int8Array::from_value(part, rows))];
        let width = self.spec.input.fields().len();
        columns.extend(fields[1..=width].iter().map(null));
        for (column, values) in of_input {
            columns[column + 1] = ArrayRef::clone(values);
        }
        match of_groups {
            Some(of_groups) => columns.extend(of_groups),
            None => columns.extend(fields[width + 1..].iter().map(null)),
        }
        columns
    }

    fn fields(&self) -> Result<Vec<Field>> {
        let mut fields = vec![Field::new("part", DataType::Int8, false)];
        for (index, field) in self.spec.input.fields().iter().enumerate() {
            let name = format!("column_{index}");
            fields.push(Field::new(name, field.data_type().clone(), true));
        }
        fields.extend(self.frames.plan.state_fields()?);
        Ok(fields)
    }

    fn store_waiting(&self, writer: &mut StateWriter, fields: &[Field]) -> Result<()> {
        let mut waiting: Vec<_> = self.waiting.iter().map(|Reverse(row)| *row).collect();
        waiting.sort_unstable();
        for places in waiting.chunks(CHUNK) {
            let places: Vec<RowAt> = places.iter().map(|(_, place)| *place).collect();
            let rows = self.store.gather(&places)?;
            let keys: Vec<ArrayRef> =
                self.spec.partition.iter().map(|&key| Arc::clone(rows.column(key))).collect();
            let columns: Vec<_> = rows.columns().iter().cloned().enumerate().collect();
            let columns = self.stored(WAITING, places.len(), &columns, None, fields);
            writer.add(&keys, columns, places.len())?;
        }
        Ok(())
    }

    fn store_held(&self, writer: &mut StateWriter, fields: &[Field]) -> Result<()> {
        let held: Vec<&Held> = self.frames.held.iter().flatten().collect();
        for held in held.chunks(CHUNK) {
            let places: Vec<RowAt> = held.iter().map(|held| held.at).collect();
            let rows = self.frames.store.gather(&places)?;
            let keys = self.frames.plan.key_columns(&rows);
            let columns: Vec<_> =
                self.spec.needed.iter().copied().zip(rows.columns().iter().cloned()).collect();
            let columns = self.stored(HELD, places.len(), &columns, None, fields);
            writer.add(&keys, columns, places.len())?;
        }
        Ok(())
    }

    fn store_groups(&self, writer: &mut StateWriter, fields: &[Field]) -> Result<()> {
        let groups = &self.frames.groups;
        for range in chunks(groups.len()) {
            let numbers = numbers(range);
            let keys = groups.table.columns(&numbers)?;
            let mut columns = keys.clone();
            columns.extend(groups.states(&numbers)?);
            let columns = self.stored(GROUP, numbers.len(), &[], Some(columns), fields);
            writer.add(&keys, columns, numbers.len())?;
        }
        Ok(())
    }

    fn times(&self, rows: &RecordBatch, column: usize) -> Result<Vec<i64>> {
        let times = TimeColumn::new(rows.column(column))?;
        Ok((0..rows.num_rows()).map(|row| times.ms(row)).collect())
    }

    fn restore_rows(&mut self, rows: &RecordBatch) -> Result<()> {
        let broken = || Error::internal("the state of an OVER window is not as it was written");
        let width = self.spec.input.fields().len();
        let [part, columns @ ..] = rows.columns() else { return Err(broken()) };
        let part = part.as_primitive_opt::<Int8Type>().ok_or_else(broken)?;
        let (of_input, of_groups) = columns.split_at_checked(width).ok_or_else(broken)?;
        // A batch of the state is of one part.
        match (part.value(0), self.spec.time) {
            (WAITING, TimeAttribute::Event { column }) => {
                let schema = SchemaRef::clone(&self.spec.input);
                let rows = RecordBatch::try_new(schema, of_input.to_vec())?;
                let times = self.times(&rows, column)?;
                let places = self.store.add(rows, (0_u32..).take(times.len()));
                self.waiting.extend(times.into_iter().zip(places).map(Reverse));
                Ok(())
            }
            (HELD, time) => {
                let needed: Vec<ArrayRef> =
                    self.spec.needed.iter().map(|&column| Arc::clone(&of_input[column])).collect();
                let held = RecordBatch::try_new(self.spec.needed_schema()?, needed)?;
                let times = match time {
                    TimeAttribute::Event { column } => {
                        self.times(&held, self.spec.among_needed(column)?)?
                    }
                    TimeAttribute::Processing => vec![0; held.num_rows()],
                };
                self.frames.restore_held(held, &times)
            }
            (GROUP, _) => self.frames.restore_groups(of_groups, rows.num_rows()),
            _ => Err(broken()),
        }
    }
}

impl Operator for Sorting {
    fn on_batch(&mut self, _input: usize, batch: Batch, out: &mut Output) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        only_inserts(&batch)?;
        match self.spec.time {
            TimeAttribute::Event { column } => self.wait(&batch, column),
            TimeAttribute::Processing => {
                let times = vec![0; batch.len()];
                self.emit(&batch.rows, &times, out)
            }
        }
    }

    fn on_watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<()> {
        self.reached.advance(watermark.0);
        loop {
            let (times, places) = self.due(watermark.0);
            if times.is_empty() {
                break;
            }
            let rows = self.store.gather(&places)?;
            self.store.release(places);
            self.emit(&rows, &times, out)?;
        }
        if self.store.wasteful() {
            let waiting = std::mem::take(&mut self.waiting).into_vec();
            let mut waiting: Vec<_> = waiting.into_iter().map(|Reverse(row)| row).collect();
            waiting.sort_unstable();
            self.store.compact(waiting.iter_mut().map(|(_, place)| place).collect())?;
            self.waiting = waiting.into_iter().map(Reverse).collect();
        }
        debug_assert_eq!(self.store.wanted(), self.waiting.len(), "what waits is wanted");
        self.frames.forget_keys(watermark.0)
    }

    fn next_firing(&self) -> Firing {
        match self.spec.time {
            TimeAttribute::Event { .. } => {
                Firing::EventTime(self.waiting.peek().map(|Reverse((time, _))| *time))
            }
            // Nothing waits: records come out at once.
            TimeAttribute::Processing => Firing::Untimed,
        }
    }

    fn snapshot(&mut self) -> Result<Option<OperatorState>> {
        let fields = self.fields()?;
        let mut writer = StateWriter::new(fields.clone(), self.reached)?;
        self.store_waiting(&mut writer, &fields)?;
        self.store_held(&mut writer, &fields)?;
        self.store_groups(&mut writer, &fields)?;
        Ok(Some(writer.finish(self.fingerprint.clone())?))
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        let fingerprint = self.fingerprint.clone();
        self.reached = read(&state, &fingerprint, |rows| self.restore_rows(rows))?;
        Ok(())
    }
}
