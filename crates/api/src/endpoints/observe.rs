//! What a running application does: metrics, stream graph, checkpoints; and the workers.

use std::collections::BTreeMap;

use axum::Json;
use control::Control;
use model::ids::ApplicationName;
use model::protocol::OperatorMetrics;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Paging;
use crate::failure::{Failure, FailureBody};
use crate::request::{Path, Query};
use crate::server::Shared;
use crate::wire::history::{CheckpointBody, checkpoint};
use crate::wire::seconds;

/// Counters of the present run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MetricsAnswer {
    attempt: u64,
    /// Attempts after the first.
    restarts: u64,
    /// Times the job came to run again after it had run before.
    full_restarts: u64,
    running: bool,
    uptime_ms: i64,
    /// Time the job was down after it had run before, until now.
    downtime_ms: u64,
    /// How long it was down the last time: from the end of the old attempt, or from the last sign
    /// of life of a lost worker, until the new attempt ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_recovery_ms: Option<u64>,
    /// CPU time of the job process so far.
    cpu_ms: u64,
    /// Resident memory of the job process.
    resident_bytes: u64,
    /// Sums over the operators.
    late_records: u64,
    malformed_records: u64,
    /// Late records by source table, summed over the operators. Records behind an operator that
    /// mixes several tables are in no table's number.
    late_records_by_table: BTreeMap<String, u64>,
    /// By operator id.
    operators: BTreeMap<String, OperatorBody>,
    /// Under CloudWatch's names; those of the job only while it runs.
    metrics: BTreeMap<String, f64>,
    /// The same by operator id of each task's first operator, as MetricsLevel says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    task_metrics: BTreeMap<String, BTreeMap<String, f64>>,
    /// The same by operator id, as MetricsLevel says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    operator_metrics: BTreeMap<String, BTreeMap<String, f64>>,
    /// The same by operator id and index of the subtask, as MetricsLevel says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    subtask_metrics: BTreeMap<String, Vec<BTreeMap<String, f64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_checkpoint: Option<CheckpointBody>,
    /// Of the latest checkpoint, from the barrier's start to the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_checkpoint_duration_ms: Option<u64>,
    /// State of the latest checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_checkpoint_size_bytes: Option<u64>,
    /// Since the latest checkpoint was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_checkpoint_age_ms: Option<i64>,
    /// Whether that is more than three checkpoint intervals (and 10 s).
    checkpoint_overdue: bool,
    /// Checkpoints and snapshots of this run that came to nothing.
    number_of_failed_checkpoints: u64,
}

/// Counters of one operator, summed over its subtasks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct OperatorBody {
    name: String,
    records_in: u64,
    records_out: u64,
    /// Read or written outside.
    bytes: u64,
    late_records: u64,
    /// Those of them whose source table is known, by table.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    late_records_by_table: BTreeMap<String, u64>,
    /// The source tables that feed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tables: Vec<String>,
    malformed_records: u64,
    /// Event time, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark: Option<i64>,
    /// Records not yet read, where known.
    lag_records: u64,
    /// Share of the time spent computing, in thousandths, over the last minute.
    busy_permille: u32,
    /// Share of the time spent waiting for room downstream, in thousandths, over the last minute.
    backpressured_permille: u32,
}

fn operator(metrics: OperatorMetrics) -> OperatorBody {
    OperatorBody {
        name: metrics.name,
        records_in: metrics.records_in,
        records_out: metrics.records_out,
        bytes: metrics.bytes,
        late_records: metrics.late_records,
        late_records_by_table: metrics.late_by_table,
        tables: metrics.tables,
        malformed_records: metrics.malformed_records,
        watermark: metrics.watermark,
        lag_records: metrics.lag_records,
        busy_permille: metrics.busy_permille,
        backpressured_permille: metrics.backpressured_permille,
    }
}

impl MetricsAnswer {
    /// Of the present or last run.
    pub(crate) async fn of(control: &Control, name: &ApplicationName) -> control::Result<Self> {
        let found = control.metrics(name).await?;
        let live = control.live_metrics_of(name).await?;
        let job = found.job.unwrap_or_default();
        let sum =
            |count: fn(&OperatorMetrics) -> u64| -> u64 { job.operators.values().map(count).sum() };
        let mut late_records_by_table = BTreeMap::new();
        for (table, count) in job.operators.values().flat_map(|it| &it.late_by_table) {
            *late_records_by_table.entry(table.clone()).or_default() += count;
        }
        Ok(Self {
            attempt: found.attempt,
            restarts: found.restarts,
            full_restarts: found.outages.full_restarts,
            running: found.running,
            uptime_ms: found.uptime_ms,
            downtime_ms: found.outages.downtime_ms,
            last_recovery_ms: found.outages.last_recovery_ms,
            cpu_ms: job.cpu_ms,
            resident_bytes: job.resident_bytes,
            late_records: sum(|it| it.late_records),
            malformed_records: sum(|it| it.malformed_records),
            late_records_by_table,
            operators: job.operators.into_iter().map(|(id, it)| (id, operator(it))).collect(),
            metrics: live.application,
            task_metrics: live.tasks,
            operator_metrics: live.operators,
            subtask_metrics: live.subtasks,
            last_checkpoint_duration_ms: found.latest_checkpoint.as_ref().map(|it| it.duration_ms),
            last_checkpoint_size_bytes: found.latest_checkpoint.as_ref().map(|it| it.state_bytes),
            last_checkpoint_age_ms: found.last_checkpoint_age_ms,
            checkpoint_overdue: found.checkpoint_overdue,
            number_of_failed_checkpoints: found.failed_checkpoints,
            latest_checkpoint: found.latest_checkpoint.map(checkpoint),
        })
    }
}

/// Tells the counters of an application's present run.
#[utoipa::path(get, path = "/v1/applications/{name}/metrics", tag = "observation",
    operation_id = "DescribeApplicationMetrics",
    params(("name" = String, Path, description = "Application name")),
    responses((status = 200, body = MetricsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn metrics(
    shared: Shared,
    Path(name): Path<String>,
) -> Result<Json<MetricsAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    Ok(Json(MetricsAnswer::of(&shared.control, &name).await?))
}

/// The planned operators and edges.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GraphAnswer {
    /// `nodes` and `edges`; null before the first run was planned.
    #[schema(value_type = Object)]
    graph: Value,
}

/// Tells the stream graph of the present or last run.
#[utoipa::path(get, path = "/v1/applications/{name}/graph", tag = "observation",
    operation_id = "DescribeApplicationGraph",
    params(("name" = String, Path, description = "Application name")),
    responses((status = 200, body = GraphAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn graph(
    shared: Shared,
    Path(name): Path<String>,
) -> Result<Json<GraphAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let graph = shared.control.graph(&name).await?.unwrap_or_default();
    Ok(Json(GraphAnswer { graph }))
}

/// A page of checkpoints.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CheckpointsAnswer {
    checkpoints: Vec<CheckpointBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Lists the checkpoints that are kept, newest first: the latest ones and those of snapshots.
#[utoipa::path(get, path = "/v1/applications/{name}/checkpoints", tag = "observation",
    operation_id = "ListApplicationCheckpoints",
    params(("name" = String, Path, description = "Application name"), Paging),
    responses((status = 200, body = CheckpointsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn checkpoints(
    shared: Shared,
    Path(name): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<CheckpointsAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let page = shared.control.checkpoints(&name, &paging.parse()?).await?;
    Ok(Json(CheckpointsAnswer {
        checkpoints: page.items.into_iter().map(checkpoint).collect(),
        next_token: page.next_token,
    }))
}

/// One worker.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct WorkerBody {
    name: String,
    capacity_kpus: u32,
    used_kpus: u32,
    started_at: f64,
    heartbeat_at: f64,
}

/// The workers of the installation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WorkersAnswer {
    workers: Vec<WorkerBody>,
}

/// Lists the workers and how much of them is used.
#[utoipa::path(get, path = "/v1/workers", tag = "service",
    operation_id = "ListWorkers",
    responses((status = 200, body = WorkersAnswer), (status = "5XX", body = FailureBody)))]
pub(super) async fn workers(shared: Shared) -> Result<Json<WorkersAnswer>, Failure> {
    let found = shared.control.workers().await?;
    let body = |it: control::Worker| WorkerBody {
        name: it.name,
        capacity_kpus: it.capacity_kpus,
        used_kpus: it.used_kpus,
        started_at: seconds(it.started_at),
        heartbeat_at: seconds(it.heartbeat_at),
    };
    Ok(Json(WorkersAnswer { workers: found.into_iter().map(body).collect() }))
}
