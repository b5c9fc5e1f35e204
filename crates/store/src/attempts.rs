//! What the present attempt of a run reports: failure, running, stream graph, counters.

use model::{
    ids::RunId,
    protocol::{Failure, JobMetrics, RestartStrategy},
};
use sqlx::types::Json;

use crate::{connection::Tx, error::Result};

impl Tx {
    /// Keeps why the present attempt failed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_failure(&mut self, run: RunId, failure: &Failure) -> Result<()> {
        sqlx::query("UPDATE runs SET failure = $2, failed_at = now() WHERE id = $1")
            .bind(run.0)
            .bind(Json(failure))
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Notes that all subtasks of the present attempt run: a time of being down is over.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_running(&mut self, run: RunId) -> Result<()> {
        sqlx::query(
            "UPDATE runs
                SET running_since = coalesce(running_since, now()), reached_running = true,
                    full_restarts = full_restarts + (down_since IS NOT NULL)::int,
                    downtime_ms = downtime_ms
                        + coalesce(1000 * extract(epoch FROM now() - down_since), 0)::bigint,
                    last_recovery_ms = coalesce(
                        (1000 * extract(epoch FROM now() - down_since))::bigint, last_recovery_ms),
                    down_since = NULL
              WHERE id = $1",
        )
        .bind(run.0)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Keeps the stream graph of an attempt and what its program SET about restarts; false if it is
    /// not the present one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_graph(
        &mut self,
        run: RunId,
        attempt: u64,
        graph: &serde_json::Value,
        restart: Option<&RestartStrategy>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE runs SET graph = $3, restart_strategy = $4
              WHERE id = $1 AND attempt = $2 AND ended_at IS NULL",
        )
        .bind(run.0)
        .bind(i64::try_from(attempt).unwrap_or(i64::MAX))
        .bind(graph)
        .bind(restart.map(Json))
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Keeps the latest counters of an attempt; false if it is not the present one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_metrics(
        &mut self,
        run: RunId,
        attempt: u64,
        metrics: &JobMetrics,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE runs SET metrics = $3
              WHERE id = $1 AND attempt = $2 AND ended_at IS NULL",
        )
        .bind(run.0)
        .bind(i64::try_from(attempt).unwrap_or(i64::MAX))
        .bind(Json(metrics))
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Stream graph of a run.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn graph(&mut self, run: RunId) -> Result<Option<serde_json::Value>> {
        Ok(sqlx::query_scalar("SELECT graph FROM runs WHERE id = $1")
            .bind(run.0)
            .fetch_optional(&mut *self.inner)
            .await?
            .flatten())
    }

    /// Latest counters of a run.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn metrics(&mut self, run: RunId) -> Result<Option<JobMetrics>> {
        let found: Option<Option<Json<JobMetrics>>> =
            sqlx::query_scalar("SELECT metrics FROM runs WHERE id = $1")
                .bind(run.0)
                .fetch_optional(&mut *self.inner)
                .await?;
        Ok(found.flatten().map(|json| json.0))
    }
}
