//! Changes of parallelism that the service makes.

use std::time::Duration;

use model::ids::{ApplicationName, RunId};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::{
    connection::Tx,
    error::{Result, read},
    runs::millis,
};

/// A change of parallelism.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaling {
    /// The parallelism before.
    pub from: u32,
    /// The parallelism after.
    pub to: u32,
    /// Why, with the figures.
    pub reason: String,
    /// When this takes back a change whose job did not start: why it did not.
    #[serde(default)]
    pub failure: Option<String>,
}

/// What the scaler thought of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thought {
    /// When, in ms since 1970.
    pub at_ms: i64,
    /// One word: `OFF`, `COOLING_DOWN`, `HOLD`, `BLOCKED`, `SCALE_UP` or `SCALE_DOWN`.
    pub verdict: String,
    /// Why, with the figures.
    pub reason: String,
}

impl Tx {
    /// Names of the RUNNING applications that the scaler has not looked at for `period`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn applications_to_scale(
        &mut self,
        period: Duration,
    ) -> Result<Vec<ApplicationName>> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT a.name
               FROM applications a
               JOIN runs r ON r.application_id = a.id
              WHERE a.status = 'RUNNING'
                AND r.ended_at IS NULL
                AND r.desired = 'RUN'
                AND r.running_since IS NOT NULL
                AND (r.scaler IS NULL
                     OR to_timestamp((r.scaler ->> 'at_ms')::float8 / 1000)
                        <= now() - $1 * interval '1 millisecond')
              ORDER BY a.name",
        )
        .bind(millis(period))
        .fetch_all(&mut *self.inner)
        .await?;
        names.iter().map(|name| read("applications.name", name)).collect()
    }

    /// Keeps what the scaler thinks of a run.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_thought(&mut self, run: RunId, thought: &Thought) -> Result<()> {
        sqlx::query("UPDATE runs SET scaler = $2 WHERE id = $1")
            .bind(run.0)
            .bind(Json(thought))
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Notes the change of parallelism that makes or ends a run; `base_checkpoint`, if given, is what
    /// the run goes on from until it has a checkpoint of its own.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_scaling(
        &mut self,
        run: RunId,
        scaling: &Scaling,
        base_checkpoint: Option<u64>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE runs
                SET scaling = $2, base_checkpoint = coalesce($3, base_checkpoint)
              WHERE id = $1",
        )
        .bind(run.0)
        .bind(Json(scaling))
        .bind(base_checkpoint.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
