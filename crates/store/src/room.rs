//! Room: how many KPUs workers offer and runs reserve.

use std::time::Duration;

use model::ids::{RunId, WorkerId};
use uuid::Uuid;

use crate::{
    connection::Tx,
    error::{Result, number},
    runs::millis,
};

/// What a worker has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The worker.
    pub worker: WorkerId,
    /// KPUs it may use.
    pub capacity: u32,
    /// Those that no run has; below zero, should it ever have taken too much.
    pub free: i64,
}

impl Tx {
    /// What the workers have that gave a sign of life within `silence`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn rooms(&mut self, silence: Duration) -> Result<Vec<Room>> {
        let rows: Vec<(Uuid, i32, i64)> = sqlx::query_as(
            "SELECT w.id, w.capacity_kpus,
                    w.capacity_kpus - (SELECT coalesce(sum(r.kpus), 0)
                                         FROM runs r
                                        WHERE r.claimed_by = w.id AND r.ended_at IS NULL)
               FROM workers w
              WHERE w.heartbeat_at > now() - $1 * interval '1 millisecond'
              ORDER BY w.started_at, w.id",
        )
        .bind(millis(silence))
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|(worker, capacity, free)| {
                let capacity = number("workers.capacity_kpus", capacity)?;
                Ok(Room { worker: WorkerId(worker), capacity, free })
            })
            .collect()
    }

    /// KPUs that all runs together reserve which have not ended. Until the end of the transaction
    /// nobody else can ask, so that no two get the same rest of a quota.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lock_reserved_kpus(&mut self) -> Result<u64> {
        sqlx::query("SELECT pg_advisory_xact_lock(7316)").execute(&mut *self.inner).await?;
        let sum: i64 =
            sqlx::query_scalar("SELECT coalesce(sum(kpus), 0) FROM runs WHERE ended_at IS NULL")
                .fetch_one(&mut *self.inner)
                .await?;
        number("runs.kpus", sum)
    }

    /// Notes that it was told that no worker has room for a run.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_shortage_noted(&mut self, run: RunId) -> Result<()> {
        sqlx::query("UPDATE runs SET shortage_noted = true WHERE id = $1")
            .bind(run.0)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
