//! What an expression's meaning depends on besides its arguments.

use std::sync::Arc;

use chrono_tz::Tz;
use engine::clock::{Clock, SystemClock};

/// Settings of the statement an expression belongs to.
#[derive(Debug, Clone)]
pub struct Session {
    /// `table.local-time-zone`: what TIMESTAMP_LTZ values are shown and read in.
    pub zone: Tz,
    /// Where NOW(), PROCTIME() and the like take the time from.
    pub clock: Arc<dyn Clock>,
}

impl Default for Session {
    /// UTC and the machine's clock.
    fn default() -> Self {
        Self { zone: Tz::UTC, clock: Arc::new(SystemClock) }
    }
}
