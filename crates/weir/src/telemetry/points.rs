//! Kept metrics as OTLP has them: the same names, levels and times as in the history.

use control::{KeptMetrics, METRICS, MetricInfo};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;

/// All points of one period.
pub(super) fn request(kept: &KeptMetrics, resource: &Resource) -> ExportMetricsServiceRequest {
    let metrics = METRICS.iter().filter_map(|info| {
        let points = points(kept, info);
        (!points.is_empty()).then(|| metric(info, points))
    });
    let scope = InstrumentationScope { name: "weir".to_owned(), ..InstrumentationScope::default() };
    let scope_metrics =
        vec![ScopeMetrics { scope: Some(scope), metrics: metrics.collect(), ..Default::default() }];
    let resource = ResourceAttributesWithSchema::from(resource);
    let attributes = resource.attributes.0;
    let resource =
        opentelemetry_proto::tonic::resource::v1::Resource { attributes, ..Default::default() };
    let all = ResourceMetrics { resource: Some(resource), scope_metrics, ..Default::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![all] }
}

/// What rises is a sum since it was 0, everything else a gauge.
fn metric(info: &MetricInfo, data_points: Vec<NumberDataPoint>) -> Metric {
    let data = match info.rises {
        None => Data::Gauge(Gauge { data_points }),
        Some(_) => Data::Sum(Sum {
            data_points,
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
            is_monotonic: true,
        }),
    };
    Metric {
        name: info.name.to_owned(),
        description: info.help.to_owned(),
        unit: unit(info.unit).to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

/// CloudWatch's word as UCUM has it. Counts are of something, not shares: they have no `1`.
fn unit(cloudwatch: &str) -> &'static str {
    match cloudwatch {
        "Milliseconds" => "ms",
        "Bytes" => "By",
        "Bytes/Second" => "By/s",
        "Percent" => "%",
        "Count/Second" => "{count}/s",
        _ => "{count}",
    }
}

fn points(kept: &KeptMetrics, info: &MetricInfo) -> Vec<NumberDataPoint> {
    let mut points = Vec::new();
    let time_unix_nano = nanos(kept.at.timestamp_nanos_opt());
    for one in &kept.applications {
        let since = info.rises.and_then(|since| one.since(since));
        // Between two attempts there is no time from which their counters rise.
        let start_time_unix_nano = nanos(since.and_then(|it| it.timestamp_nanos_opt()));
        let application = one.name.as_str();
        for (scope, values) in one.metrics.scopes() {
            let Some(value) = values.get(info.name) else { continue };
            let mut attributes = vec![text("application", application)];
            attributes.extend(scope.labels().iter().map(|(label, value)| text(label, value)));
            points.push(NumberDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                value: Some(Value::AsDouble(*value)),
                ..NumberDataPoint::default()
            });
        }
    }
    points
}

/// 0 = not known.
fn nanos(since_1970: Option<i64>) -> u64 {
    since_1970.and_then(|it| u64::try_from(it).ok()).unwrap_or(0)
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Any::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, Utc};
    use control::ApplicationMetrics;
    use model::metrics::{MetricSet, MetricValues};

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn values(pairs: &[(&str, f64)]) -> MetricValues {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    fn kept() -> KeptMetrics {
        let metrics = MetricSet {
            application: values(&[
                ("cpuUtilization", 12.5),
                ("numRecordsIn", 7.0),
                ("fullRestarts", 1.0),
            ]),
            tasks: BTreeMap::new(),
            operators: [("source:1".to_owned(), values(&[("numRecordsIn", 7.0)]))].into(),
            subtasks: BTreeMap::new(),
        };
        let application = ApplicationMetrics {
            name: "alerts".parse().unwrap(),
            metrics,
            run_since: at(100),
            attempt_since: Some(at(150)),
        };
        KeptMetrics { at: at(240), applications: vec![application] }
    }

    /// Name, unit, kind, and of each point: start and time in s, value, attributes.
    fn lines(request: &ExportMetricsServiceRequest) -> Vec<String> {
        let scope = &request.resource_metrics[0].scope_metrics[0];
        let mut lines = Vec::new();
        for metric in &scope.metrics {
            let (kind, points) = match metric.data.as_ref().unwrap() {
                Data::Gauge(gauge) => ("gauge", &gauge.data_points),
                Data::Sum(sum) => {
                    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
                    ("sum", &sum.data_points)
                }
                other => panic!("{other:?}"),
            };
            for point in points {
                let Some(Value::AsDouble(value)) = point.value else { panic!("{point:?}") };
                let attributes = point.attributes.iter().map(|it| {
                    let Some(Any::StringValue(value)) = it.value.as_ref().unwrap().value.as_ref()
                    else {
                        panic!("{it:?}")
                    };
                    format!("{}={value}", it.key)
                });
                let attributes: Vec<_> = attributes.collect();
                let [start, time] = [point.start_time_unix_nano, point.time_unix_nano];
                lines.push(format!(
                    "{} {} {kind} {}..{} {value} {}",
                    metric.name,
                    metric.unit,
                    start / 1_000_000_000,
                    time / 1_000_000_000,
                    attributes.join(" ")
                ));
            }
        }
        lines
    }

    #[test]
    fn points_have_names_levels_times_and_units() {
        let resource = Resource::builder_empty().with_service_name("weir-worker").build();
        let request = request(&kept(), &resource);
        assert_eq!(
            lines(&request),
            [
                "fullRestarts {count} sum 100..240 1 application=alerts level=application",
                "cpuUtilization % gauge 0..240 12.5 application=alerts level=application",
                "numRecordsIn {count} sum 150..240 7 application=alerts level=application",
                "numRecordsIn {count} sum 150..240 7 \
                 application=alerts level=operator operator=source:1",
            ]
        );
        let resource = request.resource_metrics[0].resource.as_ref().unwrap();
        assert_eq!(resource.attributes, [text("service.name", "weir-worker")]);
    }
}
