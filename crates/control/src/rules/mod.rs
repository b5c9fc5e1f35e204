//! Pure decisions: no clock, no database.

mod exit;
mod health;
mod metrics;
mod orphans;
mod restarts;
mod restore;
mod room;
mod scaling;
mod waiting;

pub use health::JobHealth;
pub use metrics::{METRICS, MetricInfo, MetricLevels, Since};

pub(crate) use exit::{End, Exit, Next, Situation, StopSnapshot, after_exit};
pub(crate) use health::health;
pub(crate) use metrics::metrics;
pub(crate) use orphans::orphans;
pub(crate) use restarts::{Backoff, Life, Restarts};
pub(crate) use restore::{Candidates, choose};
pub(crate) use room::shortage;
pub(crate) use scaling::{Point, Scene, Verdict, advise, parallelism_after};
pub(crate) use waiting::{explain, missing_ms};
