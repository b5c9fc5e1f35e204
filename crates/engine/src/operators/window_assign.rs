//! Window TVFs without aggregation: each record once per window it falls into.

use std::sync::Arc;

use arrow::datatypes::Schema;
use chrono_tz::Tz;

use super::window::{TimeAttribute, WindowKind, WindowProperty, property_field};
use crate::batch::SchemaRef;
use crate::operator::{Operator, OperatorContext, OperatorFactory};
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

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Err(Error::internal(format!("`{:?}` over {:?} cannot run yet", self.window, self.time)))
    }
}
