//! Workers: who is there and how much room they have.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::ids::WorkerId;
use uuid::Uuid;

use crate::{
    connection::Tx,
    error::{Result, number},
    runs::millis,
};

/// A worker to be registered.
#[derive(Debug, Clone)]
pub struct NewWorker<'a> {
    /// Identity of the process.
    pub id: WorkerId,
    /// For people, such as host name and process id.
    pub name: &'a str,
    /// KPUs it may use.
    pub capacity_kpus: u32,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Identity of the process.
    pub id: WorkerId,
    /// For people, such as host name and process id.
    pub name: String,
    /// KPUs it may use.
    pub capacity_kpus: u32,
    /// KPUs it uses.
    pub used_kpus: u32,
    /// When it registered.
    pub started_at: DateTime<Utc>,
    /// When it last said that it is there.
    pub heartbeat_at: DateTime<Utc>,
}

impl Tx {
    /// Registers a worker, or says again what it is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn put_worker(&mut self, new: &NewWorker<'_>) -> Result<()> {
        sqlx::query(
            "INSERT INTO workers (id, name, capacity_kpus, used_kpus)
             VALUES ($1, $2, $3, 0)
             ON CONFLICT ON CONSTRAINT workers_pkey DO UPDATE
                SET name = excluded.name, capacity_kpus = excluded.capacity_kpus,
                    heartbeat_at = now()",
        )
        .bind(new.id.0)
        .bind(new.name)
        .bind(i32::try_from(new.capacity_kpus).unwrap_or(i32::MAX))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Notes that a worker is there; false if it is not registered (any more).
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn heartbeat(&mut self, worker: WorkerId) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE workers
                SET heartbeat_at = now(),
                    used_kpus = (SELECT coalesce(sum(r.kpus), 0) FROM runs r
                                  WHERE r.claimed_by = $1 AND r.ended_at IS NULL)
              WHERE id = $1",
        )
        .bind(worker.0)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// All workers, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_workers(&mut self) -> Result<Vec<Worker>> {
        type Row = (Uuid, String, i32, i32, DateTime<Utc>, DateTime<Utc>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, name, capacity_kpus, used_kpus, started_at, heartbeat_at
               FROM workers
              ORDER BY started_at, id",
        )
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|(id, name, capacity, used, started_at, heartbeat_at)| {
                Ok(Worker {
                    id: WorkerId(id),
                    name,
                    capacity_kpus: number("workers.capacity_kpus", capacity)?,
                    used_kpus: number("workers.used_kpus", used)?,
                    started_at,
                    heartbeat_at,
                })
            })
            .collect()
    }

    /// The name of a worker.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn worker_name(&mut self, worker: WorkerId) -> Result<Option<String>> {
        Ok(sqlx::query_scalar("SELECT name FROM workers WHERE id = $1")
            .bind(worker.0)
            .fetch_optional(&mut *self.inner)
            .await?)
    }

    /// Forgets a worker that ends, at once.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_worker(&mut self, worker: WorkerId) -> Result<()> {
        sqlx::query("DELETE FROM workers WHERE id = $1")
            .bind(worker.0)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Forgets workers that have been silent for `silence`. Returns how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_silent_workers(&mut self, silence: Duration) -> Result<u64> {
        let done = sqlx::query(
            "DELETE FROM workers
              WHERE heartbeat_at < now() - $1 * interval '1 millisecond'",
        )
        .bind(millis(silence))
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }
}
