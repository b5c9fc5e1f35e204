//! Metrics of applications as they were and as they are.

use chrono::{DateTime, Utc};
use model::{ids::ApplicationName, invalid::Invalid, lifecycle::Status, metrics::MetricSet};
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

/// What there is in the whole installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceMetrics {
    /// Applications by status; every status is there.
    pub applications: Vec<(&'static str, u64)>,
    /// Runs that wait for a worker.
    pub waiting: u64,
    /// Attempts that workers have begun, of the applications there are.
    pub claims: u64,
    /// Workers that are there.
    pub workers: u64,
    /// KPUs they offer.
    pub kpus_offered: u64,
    /// KPUs that runs have of them.
    pub kpus_used: u64,
}

impl Control {
    /// What there is in the whole installation.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn service_metrics(&self) -> Result<ServiceMetrics> {
        let mut tx = self.store.begin().await?;
        let counts = tx.count_by_status().await?;
        let workers = tx.list_workers().await?;
        let of = |status: Status| {
            let found = counts.by_status.iter().find(|(name, _)| name == status.as_str());
            (status.as_str(), found.map_or(0, |(_, count)| *count))
        };
        Ok(ServiceMetrics {
            applications: Status::ALL.iter().map(|status| of(*status)).collect(),
            waiting: counts.waiting_runs,
            claims: counts.attempts,
            workers: workers.len() as u64,
            kpus_offered: workers.iter().map(|it| u64::from(it.capacity_kpus)).sum(),
            kpus_used: workers.iter().map(|it| u64::from(it.used_kpus)).sum(),
        })
    }

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
