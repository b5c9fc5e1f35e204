//! Watermarks of a source subtask: kept per split, merged as the minimum over active splits.

use std::collections::HashMap;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{
    DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};

use model::waiting::{Activity, MOST_SPLITS, SplitCounts, SplitState};

use super::gauge::SourceState;
use crate::batch::{StreamElement, Watermark};
use crate::source::SplitId;
use crate::{Error, Result};

/// Event time of the splits of one source subtask.
#[derive(Debug)]
pub(super) struct EventTime {
    splits: HashMap<SplitId, Split>,
    /// The merged watermark.
    emitted: i64,
    /// No split is active, and this has been said.
    idle: bool,
    idle_timeout_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Split {
    watermark: i64,
    /// When the split was found or gave a record.
    active_ms: i64,
    idle: bool,
    ended: bool,
    /// Only for people: when it was found, the event time of its last record, and when that came.
    found_ms: i64,
    last_record: Option<(i64, i64)>,
}

impl Split {
    fn activity(&self) -> Activity {
        match self {
            Self { ended: true, .. } => Activity::Ended,
            Self { idle: true, .. } => Activity::Idle,
            Self { .. } => Activity::Active,
        }
    }

    fn holds_back(&self) -> bool {
        !self.idle && !self.ended
    }
}

impl EventTime {
    pub(super) fn new(idle_timeout: Option<Duration>) -> Self {
        let idle_timeout_ms =
            idle_timeout.map(|timeout| i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
        Self { splits: HashMap::new(), emitted: i64::MIN, idle: false, idle_timeout_ms }
    }

    pub(super) fn knows(&self, split: &str) -> bool {
        self.splits.contains_key(split)
    }

    /// The reader owns these splits now; new ones hold the watermark back from here on.
    pub(super) fn found(&mut self, splits: Vec<SplitId>, now_ms: i64) {
        for split in splits {
            self.splits.entry(split).or_insert(Split {
                watermark: i64::MIN,
                active_ms: now_ms,
                idle: false,
                ended: false,
                found_ms: now_ms,
                last_record: None,
            });
        }
    }

    /// Takes the watermarks (event-time ms, NULL = none) that the records of one split give, in
    /// order; answers with the watermark in force before each record.
    pub(super) fn records(&mut self, split: &str, own: &Int64Array, now_ms: i64) -> Int64Array {
        let others = self.lowest_besides(split);
        let floor = self.emitted;
        let mut running = self.splits.get(split).map_or(i64::MIN, |split| split.watermark);
        let in_force: Vec<i64> = if own.null_count() == 0 {
            let step = |value: &i64| {
                let before = running.min(others).max(floor);
                running = running.max(*value);
                before
            };
            own.values().iter().map(step).collect()
        } else {
            let step = |value: Option<i64>| {
                let before = running.min(others).max(floor);
                running = value.map_or(running, |value| running.max(value));
                before
            };
            own.iter().map(step).collect()
        };
        let mut after = Split {
            watermark: running,
            active_ms: now_ms,
            idle: false,
            ended: false,
            found_ms: now_ms,
            last_record: None,
        };
        match self.splits.get_mut(split) {
            Some(split) => {
                (after.found_ms, after.last_record) = (split.found_ms, split.last_record);
                *split = after;
            }
            None => drop(self.splits.insert(split.to_owned(), after)),
        }
        Int64Array::from(in_force)
    }

    /// The last record of a split has this event time and came at `at_ms`; for people only.
    pub(super) fn last_record(&mut self, split: &str, event_ms: i64, at_ms: i64) {
        if let Some(split) = self.splits.get_mut(split) {
            split.last_record = Some((event_ms, at_ms));
        }
    }

    /// Where the subtask stands, for people. `known`: the reader has found out its splits.
    pub(super) fn state(&self, known: bool) -> SourceState {
        let mut counts = SplitCounts { all: self.splits.len(), ..SplitCounts::default() };
        let mut slowest: Vec<(Activity, i64, &SplitId, &Split)> = Vec::new();
        for (id, split) in &self.splits {
            let activity = split.activity();
            counts.idle += usize::from(activity == Activity::Idle);
            counts.ended += usize::from(activity == Activity::Ended);
            counts.without_records += usize::from(!split.ended && split.last_record.is_none());
            slowest.push((activity, split.watermark, id, split));
        }
        let order = |it: &(Activity, i64, &SplitId, &Split)| (it.0, it.1, it.2.clone());
        if slowest.len() > MOST_SPLITS {
            slowest.select_nth_unstable_by(MOST_SPLITS, |one, other| {
                (one.0, one.1, one.2).cmp(&(other.0, other.1, other.2))
            });
            slowest.truncate(MOST_SPLITS);
        }
        slowest.sort_by_key(order);
        let told =
            |(activity, watermark, id, split): (Activity, i64, &SplitId, &Split)| SplitState {
                split: id.clone(),
                watermark: Some(watermark).filter(|at| *at != i64::MIN),
                last_event_time: split.last_record.map(|(event_ms, _)| event_ms),
                last_record_at: split.last_record.map(|(_, at_ms)| at_ms),
                found_at: split.found_ms,
                activity,
            };
        SourceState {
            watermark: self.emitted,
            idle: self.idle,
            known,
            slowest: slowest.into_iter().map(told).collect(),
            counts,
        }
    }

    fn lowest_besides(&self, split: &str) -> i64 {
        self.splits
            .iter()
            .filter(|(id, other)| id.as_str() != split && other.holds_back())
            .map(|(_, other)| other.watermark)
            .min()
            .unwrap_or(i64::MAX)
    }

    /// A bounded split is done: it holds nothing back any more.
    pub(super) fn ended(&mut self, split: &str) {
        if let Some(split) = self.splits.get_mut(split) {
            split.ended = true;
        }
    }

    /// To be told before records are: that the subtask is idle no more.
    pub(super) fn wake(&mut self) -> Option<StreamElement> {
        std::mem::take(&mut self.idle).then_some(StreamElement::Idle(false))
    }

    /// What has changed at `now_ms`. Without any split the subtask is idle, unless `unknown`:
    /// the reader has not found out yet which splits it has.
    pub(super) fn settle(&mut self, now_ms: i64, unknown: bool) -> Vec<StreamElement> {
        if let Some(timeout) = self.idle_timeout_ms {
            for split in self.splits.values_mut() {
                split.idle = now_ms.saturating_sub(split.active_ms) >= timeout;
            }
        }
        let active = self.splits.values().filter(|split| split.holds_back());
        let lowest = active.map(|split| split.watermark).min();
        let mut told = Vec::new();
        match lowest {
            Some(lowest) => {
                told.extend(self.wake());
                if lowest > self.emitted {
                    self.emitted = lowest;
                    told.push(StreamElement::Watermark(Watermark(lowest)));
                }
            }
            None if !self.idle && !unknown => {
                self.idle = true;
                told.push(StreamElement::Idle(true));
            }
            None => {}
        }
        told
    }
}

/// A timestamp column as event-time milliseconds (rounded down); NULLs stay.
pub(super) fn event_millis(column: &ArrayRef) -> Result<Int64Array> {
    let DataType::Timestamp(unit, _) = column.data_type() else {
        let found = column.data_type();
        return Err(Error::internal(format!("a watermark of type `{found}` is no timestamp")));
    };
    Ok(match unit {
        TimeUnit::Second => {
            column.as_primitive::<TimestampSecondType>().unary(|v| v.saturating_mul(1000))
        }
        TimeUnit::Millisecond => column.as_primitive::<TimestampMillisecondType>().unary(|v| v),
        TimeUnit::Microsecond => {
            column.as_primitive::<TimestampMicrosecondType>().unary(|v| v.div_euclid(1000))
        }
        TimeUnit::Nanosecond => {
            column.as_primitive::<TimestampNanosecondType>().unary(|v| v.div_euclid(1_000_000))
        }
    })
}
