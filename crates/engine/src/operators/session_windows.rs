//! The operator behind SESSION windows: sessions per key, record by record.
//!
//! Follows Flink's merging window operator: a record opens the window `[time, time + gap)`, and
//! windows of a key that overlap or touch are one. A session whose last millisecond the watermark
//! has reached takes nothing more.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};

use super::emitter::{Bounds, Emitter};
use super::groups::{CHUNK, GroupPlan, Groups, Selection};
use super::keys::KeyTable;
use super::local_time::{LocalTime, TimeColumn};
use super::snapshot::{Reached, StateWriter, read};
use super::window::only_inserts;
use crate::batch::{Batch, Watermark};
use crate::operator::{Firing, Operator, OperatorContext, Output};
use crate::sample::LateRecord;
use crate::state::{OperatorState, RestoredState};
use crate::{Error, Result};

/// A session, in local milliseconds.
#[derive(Debug, Clone, Copy)]
struct Session {
    start: i64,
    end: i64,
    key: u32,
    /// Tells the tenants of one place apart; odd while the place is taken.
    tenancy: u32,
}

impl Session {
    fn taken(&self) -> bool {
        self.tenancy % 2 == 1
    }
}

/// One subtask's sessions.
pub(crate) struct SessionWindows {
    plan: GroupPlan,
    gap_ms: i64,
    /// The event time column; `None` = processing time.
    column: Option<usize>,
    local: LocalTime,
    fingerprint: String,
    context: OperatorContext,
    emitter: Emitter,
    keys: KeyTable,
    /// Places of the sessions of each key.
    by_key: Vec<Vec<u32>>,
    /// Keys that have a session.
    live_keys: usize,
    sessions: Vec<Session>,
    free: Vec<u32>,
    /// One group per place in `sessions`; its own keys are not used.
    groups: Groups,
    /// (an end, place, tenancy): the session ends no earlier.
    due: BinaryHeap<Reverse<(i64, u32, u32)>>,
    /// What has been reached: the highest watermark seen.
    reached: Reached,
}

/// What [`SessionWindows`] is made of.
pub(crate) struct Parts {
    pub(crate) plan: GroupPlan,
    pub(crate) gap_ms: i64,
    pub(crate) column: Option<usize>,
    pub(crate) local: LocalTime,
    pub(crate) emitter: Emitter,
    pub(crate) fingerprint: String,
}

impl SessionWindows {
    pub(crate) fn new(parts: Parts, context: &OperatorContext) -> Result<Self> {
        let groups = parts.plan.groups()?;
        Ok(Self {
            keys: parts.plan.layout().table(),
            plan: parts.plan,
            gap_ms: parts.gap_ms,
            column: parts.column,
            local: parts.local,
            fingerprint: parts.fingerprint,
            context: context.clone(),
            emitter: parts.emitter,
            by_key: Vec::new(),
            live_keys: 0,
            sessions: Vec::new(),
            free: Vec::new(),
            groups,
            due: BinaryHeap::new(),
            reached: Reached::default(),
        })
    }

    fn open(&mut self, key: u32, start: i64, end: i64) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(Session { start: 0, end: 0, key: 0, tenancy: 0 });
            u32::try_from(self.sessions.len() - 1).unwrap_or(u32::MAX)
        });
        let session = &mut self.sessions[place as usize];
        *session = Session { start, end, key, tenancy: session.tenancy.wrapping_add(1) };
        self.due.push(Reverse((end, place, session.tenancy)));
        let of_key = &mut self.by_key[key as usize];
        self.live_keys += usize::from(of_key.is_empty());
        of_key.push(place);
        place
    }

    fn close(&mut self, place: u32) {
        let session = &mut self.sessions[place as usize];
        session.tenancy = session.tenancy.wrapping_add(1);
        let of_key = &mut self.by_key[session.key as usize];
        of_key.retain(|other| *other != place);
        self.live_keys -= usize::from(of_key.is_empty());
        self.free.push(place);
    }

    /// The session of a record, made or extended; with the sessions it now bridges, which are to
    /// be merged into it. `None` = the record is late.
    fn place(&mut self, key: u32, at: i64, progress: Option<i64>) -> Option<(u32, Vec<u32>)> {
        let (start, end) = (at, at.saturating_add(self.gap_ms));
        let closed = |local: &LocalTime, end| progress.is_some_and(|p| local.trigger(end) <= p);
        let mut found = None;
        let mut bridged = Vec::new();
        for &place in &self.by_key[key as usize] {
            let session = self.sessions[place as usize];
            let near = session.start <= end && start <= session.end;
            if near && !closed(&self.local, session.end) {
                match found {
                    None => found = Some(place),
                    Some(_) => bridged.push(place),
                }
            }
        }
        let Some(place) = found else {
            return match closed(&self.local, end) {
                true => None,
                false => Some((self.open(key, start, end), bridged)),
            };
        };
        for other in std::iter::once(None).chain(bridged.iter().map(Some)) {
            let (from, to) = match other {
                None => (start, end),
                Some(&other) => {
                    let other = self.sessions[other as usize];
                    (other.start, other.end)
                }
            };
            let session = &mut self.sessions[place as usize];
            session.start = session.start.min(from);
            session.end = session.end.max(to);
        }
        Some((place, bridged))
    }

    /// Adds the rows of `run` (row numbers) to the sessions `places`.
    fn add(&mut self, rows: &RecordBatch, run: &mut Vec<u32>, places: &mut Vec<u32>) -> Result<()> {
        if !run.is_empty() {
            let selection = Selection::of(std::mem::take(run));
            let room = self.sessions.len();
            self.groups.change(&self.plan, rows, &selection, places, room, false)?;
            places.clear();
        }
        Ok(())
    }

    fn take_in(&mut self, batch: &Batch) -> Result<()> {
        let keys = self.plan.keys(&batch.rows)?;
        let mut of_rows = Vec::with_capacity(batch.len());
        self.keys.intern(&keys, 0..batch.len(), &mut of_rows);
        self.by_key.resize_with(self.keys.len(), Vec::new);
        let times = match self.column {
            Some(column) => Some(TimeColumn::new(batch.rows.column(column))?),
            None => None,
        };
        let now = self.context.clock.now_ms();
        let (mut run, mut places) = (Vec::new(), Vec::new());
        let (mut late, mut first_late) = (0, None);
        for (row, &key) in of_rows.iter().enumerate() {
            let ms = times.as_ref().map_or(now, |times| times.ms(row));
            let at = self.local.local(ms);
            let mark = batch.watermarks.as_ref().map_or(i64::MIN, |marks| marks.value(row));
            let progress = times.is_some().then(|| self.reached.progress.max(mark));
            let Some((place, bridged)) = self.place(key, at, progress) else {
                late += 1;
                first_late.get_or_insert((at, ms, progress));
                continue;
            };
            if !bridged.is_empty() {
                self.add(&batch.rows, &mut run, &mut places)?;
                self.groups.resize(self.sessions.len());
                for other in bridged {
                    self.groups.join(place, other)?;
                    self.close(other);
                }
            }
            run.push(u32::try_from(row).unwrap_or(u32::MAX));
            places.push(place);
        }
        self.add(&batch.rows, &mut run, &mut places)?;
        if let Some((at, event_ms, progress)) = first_late {
            let origin = batch.origin;
            self.context.metrics.late(origin, late, || LateRecord {
                origin,
                event_ms,
                watermark_ms: progress.unwrap_or(i64::MIN),
                due_ms: self.local.trigger(at.saturating_add(self.gap_ms)),
            });
        }
        Ok(())
    }

    /// Fires all sessions up to a watermark (or processing time), in the order of their ends.
    fn fire_until(&mut self, progress: i64, out: &mut Output) -> Result<()> {
        self.reached.advance(progress);
        let mut fired = Vec::new();
        while let Some(&Reverse((end, place, tenancy))) = self.due.peek() {
            if self.local.trigger(end) > progress {
                break;
            }
            self.due.pop();
            let session = self.sessions[place as usize];
            if session.tenancy != tenancy {
                continue;
            }
            if session.end > end {
                // It has been extended since: comes up again at its new end.
                self.due.push(Reverse((session.end, place, tenancy)));
                continue;
            }
            fired.push(place);
        }
        for places in fired.chunks(CHUNK) {
            let held = || places.iter().map(|&place| self.sessions[place as usize]);
            let keys: Vec<u32> = held().map(|session| session.key).collect();
            let bounds = Bounds::Each(held().map(|s| (s.start, s.end)).collect());
            let mut columns = self.keys.columns(&keys)?;
            columns.extend(self.groups.results(places)?);
            self.emitter.add(columns, places.len(), &bounds, &self.local)?;
        }
        self.groups.clear(&fired);
        for place in fired {
            self.close(place);
        }
        self.forget_keys()?;
        self.settle_due();
        self.emitter.flush(out)
    }

    /// Makes the first of `due` tell the end of the session that fires next: that of one which is
    /// gone is dropped, and one which was extended since comes up again at its new end.
    fn settle_due(&mut self) {
        while let Some(&Reverse((end, place, tenancy))) = self.due.peek() {
            let session = self.sessions[place as usize];
            if session.tenancy == tenancy && session.end == end {
                break;
            }
            self.due.pop();
            if session.tenancy == tenancy {
                self.due.push(Reverse((session.end, place, tenancy)));
            }
        }
    }

    /// Drops the keys without sessions once they are the majority.
    fn forget_keys(&mut self) -> Result<()> {
        if self.keys.len() < 1024 || self.live_keys * 2 > self.keys.len() {
            return Ok(());
        }
        let mut keys = self.plan.layout().table();
        let mut by_key = Vec::with_capacity(self.live_keys);
        for (key, places) in (0_u32..).zip(std::mem::take(&mut self.by_key)) {
            if places.is_empty() {
                continue;
            }
            let new = keys.intern_table(&self.keys, &[key])[0];
            for &place in &places {
                self.sessions[place as usize].key = new;
            }
            by_key.push(places);
        }
        self.keys = keys;
        self.by_key = by_key;
        Ok(())
    }
}

impl Operator for SessionWindows {
    fn on_batch(&mut self, _input: usize, batch: Batch, _out: &mut Output) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        only_inserts(&batch)?;
        self.take_in(&batch)?;
        if let Some(marks) = batch.watermarks.as_ref().filter(|_| self.column.is_some()) {
            self.reached.progress = self.reached.progress.max(marks.value(batch.len() - 1));
        }
        self.settle_due();
        Ok(())
    }

    fn on_watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<()> {
        if self.column.is_none() {
            return Ok(());
        }
        self.fire_until(watermark.0, out)
    }

    fn next_timer(&self) -> Option<i64> {
        let Reverse((end, _, _)) = self.due.peek().filter(|_| self.column.is_none())?;
        Some(self.local.trigger(*end).saturating_add(1))
    }

    fn on_timer(&mut self, now_ms: i64, out: &mut Output) -> Result<()> {
        if self.column.is_some() {
            return Ok(());
        }
        self.fire_until(now_ms.saturating_sub(1), out)
    }

    fn next_firing(&self) -> Firing {
        let end = self.due.peek().map(|Reverse((end, _, _))| *end);
        match self.column {
            None => Firing::ProcessingTime(self.next_timer()),
            Some(_) => Firing::EventTime(end.map(|end| self.local.trigger(end))),
        }
    }

    fn snapshot(&mut self) -> Result<Option<OperatorState>> {
        let mut fields = vec![
            Field::new("start", DataType::Int64, false),
            Field::new("end", DataType::Int64, false),
        ];
        fields.extend(self.plan.state_fields()?);
        let mut writer = StateWriter::new(fields, self.reached)?;
        let live: Vec<u32> = (0_u32..)
            .zip(&self.sessions)
            .filter(|(_, session)| session.taken())
            .map(|(place, _)| place)
            .collect();
        for places in live.chunks(CHUNK) {
            let held = || places.iter().map(|&place| self.sessions[place as usize]);
            let keys: Vec<u32> = held().map(|session| session.key).collect();
            let keys = self.keys.columns(&keys)?;
            let mut columns: Vec<ArrayRef> = vec![
                Arc::new(Int64Array::from_iter_values(held().map(|session| session.start))),
                Arc::new(Int64Array::from_iter_values(held().map(|session| session.end))),
            ];
            columns.extend(keys.iter().cloned());
            columns.extend(self.groups.states(places)?);
            writer.add(&keys, columns, places.len())?;
        }
        Ok(Some(writer.finish(self.fingerprint.clone())?))
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        let fingerprint = self.fingerprint.clone();
        self.reached = read(&state, &fingerprint, |rows| {
            let broken = || Error::internal("the state of a session has no bounds");
            let [starts, ends, columns @ ..] = rows.columns() else { return Err(broken()) };
            let starts = starts.as_primitive_opt::<Int64Type>().ok_or_else(broken)?;
            let ends = ends.as_primitive_opt::<Int64Type>().ok_or_else(broken)?;
            let (keys, states) = self.plan.split_stored(columns)?;
            let keys = self.plan.layout().of_batch(keys)?;
            let mut of_rows = Vec::with_capacity(rows.num_rows());
            self.keys.intern(&keys, 0..rows.num_rows(), &mut of_rows);
            self.by_key.resize_with(self.keys.len(), Vec::new);
            let bounds = starts.values().iter().zip(ends.values());
            let places: Vec<u32> = of_rows
                .iter()
                .zip(bounds)
                .map(|(&key, (&start, &end))| self.open(key, start, end))
                .collect();
            let room = self.sessions.len();
            self.groups.merge_states(&places, states, room)
        })?;
        Ok(())
    }
}
