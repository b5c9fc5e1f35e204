//! Points of metrics are kept.

use chrono::{DateTime, Utc};
use model::{ids::ApplicationName, metrics::MetricSet};

use crate::{
    Control,
    error::Result,
    rules::{self, Since},
};

/// Metrics as they were kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptMetrics {
    /// The end of the period.
    pub at: DateTime<Utc>,
    /// Of every started application.
    pub applications: Vec<ApplicationMetrics>,
}

/// Metrics of one application.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationMetrics {
    /// Which.
    pub name: ApplicationName,
    /// The values.
    pub metrics: MetricSet,
    /// When its run was asked for.
    pub run_since: DateTime<Utc>,
    /// Since when the present attempt runs.
    pub attempt_since: Option<DateTime<Utc>>,
}

impl ApplicationMetrics {
    /// When that was.
    pub fn since(&self, since: Since) -> Option<DateTime<Utc>> {
        match since {
            Since::Run => Some(self.run_since),
            Since::Attempt => self.attempt_since,
        }
    }
}

impl Control {
    /// Keeps one point of the metrics of every started application, unless somebody has done so
    /// for this period, and forgets old ones. To be called several times within
    /// [`Control::metrics_period`]. Returns what was kept: of all callers, one has it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn keep_metrics(&self) -> Result<Option<KeptMetrics>> {
        let timing = &self.settings.timing;
        let mut tx = self.store.begin().await?;
        let Some(at) = tx.lock_due_points(timing.metrics_period).await? else { return Ok(None) };
        let (mut points, mut applications) = (Vec::new(), Vec::new());
        for observed in tx.observed(None).await? {
            // What was not there at that time has no point of it.
            if observed.run.created_at <= at {
                let metrics = rules::metrics(&observed);
                points.push((observed.run.application, metrics.clone()));
                applications.push(ApplicationMetrics {
                    name: observed.name,
                    metrics,
                    run_since: observed.run.created_at,
                    attempt_since: observed.run.running_since,
                });
            }
        }
        tx.insert_metric_points(at, &points).await?;
        tx.delete_old_points(timing.metrics_kept).await?;
        tx.commit().await?;
        Ok(Some(KeptMetrics { at, applications }))
    }

    /// Time between two points.
    pub fn metrics_period(&self) -> std::time::Duration {
        self.settings.timing.metrics_period
    }
}
