//! Why the windows of an application have not fired yet.

use std::collections::BTreeMap;

use axum::Json;
use control::{WaitingOperator, WaitingOperators};
use model::ids::ApplicationName;
use model::waiting::{Activity, HeldFor, Holder, Obstacle, SplitState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::{Failure, FailureBody};
use crate::request::Path;
use crate::server::Shared;

/// What the operators of the present run wait for. Event times are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct WaitingAnswer {
    attempt: u64,
    /// Whether the job runs now; if not, nothing waits.
    running: bool,
    /// When the job looked, seconds since 1970; absent before its first report.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<f64>,
    /// By operator id: windows and OVER aggregates.
    operators: BTreeMap<String, WaitingBody>,
}

/// What one operator waits for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct WaitingBody {
    name: String,
    /// EVENT_TIME or PROCESSING_TIME.
    time: &'static str,
    /// Lowest of its subtasks; absent before the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark: Option<i64>,
    /// The watermark (or processing time) at which it emits next, the last millisecond of its
    /// earliest window; absent when it holds no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_firing: Option<i64>,
    /// By how much time has still to advance until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_ms: Option<i64>,
    /// The tables that feed it.
    tables: Vec<String>,
    /// Lowest watermark that its sources have sent; what is above its own is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    sources_watermark: Option<i64>,
    /// Which source holds the watermark back; absent by processing time and after the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<HolderBody>,
    /// What keeps records and watermarks on their way, besides time.
    obstacles: Vec<ObstacleBody>,
    /// All that in words.
    explanation: String,
}

/// The source that holds the watermark back.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct HolderBody {
    table: String,
    operator_id: String,
    /// Index of its slowest subtask.
    subtask: usize,
    /// What that subtask has sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark: Option<i64>,
    /// SPLIT: the first of Splits; ALL_IDLE: nobody moves event time; SPLITS_UNKNOWN: the source
    /// has not found out its splits; NO_WATERMARK: the table declares none.
    reason: &'static str,
    /// The slowest splits, slowest first, at most eight.
    splits: Vec<SplitBody>,
    split_count: usize,
    /// Splits without any record since the job runs.
    splits_without_records: usize,
    idle_split_count: usize,
    ended_split_count: usize,
    /// After which time without records a split is left out; absent = never.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout_ms: Option<u64>,
    /// Records not yet read, where known.
    lag_records: u64,
}

/// One split.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SplitBody {
    split: String,
    /// ACTIVE, IDLE or ENDED; only active ones hold the watermark back.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark: Option<i64>,
    /// Event time of its last record; absent when it gave none since the job runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event_time: Option<i64>,
    /// When it gave its last record, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_record_at: Option<f64>,
}

/// What keeps records and watermarks on their way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ObstacleBody {
    /// BARRIER: waits for a checkpoint's barrier on some inputs; BACK_PRESSURE: waits for room
    /// downstream.
    kind: &'static str,
    /// The operator that waits.
    operator: String,
    /// For how long it has waited now.
    for_ms: u64,
    /// Of a barrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_id: Option<u64>,
    /// Of back-pressure: share of the last second, in thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    permille: Option<u32>,
}

/// Seconds since 1970, to the millisecond.
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn split(it: SplitState) -> SplitBody {
    SplitBody {
        split: it.split,
        state: match it.activity {
            Activity::Active => "ACTIVE",
            Activity::Idle => "IDLE",
            Activity::Ended => "ENDED",
        },
        watermark: it.watermark,
        last_event_time: it.last_event_time,
        last_record_at: it.last_record_at.map(seconds),
    }
}

fn holder(it: Holder) -> HolderBody {
    HolderBody {
        table: it.table,
        operator_id: it.operator_id,
        subtask: it.subtask,
        watermark: it.watermark,
        reason: match it.reason {
            HeldFor::Split => "SPLIT",
            HeldFor::AllIdle => "ALL_IDLE",
            HeldFor::SplitsUnknown => "SPLITS_UNKNOWN",
            HeldFor::NoWatermark => "NO_WATERMARK",
        },
        splits: it.splits.into_iter().map(split).collect(),
        split_count: it.counts.all,
        splits_without_records: it.counts.without_records,
        idle_split_count: it.counts.idle,
        ended_split_count: it.counts.ended,
        idle_timeout_ms: it.idle_timeout_ms,
        lag_records: it.lag_records,
    }
}

fn obstacle(it: Obstacle) -> ObstacleBody {
    match it {
        Obstacle::Barrier { operator, checkpoint, for_ms } => ObstacleBody {
            kind: "BARRIER",
            operator,
            for_ms,
            checkpoint_id: Some(checkpoint),
            permille: None,
        },
        Obstacle::BackPressure { operator, for_ms, permille } => ObstacleBody {
            kind: "BACK_PRESSURE",
            operator,
            for_ms,
            checkpoint_id: None,
            permille: Some(permille),
        },
    }
}

fn body(it: WaitingOperator) -> WaitingBody {
    let WaitingOperator { waiting, missing_ms, explanation } = it;
    WaitingBody {
        name: waiting.name,
        time: if waiting.processing_time { "PROCESSING_TIME" } else { "EVENT_TIME" },
        watermark: waiting.watermark,
        next_firing: waiting.next_firing,
        missing_ms,
        tables: waiting.tables,
        sources_watermark: waiting.sources_watermark,
        held_by: waiting.held_by.map(holder),
        obstacles: waiting.obstacles.into_iter().map(obstacle).collect(),
        explanation,
    }
}

impl WaitingAnswer {
    pub(crate) fn of(found: WaitingOperators) -> Self {
        Self {
            attempt: found.attempt,
            running: found.running,
            as_of: found.as_of_ms.map(seconds),
            operators: found.operators.into_iter().map(|(id, it)| (id, body(it))).collect(),
        }
    }
}

/// Explains why the windows of an application have not fired yet.
#[utoipa::path(get, path = "/v1/applications/{name}/waiting", tag = "observation",
    operation_id = "DescribeApplicationWaiting",
    params(("name" = String, Path, description = "Application name")),
    responses((status = 200, body = WaitingAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn waiting(
    shared: Shared,
    Path(name): Path<String>,
) -> Result<Json<WaitingAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    Ok(Json(WaitingAnswer::of(shared.control.waiting(&name).await?)))
}
