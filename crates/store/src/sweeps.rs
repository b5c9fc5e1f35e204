//! Looking for checkpoint folders that nothing knows: what a crash left between upload and record.

use std::time::Duration;

use model::ids::{ApplicationId, ApplicationName};
use uuid::Uuid;

use crate::{
    connection::Tx,
    error::{Result, number, read},
    runs::millis,
};

/// An application whose checkpoint folders are to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// Its name.
    pub name: ApplicationName,
    /// Its identity.
    pub application: ApplicationId,
}

/// How far an application's attempts and checkpoints have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Its newest attempt.
    pub attempt: u64,
    /// The newest checkpoint that this attempt recorded.
    pub recorded: Option<u64>,
    /// The newest checkpoint of any attempt whose output is visible.
    pub committed: Option<u64>,
}

impl Tx {
    /// Up to `limit` applications to be looked at now, each noted as looked at: a new attempt has
    /// made output visible since the last time, or they run and it was longer ago than `every`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn take_sweeps(&mut self, limit: i64, every: Duration) -> Result<Vec<Sweep>> {
        let rows: Vec<(Uuid, String)> = sqlx::query_as(include_str!("../queries/take_sweeps.sql"))
            .bind(limit)
            .bind(millis(every))
            .fetch_all(&mut *self.inner)
            .await?;
        rows.into_iter()
            .map(|(id, name)| {
                Ok(Sweep {
                    name: read("applications.name", &name)?,
                    application: ApplicationId(id),
                })
            })
            .collect()
    }

    /// Manifest keys of all checkpoints and snapshots of an application.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn known_manifests(&mut self, application: ApplicationId) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar(
            "SELECT manifest FROM checkpoints WHERE application_id = $1
              UNION
             SELECT manifest FROM snapshots
              WHERE application_id = $1 AND manifest IS NOT NULL",
        )
        .bind(application.0)
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// How far an application has come; `None` if it does not exist.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn progress(&mut self, application: ApplicationId) -> Result<Option<Progress>> {
        let row: Option<(i64, Option<i64>, Option<i64>)> = sqlx::query_as(
            "SELECT a.last_attempt,
                    (SELECT max(c.number) FROM checkpoints c
                      WHERE c.application_id = a.id AND c.attempt = a.last_attempt),
                    (SELECT max(c.number) FROM checkpoints c
                      WHERE c.application_id = a.id AND c.committed_at IS NOT NULL)
               FROM applications a
              WHERE a.id = $1",
        )
        .bind(application.0)
        .fetch_optional(&mut *self.inner)
        .await?;
        let Some((attempt, recorded, committed)) = row else { return Ok(None) };
        let checkpoint =
            |value: Option<i64>| value.map(|value| number("checkpoints.number", value)).transpose();
        Ok(Some(Progress {
            attempt: number("applications.last_attempt", attempt)?,
            recorded: checkpoint(recorded)?,
            committed: checkpoint(committed)?,
        }))
    }
}
