//! Usage: how many KPU-seconds applications took, by day.

use std::time::Duration;

use chrono::NaiveDate;
use model::ids::{ApplicationId, ApplicationName, RunId};
use uuid::Uuid;

use crate::{
    connection::Tx,
    error::{Result, read},
    runs::millis,
};

/// What an application took on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Identity of the application, which may be gone.
    pub application: ApplicationId,
    /// Its name.
    pub name: ApplicationName,
    /// The day, UTC.
    pub day: NaiveDate,
    /// KPUs by seconds.
    pub kpu_seconds: f64,
}

/// Which usage is wanted.
#[derive(Debug, Clone)]
pub struct UsageFilter<'a> {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// One application only: all that ever had this name.
    pub application: Option<&'a ApplicationName>,
    /// Only what comes after this.
    pub after: Option<(NaiveDate, ApplicationId)>,
}

impl Tx {
    /// Counts what these runs took until now.
    pub(crate) async fn meter(&mut self, runs: &[RunId]) -> Result<()> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        sqlx::query(include_str!("../queries/meter_runs.sql"))
            .bind(ids)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Counts what all runs took that were not counted for `period`; returns how many. Those that
    /// somebody else is busy with are left for later.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn meter_all(&mut self, period: Duration) -> Result<usize> {
        let ids: Vec<Uuid> = sqlx::query_scalar(
            "SELECT id
               FROM runs
              WHERE ended_at IS NULL
                AND claimed_by IS NOT NULL
                AND metered_until <= now() - $1 * interval '1 millisecond'
              ORDER BY id
                FOR NO KEY UPDATE SKIP LOCKED",
        )
        .bind(millis(period))
        .fetch_all(&mut *self.inner)
        .await?;
        let runs: Vec<RunId> = ids.into_iter().map(RunId).collect();
        if !runs.is_empty() {
            self.meter(&runs).await?;
        }
        Ok(runs.len())
    }

    /// Up to `limit` rows, by day and application.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_usage(&mut self, filter: &UsageFilter<'_>, limit: i64) -> Result<Vec<Usage>> {
        let rows: Vec<(Uuid, String, NaiveDate, f64)> = sqlx::query_as(
            "SELECT application_id, name, day, kpu_seconds::float8
               FROM usage
              WHERE day BETWEEN $1 AND $2
                AND ($3::text IS NULL OR name = $3)
                AND ($4::date IS NULL OR (day, application_id) > ($4, $5))
              ORDER BY day, application_id
              LIMIT $6",
        )
        .bind(filter.from)
        .bind(filter.to)
        .bind(filter.application.map(ApplicationName::as_str))
        .bind(filter.after.map(|(day, _)| day))
        .bind(filter.after.map(|(_, id)| id.0))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|(application, name, day, kpu_seconds)| {
                Ok(Usage {
                    application: ApplicationId(application),
                    name: read("usage.name", &name)?,
                    day,
                    kpu_seconds,
                })
            })
            .collect()
    }
}
