//! Who has to act on a failure.

use serde::{Deserialize, Serialize};

/// Whose failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Domain {
    /// The customer's program, properties or data.
    User,
    /// Kafka, S3 or another outside system.
    External,
    /// A defect of Weir.
    Internal,
}

/// All a supervisor needs to decide on a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Whose failure it is.
    pub domain: Domain,
    /// Whether trying again, with nothing changed, can help.
    pub retry: bool,
}
