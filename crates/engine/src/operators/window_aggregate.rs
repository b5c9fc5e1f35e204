//! `GROUP BY` keys and a window over a time attribute.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use chrono_tz::Tz;

use super::emitter::Emitter;
use super::groups::GroupPlan;
use super::local_time::LocalTime;
use super::session_windows::{Parts as SessionParts, SessionWindows};
use super::slice_windows::{Parts as SliceParts, SliceWindows};
use super::slicing::Slicing;
use super::window::{
    TimeAttribute, WindowKind, WindowProperty, fields_of, property_field, zone_name,
};
use crate::aggregate::{AggregateCall, call_type};
use crate::batch::SchemaRef;
use crate::operator::{Operator, OperatorContext, OperatorFactory};
use crate::{Error, Result};

/// Aggregates per key and window; both the legacy group windows and the window TVFs, SESSION with
/// `PARTITION BY` of the grouped keys included. Emits only inserts, when a window is complete.
///
/// Output columns: keys, aggregates, properties, in this order.
#[derive(Debug, Clone)]
pub struct WindowAggregate {
    input: SchemaRef,
    window: WindowKind,
    time: TimeAttribute,
    zone: Option<Tz>,
    keys: Vec<usize>,
    aggregates: Vec<(AggregateCall, String)>,
    properties: Vec<(WindowProperty, String)>,
    schema: SchemaRef,
}

impl WindowAggregate {
    /// Checks the parts and derives the output schema.
    ///
    /// `zone` is given when the time attribute is TIMESTAMP_LTZ (processing time always is):
    /// windows then lie on local time, and their bounds come out as local TIMESTAMPs.
    pub fn new(
        input: SchemaRef,
        window: WindowKind,
        time: TimeAttribute,
        zone: Option<Tz>,
        keys: Vec<usize>,
        aggregates: Vec<(AggregateCall, String)>,
        properties: Vec<(WindowProperty, String)>,
    ) -> Result<Self> {
        let window = window.check()?;
        let schema = output_schema(&input, time, &keys, &aggregates, &properties)?;
        Ok(Self { input, window, time, zone, keys, aggregates, properties, schema })
    }
}

/// Schema of keys, aggregates and properties over `input`.
pub(crate) fn output_schema(
    input: &SchemaRef,
    time: TimeAttribute,
    keys: &[usize],
    aggregates: &[(AggregateCall, String)],
    properties: &[(WindowProperty, String)],
) -> Result<SchemaRef> {
    let time_type = time.window_time_type(input)?;
    let mut fields = fields_of(input, keys)?;
    for (call, name) in aggregates {
        fields.push(Arc::new(Field::new(name, call_type(call, input)?, true)));
    }
    for (property, name) in properties {
        fields.push(Arc::new(property_field(*property, name, &time_type)));
    }
    Ok(Arc::new(Schema::new(fields)))
}

impl OperatorFactory for WindowAggregate {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let plan = GroupPlan::new(&self.input, &self.keys, &self.aggregates)?;
        let properties = self.properties.iter().map(|(property, _)| *property).collect();
        let emitter = Emitter::new(self.schema(), properties);
        let local = LocalTime::new(self.zone);
        let fingerprint = self.fingerprint();
        let column = match self.time {
            TimeAttribute::Event { column } => Some(column),
            TimeAttribute::Processing => None,
        };
        if let WindowKind::Session { gap_ms } = self.window {
            let parts = SessionParts { plan, gap_ms, column, local, emitter, fingerprint };
            return Ok(Box::new(SessionWindows::new(parts, context)?));
        }
        let slicing = Slicing::of(self.window)
            .ok_or_else(|| Error::internal("only sessions have no slices"))?;
        let time = self.time;
        let parts = SliceParts { plan, slicing, column, time, local, emitter, fingerprint };
        Ok(Box::new(SliceWindows::new(parts, context)))
    }

    fn fingerprint(&self) -> String {
        let groups = GroupPlan::new(&self.input, &self.keys, &self.aggregates)
            .map_or_else(|error| error.to_string(), |plan| plan.fingerprint());
        let time = match self.time {
            TimeAttribute::Event { .. } => "event",
            TimeAttribute::Processing => "processing",
        };
        let zone = zone_name(self.zone);
        format!("window {:?} over {time} time in {zone}, {groups}", self.window)
    }
}
