//! What travels on an edge: batches of records, watermarks, barriers, end of input.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int8Array, Int64Array, RecordBatch, UInt32Array,
};
use arrow::compute::{filter, filter_record_batch, take, take_record_batch};

use crate::Result;
use crate::graph::NodeIndex;

/// Kind of a change, as Flink's `RowKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i8)]
pub enum RowKind {
    /// `+I`
    Insert = 0,
    /// `-U`: the old row of an update.
    UpdateBefore = 1,
    /// `+U`: the new row of an update.
    UpdateAfter = 2,
    /// `-D`
    Delete = 3,
}

impl RowKind {
    /// The kind behind its stored number; anything unknown is an insert.
    #[must_use]
    pub fn from_i8(value: i8) -> Self {
        match value {
            1 => Self::UpdateBefore,
            2 => Self::UpdateAfter,
            3 => Self::Delete,
            _ => Self::Insert,
        }
    }

    /// Whether the row adds to a result (`+I`, `+U`) rather than takes back (`-U`, `-D`).
    #[must_use]
    pub fn adds(self) -> bool {
        matches!(self, Self::Insert | Self::UpdateAfter)
    }
}

/// Some records of one schema, with what the engine knows about each of them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The records.
    pub rows: RecordBatch,
    /// Row kind (`RowKind as i8`) of each record; `None` = all inserts.
    pub kinds: Option<Int8Array>,
    /// Watermark (event-time ms) that was in force *before* each record; `None` = that of the
    /// channel. Lateness is decided per record with it, so it does not depend on batch bounds.
    /// `i64::MIN` = no watermark yet.
    pub watermarks: Option<Int64Array>,
    /// The source all records come from; `None` = made by an operator that mixes them. Only for
    /// telling people where late records come from: no result may depend on it.
    pub origin: Option<NodeIndex>,
}

impl Batch {
    /// Inserted records without per-record watermarks.
    #[must_use]
    pub fn of(rows: RecordBatch) -> Self {
        Self { rows, kinds: None, watermarks: None, origin: None }
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row kind of record `row`.
    #[must_use]
    pub fn kind(&self, row: usize) -> RowKind {
        self.kinds.as_ref().map_or(RowKind::Insert, |kinds| RowKind::from_i8(kinds.value(row)))
    }

    /// The records at `indices`, with their kinds and watermarks.
    pub fn take(&self, indices: &UInt32Array) -> Result<Self> {
        Ok(Self {
            rows: take_record_batch(&self.rows, indices)?,
            kinds: each(self.kinds.as_ref(), |a| take(a, indices, None))?,
            watermarks: each(self.watermarks.as_ref(), |a| take(a, indices, None))?,
            origin: self.origin,
        })
    }

    /// The records where `mask` is true (a null mask value drops the record).
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self> {
        Ok(Self {
            rows: filter_record_batch(&self.rows, mask)?,
            kinds: each(self.kinds.as_ref(), |a| filter(a, mask))?,
            watermarks: each(self.watermarks.as_ref(), |a| filter(a, mask))?,
            origin: self.origin,
        })
    }

    /// A run of `length` records from `offset`, without copying.
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        Self {
            rows: self.rows.slice(offset, length),
            kinds: self.kinds.as_ref().map(|a| a.slice(offset, length)),
            watermarks: self.watermarks.as_ref().map(|a| a.slice(offset, length)),
            origin: self.origin,
        }
    }

    /// Other columns for the same records (a projection): kinds and watermarks stay.
    #[must_use]
    pub fn with_rows(&self, rows: RecordBatch) -> Self {
        debug_assert_eq!(rows.num_rows(), self.rows.num_rows(), "a projection keeps every record");
        let Self { kinds, watermarks, origin, .. } = self;
        Self { rows, kinds: kinds.clone(), watermarks: watermarks.clone(), origin: *origin }
    }
}

fn each<T, F>(array: Option<&T>, f: F) -> Result<Option<T>>
where
    T: Array + Clone + 'static,
    F: Fn(&dyn Array) -> std::result::Result<ArrayRef, arrow::error::ArrowError>,
{
    let Some(array) = array else { return Ok(None) };
    let made = f(array)?;
    Ok(Some(made.as_any().downcast_ref::<T>().expect("a kernel keeps the type").clone()))
}

/// Event time up to which no further record is expected, in ms; as Flink's SQL watermarks it is
/// the value of the watermark expression itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watermark(pub i64);

impl Watermark {
    /// Nothing known yet.
    pub const MIN: Self = Self(i64::MIN);
    /// End of a bounded input: everything fires.
    pub const MAX: Self = Self(i64::MAX);
}

/// Marks the place of checkpoint `id` in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barrier {
    /// Checkpoint number, rising within an application.
    pub id: u64,
    /// Sources stop reading after it (stop with snapshot).
    pub stop: bool,
}

/// What travels on an edge.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are batches")]
pub enum StreamElement {
    /// Records.
    Batch(Batch),
    /// Event time has advanced.
    Watermark(Watermark),
    /// This channel gives no watermark for now (true) or does again (false).
    Idle(bool),
    /// A checkpoint's place.
    Barrier(Barrier),
    /// Nothing follows.
    EndOfInput,
}

/// A shared schema, as every operator carries one.
pub type SchemaRef = Arc<arrow::datatypes::Schema>;
