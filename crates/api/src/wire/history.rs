//! Versions, operations, events, snapshots, checkpoints, log lines.

use std::collections::BTreeMap;

use control::{ApplicationEvent, Checkpoint, LogRecord, Operation, Snapshot, VersionOverview};
use model::protocol::OperatorCheckpoint;
use serde::Serialize;
use utoipa::ToSchema;

use super::seconds;

/// AWS `ApplicationVersionSummary`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ApplicationVersionSummary {
    application_version_id: i64,
    /// Of the present version what the application is doing; `ROLLED_BACK` or `READY` of others.
    application_status: String,
    /// The version it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    application_version_updated_from: Option<i64>,
    application_version_create_timestamp: f64,
}

pub(crate) fn version(version: VersionOverview) -> ApplicationVersionSummary {
    ApplicationVersionSummary {
        application_version_id: version.version.get(),
        application_status: version.status.as_str().to_owned(),
        application_version_updated_from: version.updated_from.map(|it| it.get()),
        application_version_create_timestamp: seconds(version.created_at),
    }
}

/// AWS `ApplicationOperationInfo` and `ApplicationOperationInfoDetails`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OperationBody {
    operation: String,
    operation_id: String,
    start_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<f64>,
    operation_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_version_change_details: Option<VersionChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_failure_details: Option<OperationFailure>,
}

/// AWS `ApplicationVersionChangeDetails`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct VersionChange {
    application_version_updated_from: i64,
    application_version_updated_to: i64,
}

/// AWS `OperationFailureDetails`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct OperationFailure {
    /// The automatic rollback that the failure led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback_operation_id: Option<String>,
    error_info: ErrorInfo,
}

/// AWS `ErrorInfo`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ErrorInfo {
    /// The cause, with a Python traceback if there is one.
    error_string: String,
}

pub(crate) fn operation(operation: Operation) -> OperationBody {
    OperationBody {
        operation: operation.kind,
        operation_id: operation.id.to_string(),
        start_time: seconds(operation.started_at),
        end_time: operation.ended_at.map(seconds),
        operation_status: operation.status.as_str().to_owned(),
        application_version_change_details: operation.versions.map(|(from, to)| VersionChange {
            application_version_updated_from: from.get(),
            application_version_updated_to: to.get(),
        }),
        operation_failure_details: operation.failure.map(|error_string| OperationFailure {
            rollback_operation_id: operation.rollback.map(|id| id.to_string()),
            error_info: ErrorInfo { error_string },
        }),
    }
}

/// One entry of an application's history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EventBody {
    event_id: i64,
    at: f64,
    kind: String,
    message: String,
    application_version_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u64>,
}

pub(crate) fn event(event: ApplicationEvent) -> EventBody {
    EventBody {
        event_id: event.id,
        at: seconds(event.at),
        kind: event.kind,
        message: event.message,
        application_version_id: event.version.get(),
        attempt: event.attempt,
    }
}

/// AWS `SnapshotDetails`, with a member `Weir` beside it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SnapshotDetails {
    snapshot_name: String,
    snapshot_status: String,
    application_version_id: i64,
    snapshot_creation_timestamp: f64,
    runtime_environment: String,
    weir: SnapshotState,
}

/// What only Weir tells of a snapshot.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SnapshotState {
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

pub(crate) fn snapshot(snapshot: Snapshot) -> SnapshotDetails {
    SnapshotDetails {
        snapshot_name: snapshot.name.to_string(),
        snapshot_status: snapshot.status.as_str().to_owned(),
        application_version_id: snapshot.version.get(),
        snapshot_creation_timestamp: seconds(snapshot.created_at),
        runtime_environment: snapshot.runtime.to_string(),
        weir: SnapshotState {
            checkpoint_id: snapshot.checkpoint,
            state_bytes: snapshot.state_bytes,
            failure: snapshot.failure,
        },
    }
}

/// A completed checkpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CheckpointBody {
    checkpoint_id: u64,
    attempt: u64,
    application_version_id: i64,
    state_bytes: u64,
    /// From the barrier's start to the manifest.
    duration_ms: u64,
    recorded_at: f64,
    /// When its output was visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    committed_at: Option<f64>,
    /// What each operator contributed, by operator id; those without state, splits and output are
    /// left out.
    operators: BTreeMap<String, OperatorCheckpointBody>,
}

/// One operator's part of a checkpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OperatorCheckpointBody {
    name: String,
    state_bytes: u64,
    /// From the barrier's start at the sources until the last subtask had handed over its state.
    acknowledged_ms: u64,
    /// Upload of its state.
    upload_ms: u64,
}

fn operator_checkpoint(part: OperatorCheckpoint) -> OperatorCheckpointBody {
    OperatorCheckpointBody {
        name: part.name,
        state_bytes: part.state_bytes,
        acknowledged_ms: part.acknowledged_ms,
        upload_ms: part.upload_ms,
    }
}

pub(crate) fn checkpoint(checkpoint: Checkpoint) -> CheckpointBody {
    CheckpointBody {
        checkpoint_id: checkpoint.number,
        attempt: checkpoint.attempt,
        application_version_id: checkpoint.version.get(),
        state_bytes: checkpoint.state_bytes,
        duration_ms: checkpoint.duration_ms,
        recorded_at: seconds(checkpoint.recorded_at),
        committed_at: checkpoint.committed_at.map(seconds),
        operators: checkpoint
            .operators
            .into_iter()
            .map(|(id, part)| (id, operator_checkpoint(part)))
            .collect(),
    }
}

/// A line of an application's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LogLine {
    /// Rises by one with each line: pass the last as `after` to read on.
    pub(crate) sequence: i64,
    /// Seconds since 1970, to the millisecond.
    at: f64,
    attempt: u64,
    level: String,
    logger: String,
    message: String,
    /// Traceback of what the line tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    throwable: Option<String>,
}

pub(crate) fn log_line(record: LogRecord) -> LogLine {
    LogLine {
        sequence: record.sequence,
        at: record.at.timestamp_millis() as f64 / 1000.0,
        attempt: record.attempt,
        level: record.level,
        logger: record.logger,
        message: record.message,
        throwable: record.throwable,
    }
}
