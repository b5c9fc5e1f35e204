//! Checkpoints: recording one is the commit point of exactly-once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::{
    ids::{ApplicationId, RunId, VersionId},
    protocol::OperatorCheckpoint,
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    connection::Tx,
    error::{Result, number},
    runs::Run,
};

/// A checkpoint to be recorded.
#[derive(Debug, Clone)]
pub struct NewCheckpoint<'a> {
    /// Its number, rising within the application.
    pub number: u64,
    /// Key of its manifest.
    pub manifest: &'a str,
    /// Bytes of its state.
    pub state_bytes: u64,
    /// From barrier to manifest, in ms.
    pub duration_ms: u64,
    /// What each operator contributed, by operator id.
    pub operators: &'a BTreeMap<String, OperatorCheckpoint>,
}

/// A recorded checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its number, rising within the application.
    pub number: u64,
    /// The run it was taken of.
    pub run: RunId,
    /// The attempt that took it.
    pub attempt: u64,
    /// The application version that ran.
    pub version: VersionId,
    /// Key of its manifest.
    pub manifest: String,
    /// Bytes of its state.
    pub state_bytes: u64,
    /// From barrier to manifest, in ms.
    pub duration_ms: u64,
    /// What each operator contributed, by operator id.
    pub operators: BTreeMap<String, OperatorCheckpoint>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// When the sinks had made its output visible.
    pub committed_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    run_id: Uuid,
    attempt: i64,
    version: i64,
    manifest: String,
    state_bytes: i64,
    duration_ms: i64,
    operators: Json<BTreeMap<String, OperatorCheckpoint>>,
    recorded_at: DateTime<Utc>,
    committed_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Checkpoint {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            number: number("checkpoints.number", row.number)?,
            run: RunId(row.run_id),
            attempt: number("checkpoints.attempt", row.attempt)?,
            version: number("checkpoints.version", row.version)?,
            manifest: row.manifest,
            state_bytes: number("checkpoints.state_bytes", row.state_bytes)?,
            duration_ms: number("checkpoints.duration_ms", row.duration_ms)?,
            operators: row.operators.0,
            recorded_at: row.recorded_at,
            committed_at: row.committed_at,
        })
    }
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Tx {
    /// Records a checkpoint of a run's present attempt. The caller has locked the run and knows
    /// that the attempt is its present one.
    ///
    /// False if another attempt recorded that number; recording the same twice is one record.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_checkpoint(&mut self, run: &Run, new: &NewCheckpoint<'_>) -> Result<bool> {
        sqlx::query(
            "INSERT INTO checkpoints
                    (application_id, number, run_id, attempt, version, manifest, state_bytes,
                     duration_ms, operators)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT ON CONSTRAINT checkpoints_pkey DO NOTHING",
        )
        .bind(run.application.0)
        .bind(stored(new.number))
        .bind(run.id.0)
        .bind(stored(run.attempt))
        .bind(run.version.get())
        .bind(new.manifest)
        .bind(stored(new.state_bytes))
        .bind(stored(new.duration_ms))
        .bind(Json(new.operators))
        .execute(&mut *self.inner)
        .await?;
        let owner: Option<i64> = sqlx::query_scalar(
            "SELECT attempt FROM checkpoints
              WHERE application_id = $1 AND number = $2 AND manifest = $3",
        )
        .bind(run.application.0)
        .bind(stored(new.number))
        .bind(new.manifest)
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(owner == Some(stored(run.attempt)))
    }

    /// Notes that the output of all checkpoints that attempts before `attempt` recorded is visible.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_earlier_committed(
        &mut self,
        application: ApplicationId,
        attempt: u64,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE checkpoints SET committed_at = now()
              WHERE application_id = $1 AND attempt < $2 AND committed_at IS NULL",
        )
        .bind(application.0)
        .bind(stored(attempt))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Manifests of an application's checkpoints whose output is not known to be visible, oldest
    /// first. There is at most one: an attempt commits it before it records another.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn unfinished_checkpoints(
        &mut self,
        application: ApplicationId,
    ) -> Result<Vec<String>> {
        let manifests = sqlx::query_scalar(
            "SELECT manifest FROM checkpoints
              WHERE application_id = $1 AND committed_at IS NULL
              ORDER BY number",
        )
        .bind(application.0)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(manifests)
    }

    /// Notes that the output of checkpoint `number` is visible, and with it that of the checkpoints
    /// before it in its run. What other runs left behind stays as it is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_committed(&mut self, application: ApplicationId, number: u64) -> Result<()> {
        sqlx::query(
            "UPDATE checkpoints SET committed_at = now()
              WHERE application_id = $1 AND number <= $2 AND committed_at IS NULL
                AND run_id = (SELECT run_id FROM checkpoints
                               WHERE application_id = $1 AND number = $2)",
        )
        .bind(application.0)
        .bind(stored(number))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The newest checkpoint of a run.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn latest_checkpoint(
        &mut self,
        application: ApplicationId,
        run: RunId,
    ) -> Result<Option<Checkpoint>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT number, run_id, attempt, version, manifest, state_bytes, duration_ms,
                    operators, recorded_at, committed_at
               FROM checkpoints
              WHERE application_id = $1 AND run_id = $2
              ORDER BY number DESC
              LIMIT 1",
        )
        .bind(application.0)
        .bind(run.0)
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Checkpoint::try_from).transpose()
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn checkpoint(
        &mut self,
        application: ApplicationId,
        number: u64,
    ) -> Result<Option<Checkpoint>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT number, run_id, attempt, version, manifest, state_bytes, duration_ms,
                    operators, recorded_at, committed_at
               FROM checkpoints
              WHERE application_id = $1 AND number = $2",
        )
        .bind(application.0)
        .bind(stored(number))
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Checkpoint::try_from).transpose()
    }

    /// Up to `limit` checkpoints of an application with numbers below `before`, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_checkpoints(
        &mut self,
        application: ApplicationId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Checkpoint>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT number, run_id, attempt, version, manifest, state_bytes, duration_ms,
                    operators, recorded_at, committed_at
               FROM checkpoints
              WHERE application_id = $1 AND ($2::bigint IS NULL OR number < $2)
              ORDER BY number DESC
              LIMIT $3",
        )
        .bind(application.0)
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Checkpoint::try_from).collect()
    }

    /// The number the next checkpoint of an application gets: above every recorded one and every
    /// one that a snapshot still names.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next_checkpoint(&mut self, application: ApplicationId) -> Result<u64> {
        let next: i64 = sqlx::query_scalar(
            "SELECT 1 + greatest(
                        (SELECT coalesce(max(number), 0) FROM checkpoints
                          WHERE application_id = $1),
                        (SELECT coalesce(max(checkpoint), 0) FROM snapshots
                          WHERE application_id = $1))",
        )
        .bind(application.0)
        .fetch_one(&mut *self.inner)
        .await?;
        number("checkpoints.number", next)
    }

    /// Forgets all checkpoints of all applications but the newest `keep` of each, those that a
    /// snapshot or a run that has not ended needs, and those whose output such a run has still to
    /// make visible; their folders become garbage. Returns how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn retire_checkpoints(&mut self, keep: i64) -> Result<u64> {
        let done = sqlx::query(include_str!("../queries/retire_checkpoints.sql"))
            .bind(keep)
            .execute(&mut *self.inner)
            .await?;
        Ok(done.rows_affected())
    }
}
