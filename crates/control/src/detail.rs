//! All there is to tell of an application.

use chrono::{DateTime, Utc};
use model::{
    configuration::{ApplicationConfiguration, ApplicationMode, RestoreDecision, RunConfiguration},
    fault::Fault,
    ids::{ApplicationId, ApplicationName, VersionId},
    lifecycle::Status,
};
use store::{
    Application, Checkpoint, Desired, LogFilter, LogRecord, Run, Scaling, Thought, Tx, Version,
};

use crate::{
    Control,
    error::Result,
    rules::{JobHealth, Restarts, health},
    settings::Timing,
    worker::life,
};

/// AWS `ApplicationDetail`, and what only Weir tells.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationDetail {
    /// Its identity.
    pub id: ApplicationId,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: ApplicationName,
    /// Free text.
    pub description: Option<String>,
    /// How it is used.
    pub mode: ApplicationMode,
    /// What it is doing.
    pub status: Status,
    /// The version that this tells of.
    pub version: VersionId,
    /// The version it was made from.
    pub version_updated_from: Option<VersionId>,
    /// For a version that a rollback made: the version that was rolled back.
    pub version_rolled_back_from: Option<VersionId>,
    /// For a version that a rollback made: the version whose configuration it has.
    pub version_rolled_back_to: Option<VersionId>,
    /// Whether the version was rolled back itself.
    pub rolled_back: bool,
    /// When the version was made.
    pub version_created_at: DateTime<Utc>,
    /// Token that a client may show instead of the version.
    pub conditional_token: String,
    /// The version's configuration.
    pub configuration: ApplicationConfiguration,
    /// The wish it was started with; only while it is started.
    pub run_configuration: Option<RunConfiguration>,
    /// Its present parallelism.
    pub current_parallelism: u32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its newest version was made.
    pub updated_at: DateTime<Utc>,
    /// AWS `ApplicationMaintenanceConfiguration`.
    pub maintenance_window: MaintenanceWindow,
    /// The present run, else the last one (the `Weir` member).
    pub run: Option<RunDetail>,
}

/// Eight hours a day, `HH:MM` UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// Its start.
    pub start: String,
    /// Its end.
    pub end: String,
}

/// What a run's job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobPhase {
    /// No worker has it yet.
    WaitingForWorker,
    /// A worker starts it.
    Starting,
    /// All its subtasks run.
    Running,
    /// It failed and waits to be started again.
    WaitingToRestart,
    /// It is about to end.
    Ending,
    /// It ended.
    Ended,
}

impl JobPhase {
    /// For the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WaitingForWorker => "WAITING_FOR_WORKER",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::WaitingToRestart => "WAITING_TO_RESTART",
            Self::Ending => "ENDING",
            Self::Ended => "ENDED",
        }
    }

    fn of(run: &Run) -> Self {
        if run.ended_at.is_some() {
            Self::Ended
        } else if run.desired != Desired::Run {
            Self::Ending
        } else if run.is_held() {
            if run.running_since.is_some() { Self::Running } else { Self::Starting }
        } else if run.attempt > 0 {
            Self::WaitingToRestart
        } else {
            Self::WaitingForWorker
        }
    }
}

/// A run: one start-to-stop life of an application.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDetail {
    /// Version that runs.
    pub version: VersionId,
    /// What its job is doing.
    pub phase: JobPhase,
    /// How its job fares; absent when the application is READY.
    pub health: Option<JobHealth>,
    /// Failures since its job last was stable.
    pub failures_in_row: u32,
    /// Number of its present or last attempt; 0 = none yet.
    pub attempt: u64,
    /// How often its job was started again.
    pub restarts: u64,
    /// For how long it was down, and how often it came back.
    pub outages: Outages,
    /// Whether its newest checkpoint is too old.
    pub checkpoint_overdue: bool,
    /// What the attempt started from; `None` before the first.
    pub restore: Option<RestoreDecision>,
    /// When it was asked for.
    pub started_at: DateTime<Utc>,
    /// Since when all subtasks of the attempt run.
    pub running_since: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// When its job is started again after a failure.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The worker that has it, for people.
    pub worker: Option<String>,
    /// KPUs it takes.
    pub kpus: u32,
    /// Why no worker can take it now.
    pub waits_for: Option<String>,
    /// The change of parallelism that made it, or that is about to end it.
    pub scaling: Option<Scaling>,
    /// What the scaler thought of it last.
    pub scaler: Option<Thought>,
    /// Its newest checkpoint.
    pub latest_checkpoint: Option<Checkpoint>,
    /// Why an attempt last failed.
    pub failure: Option<FailureDetail>,
}

/// For how long a run's job was down after it had run, and how often it came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outages {
    /// Times it came to run again.
    pub full_restarts: u64,
    /// Sum of all times it was down in ms, until now.
    pub downtime_ms: u64,
    /// How long it was down the last time, in ms: from the end of the old attempt, or from the last
    /// sign of life of a lost worker, until the new attempt ran.
    pub last_recovery_ms: Option<u64>,
}

impl Outages {
    pub(crate) fn of(run: &Run) -> Self {
        let present = run.down_now_since().map_or(0, |since| (run.now - since).num_milliseconds());
        Self {
            full_restarts: run.full_restarts,
            downtime_ms: run.downtime_ms + u64::try_from(present).unwrap_or(0),
            last_recovery_ms: run.last_recovery_ms,
        }
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureDetail {
    /// When.
    pub at: DateTime<Utc>,
    /// Who has to act, and whether trying again can help.
    pub fault: Fault,
    /// For the customer.
    pub message: String,
    /// Python traceback, if the program raised one.
    pub traceback: Option<String>,
    /// The last lines that the application logged.
    pub last_log_lines: Vec<LogRecord>,
}

/// Lines of log shown beside a failure.
const LAST_LINES: i64 = 20;

impl Control {
    /// Tells all of an application at one of its versions.
    pub(crate) async fn detail(
        &self,
        tx: &mut Tx,
        application: Application,
        version: Version,
    ) -> Result<ApplicationDetail> {
        let run = tx.latest_run(application.id).await?;
        let run_configuration = run
            .as_ref()
            .filter(|run| run.ended_at.is_none() && application.status != Status::Ready)
            .map(|run| match &run.successor {
                Some(next) => next.configuration.clone(),
                None => run.configuration.clone(),
            });
        // The run's, which the service may have changed; of an older version what it says itself.
        let current_parallelism = run
            .as_ref()
            .filter(|run| run.ended_at.is_none() && version.version == application.version)
            .map_or(version.configuration.flink.parallelism.parallelism, |run| run.parallelism);
        let run = match run {
            Some(run) => {
                let timing = &self.settings.timing;
                let waits_for = self.shortage(tx, &run).await?;
                let detail = run_detail(tx, run, application.status, timing).await?;
                Some(RunDetail { waits_for, ..detail })
            }
            None => None,
        };
        Ok(ApplicationDetail {
            arn: self.arn(&application.name),
            id: application.id,
            name: application.name,
            description: application.description,
            mode: application.mode,
            status: application.status,
            version: version.version,
            version_updated_from: version.updated_from,
            version_rolled_back_from: version.rolled_back_from,
            version_rolled_back_to: version.rolled_back_to,
            rolled_back: version.rolled_back,
            version_created_at: version.created_at,
            conditional_token: version.conditional_token,
            current_parallelism,
            configuration: version.configuration,
            run_configuration,
            created_at: application.created_at,
            updated_at: application.updated_at,
            maintenance_window: window(&application.maintenance_window_start),
            run,
        })
    }
}

async fn run_detail(tx: &mut Tx, run: Run, status: Status, timing: &Timing) -> Result<RunDetail> {
    let phase = JobPhase::of(&run);
    let restarts = Restarts::of(timing, run.restart_strategy.as_ref());
    let failures_in_row = restarts.failures(life(tx, &run, std::time::Duration::ZERO).await?);
    let runs = run.is_held() && run.running_since.is_some();
    let outages = Outages::of(&run);
    let worker = match run.claimed_by.filter(|_| run.is_held()) {
        Some(worker) => tx.worker_name(worker).await?,
        None => None,
    };
    let failure = match (run.failure, run.failed_at) {
        (Some(failure), Some(at)) => Some(FailureDetail {
            at,
            fault: failure.fault,
            message: failure.message,
            traceback: failure.traceback,
            last_log_lines: tx
                .log_tail(run.application, None, LAST_LINES, &LogFilter::default())
                .await?,
        }),
        _ => None,
    };
    Ok(RunDetail {
        version: run.version,
        phase,
        health: health(status, restarts.is_crash_loop(failures_in_row), runs, run.reached_running),
        failures_in_row,
        attempt: run.attempt,
        restarts: run.restarts,
        outages,
        checkpoint_overdue: run.checkpoint_overdue && run.ended_at.is_none(),
        restore: run.decision,
        started_at: run.created_at,
        running_since: run.running_since,
        ended_at: run.ended_at,
        next_attempt_at: (phase == JobPhase::WaitingToRestart).then_some(run.next_attempt_at),
        worker,
        kpus: run.kpus,
        waits_for: None,
        scaling: run.scaling,
        scaler: run.scaler,
        latest_checkpoint: tx.latest_checkpoint(run.application, run.id).await?,
        failure,
    })
}

/// The eight hours from `start` on.
pub(crate) fn window(start: &str) -> MaintenanceWindow {
    let end = start
        .split_once(':')
        .and_then(|(hour, minute)| Some(((hour.parse::<u32>().ok()? + 8) % 24, minute)))
        .map_or_else(|| start.to_owned(), |(hour, minute)| format!("{hour:02}:{minute}"));
    MaintenanceWindow { start: start.to_owned(), end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maintenance_window_is_eight_hours_long() {
        assert_eq!(window("03:00").end, "11:00");
        assert_eq!(window("22:30").end, "06:30");
    }
}
