//! `GROUP BY` window columns that an upstream window operator made.

use chrono_tz::Tz;

use super::emitter::Emitter;
use super::groups::GroupPlan;
use super::local_time::LocalTime;
use super::slice_windows::{Parts, SliceWindows};
use super::slicing::Slicing;
use super::window::{BOUND, TimeAttribute, WindowProperty, zone_name};
use super::window_aggregate::output_schema;
use crate::aggregate::AggregateCall;
use crate::batch::SchemaRef;
use crate::operator::{Operator, OperatorContext, OperatorFactory};
use crate::{Error, Result};

/// Aggregates per key over records that already carry their window, e.g. `GROUP BY window_start,
/// window_end` over a window aggregate, a join of windows or a window TVF.
///
/// `keys` include the grouped window columns. A window's groups fire when the watermark reaches
/// its last millisecond. Output columns: keys, aggregates, properties, in this order. (Flink's
/// window-attached windowing strategy.)
#[derive(Debug, Clone)]
pub struct WindowedAggregate {
    input: SchemaRef,
    window_end: usize,
    time: TimeAttribute,
    zone: Option<Tz>,
    keys: Vec<usize>,
    aggregates: Vec<(AggregateCall, String)>,
    properties: Vec<(WindowProperty, String)>,
    schema: SchemaRef,
}

/// The window columns of an input.
#[derive(Debug, Clone, Copy)]
pub struct AttachedWindow {
    /// Index of `window_end`, a TIMESTAMP.
    pub end: usize,
    /// The time the upstream windows are over. Of `Event` only the type of the column counts: for
    /// an input without any event time column left, give `end` itself.
    pub time: TimeAttribute,
    /// Zone of the upstream windows, if their time is TIMESTAMP_LTZ.
    pub zone: Option<Tz>,
}

impl WindowedAggregate {
    /// Checks the parts and derives the output schema. Of the properties only `Time` and `End`
    /// are possible: the start is a column of the input.
    pub fn new(
        input: SchemaRef,
        window: AttachedWindow,
        keys: Vec<usize>,
        aggregates: Vec<(AggregateCall, String)>,
        properties: Vec<(WindowProperty, String)>,
    ) -> Result<Self> {
        let AttachedWindow { end: window_end, time, zone } = window;
        if input.fields().get(window_end).map(|field| field.data_type()) != Some(&BOUND) {
            return Err(Error::internal(format!("column {window_end} is no window end")));
        }
        if properties.iter().any(|(property, _)| *property == WindowProperty::Start) {
            return Err(Error::internal("an attached window's start is a column of the input"));
        }
        let schema = output_schema(&input, time, &keys, &aggregates, &properties)?;
        Ok(Self { input, window_end, time, zone, keys, aggregates, properties, schema })
    }
}

impl OperatorFactory for WindowedAggregate {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let properties = self.properties.iter().map(|(property, _)| *property).collect();
        let parts = Parts {
            plan: GroupPlan::new(&self.input, &self.keys, &self.aggregates)?,
            slicing: Slicing::Attached,
            column: Some(self.window_end),
            time: self.time,
            local: LocalTime::new(self.zone),
            emitter: Emitter::new(self.schema(), properties),
            fingerprint: self.fingerprint(),
        };
        Ok(Box::new(SliceWindows::new(parts, context)))
    }

    fn fingerprint(&self) -> String {
        let groups = GroupPlan::new(&self.input, &self.keys, &self.aggregates)
            .map_or_else(|error| error.to_string(), |plan| plan.fingerprint());
        let time = match self.time {
            TimeAttribute::Event { .. } => "event",
            TimeAttribute::Processing => "processing",
        };
        format!("attached window over {time} time in {}, {groups}", zone_name(self.zone))
    }
}
