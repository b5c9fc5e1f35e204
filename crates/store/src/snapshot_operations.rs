//! What is done to enhanced snapshots: a journal, and the list of what workers have to copy.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::{
    enhanced::{S3Prefix, SnapshotOperationKind},
    ids::{EnhancedName, OperationId, WorkerId},
};
use sqlx::types::Json;

use crate::{
    connection::Tx,
    error::{Result, number, read},
    operations::OperationStatus,
    runs::millis,
};

/// An operation to be journaled; it is in progress.
#[derive(Debug, Clone)]
pub struct NewSnapshotOperation<'a> {
    /// Its id.
    pub id: &'a OperationId,
    /// The snapshot.
    pub snapshot: &'a EnhancedName,
    /// What is done.
    pub kind: SnapshotOperationKind,
    /// Where an export goes, or an import comes from.
    pub location: Option<&'a S3Prefix>,
    /// Name and operation of the application for whose sake Weir did it.
    pub application: Option<(&'a str, Option<&'a OperationId>)>,
}

/// A journaled operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotOperation {
    /// Its id.
    pub id: OperationId,
    /// Place in the journal.
    pub ordinal: i64,
    /// The snapshot.
    pub snapshot: EnhancedName,
    /// What is done.
    pub kind: SnapshotOperationKind,
    /// What became of it.
    pub status: OperationStatus,
    /// Where an export goes, or an import comes from.
    pub location: Option<S3Prefix>,
    /// The application for whose sake Weir did it.
    pub application: Option<String>,
    /// The operation of that application.
    pub application_operation: Option<String>,
    /// How often a worker began it; what an earlier one reports does not count.
    pub attempt: u64,
    /// Why it failed, in one word.
    pub failure_code: Option<String>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was asked.
    pub started_at: DateTime<Utc>,
    /// When it was decided.
    pub ended_at: Option<DateTime<Utc>>,
    /// The database's time.
    pub now: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    ordinal: i64,
    snapshot: String,
    kind: String,
    status: String,
    location: Option<Json<S3Prefix>>,
    application: Option<String>,
    application_operation: Option<String>,
    attempt: i64,
    failure_code: Option<String>,
    failure: Option<String>,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

impl TryFrom<Row> for SnapshotOperation {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: read("snapshot_operations.id", &row.id)?,
            ordinal: row.ordinal,
            snapshot: read("snapshot_operations.snapshot", &row.snapshot)?,
            kind: read("snapshot_operations.kind", &row.kind)?,
            status: read("snapshot_operations.status", &row.status)?,
            location: row.location.map(|Json(place)| place),
            application: row.application,
            application_operation: row.application_operation,
            attempt: number("snapshot_operations.attempt", row.attempt)?,
            failure_code: row.failure_code,
            failure: row.failure,
            started_at: row.started_at,
            ended_at: row.ended_at,
            now: row.now,
        })
    }
}

impl Tx {
    /// Journals an operation.
    ///
    /// # Errors
    /// [`crate::Taken::ExportInProgress`].
    pub async fn insert_snapshot_operation(
        &mut self,
        new: &NewSnapshotOperation<'_>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO snapshot_operations
                    (id, snapshot, kind, status, location, application, application_operation)
             VALUES ($1, $2, $3, 'IN_PROGRESS', $4, $5, $6)",
        )
        .bind(new.id.as_str())
        .bind(new.snapshot.as_str())
        .bind(new.kind.as_str())
        .bind(new.location.map(Json))
        .bind(new.application.map(|(name, _)| name))
        .bind(new.application.and_then(|(_, id)| id).map(OperationId::as_str))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Reads an operation.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn snapshot_operation(
        &mut self,
        snapshot: &EnhancedName,
        id: &OperationId,
    ) -> Result<Option<SnapshotOperation>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT *, now() AS now FROM snapshot_operations WHERE snapshot = $1 AND id = $2",
        )
        .bind(snapshot.as_str())
        .bind(id.as_str())
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(SnapshotOperation::try_from).transpose()
    }

    /// Up to `limit` operations before place `before`, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_snapshot_operations(
        &mut self,
        snapshot: &EnhancedName,
        kind: Option<SnapshotOperationKind>,
        status: Option<OperationStatus>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<SnapshotOperation>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT *, now() AS now FROM snapshot_operations
              WHERE snapshot = $1
                AND ($2::text IS NULL OR kind = $2)
                AND ($3::text IS NULL OR status = $3)
                AND ($4::bigint IS NULL OR ordinal < $4)
              ORDER BY ordinal DESC
              LIMIT $5",
        )
        .bind(snapshot.as_str())
        .bind(kind.map(SnapshotOperationKind::as_str))
        .bind(status.map(OperationStatus::as_str))
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(SnapshotOperation::try_from).collect()
    }

    /// All operations in progress, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn snapshot_operations_in_progress(&mut self) -> Result<Vec<SnapshotOperation>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT *, now() AS now FROM snapshot_operations
              WHERE status = 'IN_PROGRESS'
              ORDER BY ordinal",
        )
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(SnapshotOperation::try_from).collect()
    }

    /// Gives a worker the oldest operation that needs copying and that no other one is at. A
    /// checkpoint is copied when its output is visible: until then it may not be what the sinks
    /// hold.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn take_snapshot_operation(
        &mut self,
        worker: WorkerId,
        lease: Duration,
    ) -> Result<Option<SnapshotOperation>> {
        let row: Option<Row> = sqlx::query_as(
            "UPDATE snapshot_operations
                SET claimed_by = $1, lease_until = now() + $2 * interval '1 millisecond',
                    attempt = attempt + 1
              WHERE id = (
                  SELECT o.id
                    FROM snapshot_operations o
                    JOIN enhanced_snapshots s ON s.name = o.snapshot
                   WHERE o.status = 'IN_PROGRESS'
                     AND (o.lease_until IS NULL OR o.lease_until <= now())
                     AND (o.kind IN ('ImportSnapshot', 'ExportSnapshot')
                          OR o.kind IN ('CreateSnapshot', 'SystemCreateSnapshot')
                             AND s.source_manifest IS NOT NULL
                             AND NOT EXISTS (SELECT FROM checkpoints c
                                              WHERE c.application_id = s.application_id
                                                AND c.number = s.checkpoint
                                                AND c.committed_at IS NULL))
                   ORDER BY o.ordinal
                   LIMIT 1
                     FOR UPDATE OF o SKIP LOCKED)
          RETURNING *, now() AS now",
        )
        .bind(worker.0)
        .bind(millis(lease))
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(SnapshotOperation::try_from).transpose()
    }

    /// Prolongs, or shortens, the time in which nobody else may begin the operation; false if somebody
    /// has, or it is over.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lease_snapshot_operation(
        &mut self,
        id: &OperationId,
        attempt: u64,
        lease: Duration,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE snapshot_operations
                SET lease_until = now() + $3 * interval '1 millisecond'
              WHERE id = $1 AND attempt = $2 AND status = 'IN_PROGRESS'",
        )
        .bind(id.as_str())
        .bind(i64::try_from(attempt).unwrap_or(i64::MAX))
        .bind(millis(lease))
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends an operation; `failure` is a word and a sentence. False if it was over already.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_snapshot_operation(
        &mut self,
        id: &OperationId,
        status: OperationStatus,
        failure: Option<(&str, &str)>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE snapshot_operations
                SET status = $2, failure_code = $3, failure = $4, ended_at = now(),
                    lease_until = NULL
              WHERE id = $1 AND status = 'IN_PROGRESS'",
        )
        .bind(id.as_str())
        .bind(status.as_str())
        .bind(failure.map(|(code, _)| code))
        .bind(failure.map(|(_, words)| words))
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets operations that ended longer ago than `age`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn trim_snapshot_operations(&mut self, age: Duration) -> Result<u64> {
        let done = sqlx::query(
            "DELETE FROM snapshot_operations
              WHERE ended_at < now() - $1 * interval '1 millisecond'",
        )
        .bind(millis(age))
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }
}
