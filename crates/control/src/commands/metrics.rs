//! Metrics of applications as they were and as they are.

use chrono::{DateTime, Utc};
use model::{ids::ApplicationName, invalid::Invalid, metrics::MetricSet};
use store::MetricPoint;

use crate::{Control, error::Result, rules};

/// Metrics of a started application now.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveMetrics {
    /// Its name.
    pub name: ApplicationName,
    /// Its metrics; those of its job are only there while that runs.
    pub metrics: MetricSet,
}

impl Control {
    /// Points that were kept of an application, after `from` and not after `to`, oldest first.
    ///
    /// # Errors
    /// There is no application of that name, or `to` lies before `from`.
    pub async fn metric_history(
        &self,
        name: &ApplicationName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<MetricPoint>> {
        if to < from {
            return Err(Invalid::new("to", "must not lie before `from`").into());
        }
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        Ok(tx.metric_points(application.id, from, to).await?)
    }

    /// Metrics of all started applications now, by name.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn live_metrics(&self) -> Result<Vec<LiveMetrics>> {
        let mut tx = self.store.begin().await?;
        let found = tx.observed(None).await?.into_iter();
        Ok(found.map(|it| LiveMetrics { metrics: rules::metrics(&it), name: it.name }).collect())
    }

    /// Metrics of an application now; empty when it is not started.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn live_metrics_of(&self, name: &ApplicationName) -> Result<MetricSet> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let found = tx.observed(Some(application.id)).await?;
        Ok(found.first().map(rules::metrics).unwrap_or_default())
    }
}
