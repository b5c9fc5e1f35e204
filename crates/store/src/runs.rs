//! Runs: one start-to-stop life of an application, its present attempt and what is wanted of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::{
    configuration::{RestoreDecision, RunConfiguration},
    ids::{ApplicationId, RunId, SnapshotName, VersionId, WorkerId},
    invalid::Invalid,
    protocol::{Failure, RestartStrategy},
    trace::Traceparent,
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Scaling, Thought,
    connection::Tx,
    error::{Result, number, read},
};

/// What is to become of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desired {
    /// Its job runs; when it is lost, it is started again.
    Run,
    /// A snapshot is taken, then the job ends.
    SnapshotAndStop,
    /// The snapshot is taken but its output is not visible yet: the job is started once more from
    /// it, which makes the output visible, then it ends.
    CommitAndStop,
    /// The job ends at once.
    Cancel,
}

impl Desired {
    const ALL: [Self; 4] = [Self::Run, Self::SnapshotAndStop, Self::CommitAndStop, Self::Cancel];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "RUN",
            Self::SnapshotAndStop => "SNAPSHOT_AND_STOP",
            Self::CommitAndStop => "COMMIT_AND_STOP",
            Self::Cancel => "CANCEL",
        }
    }
}

impl std::str::FromStr for Desired {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|desired| desired.as_str() == text)
            .ok_or_else(|| Invalid::new("desired", format!("is unknown: `{text}`")))
    }
}

/// The run that begins when another has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successor {
    /// Version to run.
    pub version: VersionId,
    /// Number of subtasks.
    pub parallelism: u32,
    /// KPUs it takes.
    pub kpus: u32,
    /// What to start from.
    pub configuration: RunConfiguration,
    /// The request that asked for it, in its trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Traceparent>,
}

/// A run to be added.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// Its identity.
    pub id: RunId,
    /// Version to run.
    pub version: VersionId,
    /// Number of subtasks.
    pub parallelism: u32,
    /// KPUs it takes.
    pub kpus: u32,
    /// What to start from.
    pub configuration: &'a RunConfiguration,
    /// The request that asked for it, in its trace.
    pub traceparent: Option<Traceparent>,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its identity.
    pub id: RunId,
    /// Whose run it is.
    pub application: ApplicationId,
    /// Version that runs.
    pub version: VersionId,
    /// Number of subtasks.
    pub parallelism: u32,
    /// KPUs it takes.
    pub kpus: u32,
    /// What the customer asked to start from.
    pub configuration: RunConfiguration,
    /// What is to become of it.
    pub desired: Desired,
    /// Since when.
    pub desired_since: DateTime<Utc>,
    /// Name of the snapshot that ends it.
    pub stop_snapshot: Option<SnapshotName>,
    /// The run that begins when it has ended.
    pub successor: Option<Successor>,
    /// The change of parallelism that made it, or that is about to end it.
    pub scaling: Option<Scaling>,
    /// What the scaler thought of it last.
    pub scaler: Option<Thought>,
    /// What it goes on from until it has a checkpoint of its own.
    pub base_checkpoint: Option<u64>,
    /// Whether it was told already that no worker has room for it.
    pub shortage_noted: bool,
    /// The worker that has it.
    pub claimed_by: Option<WorkerId>,
    /// Until when that worker has it.
    pub lease_until: Option<DateTime<Utc>>,
    /// When that worker last renewed its lease.
    pub renewed_at: Option<DateTime<Utc>>,
    /// Number of its present attempt; 0 = none yet.
    pub attempt: u64,
    /// What that attempt started from.
    pub decision: Option<RestoreDecision>,
    /// Since when all subtasks of that attempt run.
    pub running_since: Option<DateTime<Utc>>,
    /// Whether any of its attempts ever ran.
    pub reached_running: bool,
    /// How often it was started again.
    pub restarts: u64,
    /// Failures since it last ran for a while.
    pub failures_in_row: u32,
    /// Times it came to run again after it had run before.
    pub full_restarts: u64,
    /// Since when it is down although it ran before.
    pub down_since: Option<DateTime<Utc>>,
    /// Sum of all times it was down in ms, without the present one.
    pub downtime_ms: u64,
    /// How long it was down the last time, in ms.
    pub last_recovery_ms: Option<u64>,
    /// What its program SET about restarts.
    pub restart_strategy: Option<RestartStrategy>,
    /// Time between two checkpoints in ms; absent = none are taken by themselves.
    pub checkpoint_interval_ms: Option<u64>,
    /// When its newest checkpoint was recorded.
    pub last_checkpoint_at: Option<DateTime<Utc>>,
    /// Whether that was too long ago when somebody last looked.
    pub checkpoint_overdue: bool,
    /// Checkpoints that came to nothing.
    pub failed_checkpoints: u64,
    /// Not to be claimed before.
    pub next_attempt_at: DateTime<Utc>,
    /// Why its last attempt ended, if it failed.
    pub failure: Option<Failure>,
    /// When.
    pub failed_at: Option<DateTime<Utc>>,
    /// The request that asked for it, in its trace.
    pub traceparent: Option<Traceparent>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The database's time when this was read.
    pub now: DateTime<Utc>,
}

impl Run {
    /// Whether a worker has it now, or had it a moment ago and may not know yet that it is fenced
    /// off: its job may be alive.
    pub fn is_held(&self) -> bool {
        self.lease_until.is_some_and(|until| until > self.now)
    }

    /// Since when its job, which ran before, is down: since it ended, or since the last sign of
    /// life of a lost worker.
    pub fn down_now_since(&self) -> Option<DateTime<Utc>> {
        let lost = self.running_since.and(self.renewed_at).filter(|_| !self.is_held());
        self.down_since.or(lost).filter(|_| self.ended_at.is_none())
    }
}

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct RunRow {
    id: Uuid,
    application_id: Uuid,
    version: i64,
    parallelism: i32,
    kpus: i32,
    configuration: Json<RunConfiguration>,
    desired: String,
    desired_since: DateTime<Utc>,
    stop_snapshot: Option<String>,
    successor: Option<Json<Successor>>,
    scaling: Option<Json<Scaling>>,
    scaler: Option<Json<Thought>>,
    base_checkpoint: Option<i64>,
    shortage_noted: bool,
    claimed_by: Option<Uuid>,
    lease_until: Option<DateTime<Utc>>,
    renewed_at: Option<DateTime<Utc>>,
    attempt: i64,
    decision: Option<Json<RestoreDecision>>,
    running_since: Option<DateTime<Utc>>,
    reached_running: bool,
    restarts: i64,
    failures_in_row: i32,
    full_restarts: i64,
    down_since: Option<DateTime<Utc>>,
    downtime_ms: i64,
    last_recovery_ms: Option<i64>,
    restart_strategy: Option<Json<RestartStrategy>>,
    checkpoint_interval_ms: Option<i64>,
    last_checkpoint_at: Option<DateTime<Utc>>,
    checkpoint_overdue: bool,
    failed_checkpoints: i64,
    next_attempt_at: DateTime<Utc>,
    failure: Option<Json<Failure>>,
    failed_at: Option<DateTime<Utc>>,
    traceparent: Option<String>,
    created_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

impl TryFrom<RunRow> for Run {
    type Error = crate::Error;

    fn try_from(row: RunRow) -> Result<Self> {
        Ok(Self {
            id: RunId(row.id),
            application: ApplicationId(row.application_id),
            version: number("runs.version", row.version)?,
            parallelism: number("runs.parallelism", row.parallelism)?,
            kpus: number("runs.kpus", row.kpus)?,
            configuration: row.configuration.0,
            desired: read("runs.desired", &row.desired)?,
            desired_since: row.desired_since,
            stop_snapshot: row
                .stop_snapshot
                .map(|name| read("runs.stop_snapshot", &name))
                .transpose()?,
            successor: row.successor.map(|json| json.0),
            scaling: row.scaling.map(|json| json.0),
            scaler: row.scaler.map(|json| json.0),
            base_checkpoint: row
                .base_checkpoint
                .map(|value| number("runs.base_checkpoint", value))
                .transpose()?,
            shortage_noted: row.shortage_noted,
            claimed_by: row.claimed_by.map(WorkerId),
            lease_until: row.lease_until,
            renewed_at: row.renewed_at,
            attempt: number("runs.attempt", row.attempt)?,
            decision: row.decision.map(|json| json.0),
            running_since: row.running_since,
            reached_running: row.reached_running,
            restarts: number("runs.restarts", row.restarts)?,
            failures_in_row: number("runs.failures_in_row", row.failures_in_row)?,
            full_restarts: number("runs.full_restarts", row.full_restarts)?,
            down_since: row.down_since,
            downtime_ms: number("runs.downtime_ms", row.downtime_ms)?,
            last_recovery_ms: row
                .last_recovery_ms
                .map(|value| number("runs.last_recovery_ms", value))
                .transpose()?,
            restart_strategy: row.restart_strategy.map(|json| json.0),
            checkpoint_interval_ms: row
                .checkpoint_interval_ms
                .map(|value| number("runs.checkpoint_interval_ms", value))
                .transpose()?,
            last_checkpoint_at: row.last_checkpoint_at,
            checkpoint_overdue: row.checkpoint_overdue,
            failed_checkpoints: number("runs.failed_checkpoints", row.failed_checkpoints)?,
            next_attempt_at: row.next_attempt_at,
            failure: row.failure.map(|json| json.0),
            failed_at: row.failed_at,
            traceparent: row.traceparent.map(|text| read("runs.traceparent", &text)).transpose()?,
            created_at: row.created_at,
            ended_at: row.ended_at,
            now: row.now,
        })
    }
}

impl Tx {
    /// Adds a run, to be claimed at once.
    ///
    /// # Errors
    /// [`crate::Taken::OpenRun`] if another run of the application has not ended.
    pub async fn insert_run(&mut self, application: ApplicationId, new: &NewRun<'_>) -> Result<()> {
        sqlx::query(
            "INSERT INTO runs
                    (id, application_id, version, parallelism, kpus, configuration, desired,
                     traceparent)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(new.id.0)
        .bind(application.0)
        .bind(new.version.get())
        .bind(i32::try_from(new.parallelism).unwrap_or(i32::MAX))
        .bind(i32::try_from(new.kpus).unwrap_or(i32::MAX))
        .bind(Json(new.configuration))
        .bind(Desired::Run.as_str())
        .bind(new.traceparent.map(|it| it.to_string()))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The newest run of an application, ended or not.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn latest_run(&mut self, application: ApplicationId) -> Result<Option<Run>> {
        let row: Option<RunRow> = sqlx::query_as(
            "SELECT *, now() AS now
               FROM runs
              WHERE application_id = $1
              ORDER BY ordinal DESC
              LIMIT 1",
        )
        .bind(application.0)
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Run::try_from).transpose()
    }

    /// The run that has not ended, kept from others' changes until the end of the transaction.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lock_open_run(&mut self, application: ApplicationId) -> Result<Option<Run>> {
        let row: Option<RunRow> = sqlx::query_as(
            "SELECT *, now() AS now
               FROM runs
              WHERE application_id = $1 AND ended_at IS NULL
                FOR NO KEY UPDATE",
        )
        .bind(application.0)
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Run::try_from).transpose()
    }

    /// Sets what is to become of a run, and the name of the snapshot that is to end it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_desired(
        &mut self,
        run: RunId,
        desired: Desired,
        stop_snapshot: Option<&SnapshotName>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE runs
                SET desired = $2, stop_snapshot = $3, desired_since = now()
              WHERE id = $1",
        )
        .bind(run.0)
        .bind(desired.as_str())
        .bind(stop_snapshot.map(SnapshotName::as_str))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Like [`Tx::set_desired`], within the time that the former wish has.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_desired_keeping_time(
        &mut self,
        run: RunId,
        desired: Desired,
        stop_snapshot: Option<&SnapshotName>,
    ) -> Result<()> {
        sqlx::query("UPDATE runs SET desired = $2, stop_snapshot = $3 WHERE id = $1")
            .bind(run.0)
            .bind(desired.as_str())
            .bind(stop_snapshot.map(SnapshotName::as_str))
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Sets or forgets the run that begins when this one has ended.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_successor(&mut self, run: RunId, successor: Option<&Successor>) -> Result<()> {
        sqlx::query("UPDATE runs SET successor = $2 WHERE id = $1")
            .bind(run.0)
            .bind(successor.map(Json))
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// The run of an application before another one, if there is one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn run_before(&mut self, run: &Run) -> Result<Option<Run>> {
        let row: Option<RunRow> = sqlx::query_as(
            "SELECT *, now() AS now
               FROM runs
              WHERE application_id = $1
                AND ordinal < (SELECT ordinal FROM runs WHERE id = $2)
              ORDER BY ordinal DESC
              LIMIT 1",
        )
        .bind(run.application.0)
        .bind(run.id.0)
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Run::try_from).transpose()
    }

    /// Ends a run for good.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_run(&mut self, run: RunId) -> Result<()> {
        self.meter(&[run]).await?;
        sqlx::query(
            "UPDATE runs
                SET ended_at = now(), claimed_by = NULL, lease_until = NULL, running_since = NULL,
                    downtime_ms = downtime_ms
                        + coalesce(1000 * extract(epoch FROM now() - down_since), 0)::bigint,
                    down_since = NULL
              WHERE id = $1",
        )
        .bind(run.0)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}

/// A duration as Postgres multiplies intervals by.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
