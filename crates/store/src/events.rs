//! Events: every change of an application with its cause, append-only.

use chrono::{DateTime, Utc};
use model::ids::{ApplicationId, VersionId};

use crate::{
    connection::Tx,
    error::{Result, number},
};

/// An event to be added.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    /// One word, for example `JobFailed`.
    pub kind: &'a str,
    /// What happened and why.
    pub message: &'a str,
    /// The application's version then.
    pub version: VersionId,
    /// The attempt it is about.
    pub attempt: Option<u64>,
}

/// Something that happened to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationEvent {
    /// Rises with time.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// One word, for example `JobFailed`.
    pub kind: String,
    /// What happened and why.
    pub message: String,
    /// The application's version then.
    pub version: VersionId,
    /// The attempt it is about.
    pub attempt: Option<u64>,
}

impl Tx {
    /// Adds an event.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_event(
        &mut self,
        application: ApplicationId,
        new: &NewEvent<'_>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO events (application_id, kind, message, version, attempt)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(application.0)
        .bind(new.kind)
        .bind(new.message)
        .bind(new.version.get())
        .bind(new.attempt.map(|attempt| i64::try_from(attempt).unwrap_or(i64::MAX)))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Up to `limit` events before event `before`, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_events(
        &mut self,
        application: ApplicationId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<ApplicationEvent>> {
        type Row = (i64, DateTime<Utc>, String, String, i64, Option<i64>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, at, kind, message, version, attempt
               FROM events
              WHERE application_id = $1 AND ($2::bigint IS NULL OR id < $2)
              ORDER BY id DESC
              LIMIT $3",
        )
        .bind(application.0)
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|(id, at, kind, message, version, attempt)| {
                Ok(ApplicationEvent {
                    id,
                    at,
                    kind,
                    message,
                    version: number("events.version", version)?,
                    attempt: attempt.map(|a| number("events.attempt", a)).transpose()?,
                })
            })
            .collect()
    }
}
