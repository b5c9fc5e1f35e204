//! Window TVFs without aggregation: each record once per window it falls into.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Schema};
use chrono_tz::Tz;

use super::local_time::{LocalTime, TimeColumn, timestamps};
use super::slicing::Slicing;
use super::window::{TimeAttribute, WindowKind, WindowProperty, property_field};
use crate::batch::{Batch, SchemaRef};
use crate::operator::{Operator, OperatorContext, OperatorFactory, Output};
use crate::{Error, Result};

/// Appends `window_start`, `window_end` and `window_time`; stateless, drops no late records.
#[derive(Debug, Clone)]
pub struct WindowAssign {
    window: WindowKind,
    time: TimeAttribute,
    zone: Option<Tz>,
    schema: SchemaRef,
}

impl WindowAssign {
    /// Checks the parts and derives the output schema: the input's columns, then the three.
    ///
    /// Refuses SESSION: a session is known only when it is complete.
    pub fn new(
        input: SchemaRef,
        window: WindowKind,
        time: TimeAttribute,
        zone: Option<Tz>,
    ) -> Result<Self> {
        let window = window.check()?;
        if matches!(window, WindowKind::Session { .. }) {
            return Err(Error::user(
                "a SESSION window without aggregation is not supported: group by its \
                 PARTITION BY keys, window_start and window_end",
            ));
        }
        let time_type = time.window_time_type(&input)?;
        let mut fields: Vec<_> = input.fields().iter().cloned().collect();
        for (property, name) in [
            (WindowProperty::Start, "window_start"),
            (WindowProperty::End, "window_end"),
            (WindowProperty::Time, "window_time"),
        ] {
            fields.push(Arc::new(property_field(property, name, &time_type)));
        }
        Ok(Self { window, time, zone, schema: Arc::new(Schema::new(fields)) })
    }
}

impl OperatorFactory for WindowAssign {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let slicing = Slicing::of(self.window)
            .ok_or_else(|| Error::internal("only sessions have no slices"))?;
        Ok(Box::new(Assign {
            slicing,
            time: self.time,
            local: LocalTime::new(self.zone),
            schema: self.schema(),
            context: context.clone(),
        }))
    }
}

struct Assign {
    slicing: Slicing,
    time: TimeAttribute,
    local: LocalTime,
    schema: SchemaRef,
    context: OperatorContext,
}

impl Operator for Assign {
    fn on_batch(&mut self, _input: usize, batch: Batch, out: &mut Output) -> Result<()> {
        let times = match self.time {
            TimeAttribute::Event { column } => Some(TimeColumn::new(batch.rows.column(column))?),
            TimeAttribute::Processing => None,
        };
        let now = self.context.clock.now_ms();
        let mut rows = Vec::with_capacity(batch.len());
        let mut ends = Vec::with_capacity(batch.len());
        for row in 0..batch.len() {
            let ms = times.as_ref().map_or(now, |times| times.ms(row));
            let slice = self.slicing.slice(self.local.local(ms));
            let last = self.slicing.last_end(slice);
            let mut end = self.slicing.first_end(slice);
            while end <= last {
                rows.push(u32::try_from(row).unwrap_or(u32::MAX));
                ends.push(end);
                end = end.saturating_add(self.slicing.step());
                if end == i64::MAX {
                    break;
                }
            }
        }
        let once = rows.len() == batch.len() && rows.iter().zip(0_u32..).all(|(&r, row)| r == row);
        let batch = if once { batch } else { batch.take(&UInt32Array::from(rows))? };
        let starts = ends.iter().map(|&end| self.slicing.start(end).unwrap_or(end));
        let times = ends.iter().map(|&end| self.local.instant(end - 1));
        let zone = match self.schema.fields().last().map(|field| field.data_type()) {
            Some(DataType::Timestamp(_, zone)) => zone.clone(),
            _ => None,
        };
        let mut columns = batch.rows.columns().to_vec();
        columns.push(timestamps(starts, None));
        columns.push(timestamps(ends.iter().copied(), None));
        columns.push(timestamps(times, zone));
        let rows = RecordBatch::try_new(SchemaRef::clone(&self.schema), columns)?;
        out.emit(batch.with_rows(rows));
        Ok(())
    }
}
