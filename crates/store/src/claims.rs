//! Which worker has which run, and until when.

use std::time::Duration;

use model::configuration::RestoreDecision;
use model::ids::{ApplicationId, ApplicationName, RunId, SnapshotName, WorkerId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    connection::Tx,
    error::{Result, number, read},
    runs::{Desired, Run, RunRow, millis},
};

/// A worker that looks for a run.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// The worker.
    pub worker: WorkerId,
    /// KPUs it has free.
    pub free_kpus: u32,
    /// A run that no worker has room for and that waited so long is waited for.
    pub patience: Duration,
    /// Workers without a sign of life for so long are not counted on.
    pub silence: Duration,
}

/// A run that no worker has.
#[derive(Debug, Clone)]
pub struct Claimable {
    /// Name of its application, whose row is locked.
    pub name: ApplicationName,
    /// The run, whose row is locked.
    pub run: Run,
}

/// A run that a worker has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Name of its application.
    pub name: ApplicationName,
    /// The run.
    pub run: RunId,
    /// Its application.
    pub application: ApplicationId,
    /// Its present attempt.
    pub attempt: u64,
    /// What is to become of it.
    pub desired: Desired,
    /// Name of the snapshot that ends it.
    pub stop_snapshot: Option<SnapshotName>,
    /// Whether all subtasks of the attempt run.
    pub running: bool,
}

impl Tx {
    /// Locks the run that a worker may take next: of those that are wanted, have no worker (or one
    /// whose lease is over) and take no more than it has free, one that ran before, else the one
    /// that has waited longest. Runs that others look at are passed over. See the statement for
    /// how large ones get their turn.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lock_claimable(&mut self, asking: &Asking) -> Result<Option<Claimable>> {
        let found: Option<(Uuid, String)> =
            sqlx::query_as(include_str!("../queries/lock_claimable.sql"))
                .bind(asking.worker.0)
                .bind(i32::try_from(asking.free_kpus).unwrap_or(i32::MAX))
                .bind(millis(asking.patience))
                .bind(millis(asking.silence))
                .fetch_optional(&mut *self.inner)
                .await?;
        let Some((id, name)) = found else { return Ok(None) };
        let row: RunRow = sqlx::query_as("SELECT *, now() AS now FROM runs WHERE id = $1")
            .bind(id)
            .fetch_one(&mut *self.inner)
            .await?;
        let name = read("applications.name", &name)?;
        Ok(Some(Claimable { name, run: row.try_into()? }))
    }

    /// Gives a run to a worker for the time of `lease`, as the next attempt of its application.
    /// Returns the number of that attempt. A job that still ran is down since its former worker's
    /// last sign of life.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim_run(
        &mut self,
        run: &Run,
        worker: WorkerId,
        lease: Duration,
        decision: &RestoreDecision,
        restart: bool,
    ) -> Result<u64> {
        self.meter(&[run.id]).await?;
        let attempt: i64 = sqlx::query_scalar(
            "UPDATE applications SET last_attempt = last_attempt + 1
              WHERE id = $1
          RETURNING last_attempt",
        )
        .bind(run.application.0)
        .fetch_one(&mut *self.inner)
        .await?;
        sqlx::query(
            "UPDATE runs
                SET claimed_by = $2, lease_until = now() + $3 * interval '1 millisecond',
                    attempt = $4, decision = $5, restarts = restarts + $6,
                    down_since = CASE WHEN running_since IS NULL THEN down_since
                                      ELSE greatest(running_since, renewed_at) END,
                    running_since = NULL, renewed_at = now(), metrics = NULL,
                    metered_until = greatest(metered_until, now())
              WHERE id = $1",
        )
        .bind(run.id.0)
        .bind(worker.0)
        .bind(millis(lease))
        .bind(attempt)
        .bind(Json(decision))
        .bind(i64::from(restart))
        .execute(&mut *self.inner)
        .await?;
        number("applications.last_attempt", attempt)
    }

    /// Prolongs a worker's leases of these runs and tells which runs it has.
    ///
    /// A run that another worker claimed meanwhile is not among them.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn renew_leases(
        &mut self,
        worker: WorkerId,
        runs: &[RunId],
        lease: Duration,
    ) -> Result<Vec<Held>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        sqlx::query(
            "UPDATE runs
                SET lease_until = now() + $2 * interval '1 millisecond', renewed_at = now()
              WHERE claimed_by = $1 AND id = ANY ($3) AND ended_at IS NULL",
        )
        .bind(worker.0)
        .bind(millis(lease))
        .bind(ids)
        .execute(&mut *self.inner)
        .await?;
        self.held(worker).await
    }

    /// The runs a worker has.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn held(&mut self, worker: WorkerId) -> Result<Vec<Held>> {
        type Row = (Uuid, String, Uuid, i64, String, Option<String>, bool);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT r.id, a.name, r.application_id, r.attempt, r.desired, r.stop_snapshot,
                    r.running_since IS NOT NULL
               FROM runs r
               JOIN applications a ON a.id = r.application_id
              WHERE r.claimed_by = $1 AND r.ended_at IS NULL
              ORDER BY r.ordinal",
        )
        .bind(worker.0)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|(run, name, application, attempt, desired, stop_snapshot, running)| {
                Ok(Held {
                    name: read("applications.name", &name)?,
                    run: RunId(run),
                    application: ApplicationId(application),
                    attempt: number("runs.attempt", attempt)?,
                    desired: read("runs.desired", &desired)?,
                    stop_snapshot: stop_snapshot
                        .map(|name| read("runs.stop_snapshot", &name))
                        .transpose()?,
                    running,
                })
            })
            .collect()
    }

    /// Takes a run from its worker, to be claimed again after `wait`. Its job, if it ran, is
    /// taken to be down for `silence` already.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn release_run(
        &mut self,
        run: RunId,
        wait: Duration,
        failures_in_row: u32,
        silence: Duration,
    ) -> Result<()> {
        self.meter(&[run]).await?;
        sqlx::query(
            "UPDATE runs
                SET claimed_by = NULL, lease_until = NULL, running_since = NULL,
                    failures_in_row = $3,
                    down_since = CASE WHEN running_since IS NULL THEN down_since
                                      ELSE greatest(running_since,
                                                    now() - $4 * interval '1 millisecond') END,
                    next_attempt_at = now() + $2 * interval '1 millisecond'
              WHERE id = $1",
        )
        .bind(run.0)
        .bind(millis(wait))
        .bind(i32::try_from(failures_in_row).unwrap_or(i32::MAX))
        .bind(millis(silence))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Takes a run from its worker before the end of its lease. The worker hears of it at its next
    /// renewal and kills the job; until `lease` from now the run counts as held nevertheless.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn fence_run(&mut self, run: RunId, lease: Duration) -> Result<()> {
        self.meter(&[run]).await?;
        sqlx::query(
            "UPDATE runs
                SET claimed_by = NULL, lease_until = now() + $2 * interval '1 millisecond'
              WHERE id = $1",
        )
        .bind(run.0)
        .bind(millis(lease))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Takes all runs from a worker that ends in good order, to be claimed by others at once.
    /// Returns how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn release_runs_of(&mut self, worker: WorkerId) -> Result<u64> {
        let held: Vec<RunId> = self.held(worker).await?.into_iter().map(|it| it.run).collect();
        self.meter(&held).await?;
        let done = sqlx::query(
            "UPDATE runs
                SET claimed_by = NULL, lease_until = NULL,
                    down_since = CASE WHEN running_since IS NULL THEN down_since ELSE now() END,
                    running_since = NULL, next_attempt_at = now()
              WHERE claimed_by = $1 AND ended_at IS NULL",
        )
        .bind(worker.0)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }

    /// Time until the next run becomes claimable that is not yet: its wait or the lease of a worker
    /// other than `worker` ends then. `None` if there is no such run.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next_claim_in(&mut self, worker: WorkerId) -> Result<Option<Duration>> {
        let millis: Option<i64> = sqlx::query_scalar(
            "SELECT ceil(1000 * extract(epoch FROM min(at) - now()))::bigint
               FROM (SELECT CASE WHEN claimed_by IS NULL THEN next_attempt_at
                                 ELSE lease_until END AS at
                       FROM runs
                      WHERE ended_at IS NULL
                        AND desired IN ('RUN', 'COMMIT_AND_STOP')
                        AND claimed_by IS DISTINCT FROM $1) AS waiting
              WHERE at > now()",
        )
        .bind(worker.0)
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(millis.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))))
    }

    /// Names of the applications that wait for us rather than for a customer: in a transient
    /// status, with a run to be ended, or with a snapshot being made.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn applications_in_motion(&mut self) -> Result<Vec<ApplicationName>> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT a.name FROM applications a
              WHERE a.status NOT IN ('READY', 'RUNNING')
                 OR EXISTS (SELECT FROM snapshots s
                             WHERE s.application_id = a.id AND s.status = 'CREATING')
                 OR EXISTS (SELECT FROM runs r
                             WHERE r.application_id = a.id AND r.ended_at IS NULL
                               AND r.desired <> 'RUN')
              ORDER BY a.name",
        )
        .fetch_all(&mut *self.inner)
        .await?;
        names.iter().map(|name| read("applications.name", name)).collect()
    }
}
