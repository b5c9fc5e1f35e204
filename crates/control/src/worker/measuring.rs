//! Points of metrics are kept.

use crate::{Control, error::Result, rules};

impl Control {
    /// Keeps one point of the metrics of every started application, unless somebody has done so
    /// for this period, and forgets old ones. To be called several times within
    /// [`Control::metrics_period`]. Returns how many were kept.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn keep_metrics(&self) -> Result<usize> {
        let timing = &self.settings.timing;
        let mut tx = self.store.begin().await?;
        let Some(at) = tx.lock_due_points(timing.metrics_period).await? else { return Ok(0) };
        let mut points = Vec::new();
        for observed in tx.observed(None).await? {
            // What was not there at that time has no point of it.
            if observed.run.created_at <= at {
                points.push((observed.run.application, rules::metrics(&observed)));
            }
        }
        tx.insert_metric_points(at, &points).await?;
        tx.delete_old_points(timing.metrics_kept).await?;
        tx.commit().await?;
        Ok(points.len())
    }

    /// Time between two points.
    pub fn metrics_period(&self) -> std::time::Duration {
        self.settings.timing.metrics_period
    }
}
