//! All metrics as Prometheus reads them.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use control::{LiveMetrics, METRICS, ServiceMetrics};

use crate::exposition::{MEDIA_TYPE, Page};
use crate::failure::{Failure, FailureBody};
use crate::server::Shared;
use crate::traffic::{BUCKETS, Traffic};

/// The metrics of all started applications and of the service in Prometheus' text format. Those of
/// applications have CloudWatch's names behind `weir_`; label `level` says of what they are.
#[utoipa::path(get, path = "/metrics", tag = "observation",
    operation_id = "PrometheusMetrics",
    responses((status = 200, description = "Text format 0.0.4", body = String, content_type = "text/plain"),
        (status = "5XX", body = FailureBody)))]
pub(super) async fn metrics(shared: Shared) -> Result<Response, Failure> {
    let live = shared.control.live_metrics().await?;
    let service = shared.control.service_metrics().await?;
    let mut page = Page::default();
    applications(&mut page, &live);
    of_service(&mut page, &service);
    of_server(&mut page, &shared.traffic);
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], page.into_text()).into_response())
}

fn applications(page: &mut Page, live: &[LiveMetrics]) {
    for metric in METRICS {
        let name = format!("weir_{}", metric.name);
        let kind = if metric.rises.is_some() { "counter" } else { "gauge" };
        page.metric(&name, kind, &format!("{} ({})", metric.help, metric.unit));
        for one in live {
            let application = one.name.as_str();
            for (scope, values) in one.metrics.scopes() {
                let Some(value) = values.get(metric.name) else { continue };
                let of = scope.labels();
                let of = of.iter().map(|(label, value)| (*label, value.as_str()));
                let labels: Vec<_> =
                    std::iter::once(("application", application)).chain(of).collect();
                page.sample(&name, &labels, *value);
            }
        }
    }
}

fn of_service(page: &mut Page, service: &ServiceMetrics) {
    page.metric("weir_applications", "gauge", "applications by status");
    for (status, count) in &service.applications {
        page.sample("weir_applications", &[("status", status)], float(*count));
    }
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        page.metric(name, kind, help);
        page.sample(name, &[], float(value));
    };
    one("weir_runs_waiting", "gauge", "runs that wait for a worker", service.waiting);
    one(
        "weir_claims_total",
        "counter",
        "attempts that workers have begun, of the applications there are",
        service.claims,
    );
    one("weir_workers", "gauge", "workers that are there", service.workers);
    one("weir_kpus_offered", "gauge", "KPUs that workers offer", service.kpus_offered);
    one("weir_kpus_used", "gauge", "KPUs that runs have of them", service.kpus_used);
}

fn of_server(page: &mut Page, traffic: &Traffic) {
    let name = "weir_http_request_duration_seconds";
    page.metric(
        name,
        "histogram",
        "requests that this API server has answered, until the answer began",
    );
    for ((method, path, status), answered) in traffic.all() {
        let status = status.to_string();
        let labels = [("method", method.as_str()), ("path", &path), ("status", &status)];
        let bucket = format!("{name}_bucket");
        let ends = BUCKETS.iter().map(f64::to_string).zip(answered.within);
        for (end, count) in ends.chain([("+Inf".to_owned(), answered.count)]) {
            let [method, path, status] = labels;
            page.sample(&bucket, &[method, path, status, ("le", &end)], float(count));
        }
        page.sample(&format!("{name}_sum"), &labels, answered.seconds);
        page.sample(&format!("{name}_count"), &labels, float(answered.count));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a double")]
fn float(count: u64) -> f64 {
    count as f64
}
