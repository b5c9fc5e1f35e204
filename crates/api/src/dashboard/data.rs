//! What a dashboard shows: what viewers can read of the application at the REST door, without its
//! configuration and thus without values of properties.

use control::{Control, Error, LogFilter, OperationFilter, PageRequest};
use model::ids::ApplicationName;
use serde::Serialize;
use serde_json::Value;

use crate::endpoints::observe::MetricsAnswer;
use crate::endpoints::waiting::WaitingAnswer;
use crate::wire::history::{
    CheckpointBody, EventBody, LogLine, OperationBody, checkpoint, event, log_line, operation,
};
use crate::wire::run::{self, Weir};
use crate::wire::seconds;

/// Checkpoints, operations and events that are shown.
const ENTRIES: i64 = 12;

/// Lines of the log that are shown.
const LINES: i64 = 100;

/// All that is shown, under the names that the endpoints have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DashboardData {
    application: Application,
    /// Null before the first run, like all that a run has.
    metrics: Option<MetricsAnswer>,
    graph: Option<Value>,
    waiting: Option<WaitingAnswer>,
    checkpoints: Vec<CheckpointBody>,
    operations: Vec<OperationBody>,
    events: Vec<EventBody>,
    log_lines: Vec<LogLine>,
}

/// What is told of the application itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Application {
    application_name: String,
    application_status: String,
    application_version_id: i64,
    runtime_environment: String,
    create_timestamp: f64,
    parallelism: u32,
    current_parallelism: u32,
    #[serde(rename = "ParallelismPerKPU")]
    parallelism_per_kpu: u32,
    auto_scaling_enabled: bool,
    /// Absent when none are taken by themselves.
    checkpoint_interval_ms: Option<u64>,
    weir: Option<Weir>,
}

impl Application {
    fn of(detail: control::ApplicationDetail) -> Self {
        let flink = &detail.configuration.flink;
        let checkpoints = flink.checkpoint.checkpointing_enabled;
        Self {
            application_name: detail.name.to_string(),
            application_status: detail.status.to_string(),
            application_version_id: detail.version.get(),
            runtime_environment: detail.configuration.runtime.to_string(),
            create_timestamp: seconds(detail.created_at),
            parallelism: flink.parallelism.parallelism,
            current_parallelism: detail.current_parallelism,
            parallelism_per_kpu: flink.parallelism.parallelism_per_kpu,
            auto_scaling_enabled: flink.parallelism.auto_scaling_enabled,
            checkpoint_interval_ms: checkpoints.then_some(flink.checkpoint.checkpoint_interval),
            weir: detail.run.map(run::weir),
        }
    }
}

impl DashboardData {
    pub(super) async fn gather(control: &Control, name: &ApplicationName) -> control::Result<Self> {
        let page = PageRequest::new(Some(ENTRIES), None)?;
        let operations = control.list_operations(name, &OperationFilter::default(), &page).await?;
        let checkpoints = control.checkpoints(name, &page).await?;
        let events = control.events(name, &page).await?;
        let lines = control.logs_tail(name, LINES, &LogFilter::default()).await?;
        Ok(Self {
            application: Application::of(control.describe(name).await?),
            metrics: if_it_ran(MetricsAnswer::of(control, name).await)?,
            graph: if_it_ran(control.graph(name).await)?.flatten(),
            waiting: if_it_ran(control.waiting(name).await)?.map(WaitingAnswer::of),
            checkpoints: checkpoints.items.into_iter().map(checkpoint).collect(),
            operations: operations.items.into_iter().map(operation).collect(),
            events: events.items.into_iter().map(event).collect(),
            log_lines: lines.into_iter().map(log_line).collect(),
        })
    }
}

/// What a run tells, if there is one.
fn if_it_ran<T>(told: control::Result<T>) -> control::Result<Option<T>> {
    match told {
        Err(Error::NeverRan(_)) => Ok(None),
        told => told.map(Some),
    }
}
