//! What the window operators share: kinds of windows, time attributes, window properties.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use chrono_tz::Tz;

use crate::batch::{Batch, RowKind, SchemaRef};
use crate::{Error, Result};

/// How windows lie on the time line; all lengths in milliseconds.
///
/// Bounds are aligned to the epoch plus `offset_ms` (in local time when there is a zone), as in
/// Flink's `TimeWindow.getWindowStartWithOffset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowKind {
    /// Windows of one size, side by side.
    Tumble {
        /// Length of a window.
        size_ms: i64,
        /// Shift of every bound.
        offset_ms: i64,
    },
    /// A window of `size_ms` starts every `slide_ms`; they overlap, or leave gaps when the slide
    /// is the longer one.
    Hop {
        /// Length of a window.
        size_ms: i64,
        /// Distance between window starts.
        slide_ms: i64,
        /// Shift of every bound.
        offset_ms: i64,
    },
    /// Per key, ends `gap_ms` after its last record.
    Session {
        /// Records at most this far apart belong together.
        gap_ms: i64,
    },
    /// Windows that grow by `step_ms` until they are `max_ms` long, then start again.
    Cumulate {
        /// Length of the longest window.
        max_ms: i64,
        /// By how much each window is longer than the one before.
        step_ms: i64,
        /// Shift of every bound.
        offset_ms: i64,
    },
}

impl WindowKind {
    /// Refuses lengths that make no windows.
    pub fn check(self) -> Result<Self> {
        let wrong = match self {
            Self::Tumble { size_ms, .. } => (size_ms <= 0).then_some("its size must be positive"),
            Self::Hop { size_ms, slide_ms, .. } => {
                (size_ms <= 0 || slide_ms <= 0).then_some("size and slide must be positive")
            }
            Self::Session { gap_ms } => (gap_ms <= 0).then_some("its gap must be positive"),
            Self::Cumulate { max_ms, step_ms, .. } => {
                (max_ms <= 0 || step_ms <= 0 || max_ms % step_ms != 0)
                    .then_some("its maximum size must be a positive multiple of its step")
            }
        };
        match wrong {
            Some(why) => Err(Error::user(format!("the window `{self:?}` is not possible: {why}"))),
            None => Ok(self),
        }
    }
}

/// Which time a window is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeAttribute {
    /// Event time: a timestamp column of the input.
    Event {
        /// Its index.
        column: usize,
    },
    /// The time at which a record is processed.
    Processing,
}

impl TimeAttribute {
    /// Type of `window_time` over `input`: that of the time attribute, in microseconds.
    pub(crate) fn window_time_type(self, input: &SchemaRef) -> Result<DataType> {
        let Self::Event { column } = self else {
            return Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        };
        match input.fields().get(column).map(|field| field.data_type()) {
            Some(DataType::Timestamp(_, zone)) => {
                Ok(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
            }
            other => Err(Error::internal(format!("column {column} is no event time: {other:?}"))),
        }
    }
}

/// What a query may ask about a record's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowProperty {
    /// `window_start`, `TUMBLE_START`: a (local) TIMESTAMP.
    Start,
    /// `window_end`, `TUMBLE_END`: a (local) TIMESTAMP, exclusive.
    End,
    /// `window_time`, `TUMBLE_ROWTIME`, `TUMBLE_PROCTIME`: the last millisecond of the window, of
    /// the time attribute's type (an instant for TIMESTAMP_LTZ).
    Time,
}

/// Type of `window_start` and `window_end`.
pub(crate) const BOUND: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The column a property makes.
pub(crate) fn property_field(property: WindowProperty, name: &str, time: &DataType) -> Field {
    let data_type = match property {
        WindowProperty::Start | WindowProperty::End => BOUND,
        WindowProperty::Time => time.clone(),
    };
    Field::new(name, data_type, true)
}

/// The name of a zone in a fingerprint.
pub(crate) fn zone_name(zone: Option<Tz>) -> &'static str {
    zone.map_or("UTC", |zone| zone.name())
}

/// The fields of `columns` of `input`.
pub(crate) fn fields_of(input: &SchemaRef, columns: &[usize]) -> Result<Vec<Arc<Field>>> {
    columns
        .iter()
        .map(|&column| match input.fields().get(column) {
            Some(field) => Ok(Arc::clone(field)),
            None => Err(Error::internal(format!("the input has no column {column}"))),
        })
        .collect()
}

/// Windows take no updates (the planner refuses them with better words).
pub(crate) fn only_inserts(batch: &Batch) -> Result<()> {
    match &batch.kinds {
        Some(kinds) if kinds.values().iter().any(|&kind| kind != RowKind::Insert as i8) => {
            Err(Error::internal("a window over changes is not supported"))
        }
        _ => Ok(()),
    }
}
