//! Application versions: immutable configurations.

use chrono::{DateTime, Utc};
use model::{
    configuration::{ApplicationConfiguration, Program},
    ids::{ApplicationId, VersionId},
};
use sqlx::types::Json;

use crate::{
    connection::Tx,
    error::{Result, number},
};

/// A version to be added.
#[derive(Debug, Clone)]
pub struct NewVersion<'a> {
    /// Its number.
    pub version: VersionId,
    /// Its configuration.
    pub configuration: &'a ApplicationConfiguration,
    /// Token that a client may show instead of the number.
    pub conditional_token: &'a str,
    /// The version it was made from.
    pub updated_from: Option<VersionId>,
    /// For one that a rollback makes: the version whose configuration it has.
    pub rolled_back_to: Option<VersionId>,
}

/// A version of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub version: VersionId,
    /// Its configuration.
    pub configuration: ApplicationConfiguration,
    /// Token that a client may show instead of the number.
    pub conditional_token: String,
    /// The version it was made from.
    pub updated_from: Option<VersionId>,
    /// For one that a rollback made: the version that was rolled back.
    pub rolled_back_from: Option<VersionId>,
    /// For one that a rollback made: the version whose configuration it has.
    pub rolled_back_to: Option<VersionId>,
    /// Whether a job of it ever ran.
    pub ran: bool,
    /// Whether it was rolled back.
    pub rolled_back: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// One line of a list of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSummary {
    /// Its number.
    pub version: VersionId,
    /// The version it was made from.
    pub updated_from: Option<VersionId>,
    /// Whether it was rolled back.
    pub rolled_back: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    version: i64,
    configuration: Json<ApplicationConfiguration>,
    conditional_token: String,
    updated_from: Option<i64>,
    rolled_back_from: Option<i64>,
    rolled_back_to: Option<i64>,
    ran: bool,
    rolled_back: bool,
    created_at: DateTime<Utc>,
}

fn optional(column: &'static str, value: Option<i64>) -> Result<Option<VersionId>> {
    value.map(|value| number(column, value)).transpose()
}

impl TryFrom<Row> for Version {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            version: number("application_versions.version", row.version)?,
            configuration: row.configuration.0,
            conditional_token: row.conditional_token,
            updated_from: optional("application_versions.updated_from", row.updated_from)?,
            rolled_back_from: optional(
                "application_versions.rolled_back_from",
                row.rolled_back_from,
            )?,
            rolled_back_to: optional("application_versions.rolled_back_to", row.rolled_back_to)?,
            ran: row.ran,
            rolled_back: row.rolled_back,
            created_at: row.created_at,
        })
    }
}

impl Tx {
    /// Adds a version. A zip's artifact must exist before.
    ///
    /// # Errors
    /// The database does not answer, or the number exists.
    pub async fn insert_version(
        &mut self,
        application: ApplicationId,
        new: &NewVersion<'_>,
    ) -> Result<()> {
        let artifact = new.configuration.code.as_ref().and_then(|code| match code.program {
            Program::Zip => Some(code.sha256.as_str()),
            Program::Sql { .. } => None,
        });
        sqlx::query(
            "INSERT INTO application_versions
                    (application_id, version, configuration, artifact, conditional_token,
                     updated_from, rolled_back_from, rolled_back_to)
             VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 IS NULL THEN NULL ELSE $6 END, $7)",
        )
        .bind(application.0)
        .bind(new.version.get())
        .bind(Json(new.configuration))
        .bind(artifact)
        .bind(new.conditional_token)
        .bind(new.updated_from.map(VersionId::get))
        .bind(new.rolled_back_to.map(VersionId::get))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Reads a version.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn version(
        &mut self,
        application: ApplicationId,
        version: VersionId,
    ) -> Result<Option<Version>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT version, configuration, conditional_token, updated_from, rolled_back_from,
                    rolled_back_to, ran_at IS NOT NULL AS ran,
                    rolled_back_at IS NOT NULL AS rolled_back, created_at
               FROM application_versions
              WHERE application_id = $1 AND version = $2",
        )
        .bind(application.0)
        .bind(version.get())
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Version::try_from).transpose()
    }

    /// Notes that a job of a version runs.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_version_ran(
        &mut self,
        application: ApplicationId,
        version: VersionId,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE application_versions SET ran_at = now()
              WHERE application_id = $1 AND version = $2 AND ran_at IS NULL",
        )
        .bind(application.0)
        .bind(version.get())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Notes that a version is rolled back.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_version_rolled_back(
        &mut self,
        application: ApplicationId,
        version: VersionId,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE application_versions SET rolled_back_at = now()
              WHERE application_id = $1 AND version = $2",
        )
        .bind(application.0)
        .bind(version.get())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Up to `limit` versions older than `before`, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_versions(
        &mut self,
        application: ApplicationId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<VersionSummary>> {
        let rows: Vec<(i64, Option<i64>, bool, DateTime<Utc>)> = sqlx::query_as(
            "SELECT version, updated_from, rolled_back_at IS NOT NULL, created_at
               FROM application_versions
              WHERE application_id = $1 AND ($2::bigint IS NULL OR version < $2)
              ORDER BY version DESC
              LIMIT $3",
        )
        .bind(application.0)
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|(version, updated_from, rolled_back, created_at)| {
                Ok(VersionSummary {
                    version: number("application_versions.version", version)?,
                    updated_from: optional("application_versions.updated_from", updated_from)?,
                    rolled_back,
                    created_at,
                })
            })
            .collect()
    }
}
