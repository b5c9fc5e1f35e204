//! Snapshots: checkpoints with a name, kept until the customer deletes them.

use chrono::{DateTime, Utc};
use model::{
    configuration::RuntimeEnvironment,
    ids::{ApplicationId, SnapshotName, VersionId},
    invalid::Invalid,
};

use crate::{
    checkpoints::Checkpoint,
    connection::Tx,
    error::{Result, number, read},
};

/// What a snapshot is worth (AWS `SnapshotStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotStatus {
    /// It is being taken.
    Creating,
    /// An application can start from it.
    Ready,
    /// It could not be taken; it says why.
    Failed,
}

impl SnapshotStatus {
    /// The AWS word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Ready => "READY",
            Self::Failed => "FAILED",
        }
    }
}

impl std::fmt::Display for SnapshotStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for SnapshotStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Creating, Self::Ready, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| Invalid::new("SnapshotStatus", format!("is unknown: `{text}`")))
    }
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: SnapshotName,
    /// Place among the application's snapshots, rising with time.
    pub ordinal: i64,
    /// What it is worth.
    pub status: SnapshotStatus,
    /// Application version it was taken of.
    pub version: VersionId,
    /// Runtime of that version.
    pub runtime: RuntimeEnvironment,
    /// The checkpoint that it is, once READY.
    pub checkpoint: Option<u64>,
    /// Key of its manifest, once READY.
    pub manifest: Option<String>,
    /// Bytes of its state, once READY.
    pub state_bytes: Option<u64>,
    /// Why it could not be taken.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    ordinal: i64,
    status: String,
    version: i64,
    runtime: String,
    checkpoint: Option<i64>,
    manifest: Option<String>,
    state_bytes: Option<i64>,
    failure: Option<String>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Snapshot {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            name: read("snapshots.name", &row.name)?,
            ordinal: row.ordinal,
            status: read("snapshots.status", &row.status)?,
            version: number("snapshots.version", row.version)?,
            runtime: read("snapshots.runtime", &row.runtime)?,
            checkpoint: row
                .checkpoint
                .map(|value| number("snapshots.checkpoint", value))
                .transpose()?,
            manifest: row.manifest,
            state_bytes: row
                .state_bytes
                .map(|value| number("snapshots.state_bytes", value))
                .transpose()?,
            failure: row.failure,
            created_at: row.created_at,
        })
    }
}

impl Tx {
    /// Adds a snapshot that is being taken.
    ///
    /// # Errors
    /// [`crate::Taken::SnapshotName`].
    pub async fn insert_snapshot(
        &mut self,
        application: ApplicationId,
        name: &SnapshotName,
        version: VersionId,
        runtime: &RuntimeEnvironment,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO snapshots (application_id, name, status, version, runtime)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(application.0)
        .bind(name.as_str())
        .bind(SnapshotStatus::Creating.as_str())
        .bind(version.get())
        .bind(runtime.to_string())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Makes a snapshot that is being taken, or could not be, READY: it is `checkpoint`. One that is
    /// READY already is moved on if its checkpoint is older.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_snapshot_ready(
        &mut self,
        application: ApplicationId,
        name: &SnapshotName,
        checkpoint: &Checkpoint,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE snapshots
                SET status = 'READY', checkpoint = $3, manifest = $4, state_bytes = $5,
                    version = $6, failure = NULL
              WHERE application_id = $1 AND name = $2
                AND (status IN ('CREATING', 'FAILED') OR status = 'READY' AND checkpoint < $3)",
        )
        .bind(application.0)
        .bind(name.as_str())
        .bind(i64::try_from(checkpoint.number).unwrap_or(i64::MAX))
        .bind(&checkpoint.manifest)
        .bind(i64::try_from(checkpoint.state_bytes).unwrap_or(i64::MAX))
        .bind(checkpoint.version.get())
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives up a snapshot that is being taken; false if it is not being taken.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_snapshot_failed(
        &mut self,
        application: ApplicationId,
        name: &SnapshotName,
        why: &str,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE snapshots
                SET status = 'FAILED', failure = $3
              WHERE application_id = $1 AND name = $2 AND status = 'CREATING'",
        )
        .bind(application.0)
        .bind(name.as_str())
        .bind(why)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn snapshot(
        &mut self,
        application: ApplicationId,
        name: &SnapshotName,
    ) -> Result<Option<Snapshot>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT name, ordinal, status, version, runtime, checkpoint, manifest, state_bytes,
                    failure, created_at
               FROM snapshots
              WHERE application_id = $1 AND name = $2",
        )
        .bind(application.0)
        .bind(name.as_str())
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Snapshot::try_from).transpose()
    }

    /// The newest READY snapshot.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn latest_snapshot(
        &mut self,
        application: ApplicationId,
    ) -> Result<Option<Snapshot>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT name, ordinal, status, version, runtime, checkpoint, manifest, state_bytes,
                    failure, created_at
               FROM snapshots
              WHERE application_id = $1 AND status = 'READY'
              ORDER BY checkpoint DESC, ordinal DESC
              LIMIT 1",
        )
        .bind(application.0)
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Snapshot::try_from).transpose()
    }

    /// The newest READY snapshot that was taken of a version, or of one that a rollback made from
    /// it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn latest_snapshot_of(
        &mut self,
        application: ApplicationId,
        version: VersionId,
    ) -> Result<Option<Snapshot>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT name, ordinal, status, version, runtime, checkpoint, manifest, state_bytes,
                    failure, created_at
               FROM snapshots
              WHERE application_id = $1 AND status = 'READY'
                AND (version = $2
                     OR version IN (SELECT v.version FROM application_versions v
                                     WHERE v.application_id = $1 AND v.rolled_back_to = $2))
              ORDER BY checkpoint DESC, ordinal DESC
              LIMIT 1",
        )
        .bind(application.0)
        .bind(version.get())
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Snapshot::try_from).transpose()
    }

    /// Up to `limit` snapshots after place `after`, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_snapshots(
        &mut self,
        application: ApplicationId,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Snapshot>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, ordinal, status, version, runtime, checkpoint, manifest, state_bytes,
                    failure, created_at
               FROM snapshots
              WHERE application_id = $1 AND ($2::bigint IS NULL OR ordinal > $2)
              ORDER BY ordinal
              LIMIT $3",
        )
        .bind(application.0)
        .bind(after)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Snapshot::try_from).collect()
    }

    /// All snapshots of an application that are being taken, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn snapshots_being_made(
        &mut self,
        application: ApplicationId,
    ) -> Result<Vec<Snapshot>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, ordinal, status, version, runtime, checkpoint, manifest, state_bytes,
                    failure, created_at
               FROM snapshots
              WHERE application_id = $1 AND status = 'CREATING'
              ORDER BY ordinal",
        )
        .bind(application.0)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Snapshot::try_from).collect()
    }

    /// Number of an application's snapshots, whatever their status.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count_snapshots(&mut self, application: ApplicationId) -> Result<i64> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM snapshots WHERE application_id = $1")
            .bind(application.0)
            .fetch_one(&mut *self.inner)
            .await?)
    }

    /// Forgets a snapshot. Its checkpoint is retired when nothing else needs it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_snapshot(
        &mut self,
        application: ApplicationId,
        name: &SnapshotName,
    ) -> Result<()> {
        sqlx::query("DELETE FROM snapshots WHERE application_id = $1 AND name = $2")
            .bind(application.0)
            .bind(name.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
