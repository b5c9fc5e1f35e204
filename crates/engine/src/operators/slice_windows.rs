//! The operator behind TUMBLE, HOP, CUMULATE and attached windows: groups per slice.
//!
//! Follows Flink's slicing window operator. A record is added to its slice; a window is the merge
//! of its slices, made when it fires. CUMULATE keeps what has fired in the first slice of its
//! longest window.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};

use super::emitter::Emitter;
use super::groups::{GroupPlan, Groups, Selection, chunks, numbers};
use super::keys::BatchKeys;
use super::local_time::{LocalTime, TimeColumn};
use super::slicing::Slicing;
use super::snapshot::{StateWriter, read};
use super::window::TimeAttribute;
use crate::batch::{Batch, Watermark};
use crate::metrics::NodeMetrics;
use crate::operator::{Operator, OperatorContext, Output};
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
    /// By slice end.
    slices: BTreeMap<i64, Groups>,
    /// Ends of windows that have records and have not fired.
    pending: BTreeSet<i64>,
    /// The highest watermark seen, or the last processing time fired for.
    progress: i64,
    scratch: Vec<u32>,
}

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
            progress: i64::MIN,
            scratch: Vec::new(),
        }
    }

    /// Adds a run of records between which no window can fire.
    fn add(&mut self, batch: &Incoming<'_>, rows: Range<usize>) -> Result<()> {
        for (slice, selection) in self.by_slice(&batch.times, rows) {
            self.add_to_slice(batch, slice, selection)?;
        }
        Ok(())
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
        let before = selection.len();
        let selection = match first > last {
            // In the gap between two hopping windows.
            true => Selection::Range(0..0),
            false if self.processing => selection,
            false => self.in_time(batch, last, selection),
        };
        NodeMetrics::add(&self.context.metrics.late_records, before - selection.len());
        if selection.len() == 0 {
            return Ok(());
        }
        let (mut target, mut end) = (slice, first);
        if self.slicing.overlapping() && !self.processing {
            end = first.max(self.slicing.unfired(&mut self.local, self.progress));
            if let Slicing::Growing { step, .. } = self.slicing
                && self.local.trigger(slice) <= self.progress
            {
                target = self.slicing.start(slice).unwrap_or(slice) + step;
            }
        }
        self.pending.insert(end);
        let groups = match self.slices.entry(target) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(place) => place.insert(self.plan.groups()?),
        };
        groups.update(&self.plan, &batch.keys, batch.rows, &selection, &mut self.scratch)
    }

    /// The records that came before the window that ends at `last` fired.
    fn in_time(&self, batch: &Incoming<'_>, last: i64, selection: Selection) -> Selection {
        let trigger = self.local.trigger(last);
        let mark = |row: usize| match batch.marks {
            Some(marks) => marks[row].max(self.progress),
            None => self.progress,
        };
        match selection.last() {
            Some(row) if mark(row) >= trigger => selection.filtered(|row| mark(row) < trigger),
            _ => selection,
        }
    }

    /// Fires all windows up to a watermark, in the order of their ends.
    fn fire_until(&mut self, progress: i64) -> Result<()> {
        while let Some(&end) = self.pending.first() {
            if self.local.trigger(end) > progress {
                break;
            }
            self.pending.pop_first();
            self.fire(end)?;
        }
        Ok(())
    }

    fn fire(&mut self, end: i64) -> Result<()> {
        match self.slicing {
            Slicing::Attached => {
                if let Some(groups) = self.slices.remove(&end) {
                    self.emit(&groups, end)?;
                }
            }
            Slicing::Growing { max, step, .. } => self.fire_growing(end, max, step)?,
            Slicing::Aligned { .. } => self.fire_aligned(end)?,
        }
        Ok(())
    }

    fn fire_aligned(&mut self, end: i64) -> Result<()> {
        let held: Vec<i64> = self.slices.range(self.slicing.slices(end)).map(|(&s, _)| s).collect();
        match held.as_slice() {
            [] => {}
            [one] => {
                if let Some(groups) = self.slices.remove(one) {
                    self.emit(&groups, end)?;
                    if self.slicing.last_end(*one) > end {
                        self.slices.insert(*one, groups);
                    }
                }
            }
            many => {
                let mut window = self.plan.groups()?;
                for slice in many {
                    if let Some(groups) = self.slices.get(slice) {
                        window.merge(groups)?;
                    }
                }
                self.emit(&window, end)?;
            }
        }
        let next = end.saturating_add(self.slicing.step());
        if self.slices.range(self.slicing.slices(next)).next().is_some() {
            self.pending.insert(next);
        }
        while let Some(oldest) = self.slices.first_entry()
            && self.slicing.last_end(*oldest.key()) <= end
        {
            oldest.remove();
        }
        Ok(())
    }

    fn fire_growing(&mut self, end: i64, max: i64, step: i64) -> Result<()> {
        let start = self.slicing.start(end).unwrap_or(end);
        let base = start.saturating_add(step);
        if end != base
            && let Some(groups) = self.slices.remove(&end)
        {
            match self.slices.get_mut(&base) {
                Some(held) => held.merge(&groups)?,
                None => {
                    self.slices.insert(base, groups);
                }
            }
        }
        let Some(groups) = self.slices.remove(&base) else { return Ok(()) };
        self.emit(&groups, end)?;
        if end < start.saturating_add(max) {
            self.slices.insert(base, groups);
            self.pending.insert(end.saturating_add(step));
        }
        Ok(())
    }

    fn emit(&mut self, groups: &Groups, end: i64) -> Result<()> {
        let bounds = (self.slicing.start(end), end);
        for range in chunks(groups.len()) {
            let numbers = numbers(range);
            let mut columns = groups.table.columns(&numbers)?;
            columns.extend(groups.results(&numbers)?);
            self.emitter.add(columns, numbers.len(), &bounds, &self.local)?;
        }
        Ok(())
    }

    /// The records from `start` on between which no window can fire.
    fn run(&mut self, marks: &[i64], start: usize) -> usize {
        let end = self.slicing.unfired(&mut self.local, self.progress);
        let trigger = if end == i64::MIN { i64::MIN + 1 } else { self.local.trigger(end) };
        let rest = &marks[start..];
        match rest.last() {
            Some(&last) if last >= trigger => {
                start + rest.iter().position(|&mark| mark >= trigger).unwrap_or(rest.len()).max(1)
            }
            _ => marks.len(),
        }
    }

    fn times(&mut self, rows: &RecordBatch) -> Result<Times> {
        Ok(match self.column {
            Some(column) => Times::Column(TimeColumn::new(rows.column(column))?),
            None => Times::Now(self.local.local(self.context.clock.now_ms())),
        })
    }
}

impl Operator for SliceWindows {
    fn on_batch(&mut self, _input: usize, batch: Batch, out: &mut Output) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let times = self.times(&batch.rows)?;
        let keys = self.plan.keys(&batch.rows)?;
        let marks = batch.watermarks.as_ref().filter(|_| !self.processing);
        let marks = marks.map(|marks| &marks.values()[..]);
        let incoming = Incoming { rows: &batch.rows, keys, times, marks };
        match marks {
            Some(marks) if self.slicing.overlapping() => {
                let mut start = 0;
                while start < batch.len() {
                    self.progress = self.progress.max(marks[start]);
                    self.fire_until(self.progress)?;
                    let end = self.run(marks, start);
                    self.add(&incoming, start..end)?;
                    start = end;
                }
            }
            _ => self.add(&incoming, 0..batch.len())?,
        }
        if let Some(&last) = marks.and_then(<[i64]>::last) {
            self.progress = self.progress.max(last);
        }
        self.emitter.flush(out)
    }

    fn on_watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<()> {
        if self.processing {
            return Ok(());
        }
        self.progress = self.progress.max(watermark.0);
        self.fire_until(self.progress)?;
        self.emitter.flush(out)
    }

    fn next_timer(&self) -> Option<i64> {
        let end = self.pending.first().filter(|_| self.processing)?;
        Some(self.local.trigger(*end).saturating_add(1))
    }

    fn on_timer(&mut self, now_ms: i64, out: &mut Output) -> Result<()> {
        if !self.processing {
            return Ok(());
        }
        self.progress = self.progress.max(now_ms.saturating_sub(1));
        self.fire_until(self.progress)?;
        self.emitter.flush(out)
    }

    fn snapshot(&mut self) -> Result<Option<OperatorState>> {
        let empty = self.plan.groups()?;
        let mut fields = vec![Field::new("slice_end", DataType::Int64, false)];
        for (key, of) in self.plan.layout().types().iter().enumerate() {
            fields.push(Field::new(format!("key_{key}"), of.clone(), true));
        }
        fields.extend(empty.states(&[])?.0);
        let mut writer = StateWriter::new(fields, self.progress)?;
        for (&slice, groups) in &self.slices {
            for range in chunks(groups.len()) {
                let numbers = numbers(range);
                let keys = groups.table.columns(&numbers)?;
                let slices = Int64Array::from_value(slice, numbers.len());
                let mut columns: Vec<ArrayRef> = vec![Arc::new(slices)];
                columns.extend(keys.iter().cloned());
                columns.extend(groups.states(&numbers)?.1);
                writer.add(&keys, columns, numbers.len())?;
            }
        }
        Ok(Some(writer.finish(self.fingerprint.clone())?))
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        let keys = self.plan.layout().types().len();
        let (plan, slices) = (&self.plan, &mut self.slices);
        let progress = read(&state, &self.fingerprint, |rows| {
            let broken = || Error::internal("the state of a window has no slice");
            let column = rows.columns().first().ok_or_else(broken)?;
            let ends = column.as_primitive_opt::<Int64Type>().ok_or_else(broken)?;
            // A batch of the state holds one slice.
            let slice = ends.value(0);
            let groups = match slices.entry(slice) {
                Entry::Occupied(held) => held.into_mut(),
                Entry::Vacant(place) => place.insert(plan.groups()?),
            };
            let batch_keys = plan.layout().of_batch(&rows.columns()[1..=keys])?;
            let mut numbers = Vec::with_capacity(rows.num_rows());
            groups.table.intern(&batch_keys, 0..rows.num_rows(), &mut numbers);
            let room = groups.len();
            groups.merge_states(&numbers, &rows.columns()[keys + 1..], room)
        })?;
        self.progress = progress.unwrap_or(i64::MIN);
        let held: Vec<i64> = self.slices.keys().copied().collect();
        for slice in held {
            // Slices of windows that do not overlap go when they fire, so these have not.
            let mut end = self.slicing.first_end(slice);
            if self.slicing.overlapping() {
                end = end.max(self.slicing.unfired(&mut self.local, self.progress));
            }
            self.pending.insert(end);
        }
        Ok(())
    }
}
