//! How old a run's last good checkpoint is, and how many came to nothing.

use std::time::Duration;

use model::ids::{ApplicationName, RunId};

use crate::{
    connection::Tx,
    error::{Result, read},
    runs::millis,
};

impl Tx {
    /// Notes when checkpoints of the present attempt of a run are due.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_checkpoint_interval(
        &mut self,
        run: RunId,
        interval: Option<Duration>,
    ) -> Result<()> {
        sqlx::query("UPDATE runs SET checkpoint_interval_ms = $2 WHERE id = $1")
            .bind(run.0)
            .bind(interval.map(millis))
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Notes that a checkpoint of a run was recorded just now: none is overdue.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn note_checkpoint(&mut self, run: RunId) -> Result<()> {
        sqlx::query(
            "UPDATE runs SET last_checkpoint_at = now(), checkpoint_overdue = false
              WHERE id = $1",
        )
        .bind(run.0)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Counts a checkpoint that came to nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count_failed_checkpoint(&mut self, run: RunId) -> Result<()> {
        sqlx::query("UPDATE runs SET failed_checkpoints = failed_checkpoints + 1 WHERE id = $1")
            .bind(run.0)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Notes that a run's next checkpoint is overdue.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_checkpoint_overdue(&mut self, run: RunId) -> Result<()> {
        sqlx::query("UPDATE runs SET checkpoint_overdue = true WHERE id = $1")
            .bind(run.0)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Names of the applications whose job runs without a good checkpoint for more than
    /// `intervals` of its checkpoint intervals, and for `at_least`, and of which that is not noted.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn applications_with_overdue_checkpoints(
        &mut self,
        intervals: u32,
        at_least: Duration,
    ) -> Result<Vec<ApplicationName>> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT a.name
               FROM runs r
               JOIN applications a ON a.id = r.application_id
              WHERE r.ended_at IS NULL
                AND r.desired = 'RUN'
                AND r.running_since IS NOT NULL
                AND NOT r.checkpoint_overdue
                AND r.checkpoint_interval_ms IS NOT NULL
                AND greatest(r.running_since, r.last_checkpoint_at)
                    < now() - greatest($1 * least(r.checkpoint_interval_ms, 1000000000000), $2)
                              * interval '1 millisecond'
              ORDER BY a.name",
        )
        .bind(i64::from(intervals))
        .bind(millis(at_least))
        .fetch_all(&mut *self.inner)
        .await?;
        names.iter().map(|name| read("applications.name", name)).collect()
    }
}
