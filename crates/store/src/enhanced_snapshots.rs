//! Enhanced snapshots: they belong to the account and outlive their applications.

use chrono::{DateTime, Utc};
use model::{
    configuration::RuntimeEnvironment,
    enhanced::{EnhancedStatus, S3Prefix, SnapshotInitiator, SnapshotOperationKind},
    ids::{ApplicationId, ApplicationName, EnhancedId, EnhancedName, VersionId},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    checkpoints::Checkpoint,
    connection::Tx,
    error::{Result, number, read},
};

/// What a snapshot was taken of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnhancedSource {
    /// Identity of the application, which may be gone.
    pub id: ApplicationId,
    /// Its name.
    pub name: ApplicationName,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Version that ran.
    pub version: VersionId,
}

/// A snapshot to be made.
#[derive(Debug, Clone)]
pub struct NewEnhanced<'a> {
    /// Its name.
    pub name: &'a EnhancedName,
    /// Its identity.
    pub id: EnhancedId,
    /// For people.
    pub description: Option<&'a str>,
    /// What makes it.
    pub made_by: SnapshotOperationKind,
    /// What it is taken of.
    pub source: Option<&'a EnhancedSource>,
    /// Runtime of that version.
    pub runtime: Option<&'a RuntimeEnvironment>,
    /// Where it is imported from.
    pub imported_from: Option<&'a S3Prefix>,
}

/// An enhanced snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enhanced {
    /// Its name.
    pub name: EnhancedName,
    /// Its identity.
    pub id: EnhancedId,
    /// Place among all of them, rising with time.
    pub ordinal: i64,
    /// What it is worth.
    pub status: EnhancedStatus,
    /// For people.
    pub description: Option<String>,
    /// What made it.
    pub made_by: SnapshotOperationKind,
    /// What it was taken of.
    pub source: Option<EnhancedSource>,
    /// Runtime of what it was taken of.
    pub runtime: Option<RuntimeEnvironment>,
    /// Where it was imported from.
    pub imported_from: Option<S3Prefix>,
    /// Number of the checkpoint that it is, once that is recorded.
    pub checkpoint: Option<u64>,
    /// Key of the manifest that is copied.
    pub source_manifest: Option<String>,
    /// Key of its own manifest, once READY.
    pub manifest: Option<String>,
    /// Bytes of its state, once READY.
    pub state_bytes: Option<u64>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Which snapshots are listed; at most one of them is given.
#[derive(Debug, Clone, Default)]
pub struct EnhancedFilter {
    /// Those of an application of this name.
    pub application: Option<ApplicationName>,
    /// Those begun by a customer, or by Weir.
    pub initiator: Option<SnapshotInitiator>,
    /// Those made so.
    pub made_by: Option<SnapshotOperationKind>,
    /// Those that are worth this.
    pub status: Option<EnhancedStatus>,
}

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    id: Uuid,
    ordinal: i64,
    status: String,
    description: Option<String>,
    made_by: String,
    application_id: Option<Uuid>,
    application: Option<String>,
    application_created_at: Option<DateTime<Utc>>,
    version: Option<i64>,
    runtime: Option<String>,
    imported_from: Option<Json<S3Prefix>>,
    checkpoint: Option<i64>,
    source_manifest: Option<String>,
    manifest: Option<String>,
    state_bytes: Option<i64>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Enhanced {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        let of = (row.application_id, row.application, row.application_created_at, row.version);
        let source = match of {
            (Some(id), Some(name), Some(created_at), Some(version)) => Some(EnhancedSource {
                id: ApplicationId(id),
                name: read("enhanced_snapshots.application", &name)?,
                created_at,
                version: number("enhanced_snapshots.version", version)?,
            }),
            _ => None,
        };
        let count = |column, value: Option<i64>| value.map(|it| number(column, it)).transpose();
        Ok(Self {
            name: read("enhanced_snapshots.name", &row.name)?,
            id: EnhancedId(row.id),
            ordinal: row.ordinal,
            status: read("enhanced_snapshots.status", &row.status)?,
            description: row.description,
            made_by: read("enhanced_snapshots.made_by", &row.made_by)?,
            source,
            runtime: row
                .runtime
                .map(|text| read("enhanced_snapshots.runtime", &text))
                .transpose()?,
            imported_from: row.imported_from.map(|Json(place)| place),
            checkpoint: count("enhanced_snapshots.checkpoint", row.checkpoint)?,
            source_manifest: row.source_manifest,
            manifest: row.manifest,
            state_bytes: count("enhanced_snapshots.state_bytes", row.state_bytes)?,
            created_at: row.created_at,
        })
    }
}

impl Tx {
    /// Adds a snapshot that is being made.
    ///
    /// # Errors
    /// [`crate::Taken::EnhancedName`], [`crate::Taken::EnhancedInProgress`].
    pub async fn insert_enhanced(&mut self, new: &NewEnhanced<'_>) -> Result<()> {
        sqlx::query(
            "INSERT INTO enhanced_snapshots
                    (name, id, status, description, made_by, application_id, application,
                     application_created_at, version, runtime, imported_from)
             VALUES ($1, $2, 'CREATING', $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(new.name.as_str())
        .bind(new.id.0)
        .bind(new.description)
        .bind(new.made_by.as_str())
        .bind(new.source.map(|it| it.id.0))
        .bind(new.source.map(|it| it.name.as_str()))
        .bind(new.source.map(|it| it.created_at))
        .bind(new.source.map(|it| it.version.get()))
        .bind(new.runtime.map(ToString::to_string))
        .bind(new.imported_from.map(Json))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn enhanced(&mut self, name: &EnhancedName) -> Result<Option<Enhanced>> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM enhanced_snapshots WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(&mut *self.inner)
            .await?;
        row.map(Enhanced::try_from).transpose()
    }

    /// Reads and locks a snapshot; after its application, where both are locked.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lock_enhanced(&mut self, name: &EnhancedName) -> Result<Option<Enhanced>> {
        let row: Option<Row> =
            sqlx::query_as("SELECT * FROM enhanced_snapshots WHERE name = $1 FOR UPDATE")
                .bind(name.as_str())
                .fetch_optional(&mut *self.inner)
                .await?;
        row.map(Enhanced::try_from).transpose()
    }

    /// Up to `limit` snapshots before place `before`, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_enhanced(
        &mut self,
        filter: &EnhancedFilter,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Enhanced>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM enhanced_snapshots
              WHERE ($1::text IS NULL OR application = $1)
                AND ($2::boolean IS NULL OR (made_by = 'SystemCreateSnapshot') = $2)
                AND ($3::text IS NULL OR made_by = $3)
                AND ($4::text IS NULL OR status = $4)
                AND ($5::bigint IS NULL OR ordinal < $5)
              ORDER BY ordinal DESC
              LIMIT $6",
        )
        .bind(filter.application.as_ref().map(ApplicationName::as_str))
        .bind(filter.initiator.map(|it| it == SnapshotInitiator::System))
        .bind(filter.made_by.map(SnapshotOperationKind::as_str))
        .bind(filter.status.map(EnhancedStatus::as_str))
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Enhanced::try_from).collect()
    }

    /// Number of snapshots in the installation, whatever their status.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count_enhanced(&mut self) -> Result<i64> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM enhanced_snapshots")
            .fetch_one(&mut *self.inner)
            .await?)
    }

    /// Snapshots that are being made of an application.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn enhanced_being_made(
        &mut self,
        application: ApplicationId,
    ) -> Result<Vec<Enhanced>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM enhanced_snapshots
              WHERE application_id = $1 AND status = 'CREATING'
              ORDER BY ordinal",
        )
        .bind(application.0)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Enhanced::try_from).collect()
    }

    /// The snapshot is to be a copy of this checkpoint.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_enhanced_source(
        &mut self,
        name: &EnhancedName,
        checkpoint: &Checkpoint,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE enhanced_snapshots
                SET checkpoint = $2, source_manifest = $3, version = $4
              WHERE name = $1 AND status = 'CREATING' AND source_manifest IS NULL",
        )
        .bind(name.as_str())
        .bind(i64::try_from(checkpoint.number).unwrap_or(i64::MAX))
        .bind(&checkpoint.manifest)
        .bind(checkpoint.version.get())
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The copy is complete; an imported one says what it is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_enhanced_ready(
        &mut self,
        name: &EnhancedName,
        manifest: &str,
        state_bytes: u64,
        checkpoint: u64,
        runtime: Option<&RuntimeEnvironment>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE enhanced_snapshots
                SET status = 'READY', manifest = $2, state_bytes = $3, checkpoint = $4,
                    runtime = coalesce(runtime, $5)
              WHERE name = $1 AND status = 'CREATING'",
        )
        .bind(name.as_str())
        .bind(manifest)
        .bind(i64::try_from(state_bytes).unwrap_or(i64::MAX))
        .bind(i64::try_from(checkpoint).unwrap_or(i64::MAX))
        .bind(runtime.map(ToString::to_string))
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Changes what a snapshot is worth.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_enhanced_status(
        &mut self,
        name: &EnhancedName,
        status: EnhancedStatus,
    ) -> Result<()> {
        sqlx::query("UPDATE enhanced_snapshots SET status = $2 WHERE name = $1")
            .bind(name.as_str())
            .bind(status.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Forgets a snapshot and its tags.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_enhanced(&mut self, name: &EnhancedName) -> Result<()> {
        sqlx::query("DELETE FROM enhanced_snapshots WHERE name = $1")
            .bind(name.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Whether a run that has not ended would start from the snapshot again if its job failed now:
    /// it did or is to, and has no checkpoint of its own.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn needs_enhanced(&mut self, name: &EnhancedName) -> Result<bool> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (
                SELECT FROM runs r
                 WHERE r.ended_at IS NULL
                   AND (r.configuration #>> '{restore,kind}' = 'enhanced'
                            AND r.configuration #>> '{restore,name}' = $1
                        OR r.successor #>> '{configuration,restore,kind}' = 'enhanced'
                            AND r.successor #>> '{configuration,restore,name}' = $1)
                   AND NOT EXISTS (SELECT FROM checkpoints c WHERE c.run_id = r.id))",
        )
        .bind(name.as_str())
        .fetch_one(&mut *self.inner)
        .await?)
    }
}
