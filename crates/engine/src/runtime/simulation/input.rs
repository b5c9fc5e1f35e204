//! What the sources read: seeded, out of order, with pauses and (where asked for) late records.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use fastrand::Rng;

use crate::batch::SchemaRef;

/// One record of a split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    /// When it can be read, by the virtual clock.
    pub(super) arrival: i64,
    pub(super) key: i64,
    pub(super) value: i64,
    /// Event time; for a key no two are equal.
    pub(super) time: i64,
}

/// Splits of one source.
#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    pub(super) splits: Vec<Vec<Record>>,
}

/// How an input is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) splits: usize,
    /// Most records of a split.
    pub(super) records: usize,
    pub(super) keys: i64,
    /// Splits pause now and then for longer than [`IDLE_MS`].
    pub(super) pauses: bool,
    /// Some records come too late: only with a single split, where all schedules agree on which.
    pub(super) late: bool,
}

/// A record is at most so much older than its arrival, unless it is late.
const DISORDER_MS: i64 = 40;

/// How far watermarks stay behind. A split is read while its records are there, so that what wakes
/// another up from idleness is never behind the others' watermark: they are behind their own
/// arrivals by this, with room for a source that looks only every 20 ms.
pub(super) const DELAY_MS: i64 = DISORDER_MS + 60;

/// Idle timeout of splits that pause.
pub(super) const IDLE_MS: u64 = 70;

/// Virtual time at which the first records come.
pub(super) const BEGIN_MS: i64 = 1_000_000;

impl Input {
    pub(super) fn new(rng: &mut Rng, shape: Shape) -> Self {
        let mut taken = BTreeSet::new();
        let mut serial = 0;
        let splits = (0..shape.splits).map(|_| {
            let count = rng.usize(shape.records / 2..=shape.records);
            let mut arrival = BEGIN_MS + rng.i64(0..60);
            let mut record = || {
                arrival += match rng.u32(0..16) {
                    0 if shape.pauses => rng.i64(100..500),
                    1..4 => rng.i64(5..40),
                    _ => rng.i64(0..4),
                };
                let age = match shape.late && rng.u32(0..4) == 0 {
                    true => rng.i64(DELAY_MS..DELAY_MS + 400),
                    false => rng.i64(0..=DISORDER_MS),
                };
                let time = arrival - age;
                let mut key = rng.i64(0..shape.keys);
                while !taken.insert((key, time)) {
                    key += 1;
                }
                serial += 1;
                Record { arrival, key, value: rng.i64(-99..100) * 10_000 + serial, time }
            };
            (0..count).map(|_| record()).collect()
        });
        Self { splits: splits.collect() }
    }

    pub(super) fn count(&self) -> usize {
        self.splits.iter().map(Vec::len).sum()
    }
}

/// `key BIGINT, value BIGINT, time TIMESTAMP(3)`
pub(super) fn schema() -> SchemaRef {
    let field = |name, data_type| Field::new(name, data_type, true);
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    let (key, value) = (field("key", DataType::Int64), field("value", DataType::Int64));
    Arc::new(Schema::new(vec![key, value, field("time", time)]))
}

pub(super) fn rows(records: &[Record]) -> RecordBatch {
    let keys = Int64Array::from_iter_values(records.iter().map(|record| record.key));
    let values = Int64Array::from_iter_values(records.iter().map(|record| record.value));
    let times = records.iter().map(|record| record.time * 1000);
    let times = TimestampMicrosecondArray::from_iter_values(times);
    RecordBatch::try_new(schema(), vec![Arc::new(keys), Arc::new(values), Arc::new(times)]).unwrap()
}
