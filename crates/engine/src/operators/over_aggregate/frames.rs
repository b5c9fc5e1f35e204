//! Aggregates over frames: takes records in time order, gives the aggregates of each.
//!
//! Records are worked through in waves: the first record of every key, then the second of every
//! key, and so on, so that many keys are updated at once. (With RANGE the records of one time and
//! key are in one wave: they are peers.)

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat, take, take_record_batch};

use super::rows::{RowAt, RowStore};
use super::{Frame, FrameKind, OverAggregate, Preceding};
use crate::operators::groups::{GroupPlan, Groups, Selection, numbers};
use crate::operators::window::TimeAttribute;
use crate::{Error, Result};

/// Keys fewer than this are kept without a look at whether they still count.
const FEW_KEYS: usize = 512;

/// A record in a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) time: i64,
    pub(super) at: RowAt,
}

/// The frames of all keys of a subtask.
pub(super) struct Frames {
    frame: Frame,
    /// Whether records of one time are peers.
    peers: bool,
    pub(super) plan: GroupPlan,
    pub(super) groups: Groups,
    /// The records that are in each key's accumulators and may have to leave; empty for frames
    /// without a bound.
    pub(super) held: Vec<VecDeque<Held>>,
    pub(super) store: RowStore,
    /// How many keys there were after the last clearing out.
    cleared: usize,
}

/// The order in which records are worked through.
struct Waves {
    order: Vec<u32>,
    /// In `order`.
    ranges: Vec<Range<usize>>,
}

/// Records that leave their frames, wave by wave.
struct Leaving {
    rows: RecordBatch,
    groups: Vec<u32>,
    ranges: Vec<Range<usize>>,
}

impl Frames {
    pub(super) fn new(spec: &OverAggregate) -> Result<Self> {
        let plan = spec.plan()?;
        Ok(Self {
            frame: spec.frame,
            // By processing time each record comes alone, as in Flink.
            peers: spec.frame.kind == FrameKind::Range && spec.time != TimeAttribute::Processing,
            groups: plan.groups()?,
            plan,
            held: Vec::new(),
            store: RowStore::new(spec.needed_schema()?),
            cleared: 0,
        })
    }

    fn bounded(&self) -> bool {
        self.frame.preceding != Preceding::Unbounded
    }

    /// The groups of the keys of some records.
    fn intern(&mut self, rows: &RecordBatch) -> Result<Vec<u32>> {
        let keys = self.plan.keys(rows)?;
        let mut groups = Vec::with_capacity(rows.num_rows());
        self.groups.table.intern(&keys, 0..rows.num_rows(), &mut groups);
        if self.bounded() {
            self.held.resize_with(self.groups.len(), VecDeque::new);
        }
        Ok(groups)
    }

    /// Takes records (of the needed columns) in time order; gives the aggregates of each, one
    /// column per call. All peers must be in one call of this.
    pub(super) fn append(&mut self, rows: &RecordBatch, times: &[i64]) -> Result<Vec<ArrayRef>> {
        let groups = self.intern(rows)?;
        let waves = Waves::new(&groups, self.peers.then_some(times));
        let groups: Vec<u32> = waves.order.iter().map(|&row| groups[row as usize]).collect();
        let rows = take_record_batch(rows, &UInt32Array::from(waves.order.clone()))?;
        let leaving = match self.bounded() {
            true => Some(self.enter(&rows, &groups, times, &waves)?),
            false => None,
        };
        let room = self.groups.len();
        let mut made: Vec<Vec<ArrayRef>> = Vec::new();
        for (wave, range) in waves.ranges.iter().enumerate() {
            if let Some(leaving) = &leaving
                && !leaving.ranges[wave].is_empty()
            {
                let range = leaving.ranges[wave].clone();
                let of = &leaving.groups[range.clone()];
                let selection = Selection::Range(range);
                self.groups.change(&self.plan, &leaving.rows, &selection, of, room, true)?;
            }
            let of = &groups[range.clone()];
            let selection = Selection::Range(range.clone());
            self.groups.change(&self.plan, &rows, &selection, of, room, false)?;
            made.push(self.groups.results(of)?);
        }
        if self.store.wasteful() {
            let places = self.held.iter_mut().flatten().map(|held| &mut held.at).collect();
            self.store.compact(places)?;
        }
        waves.in_order(&made)
    }

    /// Puts records (in the order of the waves) into their frames; says which leave them.
    fn enter(
        &mut self,
        rows: &RecordBatch,
        groups: &[u32],
        times: &[i64],
        waves: &Waves,
    ) -> Result<Leaving> {
        let count = u32::try_from(rows.num_rows())
            .map_err(|_| Error::internal("a batch of more than 2^32 records"))?;
        let places = self.store.add(rows.clone(), 0..count);
        let (mut gone, mut gone_groups, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        for range in &waves.ranges {
            let first = gone.len();
            for place in range.clone() {
                let time = times[waves.order[place] as usize];
                let held = &mut self.held[groups[place] as usize];
                while held.front().is_some_and(|_| leaves(self.frame.preceding, held, time)) {
                    gone.extend(held.pop_front().map(|held| held.at));
                    gone_groups.push(groups[place]);
                }
                held.push_back(Held { time, at: places[place] });
            }
            ranges.push(first..gone.len());
        }
        let rows = self.store.gather(&gone)?;
        self.store.release(gone);
        Ok(Leaving { rows, groups: gone_groups, ranges })
    }

    /// Forgets keys none of whose records can be in a frame once all times up to `time` have come
    /// out. Only a RANGE of an interval lets go of records by time.
    pub(super) fn forget_keys(&mut self, time: i64) -> Result<()> {
        let Preceding::IntervalMs(ms) = self.frame.preceding else { return Ok(()) };
        if self.groups.len() < 2 * self.cleared.max(FEW_KEYS) {
            return Ok(());
        }
        let oldest = time.saturating_sub(ms);
        let mut held = std::mem::take(&mut self.held);
        let counts = |key: &u32| held[*key as usize].back().is_some_and(|last| last.time > oldest);
        let kept: Vec<u32> =
            numbers(0..self.groups.len()).into_iter().filter(|key| counts(key)).collect();
        let mut groups = self.plan.groups()?;
        groups.merge_some(&self.groups, &kept)?;
        self.groups = groups;
        self.held = kept.iter().map(|&key| std::mem::take(&mut held[key as usize])).collect();
        self.store.release(held.into_iter().flatten().map(|held| held.at));
        self.cleared = kept.len();
        Ok(())
    }

    /// Takes stored records of frames back; they are in the accumulators already, or will be.
    pub(super) fn restore_held(&mut self, rows: RecordBatch, times: &[i64]) -> Result<()> {
        let groups = self.intern(&rows)?;
        let places = self.store.add(rows, (0_u32..).take(groups.len()));
        for ((&group, &time), at) in groups.iter().zip(times).zip(places) {
            self.held[group as usize].push_back(Held { time, at });
        }
        Ok(())
    }

    /// Takes stored accumulators back: key columns, then states.
    pub(super) fn restore_groups(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        self.groups.restore(&self.plan, columns, rows)?;
        if self.bounded() {
            self.held.resize_with(self.groups.len(), VecDeque::new);
        }
        Ok(())
    }
}

/// Whether the oldest record of a frame is out of it when a record of `time` comes in.
fn leaves(preceding: Preceding, held: &VecDeque<Held>, time: i64) -> bool {
    match preceding {
        Preceding::Unbounded => false,
        Preceding::Rows(rows) => u64::try_from(held.len()).is_ok_and(|held| held > rows),
        Preceding::IntervalMs(ms) => {
            held.front().is_some_and(|first| first.time < time.saturating_sub(ms))
        }
    }
}

impl Waves {
    /// `peers` are the times, when records of one time are peers.
    fn new(groups: &[u32], peers: Option<&[i64]>) -> Self {
        let mut last: HashMap<u32, (usize, i64)> = HashMap::new();
        let mut waves: Vec<Vec<u32>> = Vec::new();
        for (row, (number, &group)) in (0_u32..).zip(groups.iter().enumerate()) {
            let time = peers.map_or(0, |times| times[number]);
            let wave = match last.get(&group) {
                None => 0,
                Some(&(wave, before)) if peers.is_some() && before == time => wave,
                Some(&(wave, _)) => wave + 1,
            };
            last.insert(group, (wave, time));
            match waves.get_mut(wave) {
                Some(wave) => wave.push(row),
                None => waves.push(vec![row]),
            }
        }
        let mut order = Vec::with_capacity(groups.len());
        let mut ranges = Vec::with_capacity(waves.len());
        for wave in waves {
            let first = order.len();
            order.extend(wave);
            ranges.push(first..order.len());
        }
        Self { order, ranges }
    }

    /// The results of all waves, put into the order of the records.
    fn in_order(&self, made: &[Vec<ArrayRef>]) -> Result<Vec<ArrayRef>> {
        let mut back = vec![0_u32; self.order.len()];
        for (place, &row) in (0_u32..).zip(&self.order) {
            back[row as usize] = place;
        }
        let back = UInt32Array::from(back);
        let calls = made.first().map_or(0, Vec::len);
        let column = |call: usize| {
            let parts: Vec<&dyn Array> = made.iter().map(|wave| wave[call].as_ref()).collect();
            Ok(take(&concat(&parts)?, &back, None)?)
        };
        (0..calls).map(column).collect()
    }
}
