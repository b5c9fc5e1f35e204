//! Pure decisions: no clock, no database.

mod exit;
mod restore;
mod waiting;

pub(crate) use exit::{Backoff, End, Exit, Next, Situation, StopSnapshot, after_exit};
pub(crate) use restore::{Candidates, choose};
pub(crate) use waiting::{explain, missing_ms};
