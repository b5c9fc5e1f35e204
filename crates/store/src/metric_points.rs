//! Metrics of started applications: as they are now, and one point of each period.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::{
    configuration::{FlinkConfiguration, MetricsLevel},
    ids::{ApplicationId, ApplicationName},
    metrics::{JobMetrics, MetricSet},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    connection::Tx,
    error::{Result, number, read},
    runs::{Run, RunRow, millis},
};

/// A run that has not ended, and what is known of its job.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Name of its application.
    pub name: ApplicationName,
    /// The run.
    pub run: Run,
    /// How fine the metrics are to be.
    pub level: MetricsLevel,
    /// What the job last reported.
    pub job: Option<JobMetrics>,
    /// Of the run's newest checkpoint: duration in ms and bytes of state.
    pub checkpoint: Option<(u64, u64)>,
}

/// How many applications and runs there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Applications by status; those that are in none are left out.
    pub by_status: Vec<(String, u64)>,
    /// Attempts of them, ever.
    pub attempts: u64,
    /// Runs that are to be claimed.
    pub waiting_runs: u64,
}

/// Metrics of an application at the end of one period.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricPoint {
    /// The end of the period.
    pub at: DateTime<Utc>,
    /// The values.
    pub metrics: MetricSet,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    run: RunRow,
    application_name: String,
    flink: Option<Json<FlinkConfiguration>>,
    metrics: Option<Json<JobMetrics>>,
    last_checkpoint_ms: Option<i64>,
    last_checkpoint_bytes: Option<i64>,
}

impl TryFrom<Row> for Observed {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        let checkpoint = match (row.last_checkpoint_ms, row.last_checkpoint_bytes) {
            (Some(duration), Some(bytes)) => Some((
                number("checkpoints.duration_ms", duration)?,
                number("checkpoints.state_bytes", bytes)?,
            )),
            _ => None,
        };
        Ok(Self {
            name: read("applications.name", &row.application_name)?,
            run: row.run.try_into()?,
            level: row.flink.map_or(MetricsLevel::Application, |it| it.0.monitoring.metrics_level),
            job: row.metrics.map(|json| json.0),
            checkpoint,
        })
    }
}

impl Tx {
    /// All runs that have not ended with what is known of their jobs, by application name; of one
    /// application only, if wanted.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn observed(&mut self, only: Option<ApplicationId>) -> Result<Vec<Observed>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT r.*, now() AS now, a.name AS application_name,
                    v.configuration -> 'flink' AS flink,
                    c.duration_ms AS last_checkpoint_ms, c.state_bytes AS last_checkpoint_bytes
               FROM runs r
               JOIN applications a ON a.id = r.application_id
               JOIN application_versions v
                 ON v.application_id = r.application_id AND v.version = r.version
               LEFT JOIN LATERAL (SELECT duration_ms, state_bytes
                                    FROM checkpoints
                                   WHERE application_id = r.application_id AND run_id = r.id
                                   ORDER BY number DESC
                                   LIMIT 1) c ON true
              WHERE r.ended_at IS NULL AND ($1::uuid IS NULL OR r.application_id = $1)
              ORDER BY a.name",
        )
        .bind(only.map(|id| id.0))
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Observed::try_from).collect()
    }

    /// How many applications and runs there are.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count_by_status(&mut self) -> Result<Counts> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT status, count(*), sum(last_attempt)::bigint
               FROM applications GROUP BY status ORDER BY status",
        )
        .fetch_all(&mut *self.inner)
        .await?;
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM runs
              WHERE ended_at IS NULL AND desired IN ('RUN', 'COMMIT_AND_STOP')
                AND (claimed_by IS NULL OR lease_until <= now())",
        )
        .fetch_one(&mut *self.inner)
        .await?;
        let mut counts =
            Counts { by_status: Vec::new(), attempts: 0, waiting_runs: number("count", waiting)? };
        for (status, count, attempts) in rows {
            counts.by_status.push((status, number("count", count)?));
            counts.attempts += number::<u64, _>("applications.last_attempt", attempts)?;
        }
        Ok(counts)
    }

    /// The end of the last whole period, if nobody has kept (or is about to keep) the points of it;
    /// holds until the end of the transaction.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lock_due_points(&mut self, period: Duration) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar(
            "SELECT due.at
               FROM (SELECT to_timestamp(floor(extract(epoch FROM now()) * 1000 / $1) * $1 / 1000)
                         AS at) due
              WHERE NOT EXISTS (SELECT FROM metric_points p WHERE p.at = due.at)
                AND EXISTS (SELECT FROM runs r WHERE r.ended_at IS NULL AND r.created_at <= due.at)
                AND pg_try_advisory_xact_lock(7312)",
        )
        .bind(millis(period))
        .fetch_optional(&mut *self.inner)
        .await?)
    }

    /// Keeps points of several applications; those that are there already stay.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_metric_points(
        &mut self,
        at: DateTime<Utc>,
        points: &[(ApplicationId, MetricSet)],
    ) -> Result<()> {
        let ids: Vec<Uuid> = points.iter().map(|(id, _)| id.0).collect();
        let sets: Vec<Json<&MetricSet>> = points.iter().map(|(_, set)| Json(set)).collect();
        sqlx::query(
            "INSERT INTO metric_points (application_id, at, points)
             SELECT point.id, $1, point.points
               FROM unnest($2::uuid[], $3::jsonb[]) AS point (id, points)
             ON CONFLICT ON CONSTRAINT metric_points_pkey DO NOTHING",
        )
        .bind(at)
        .bind(ids)
        .bind(sets)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Points of an application after `from` and not after `to`, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn metric_points(
        &mut self,
        application: ApplicationId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<MetricPoint>> {
        let rows: Vec<(DateTime<Utc>, Json<MetricSet>)> = sqlx::query_as(
            "SELECT at, points FROM metric_points
              WHERE application_id = $1 AND at > $2 AND at <= $3
              ORDER BY at",
        )
        .bind(application.0)
        .bind(from)
        .bind(to)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|(at, set)| MetricPoint { at, metrics: set.0 }).collect())
    }

    /// What a metric of a whole application was within the last `window`, oldest first: one value for
    /// the end of each period in which it was known.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn recent_metric(
        &mut self,
        application: ApplicationId,
        name: &str,
        window: Duration,
    ) -> Result<Vec<(DateTime<Utc>, f64)>> {
        Ok(sqlx::query_as(
            "SELECT at, (points -> 'application' ->> $2)::float8
               FROM metric_points
              WHERE application_id = $1 AND at > now() - $3 * interval '1 millisecond'
                AND points -> 'application' ? $2
              ORDER BY at",
        )
        .bind(application.0)
        .bind(name)
        .bind(millis(window))
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// Removes points that are older than `kept`. Returns how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_old_points(&mut self, kept: Duration) -> Result<u64> {
        let done = sqlx::query(
            "DELETE FROM metric_points WHERE at < now() - $1 * interval '1 millisecond'",
        )
        .bind(millis(kept))
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }
}
