//! What a run is to start from, and what it did start from.

use control::{FailureDetail, RunDetail};
use model::configuration::{RestoreDecision, RestoreWish, RunConfiguration as Wish};
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{lenient_bool, seconds};

/// AWS `RunConfiguration` and `RunConfigurationUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RunConfiguration {
    flink_run_configuration: FlinkRunConfiguration,
    application_restore_configuration: Option<ApplicationRestoreConfiguration>,
}

/// AWS `FlinkRunConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
struct FlinkRunConfiguration {
    #[serde(deserialize_with = "lenient_bool")]
    allow_non_restored_state: Option<bool>,
}

/// AWS `ApplicationRestoreConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationRestoreConfiguration {
    /// `SKIP_RESTORE_FROM_SNAPSHOT`, `RESTORE_FROM_LATEST_SNAPSHOT` or `RESTORE_FROM_CUSTOM_SNAPSHOT`.
    application_restore_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_name: Option<String>,
    /// ARN of an enhanced snapshot, instead of a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_arn: Option<String>,
}

impl RunConfiguration {
    pub(crate) fn parse(self) -> Result<Wish, Invalid> {
        let allow_non_restored_state =
            self.flink_run_configuration.allow_non_restored_state.unwrap_or(false);
        let restore = match self.application_restore_configuration {
            None => RestoreWish::LatestSnapshot,
            Some(given) => given.parse()?,
        };
        Ok(Wish { restore, allow_non_restored_state })
    }
}

impl ApplicationRestoreConfiguration {
    fn parse(self) -> Result<RestoreWish, Invalid> {
        let word = self.application_restore_type.as_str();
        match (word, self.snapshot_name, self.snapshot_arn) {
            ("SKIP_RESTORE_FROM_SNAPSHOT", None, None) => Ok(RestoreWish::Skip),
            ("RESTORE_FROM_LATEST_SNAPSHOT", None, None) => Ok(RestoreWish::LatestSnapshot),
            ("RESTORE_FROM_CUSTOM_SNAPSHOT", Some(name), None) => {
                Ok(RestoreWish::Snapshot { name: name.parse()? })
            }
            ("RESTORE_FROM_CUSTOM_SNAPSHOT", None, Some(arn)) => {
                let name = arn.rsplit_once(":snapshot/").map_or("", |(_, name)| name);
                if name.is_empty() {
                    let words = "must be the ARN of an enhanced snapshot";
                    return Err(Invalid::new("SnapshotArn", words));
                }
                Ok(RestoreWish::Enhanced { name: name.parse()?, arn })
            }
            ("RESTORE_FROM_CUSTOM_SNAPSHOT", None, None) => Err(Invalid::new(
                "SnapshotName",
                "must be given with RESTORE_FROM_CUSTOM_SNAPSHOT, or `SnapshotArn`",
            )),
            ("RESTORE_FROM_CUSTOM_SNAPSHOT", Some(_), Some(_)) => {
                Err(Invalid::new("SnapshotArn", "cannot be given together with SnapshotName"))
            }
            ("SKIP_RESTORE_FROM_SNAPSHOT" | "RESTORE_FROM_LATEST_SNAPSHOT", ..) => {
                Err(Invalid::new("SnapshotName", "goes only with RESTORE_FROM_CUSTOM_SNAPSHOT"))
            }
            (other, ..) => Err(Invalid::new(
                "ApplicationRestoreType",
                format!(
                    "must be SKIP_RESTORE_FROM_SNAPSHOT, RESTORE_FROM_LATEST_SNAPSHOT or \
                     RESTORE_FROM_CUSTOM_SNAPSHOT, not `{other}`"
                ),
            )),
        }
    }
}

/// AWS `RunConfigurationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RunConfigurationDescription {
    application_restore_configuration_description: ApplicationRestoreConfiguration,
    flink_run_configuration_description: AllowNonRestoredState,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct AllowNonRestoredState {
    allow_non_restored_state: bool,
}

pub(crate) fn described(wish: &Wish) -> RunConfigurationDescription {
    let (snapshot_name, snapshot_arn) = match &wish.restore {
        RestoreWish::Snapshot { name } => (Some(name.to_string()), None),
        RestoreWish::Enhanced { arn, .. } => (None, Some(arn.clone())),
        RestoreWish::Skip | RestoreWish::LatestSnapshot => (None, None),
    };
    RunConfigurationDescription {
        application_restore_configuration_description: ApplicationRestoreConfiguration {
            application_restore_type: wish.restore.as_str().to_owned(),
            snapshot_name,
            snapshot_arn,
        },
        flink_run_configuration_description: AllowNonRestoredState {
            allow_non_restored_state: wish.allow_non_restored_state,
        },
    }
}

/// What only Weir tells of an application: its present or last run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Weir {
    /// Version that runs.
    application_version_id: i64,
    /// `WAITING_FOR_WORKER`, `STARTING`, `RUNNING`, `WAITING_TO_RESTART`, `ENDING` or `ENDED`.
    job_phase: String,
    /// How the job fares, whatever the status says; absent when the application is READY.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    /// Number of the present or last attempt.
    attempt: u64,
    /// Attempts after the first.
    restarts: u64,
    /// Times the job came to run again after it had run before.
    full_restarts: u64,
    /// Time the job was down after it had run before, in ms, until now.
    downtime_ms: u64,
    /// How long it was down the last time, in ms: from the end of the old attempt, or from the last
    /// sign of life of a lost worker, until the new attempt ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_recovery_ms: Option<u64>,
    /// What the attempt really started from, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_from: Option<String>,
    /// The checkpoint it started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_checkpoint_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    running_since: Option<f64>,
    /// When the job is started again after a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    kpus: u32,
    /// Why no worker can take the run now.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    autoscaling: Option<super::scaling::Autoscaling>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_checkpoint: Option<super::history::CheckpointBody>,
    /// Why an attempt last failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// How a job fares.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = JobHealth)]
struct Health {
    /// `STARTING`, `HEALTHY`, `RESTARTING`, or `CRASH_LOOP`: it failed more than three times in a row
    /// and has not lived for a while since.
    condition: String,
    /// Failures since it last lived for a while.
    failures_in_row: u32,
    /// Why it last failed, while it has not lived for a while since.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// When it is started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<f64>,
    /// The latest checkpoint is older than three checkpoint intervals (and 10 s).
    checkpoint_overdue: bool,
}

fn health(run: &RunDetail) -> Option<Health> {
    let failing = run.failures_in_row > 0;
    let cause = run.failure.as_ref().filter(|_| failing).map(|failure| failure.message.clone());
    run.health.map(|condition| Health {
        condition: condition.as_str().to_owned(),
        failures_in_row: run.failures_in_row,
        cause,
        next_attempt_at: run.next_attempt_at.map(seconds),
        checkpoint_overdue: run.checkpoint_overdue,
    })
}

/// Why an attempt failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = AttemptFailure)]
struct Failure {
    at: f64,
    /// Who has to act: `USER`, `EXTERNAL` or `INTERNAL`.
    domain: String,
    message: String,
    /// Python traceback, if the program raised one.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceback: Option<String>,
    /// The last lines that the application logged before.
    last_log_lines: Vec<super::history::LogLine>,
}

pub(crate) fn weir(run: RunDetail) -> Weir {
    Weir {
        application_version_id: run.version.get(),
        job_phase: run.phase.as_str().to_owned(),
        health: health(&run),
        attempt: run.attempt,
        restarts: run.restarts,
        full_restarts: run.outages.full_restarts,
        downtime_ms: run.outages.downtime_ms,
        last_recovery_ms: run.outages.last_recovery_ms,
        restored_from: run.restore.as_ref().map(ToString::to_string),
        restored_checkpoint_id: run.restore.as_ref().and_then(RestoreDecision::checkpoint),
        running_since: run.running_since.map(seconds),
        next_attempt_at: run.next_attempt_at.map(seconds),
        worker: run.worker,
        kpus: run.kpus,
        waiting_for: run.waits_for,
        autoscaling: super::scaling::autoscaling(run.scaler, run.scaling),
        latest_checkpoint: run.latest_checkpoint.map(super::history::checkpoint),
        failure: run.failure.map(failure),
    }
}

fn failure(failure: FailureDetail) -> Failure {
    let domain = match failure.fault.domain {
        model::fault::Domain::User => "USER",
        model::fault::Domain::External => "EXTERNAL",
        model::fault::Domain::Internal => "INTERNAL",
    };
    Failure {
        at: seconds(failure.at),
        domain: domain.to_owned(),
        message: failure.message,
        traceback: failure.traceback,
        last_log_lines: failure.last_log_lines.into_iter().map(super::history::log_line).collect(),
    }
}
