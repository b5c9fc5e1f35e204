//! Metrics of an application as they were: one point of each minute.

use std::collections::BTreeMap;

use axum::Json;
use chrono::{DateTime, TimeDelta, Utc};
use control::{METRICS, MetricPoint};
use model::ids::ApplicationName;
use model::invalid::Invalid;
use model::metrics::MetricScope;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::failure::{Failure, FailureBody};
use crate::request::{Path, Query};
use crate::server::Shared;
use crate::wire::seconds;

/// Which values.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// Names with commas between them; absent = all.
    names: Option<String>,
    /// Seconds since 1970; absent = an hour before `to`.
    from: Option<f64>,
    /// Seconds since 1970; absent = now.
    to: Option<f64>,
    /// Seconds of each value, a multiple of 60 (the default): gauges are averaged, counters as they
    /// were at its end.
    period: Option<i64>,
}

/// What metrics were.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HistoryAnswer {
    /// Seconds.
    period: i64,
    metrics: Vec<Series>,
}

/// One metric of one thing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = MetricSeries)]
struct Series {
    name: String,
    unit: String,
    /// Operator id of the task's first operator; absent = not of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    /// Operator id; absent = not of an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    /// Index of a subtask of the operator, from 0; absent = not of a subtask.
    #[serde(skip_serializing_if = "Option::is_none")]
    subtask: Option<usize>,
    /// Oldest first; periods in which nothing was known are left out.
    points: Vec<Point>,
}

/// A value at the end of a period.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = MetricValue)]
struct Point {
    at: f64,
    value: f64,
}

/// Tells what an application's metrics were while it was started, minute by minute; values are kept
/// for seven days. Tasks, operators and subtasks have series of their own as its MetricsLevel says.
#[utoipa::path(get, path = "/v1/applications/{name}/metrics/history", tag = "observation",
    operation_id = "ReadApplicationMetricHistory",
    params(("name" = String, Path, description = "Application name"), Parameters),
    responses((status = 200, body = HistoryAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn history(
    shared: Shared,
    Path(name): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<HistoryAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    let names = parameters.names.as_deref().map(names).transpose()?;
    let to = parameters.to.map(|it| time("to", it)).transpose()?.unwrap_or_else(Utc::now);
    let from = parameters.from.map(|it| time("from", it)).transpose()?;
    let from = from.unwrap_or(to - TimeDelta::hours(1));
    let period = parameters.period.unwrap_or(60);
    if period < 60 || period % 60 != 0 || period > 24 * 60 * 60 {
        return Err(Invalid::new("period", "must be a multiple of 60, up to a day").into());
    }
    let points = shared.control.metric_history(&name, from, to).await?;
    let wanted = |name: &str| names.as_ref().is_none_or(|all| all.contains(&name));
    Ok(Json(HistoryAnswer { period, metrics: series(points, period, wanted) }))
}

fn names(text: &str) -> Result<Vec<&str>, Invalid> {
    let all: Vec<&str> = text.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
    let unknown = all.iter().find(|name| METRICS.iter().all(|metric| metric.name != **name));
    match unknown {
        Some(name) => {
            Err(Invalid::new("names", format!("has a metric that there is not: `{name}`")))
        }
        None => Ok(all),
    }
}

fn time(field: &'static str, seconds: f64) -> Result<DateTime<Utc>, Invalid> {
    #[expect(clippy::cast_possible_truncation, reason = "what is too large is refused below")]
    let at = DateTime::from_timestamp_millis((seconds * 1000.0) as i64);
    // Postgres knows no time beyond.
    let at = at.filter(|_| seconds.abs() < 1e11);
    at.ok_or_else(|| Invalid::new(field, "must be a time in seconds since 1970"))
}

/// Task, operator, subtask, and name.
type Of = (Option<String>, Option<String>, Option<usize>, &'static str);

fn series(points: Vec<MetricPoint>, period: i64, wanted: impl Fn(&str) -> bool) -> Vec<Series> {
    // By series and end of period: sum and number of values, or the last one.
    let mut found: BTreeMap<Of, BTreeMap<i64, (f64, u32)>> = BTreeMap::new();
    for point in points {
        // The first value of a period stands right behind its begin.
        let end = (point.at.timestamp() + period - 1).div_euclid(period) * period;
        for (scope, values) in point.metrics.scopes() {
            let (task, operator, subtask) = match scope {
                MetricScope::Application => (None, None, None),
                MetricScope::Task(id) => (Some(id.to_owned()), None, None),
                MetricScope::Operator(id) => (None, Some(id.to_owned()), None),
                MetricScope::Subtask(id, index) => (None, Some(id.to_owned()), Some(index)),
            };
            for metric in METRICS.iter().filter(|it| wanted(it.name)) {
                let Some(value) = values.get(metric.name) else { continue };
                let of = (task.clone(), operator.clone(), subtask, metric.name);
                let (sum, count) = found.entry(of).or_default().entry(end).or_default();
                if metric.rises.is_some() || metric.name.ends_with("Watermark") {
                    (*sum, *count) = (*value, 1);
                } else {
                    *sum += value;
                    *count += 1;
                }
            }
        }
    }
    let told = |((task, operator, subtask, name), values): (Of, BTreeMap<i64, (f64, u32)>)| {
        let unit = METRICS.iter().find(|it| it.name == name).map_or("", |it| it.unit);
        let at = |end| DateTime::from_timestamp(end, 0).map_or(0.0, seconds);
        let point = |(end, (sum, count))| Point { at: at(end), value: sum / f64::from(count) };
        Series {
            name: name.to_owned(),
            unit: unit.to_owned(),
            task,
            operator,
            subtask,
            points: values.into_iter().map(point).collect(),
        }
    };
    found.into_iter().map(told).collect()
}
