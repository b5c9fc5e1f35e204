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
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

type Row = (i64, Json<ApplicationConfiguration>, String, Option<i64>, DateTime<Utc>);

fn version_of(row: Row) -> Result<Version> {
    let (version, Json(configuration), conditional_token, updated_from, created_at) = row;
    Ok(Version {
        version: number("application_versions.version", version)?,
        configuration,
        conditional_token,
        updated_from: updated_from
            .map(|from| number("application_versions.updated_from", from))
            .transpose()?,
        created_at,
    })
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
                     updated_from)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(application.0)
        .bind(new.version.get())
        .bind(Json(new.configuration))
        .bind(artifact)
        .bind(new.conditional_token)
        .bind(new.updated_from.map(VersionId::get))
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
            "SELECT version, configuration, conditional_token, updated_from, created_at
               FROM application_versions
              WHERE application_id = $1 AND version = $2",
        )
        .bind(application.0)
        .bind(version.get())
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(version_of).transpose()
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
        let rows: Vec<(i64, Option<i64>, DateTime<Utc>)> = sqlx::query_as(
            "SELECT version, updated_from, created_at
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
            .map(|(version, updated_from, created_at)| {
                Ok(VersionSummary {
                    version: number("application_versions.version", version)?,
                    updated_from: updated_from
                        .map(|from| number("application_versions.updated_from", from))
                        .transpose()?,
                    created_at,
                })
            })
            .collect()
    }
}
