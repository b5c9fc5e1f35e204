//! Operations: the journal of what customers asked and what became of it.

use chrono::{DateTime, Utc};
use model::{
    ids::{ApplicationId, OperationId, VersionId},
    invalid::Invalid,
};

use crate::{
    connection::Tx,
    error::{Result, number, read},
};

/// What became of an operation (AWS `OperationStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationStatus {
    /// Not decided yet.
    InProgress,
    /// Done.
    Successful,
    /// Not done; the operation says why.
    Failed,
    /// Superseded by another operation.
    Cancelled,
}

impl OperationStatus {
    /// The AWS word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl std::fmt::Display for OperationStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for OperationStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::InProgress, Self::Successful, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                Invalid::new(
                    "OperationStatus",
                    "must be one of `IN_PROGRESS`, `SUCCESSFUL`, `FAILED`, `CANCELLED`",
                )
            })
    }
}

/// An operation to be journaled.
#[derive(Debug, Clone)]
pub struct NewOperation<'a> {
    /// Its id.
    pub id: &'a OperationId,
    /// AWS `Operation`, for example `StartApplication`.
    pub kind: &'a str,
    /// What became of it.
    pub status: OperationStatus,
    /// For a change of the version: from which to which.
    pub versions: Option<(VersionId, VersionId)>,
}

/// A journaled operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Place in the journal.
    pub ordinal: i64,
    /// AWS `Operation`, for example `StartApplication`.
    pub kind: String,
    /// What became of it.
    pub status: OperationStatus,
    /// For a change of the version: from which to which.
    pub versions: Option<(VersionId, VersionId)>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The automatic rollback that its failure led to.
    pub rollback: Option<OperationId>,
    /// When it was asked.
    pub started_at: DateTime<Utc>,
    /// When it was decided.
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    ordinal: i64,
    kind: String,
    status: String,
    version_from: Option<i64>,
    version_to: Option<i64>,
    failure: Option<String>,
    rollback_operation: Option<String>,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Operation {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        let versions = match (row.version_from, row.version_to) {
            (Some(from), Some(to)) => Some((
                number("operations.version_from", from)?,
                number("operations.version_to", to)?,
            )),
            _ => None,
        };
        Ok(Self {
            id: read("operations.id", &row.id)?,
            ordinal: row.ordinal,
            kind: row.kind,
            status: read("operations.status", &row.status)?,
            versions,
            failure: row.failure,
            rollback: row
                .rollback_operation
                .map(|id| read("operations.rollback_operation", &id))
                .transpose()?,
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    }
}

impl Tx {
    /// Journals an operation.
    ///
    /// # Errors
    /// [`crate::Taken::OperationInProgress`] if another one is in progress.
    pub async fn insert_operation(
        &mut self,
        application: ApplicationId,
        new: &NewOperation<'_>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO operations
                    (id, application_id, kind, status, version_from, version_to, ended_at)
             VALUES ($1, $2, $3, $4, $5, $6,
                     CASE WHEN $4 = 'IN_PROGRESS' THEN NULL ELSE now() END)",
        )
        .bind(new.id.as_str())
        .bind(application.0)
        .bind(new.kind)
        .bind(new.status.as_str())
        .bind(new.versions.map(|(from, _)| from.get()))
        .bind(new.versions.map(|(_, to)| to.get()))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Ends the operation in progress, if there is one; returns its id.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_operation(
        &mut self,
        application: ApplicationId,
        status: OperationStatus,
        failure: Option<&str>,
    ) -> Result<Option<OperationId>> {
        let id: Option<String> = sqlx::query_scalar(
            "UPDATE operations
                SET status = $2, failure = left($3, 512), ended_at = now()
              WHERE application_id = $1 AND status = 'IN_PROGRESS'
          RETURNING id",
        )
        .bind(application.0)
        .bind(status.as_str())
        .bind(failure)
        .fetch_optional(&mut *self.inner)
        .await?;
        id.map(|id| read("operations.id", &id)).transpose()
    }

    /// Notes the automatic rollback that the failure of an operation led to.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_rollback_operation(
        &mut self,
        failed: &OperationId,
        rollback: &OperationId,
    ) -> Result<()> {
        sqlx::query("UPDATE operations SET rollback_operation = $2 WHERE id = $1")
            .bind(failed.as_str())
            .bind(rollback.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Reads an operation of an application.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn operation(
        &mut self,
        application: ApplicationId,
        id: &OperationId,
    ) -> Result<Option<Operation>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, ordinal, kind, status, version_from, version_to, failure,
                    rollback_operation, started_at, ended_at
               FROM operations
              WHERE application_id = $1 AND id = $2",
        )
        .bind(application.0)
        .bind(id.as_str())
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Operation::try_from).transpose()
    }

    /// Up to `limit` operations before place `before`, newest first, of one kind and status if
    /// wanted.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_operations(
        &mut self,
        application: ApplicationId,
        kind: Option<&str>,
        status: Option<OperationStatus>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Operation>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, ordinal, kind, status, version_from, version_to, failure,
                    rollback_operation, started_at, ended_at
               FROM operations
              WHERE application_id = $1
                AND ($2::text IS NULL OR kind = $2)
                AND ($3::text IS NULL OR status = $3)
                AND ($4::bigint IS NULL OR ordinal < $4)
              ORDER BY ordinal DESC
              LIMIT $5",
        )
        .bind(application.0)
        .bind(kind)
        .bind(status.map(OperationStatus::as_str))
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Operation::try_from).collect()
    }
}
