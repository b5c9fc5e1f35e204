//! Applications: name, status, current version.

use chrono::{DateTime, Utc};
use model::{
    configuration::{ApplicationMode, RuntimeEnvironment},
    ids::{ApplicationId, ApplicationName, VersionId},
    lifecycle::Status,
};
use uuid::Uuid;

use crate::{
    connection::Tx,
    error::{Result, number, read},
};

/// What an application is created with.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// Its identity.
    pub id: ApplicationId,
    /// Its name.
    pub name: ApplicationName,
    /// Free text.
    pub description: Option<String>,
    /// How it is used.
    pub mode: ApplicationMode,
    /// Start of its maintenance window, `HH:MM` UTC.
    pub maintenance_window_start: String,
}

/// An application's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its identity.
    pub id: ApplicationId,
    /// Its name.
    pub name: ApplicationName,
    /// Free text.
    pub description: Option<String>,
    /// How it is used.
    pub mode: ApplicationMode,
    /// What it is doing.
    pub status: Status,
    /// Since when, when it was read.
    pub status_since: DateTime<Utc>,
    /// Its newest version.
    pub version: VersionId,
    /// Rises with every change of the row.
    pub row_version: i64,
    /// Start of its maintenance window, `HH:MM` UTC.
    pub maintenance_window_start: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its newest version was made.
    pub updated_at: DateTime<Utc>,
}

/// One line of a list of applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationSummary {
    /// Its name.
    pub name: ApplicationName,
    /// What it is doing.
    pub status: Status,
    /// Its newest version.
    pub version: VersionId,
    /// The runtime of that version.
    pub runtime: RuntimeEnvironment,
    /// How it is used.
    pub mode: ApplicationMode,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    description: Option<String>,
    mode: String,
    status: String,
    status_since: DateTime<Utc>,
    current_version: i64,
    row_version: i64,
    maintenance_window_start: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Application {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: ApplicationId(row.id),
            name: read("applications.name", &row.name)?,
            description: row.description,
            mode: read("applications.mode", &row.mode)?,
            status: read("applications.status", &row.status)?,
            status_since: row.status_since,
            version: number("applications.current_version", row.current_version)?,
            row_version: row.row_version,
            maintenance_window_start: row.maintenance_window_start,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Tx {
    /// Adds an application at its first version, READY.
    ///
    /// # Errors
    /// [`crate::Taken::ApplicationName`].
    pub async fn insert_application(&mut self, new: &NewApplication) -> Result<()> {
        sqlx::query(
            "INSERT INTO applications
                    (id, name, description, mode, status, current_version,
                     maintenance_window_start)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(new.id.0)
        .bind(new.name.as_str())
        .bind(&new.description)
        .bind(new.mode.as_str())
        .bind(Status::Ready.as_str())
        .bind(VersionId::FIRST.get())
        .bind(&new.maintenance_window_start)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// How many applications there are. Until the end of the transaction nobody else who asks
    /// learns it, so that each may add one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count_applications(&mut self) -> Result<i64> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtext('weir.applications'))")
            .execute(&mut *self.inner)
            .await?;
        let count = sqlx::query_scalar("SELECT count(*) FROM applications")
            .fetch_one(&mut *self.inner)
            .await?;
        Ok(count)
    }

    /// Sets the start of the maintenance window unless somebody else changed the row since it was
    /// read. `application` is brought up to date.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_maintenance_window(
        &mut self,
        application: &mut Application,
        start: &str,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE applications
                SET maintenance_window_start = $3, row_version = row_version + 1
              WHERE id = $1 AND row_version = $2",
        )
        .bind(application.id.0)
        .bind(application.row_version)
        .bind(start)
        .execute(&mut *self.inner)
        .await?;
        if done.rows_affected() == 1 {
            start.clone_into(&mut application.maintenance_window_start);
            application.row_version += 1;
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads an application.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn application(&mut self, name: &ApplicationName) -> Result<Option<Application>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, name, description, mode, status, status_since, current_version,
                    row_version, maintenance_window_start, created_at, updated_at
               FROM applications
              WHERE name = $1",
        )
        .bind(name.as_str())
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Application::try_from).transpose()
    }

    /// Reads an application and keeps others from changing it until the end of the transaction.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lock_application(
        &mut self,
        name: &ApplicationName,
    ) -> Result<Option<Application>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, name, description, mode, status, status_since, current_version,
                    row_version, maintenance_window_start, created_at, updated_at
               FROM applications
              WHERE name = $1
                FOR NO KEY UPDATE",
        )
        .bind(name.as_str())
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Application::try_from).transpose()
    }

    /// Up to `limit` applications whose names come after `after`, in the order of their names.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_applications(
        &mut self,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<ApplicationSummary>> {
        let rows: Vec<(String, String, i64, String, String)> = sqlx::query_as(
            "SELECT a.name, a.status, a.current_version, a.mode, v.configuration ->> 'runtime'
               FROM applications a
               JOIN application_versions v
                 ON v.application_id = a.id AND v.version = a.current_version
              WHERE $1::text IS NULL OR a.name COLLATE \"C\" > $1
              ORDER BY a.name COLLATE \"C\"
              LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|(name, status, version, mode, runtime)| {
                Ok(ApplicationSummary {
                    name: read("applications.name", &name)?,
                    status: read("applications.status", &status)?,
                    version: number("applications.current_version", version)?,
                    runtime: read("application_versions.configuration", &runtime)?,
                    mode: read("applications.mode", &mode)?,
                })
            })
            .collect()
    }

    /// Sets the status unless somebody else changed the row since it was read.
    ///
    /// The only statement that writes `status`; `to` comes from `lifecycle::admit` or
    /// `lifecycle::settle`. `application` is brought up to date.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_status(&mut self, application: &mut Application, to: Status) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE applications
                SET status = $3, row_version = row_version + 1,
                    status_since = CASE status WHEN $3 THEN status_since ELSE now() END
              WHERE id = $1 AND row_version = $2",
        )
        .bind(application.id.0)
        .bind(application.row_version)
        .bind(to.as_str())
        .execute(&mut *self.inner)
        .await?;
        if done.rows_affected() == 1 {
            application.status = to;
            application.row_version += 1;
            return Ok(true);
        }
        Ok(false)
    }

    /// Makes `version` the current one unless somebody else changed the row since it was read.
    /// `application` is brought up to date.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_current_version(
        &mut self,
        application: &mut Application,
        version: VersionId,
    ) -> Result<bool> {
        let updated: Option<DateTime<Utc>> = sqlx::query_scalar(
            "UPDATE applications
                SET current_version = $3, row_version = row_version + 1, updated_at = now()
              WHERE id = $1 AND row_version = $2
          RETURNING updated_at",
        )
        .bind(application.id.0)
        .bind(application.row_version)
        .bind(version.get())
        .fetch_optional(&mut *self.inner)
        .await?;
        let Some(updated) = updated else { return Ok(false) };
        application.version = version;
        application.updated_at = updated;
        application.row_version += 1;
        Ok(true)
    }

    /// Removes an application and everything that belongs to it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_application(&mut self, id: ApplicationId) -> Result<()> {
        sqlx::query("DELETE FROM applications WHERE id = $1")
            .bind(id.0)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
