//! Metrics of applications under CloudWatch's names: which there are, and what they are now.

mod catalogue;
mod values;

pub use catalogue::{METRICS, MetricInfo, MetricLevels, Since};

pub(crate) use values::metrics;
