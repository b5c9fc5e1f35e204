//! Feeds operators with rows and reads what they emit as text.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::array::{TimestampMicrosecondArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::aggregate::{AggregateCall, AggregateFunction};
use crate::batch::{Batch, RowKind, SchemaRef, Watermark};
use crate::clock::ManualClock;
use crate::key_group::key_groups;
use crate::metrics::NodeMetrics;
use crate::operator::{Operator, OperatorContext, OperatorFactory, Output};
use crate::state::{OperatorState, RestoredState, owned, owner};

/// A record: key, value, time in ms.
pub(super) type Row = (Option<&'static str>, Option<i64>, i64);

/// Columns `k` STRING, `v` BIGINT, `t` TIMESTAMP.
pub(super) fn input() -> SchemaRef {
    input_in(None)
}

/// The same with a TIMESTAMP_LTZ if `zone` is given.
pub(super) fn input_in(zone: Option<&str>) -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    Arc::new(Schema::new(vec![
        Field::new("k", DataType::Utf8, true),
        Field::new("v", DataType::Int64, true),
        Field::new("t", time, true),
    ]))
}

/// Rows as a batch; the times are moved on by 999 µs, which must not matter.
pub(super) fn batch(schema: &SchemaRef, rows: &[Row]) -> Batch {
    let keys: StringArray = rows.iter().map(|row| row.0).collect();
    let values: Int64Array = rows.iter().map(|row| row.1).collect();
    let times = rows.iter().map(|row| row.2 * 1000 + 999);
    let times = TimestampMicrosecondArray::from_iter_values(times);
    let zone = match schema.field(2).data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let columns: Vec<ArrayRef> =
        vec![Arc::new(keys), Arc::new(values), Arc::new(times.with_timezone_opt(zone))];
    Batch::of(RecordBatch::try_new(SchemaRef::clone(schema), columns).unwrap())
}

/// The watermark before each row, for a delay: that of the rows before it.
pub(super) fn marks(rows: &[Row], delay_ms: i64) -> Vec<i64> {
    let mut mark = i64::MIN;
    rows.iter()
        .map(|row| {
            let before = mark;
            mark = mark.max(row.2 - delay_ms);
            before
        })
        .collect()
}

pub(super) fn call(function: AggregateFunction, argument: Option<usize>) -> AggregateCall {
    let arguments = argument.into_iter().collect();
    AggregateCall { function, arguments, filter: None, distinct: false }
}

pub(super) fn context(subtask: usize, parallelism: usize) -> OperatorContext {
    context_at(subtask, parallelism, 0).0
}

pub(super) fn context_at(
    subtask: usize,
    parallelism: usize,
    now_ms: i64,
) -> (OperatorContext, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(now_ms));
    let context = OperatorContext {
        subtask,
        parallelism,
        key_groups: owned(subtask, parallelism),
        clock: Arc::clone(&clock) as Arc<dyn crate::clock::Clock>,
        metrics: Arc::new(NodeMetrics::default()),
    };
    (context, clock)
}

/// The emitted rows as text, columns joined by `|`; other kinds than `+I` stand in front.
pub(super) fn texts(out: &mut Output) -> Vec<String> {
    let options = FormatOptions::new().with_null("-");
    let mut texts = Vec::new();
    for batch in out.drain() {
        // Without its zone a UTC timestamp can be printed; it gets a Z instead.
        let plain: Vec<ArrayRef> = batch
            .rows
            .columns()
            .iter()
            .map(|column| match column.data_type() {
                DataType::Timestamp(unit, Some(_)) => {
                    arrow::compute::cast(column, &DataType::Timestamp(*unit, None)).unwrap()
                }
                _ => Arc::clone(column),
            })
            .collect();
        let columns: Vec<(ArrayFormatter<'_>, &str)> = batch
            .rows
            .columns()
            .iter()
            .zip(&plain)
            .map(|(column, plain)| {
                let zone = if column.data_type() == plain.data_type() { "" } else { "Z" };
                (ArrayFormatter::try_new(plain.as_ref(), &options).unwrap(), zone)
            })
            .collect();
        for row in 0..batch.len() {
            let cell = |(column, zone): &(ArrayFormatter<'_>, &str)| {
                format!("{}{zone}", column.value(row))
            };
            let cells: Vec<String> = columns.iter().map(cell).collect();
            let kind = match batch.kind(row) {
                RowKind::Insert => "",
                RowKind::UpdateBefore => "-U ",
                RowKind::UpdateAfter => "+U ",
                RowKind::Delete => "-D ",
            };
            texts.push(format!("{kind}{}", cells.join("|")));
        }
    }
    texts
}

/// All subtasks of an operator, fed by key.
pub(super) struct Fleet<'a> {
    factory: &'a dyn OperatorFactory,
    keys: Vec<usize>,
    contexts: Vec<OperatorContext>,
    subtasks: Vec<Box<dyn Operator>>,
    late: u64,
    pub(super) emitted: Vec<String>,
}

impl<'a> Fleet<'a> {
    pub(super) fn new(factory: &'a dyn OperatorFactory, keys: &[usize]) -> Self {
        let mut fleet = Self {
            factory,
            keys: keys.to_vec(),
            contexts: Vec::new(),
            subtasks: Vec::new(),
            late: 0,
            emitted: Vec::new(),
        };
        fleet.start(1);
        fleet
    }

    fn start(&mut self, parallelism: usize) {
        self.contexts = (0..parallelism).map(|index| context(index, parallelism)).collect();
        let create = |context| self.factory.create(context).unwrap();
        self.subtasks = self.contexts.iter().map(create).collect();
    }

    /// Sends a batch to the subtasks that own its keys.
    pub(super) fn send(&mut self, batch: &Batch) {
        let columns: Vec<ArrayRef> =
            self.keys.iter().map(|&key| Arc::clone(batch.rows.column(key))).collect();
        let parallelism = self.subtasks.len();
        let owners: Vec<usize> = match columns.is_empty() {
            true => vec![0; batch.len()],
            false => {
                let groups = key_groups(&columns).unwrap();
                groups.into_iter().map(|group| owner(group, parallelism)).collect()
            }
        };
        for (index, subtask) in self.subtasks.iter_mut().enumerate() {
            let rows: UInt32Array =
                (0_u32..).zip(&owners).filter(|(_, o)| **o == index).map(|(row, _)| row).collect();
            if rows.is_empty() {
                continue;
            }
            let mut out = Output::default();
            subtask.on_batch(0, batch.take(&rows).unwrap(), &mut out).unwrap();
            self.emitted.extend(texts(&mut out));
        }
    }

    pub(super) fn advance(&mut self, mark: i64) {
        for subtask in &mut self.subtasks {
            let mut out = Output::default();
            subtask.on_watermark(Watermark(mark), &mut out).unwrap();
            self.emitted.extend(texts(&mut out));
        }
    }

    pub(super) fn snapshot(&mut self) -> Vec<OperatorState> {
        self.subtasks.iter_mut().map(|subtask| subtask.snapshot().unwrap().unwrap()).collect()
    }

    /// Takes a snapshot and goes on from it with new subtasks.
    pub(super) fn rescale(&mut self, parallelism: usize) {
        let parts = self.snapshot();
        self.late = self.late();
        self.start(parallelism);
        for (context, subtask) in self.contexts.iter().zip(&mut self.subtasks) {
            let groups = context.key_groups.clone();
            subtask.restore(RestoredState { parts: parts.clone(), groups }).unwrap();
        }
    }

    pub(super) fn late(&self) -> u64 {
        let counted = self.contexts.iter().map(|c| c.metrics.late_records.load(Ordering::Relaxed));
        self.late + counted.sum::<u64>()
    }
}

/// Sends rows one batch, with their watermarks for a delay, then the end of input.
pub(super) fn run(factory: &dyn OperatorFactory, rows: &[Row], delay_ms: i64) -> Vec<String> {
    let schema = input();
    let mut fleet = Fleet::new(factory, &[0]);
    let mut batch = batch(&schema, rows);
    batch.watermarks = Some(Int64Array::from(marks(rows, delay_ms)));
    fleet.send(&batch);
    fleet.advance(i64::MAX);
    fleet.emitted
}
