//! `ROW_NUMBER() OVER (PARTITION BY window_start, window_end, … ORDER BY …)`: Top-N per window.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{SortOptions, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::row::{RowConverter, SortField};

use super::groups::CHUNK;
use super::local_time::{LocalTime, TimeColumn};
use super::snapshot::{Reached, StateWriter, read};
use super::window::{TimeAttribute, only_inserts, zone_name};
use super::windowed_aggregate::AttachedWindow;
use crate::batch::{Batch, SchemaRef, Watermark};
use crate::operator::{Firing, Operator, OperatorContext, OperatorFactory, Output};
use crate::sample::LateRecord;
use crate::state::{OperatorState, RestoredState};
use crate::{Error, Result};

/// One part of an `ORDER BY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderKey {
    /// Input column.
    pub column: usize,
    /// `DESC`
    pub descending: bool,
    /// Where NULLs go; Flink's default is first for ascending, last for descending.
    pub nulls_first: bool,
}

/// Window Top-N and, with rank 1, window deduplication: append-only, emitted when a window is
/// complete. Of equal order keys the earlier record comes first; when only the first by descending
/// event time is wanted, the later one (Flink's window deduplication that keeps the last row).
///
/// Output columns: the input's, then the rank (BIGINT) if it is named.
#[derive(Debug, Clone)]
pub struct WindowRank {
    input: SchemaRef,
    window: AttachedWindow,
    partition: Vec<usize>,
    order: Vec<OrderKey>,
    ranks: RangeInclusive<u64>,
    schema: SchemaRef,
}

impl WindowRank {
    /// Checks the parts and derives the output schema. `partition` includes the window columns;
    /// `ranks` are counted from 1; `rank` names the column of the rank, if it is wanted.
    pub fn new(
        input: SchemaRef,
        window: AttachedWindow,
        partition: Vec<usize>,
        order: Vec<OrderKey>,
        ranks: RangeInclusive<u64>,
        rank: Option<String>,
    ) -> Result<Self> {
        let mut fields: Vec<_> = input.fields().iter().cloned().collect();
        if let Some(rank) = rank {
            fields.push(Arc::new(Field::new(rank, DataType::Int64, true)));
        }
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { input, window, partition, order, ranks, schema })
    }
}

impl OperatorFactory for WindowRank {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let fields = |columns: &mut dyn Iterator<Item = (usize, SortOptions)>| {
            let field = |(column, options)| {
                SortField::new_with_options(self.input.field(column).data_type().clone(), options)
            };
            Ok::<_, Error>(RowConverter::new(columns.map(field).collect())?)
        };
        let options = |key: &OrderKey| SortOptions {
            descending: key.descending,
            nulls_first: key.nulls_first,
        };
        Ok(Box::new(Ranking {
            spec: self.clone(),
            by_partition: fields(
                &mut self.partition.iter().map(|&key| (key, SortOptions::default())),
            )?,
            by_order: fields(&mut self.order.iter().map(|key| (key.column, options(key))))?,
            fingerprint: self.fingerprint(),
            local: LocalTime::new(self.window.zone),
            context: context.clone(),
            windows: BTreeMap::new(),
            reached: Reached::default(),
        }))
    }

    fn fingerprint(&self) -> String {
        let types: Vec<String> =
            self.input.fields().iter().map(|field| field.data_type().to_string()).collect();
        format!(
            "ranks {:?} of columns [{}] partitioned by {:?} ordered by {:?}, window end {} in {}",
            self.ranks,
            types.join(", "),
            self.partition,
            self.order,
            self.window.end,
            zone_name(self.window.zone)
        )
    }
}

/// Records of a window that may be among its first ranks, in order of arrival.
#[derive(Debug, Default)]
struct Kept {
    batches: Vec<RecordBatch>,
    rows: usize,
    /// How many there were after the last clearing out.
    cleared: usize,
}

/// One subtask's windows.
struct Ranking {
    spec: WindowRank,
    by_partition: RowConverter,
    by_order: RowConverter,
    fingerprint: String,
    local: LocalTime,
    context: OperatorContext,
    /// By window end.
    windows: BTreeMap<i64, Kept>,
    reached: Reached,
}

impl Ranking {
    fn processing(&self) -> bool {
        self.spec.window.time == TimeAttribute::Processing
    }

    /// Whether the later of two equal records comes first.
    fn later_first(&self) -> bool {
        let by_time = match (self.spec.window.time, self.spec.order.as_slice()) {
            (TimeAttribute::Event { column }, [key]) => key.column == column && key.descending,
            _ => false,
        };
        by_time && self.spec.ranks == (1..=1)
    }

    /// The records with their ranks up to the last one wanted, by partition and rank.
    fn ranked(&self, rows: &RecordBatch) -> Result<(Vec<u32>, Vec<u64>)> {
        let columns = |columns: &mut dyn Iterator<Item = usize>| -> Vec<ArrayRef> {
            columns.map(|column| ArrayRef::clone(rows.column(column))).collect()
        };
        let partitions = columns(&mut self.spec.partition.iter().copied());
        let partitions = self.by_partition.convert_columns(&partitions)?;
        let orders = match self.spec.order.as_slice() {
            [] => None,
            order => {
                let keys = columns(&mut order.iter().map(|key| key.column));
                Some(self.by_order.convert_columns(&keys)?)
            }
        };
        let mut sorted: Vec<u32> = (0_u32..).take(rows.num_rows()).collect();
        let later_first = self.later_first();
        sorted.sort_unstable_by(|&one, &other| {
            let (a, b) = (one as usize, other as usize);
            let order = orders.as_ref().map(|rows| rows.row(a).cmp(&rows.row(b)));
            let arrival = if later_first { other.cmp(&one) } else { one.cmp(&other) };
            let partition = partitions.row(a).cmp(&partitions.row(b));
            partition.then(order.unwrap_or(Ordering::Equal)).then(arrival)
        });
        let (mut kept, mut ranks) = (Vec::new(), Vec::new());
        let mut last: Option<(u32, u64)> = None;
        for row in sorted {
            let rank = match last {
                Some((before, rank))
                    if partitions.row(before as usize) == partitions.row(row as usize) =>
                {
                    rank + 1
                }
                _ => 1,
            };
            last = Some((row, rank));
            if rank <= *self.spec.ranks.end() {
                kept.push(row);
                ranks.push(rank);
            }
        }
        Ok((kept, ranks))
    }

    fn joined(&self, batches: &[RecordBatch]) -> Result<RecordBatch> {
        Ok(concat_batches(&self.spec.input, batches)?)
    }

    fn keep(&mut self, end: i64, rows: RecordBatch) -> Result<()> {
        let kept = self.windows.entry(end).or_default();
        kept.rows += rows.num_rows();
        kept.batches.push(rows);
        if kept.rows > CHUNK.max(2 * kept.cleared) {
            let kept = std::mem::take(kept);
            let rows = self.joined(&kept.batches)?;
            let (mut places, _) = self.ranked(&rows)?;
            places.sort_unstable();
            let rows = take_record_batch(&rows, &UInt32Array::from(places))?;
            let count = rows.num_rows();
            let kept = Kept { batches: vec![rows], rows: count, cleared: count };
            self.windows.insert(end, kept);
        }
        Ok(())
    }

    fn fire_until(&mut self, progress: i64, out: &mut Output) -> Result<()> {
        self.reached.advance(progress);
        while let Some(window) = self.windows.first_entry()
            && self.local.trigger(*window.key()) <= progress
        {
            let kept = window.remove();
            let rows = self.joined(&kept.batches)?;
            let (mut places, mut ranks) = self.ranked(&rows)?;
            let first = *self.spec.ranks.start();
            let mut wanted = ranks.iter().map(|rank| *rank >= first);
            places.retain(|_| wanted.next().unwrap_or(false));
            ranks.retain(|rank| *rank >= first);
            let rows = take_record_batch(&rows, &UInt32Array::from(places))?;
            let mut columns = rows.columns().to_vec();
            if self.spec.schema.fields().len() > columns.len() {
                let ranks = ranks.iter().map(|&rank| i64::try_from(rank).unwrap_or(i64::MAX));
                columns.push(Arc::new(Int64Array::from_iter_values(ranks)));
            }
            let schema = SchemaRef::clone(&self.spec.schema);
            out.emit(Batch::of(RecordBatch::try_new(schema, columns)?));
        }
        Ok(())
    }
}

impl Operator for Ranking {
    fn on_batch(&mut self, _input: usize, batch: Batch, _out: &mut Output) -> Result<()> {
        only_inserts(&batch)?;
        let ends = TimeColumn::new(batch.rows.column(self.spec.window.end))?;
        let marks = batch.watermarks.as_ref().filter(|_| !self.processing());
        let mut windows: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        let (mut late, mut first_late) = (0, None);
        for row in 0..batch.len() {
            let end = ends.ms(row);
            let mark = marks.map_or(i64::MIN, |marks| marks.value(row)).max(self.reached.progress);
            if !self.processing() && mark != i64::MIN && self.local.trigger(end) <= mark {
                late += 1;
                first_late.get_or_insert((end, mark));
                continue;
            }
            windows.entry(end).or_default().push(u32::try_from(row).unwrap_or(u32::MAX));
        }
        if let Some((end, watermark_ms)) = first_late {
            let (origin, due_ms) = (batch.origin, self.local.trigger(end));
            self.context.metrics.late(origin, late, || LateRecord {
                origin,
                event_ms: due_ms,
                watermark_ms,
                due_ms,
            });
        }
        for (end, rows) in windows {
            let rows = match rows.len() == batch.len() {
                true => batch.rows.clone(),
                false => take_record_batch(&batch.rows, &UInt32Array::from(rows))?,
            };
            self.keep(end, rows)?;
        }
        if let Some(&last) = marks.and_then(|marks| marks.values().last()) {
            self.reached.progress = self.reached.progress.max(last);
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<()> {
        if self.processing() { Ok(()) } else { self.fire_until(watermark.0, out) }
    }

    fn next_timer(&self) -> Option<i64> {
        let (end, _) = self.windows.first_key_value().filter(|_| self.processing())?;
        Some(self.local.trigger(*end).saturating_add(1))
    }

    fn on_timer(&mut self, now_ms: i64, out: &mut Output) -> Result<()> {
        if self.processing() { self.fire_until(now_ms.saturating_sub(1), out) } else { Ok(()) }
    }

    fn next_firing(&self) -> Firing {
        let end = self.windows.first_key_value().map(|(end, _)| *end);
        match self.processing() {
            true => Firing::ProcessingTime(self.next_timer()),
            false => Firing::EventTime(end.map(|end| self.local.trigger(end))),
        }
    }

    fn snapshot(&mut self) -> Result<Option<OperatorState>> {
        let fields = self.spec.input.fields().iter().enumerate();
        let fields = fields
            .map(|(index, field)| {
                Field::new(format!("column_{index}"), field.data_type().clone(), true)
            })
            .collect();
        let mut writer = StateWriter::new(fields, self.reached)?;
        for batch in self.windows.values().flat_map(|kept| &kept.batches) {
            let keys: Vec<ArrayRef> =
                self.spec.partition.iter().map(|&key| ArrayRef::clone(batch.column(key))).collect();
            writer.add(&keys, batch.columns().to_vec(), batch.num_rows())?;
        }
        Ok(Some(writer.finish(self.fingerprint.clone())?))
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        let fingerprint = self.fingerprint.clone();
        self.reached = read(&state, &fingerprint, |rows| {
            let schema = SchemaRef::clone(&self.spec.input);
            let rows = RecordBatch::try_new(schema, rows.columns().to_vec())?;
            // A batch of the state is of one window.
            let end = TimeColumn::new(rows.column(self.spec.window.end))?.ms(0);
            self.keep(end, rows)
        })?;
        Ok(())
    }
}
