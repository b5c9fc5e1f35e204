//! Why windows have not fired yet.

use std::collections::BTreeMap;

use model::ids::ApplicationName;
use model::waiting::Waiting;

use crate::{Control, error::Result, rules};

/// What the operators of the present run wait for.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingOperators {
    /// The attempt it is of.
    pub attempt: u64,
    /// Whether the job runs now; if not, nothing waits.
    pub running: bool,
    /// When the job looked, ms since 1970; absent before its first report.
    pub as_of_ms: Option<i64>,
    /// By operator id.
    pub operators: BTreeMap<String, WaitingOperator>,
}

/// What one operator waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingOperator {
    /// The figures.
    pub waiting: Waiting,
    /// By how much time has still to advance until it emits; absent when it holds nothing, or has
    /// no watermark yet.
    pub missing_ms: Option<i64>,
    /// Why it has not emitted yet what it holds, in words.
    pub explanation: String,
}

impl Control {
    /// Why the windows of the present run have not fired yet.
    ///
    /// # Errors
    /// There is no application of that name, or it never ran.
    pub async fn waiting(&self, name: &ApplicationName) -> Result<WaitingOperators> {
        let found = self.metrics(name).await?;
        let job = found.job.filter(|_| found.running);
        let told = |waiting: Waiting, at_ms| WaitingOperator {
            missing_ms: rules::missing_ms(&waiting, at_ms),
            explanation: rules::explain(&waiting, at_ms),
            waiting,
        };
        Ok(WaitingOperators {
            attempt: found.attempt,
            running: found.running,
            as_of_ms: job.as_ref().map(|job| job.at_ms),
            operators: job.map_or_else(BTreeMap::new, |job| {
                let all = job.waiting.into_iter();
                all.map(|(id, waiting)| (id, told(waiting, job.at_ms))).collect()
            }),
        })
    }
}
