//! The operator behind TUMBLE, HOP, CUMULATE and attached windows: groups per slice.
//!
//! Follows Flink's slicing window operator. A record is added to its slice; a window is the merge
//! of its slices, made when it fires. CUMULATE merges what has fired into one slice.
//!
//! Windows fire when a watermark arrives, never within a batch: so what has fired is the same in
//! all subtasks at a barrier. A record that is late for some windows of its slice is kept apart
//! from the records that are not: see [`Place`].

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};
use hashbrown::HashMap;

use super::emitter::{Bounds, Emitter};
use super::groups::{GroupPlan, Groups, Selection, chunks, numbers};
use super::keys::BatchKeys;
use super::local_time::{LocalTime, TimeColumn};
use super::slicing::Slicing;
use super::snapshot::{Reached, StateWriter, read};
use super::window::{TimeAttribute, only_inserts};
use crate::batch::{Batch, Watermark};
use crate::graph::NodeIndex;
use crate::operator::{Firing, Operator, OperatorContext, Output};
use crate::sample::LateRecord;
use crate::state::{OperatorState, RestoredState};
use crate::{Error, Result};

/// One subtask's windows.
pub(crate) struct SliceWindows {
    plan: GroupPlan,
    slicing: Slicing,
    /// Where the time (for attached windows: the end) of a record is; `None` = the clock.
    column: Option<usize>,
    /// Whether windows fire by processing time.
    processing: bool,
    local: LocalTime,
    fingerprint: String,
    context: OperatorContext,
    emitter: Emitter,
    slices: BTreeMap<Place, Groups>,
    /// Ends of windows that have records and have not fired.
    pending: BTreeSet<i64>,
    /// What has been reached: the highest watermark seen.
    reached: Reached,
    scratch: Vec<u32>,
}

/// Where a record is kept: its slice, and the first window end it counts for.
type Place = (i64, i64);

/// What [`SliceWindows`] is made of.
pub(crate) struct Parts {
    pub(crate) plan: GroupPlan,
    pub(crate) slicing: Slicing,
    pub(crate) column: Option<usize>,
    pub(crate) time: TimeAttribute,
    pub(crate) local: LocalTime,
    pub(crate) emitter: Emitter,
    pub(crate) fingerprint: String,
}

/// The times of a batch's records.
enum Times {
    Column(TimeColumn),
    Now(i64),
}

/// A batch on its way into the slices.
struct Incoming<'a> {
    rows: &'a RecordBatch,
    keys: BatchKeys,
    times: Times,
    /// Watermark before each record; `None` = that of the operator (or processing time).
    marks: Option<&'a [i64]>,
    origin: Option<NodeIndex>,
}

impl SliceWindows {
    pub(crate) fn new(parts: Parts, context: &OperatorContext) -> Self {
        Self {
            plan: parts.plan,
            slicing: parts.slicing,
            column: parts.column,
            processing: parts.time == TimeAttribute::Processing,
            local: parts.local,
            fingerprint: parts.fingerprint,
            context: context.clone(),
            emitter: parts.emitter,
            slices: BTreeMap::new(),
            pending: BTreeSet::new(),
            reached: Reached::default(),
            scratch: Vec::new(),
        }
    }

    /// Which records fall into which slice.
    fn by_slice(&mut self, times: &Times, rows: Range<usize>) -> Vec<(i64, Selection)> {
        let column = match times {
            Times::Now(now) => return vec![(self.slicing.slice(*now), Selection::Range(rows))],
            Times::Column(column) => column,
        };
        let attached = self.slicing == Slicing::Attached;
        let even = attached || self.local.even();
        if even && let Some((low, high)) = column.bounds(rows.clone()) {
            let slice = self.slicing.slice(low);
            if self.slicing.span(slice).contains(&high) {
                return vec![(slice, Selection::Range(rows))];
            }
        }
        let mut parts: Vec<(i64, Vec<u32>)> = Vec::new();
        let mut places: HashMap<i64, usize> = HashMap::new();
        let (mut span, mut place) = (0..0, 0);
        for row in rows {
            let ms = column.ms(row);
            let at = if even { ms } else { self.local.local(ms) };
            if !span.contains(&at) {
                let slice = self.slicing.slice(at);
                span = self.slicing.span(slice);
                place = *places.entry(slice).or_insert_with(|| {
                    parts.push((slice, Vec::new()));
                    parts.len() - 1
                });
            }
            parts[place].1.push(u32::try_from(row).unwrap_or(u32::MAX));
        }
        parts.into_iter().map(|(slice, rows)| (slice, Selection::of(rows))).collect()
    }

    fn add_to_slice(
        &mut self,
        batch: &Incoming<'_>,
        slice: i64,
        selection: Selection,
    ) -> Result<()> {
        let (first, last) = (self.slicing.first_end(slice), self.slicing.last_end(slice));
        let selection = match first > last {
            // In the gap between two hopping windows.
            true => {
                self.context.metrics.count_late(batch.origin, selection.len());
                Selection::Range(0..0)
            }
            false if self.processing => selection,
            false => self.in_time(batch, last, selection),
        };
        for (end, selection) in self.by_first_end(batch, first, selection) {
            self.pending.insert(end);
            let place = match self.slicing {
                // A record that a cumulative window takes in late counts as one of a later step.
                Slicing::Growing { .. } => (end, end),
                Slicing::Aligned { .. } | Slicing::Attached => (slice, end),
            };
            let groups = match self.slices.entry(place) {
                Entry::Occupied(held) => held.into_mut(),
                Entry::Vacant(place) => place.insert(self.plan.groups()?),
            };
            groups.update(&self.plan, &batch.keys, batch.rows, &selection, &mut self.scratch)?;
        }
        Ok(())
    }

    /// The watermark in force before a record.
    fn mark(&self, batch: &Incoming<'_>, row: usize) -> i64 {
        let mark = batch.marks.map_or(i64::MIN, |marks| marks[row]);
        mark.max(self.reached.progress)
    }

    /// The records that came before the window that ends at `last` fired.
    fn in_time(&self, batch: &Incoming<'_>, last: i64, selection: Selection) -> Selection {
        let trigger = self.local.trigger(last);
        match selection.last() {
            Some(row) if self.mark(batch, row) >= trigger => {
                let kept = selection.filtered(|row| self.mark(batch, row) < trigger);
                let late = selection.len() - kept.len();
                let origin = batch.origin;
                self.context.metrics.late(origin, late, || LateRecord {
                    origin,
                    event_ms: self.event_ms(batch, row, trigger),
                    watermark_ms: self.mark(batch, row),
                    due_ms: trigger,
                });
                kept
            }
            _ => selection,
        }
    }

    /// Event time of a record; where it carries its window, which fires at `trigger`, that.
    fn event_ms(&self, batch: &Incoming<'_>, row: usize, trigger: i64) -> i64 {
        match &batch.times {
            Times::Column(times) if self.slicing != Slicing::Attached => times.ms(row),
            Times::Column(_) | Times::Now(_) => trigger,
        }
    }

    /// Splits the records of a slice, whose first window ends at `first`, by the first window that
    /// had not fired before each.
    fn by_first_end(
        &mut self,
        batch: &Incoming<'_>,
        first: i64,
        mut selection: Selection,
    ) -> Vec<(i64, Selection)> {
        let mut parts = Vec::new();
        while let Some(last) = selection.last() {
            let mut end = first;
            if self.slicing.overlapping() && !self.processing {
                let mark = self.mark(batch, last);
                end = first.max(self.slicing.unfired(&mut self.local, mark));
            }
            if end == first {
                parts.push((end, selection));
                break;
            }
            // Watermarks only rise: the records before which the window ahead of `end` had not
            // fired yet come first.
            let trigger = self.local.trigger(end.saturating_sub(self.slicing.step()));
            let ahead = selection.filtered(|row| self.mark(batch, row) < trigger);
            parts.push((end, selection.filtered(|row| self.mark(batch, row) >= trigger)));
            selection = ahead;
        }
        parts
    }

    /// Fires all windows up to a watermark (or processing time), in the order of their ends.
    fn fire_until(&mut self, progress: i64, out: &mut Output) -> Result<()> {
        self.reached.advance(progress);
        while let Some(&end) = self.pending.first() {
            if self.local.trigger(end) > progress {
                break;
            }
            self.pending.pop_first();
            match self.slicing {
                Slicing::Attached => {
                    if let Some(groups) = self.slices.remove(&(end, end)) {
                        self.emit(&groups, end)?;
                    }
                }
                Slicing::Growing { max, step, .. } => self.fire_growing(end, max, step)?,
                Slicing::Aligned { .. } => self.fire_aligned(end)?,
            }
        }
        self.emitter.flush(out)
    }

    /// Places of the window that ends at `end`.
    fn places(&self, end: i64) -> Vec<Place> {
        let slices = self.slicing.slices(end);
        let places = self.slices.range((slices.start, i64::MIN)..(slices.end, i64::MIN));
        places.map(|(&place, _)| place).filter(|(_, first)| *first <= end).collect()
    }

    fn fire_aligned(&mut self, end: i64) -> Result<()> {
        match self.places(end).as_slice() {
            [] => {}
            [one] => {
                if let Some(groups) = self.slices.remove(one) {
                    self.emit(&groups, end)?;
                    if self.slicing.last_end(one.0) > end {
                        self.slices.insert(*one, groups);
                    }
                }
            }
            many => {
                let mut window = self.plan.groups()?;
                for place in many {
                    if let Some(groups) = self.slices.get(place) {
                        window.merge(groups)?;
                    }
                }
                self.emit(&window, end)?;
            }
        }
        let next = end.saturating_add(self.slicing.step());
        if !self.places(next).is_empty() {
            self.pending.insert(next);
        }
        while let Some(oldest) = self.slices.first_entry()
            && self.slicing.last_end(oldest.key().0) <= end
        {
            oldest.remove();
        }
        Ok(())
    }

    /// Merges the steps of the window that ends at `end` into its first one that has records.
    fn fire_growing(&mut self, end: i64, max: i64, step: i64) -> Result<()> {
        let places = self.places(end);
        let Some((first, rest)) = places.split_first() else { return Ok(()) };
        let Some(mut groups) = self.slices.remove(first) else { return Ok(()) };
        for place in rest {
            if let Some(other) = self.slices.remove(place) {
                groups.merge(&other)?;
            }
        }
        self.emit(&groups, end)?;
        if end < self.slicing.start(end).unwrap_or(end).saturating_add(max) {
            self.slices.insert(*first, groups);
            self.pending.insert(end.saturating_add(step));
        }
        Ok(())
    }

    fn emit(&mut self, groups: &Groups, end: i64) -> Result<()> {
        let bounds = Bounds::One(self.slicing.start(end), end);
        for range in chunks(groups.len()) {
            let numbers = numbers(range);
            let mut columns = groups.table.columns(&numbers)?;
            columns.extend(groups.results(&numbers)?);
            self.emitter.add(columns, numbers.len(), &bounds, &self.local)?;
        }
        Ok(())
    }

    fn times(&mut self, rows: &RecordBatch) -> Result<Times> {
        Ok(match self.column {
            Some(column) => Times::Column(TimeColumn::new(rows.column(column))?),
            None => Times::Now(self.local.local(self.context.clock.now_ms())),
        })
    }
}

impl Operator for SliceWindows {
    fn on_batch(&mut self, _input: usize, batch: Batch, _out: &mut Output) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        only_inserts(&batch)?;
        let times = self.times(&batch.rows)?;
        let keys = self.plan.keys(&batch.rows)?;
        let marks = batch.watermarks.as_ref().filter(|_| !self.processing);
        let marks = marks.map(|marks| &marks.values()[..]);
        let origin = batch.origin;
        let incoming = Incoming { rows: &batch.rows, keys, times, marks, origin };
        for (slice, selection) in self.by_slice(&incoming.times, 0..batch.len()) {
            self.add_to_slice(&incoming, slice, selection)?;
        }
        if let Some(&last) = marks.and_then(<[i64]>::last) {
            self.reached.progress = self.reached.progress.max(last);
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<()> {
        if self.processing {
            return Ok(());
        }
        self.fire_until(watermark.0, out)
    }

    fn next_timer(&self) -> Option<i64> {
        let end = self.pending.first().filter(|_| self.processing)?;
        Some(self.local.trigger(*end).saturating_add(1))
    }

    fn on_timer(&mut self, now_ms: i64, out: &mut Output) -> Result<()> {
        if !self.processing {
            return Ok(());
        }
        self.fire_until(now_ms.saturating_sub(1), out)
    }

    fn next_firing(&self) -> Firing {
        match self.processing {
            true => Firing::ProcessingTime(self.next_timer()),
            false => Firing::EventTime(self.pending.first().map(|end| self.local.trigger(*end))),
        }
    }

    fn snapshot(&mut self) -> Result<Option<OperatorState>> {
        let mut fields = vec![
            Field::new("slice_end", DataType::Int64, false),
            Field::new("first_window_end", DataType::Int64, false),
        ];
        fields.extend(self.plan.state_fields()?);
        let mut writer = StateWriter::new(fields, self.reached)?;
        for (&(slice, first), groups) in &self.slices {
            for range in chunks(groups.len()) {
                let numbers = numbers(range);
                let keys = groups.table.columns(&numbers)?;
                let constant = |value| Arc::new(Int64Array::from_value(value, numbers.len()));
                let mut columns: Vec<ArrayRef> = vec![constant(slice), constant(first)];
                columns.extend(keys.iter().cloned());
                columns.extend(groups.states(&numbers)?);
                writer.add(&keys, columns, numbers.len())?;
            }
        }
        Ok(Some(writer.finish(self.fingerprint.clone())?))
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        let (plan, slices) = (&self.plan, &mut self.slices);
        self.reached = read(&state, &self.fingerprint, |rows| {
            let broken = || Error::internal("the state of a window has no slice");
            let [slice, first, columns @ ..] = rows.columns() else { return Err(broken()) };
            let end = |column: &ArrayRef| {
                // A batch of the state is of one place.
                let ends = column.as_primitive_opt::<Int64Type>().ok_or_else(broken)?;
                Ok::<_, Error>(ends.value(0))
            };
            let groups = match slices.entry((end(slice)?, end(first)?)) {
                Entry::Occupied(held) => held.into_mut(),
                Entry::Vacant(place) => place.insert(plan.groups()?),
            };
            groups.restore(plan, columns, rows.num_rows())
        })?;
        for &(_, first) in self.slices.keys() {
            let mut end = first;
            if self.slicing.overlapping() {
                // Of windows that do not overlap only the unfired are in the state.
                end = first.max(self.slicing.unfired(&mut self.local, self.reached.fired));
            }
            self.pending.insert(end);
        }
        Ok(())
    }
}
