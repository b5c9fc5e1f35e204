use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use control::{LogFilter, METRICS, Since};
use model::{
    configuration::{ConfigurationType, FlinkChange, MetricsLevel, MonitoringChange},
    error_code::ErrorCode,
    fault::Domain,
    metrics::{JobMetrics, MetricValues, OperatorKind, OperatorMetrics},
};

use crate::world::{PATIENT, World, failure, name, request};

/// A source and a filter in one task, a window with its sink in another.
fn report() -> JobMetrics {
    let operator = |kind, task: &str, enters, leaves, records: (u64, u64)| OperatorMetrics {
        kind,
        task: task.to_owned(),
        enters,
        leaves,
        records_in: records.0,
        records_out: records.1,
        records_in_per_second: records.0 as f64 / 10.0,
        records_out_per_second: records.1 as f64 / 10.0,
        watermark: Some(1_700_000_000_000 + i64::try_from(records.1).unwrap()),
        busy_permille: 300,
        backpressured_permille: 50,
        ..OperatorMetrics::default()
    };
    use OperatorKind::{Operator, Sink, Source};
    let mut source = operator(Source, "source", true, false, (0, 1000));
    (source.lag_records, source.bytes_per_second) = (77, 8400.0);
    source.malformed_records = 3;
    source.behind_ms = Some(1500);
    let subtask = OperatorMetrics { busy_permille: 200, ..source.clone() };
    let busier = OperatorMetrics { busy_permille: 400, lag_records: 0, ..source.clone() };
    source.subtasks = vec![subtask, busier];
    let mut window = operator(Operator, "window", true, false, (600, 20));
    window.late_records = 5;
    let operators = BTreeMap::from([
        ("source".to_owned(), source),
        ("filter".to_owned(), operator(Operator, "source", false, true, (1000, 600))),
        ("window".to_owned(), window),
        ("sink".to_owned(), operator(Sink, "window", false, true, (20, 20))),
    ]);
    JobMetrics {
        cpu_permille: 800,
        resident_bytes: 1 << 30,
        threads: 9,
        operators,
        ..JobMetrics::default()
    }
}

fn some(values: &MetricValues, names: &[&str]) -> Vec<f64> {
    names.iter().map(|name| *values.get(*name).unwrap_or_else(|| panic!("{name}"))).collect()
}

#[tokio::test]
async fn an_application_has_cloudwatchs_metrics_while_its_job_runs() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    assert!(world.control.live_metrics_of(&alerts).await.unwrap().application.is_empty());
    let claim = world.run("alerts").await;
    let _ = world.control.metrics_reported(&claim.job, &report()).await.unwrap();
    let set = world.control.live_metrics_of(&alerts).await.unwrap();
    let app = &set.application;
    let kpus = f64::from(claim.kpus);
    assert_eq!(some(app, &["KPUs", "downtime", "fullRestarts", "numRestarts"]), [kpus, 0., 0., 0.]);
    assert!(app["uptime"] >= 0.0 && !app.contains_key("lastCheckpointSize"));
    assert_eq!(some(app, &["cpuUtilization", "heapMemoryUtilization"]), [80. / kpus, 25. / kpus]);
    assert_eq!(some(app, &["numRecordsIn", "numRecordsOut"]), [1000., 20.]);
    assert_eq!(some(app, &["numRecordsInPerSecond", "numRecordsOutPerSecond"]), [100., 2.]);
    assert_eq!(some(app, &["numLateRecordsDropped", "numMalformedRecordsSkipped"]), [5., 3.]);
    let (input, output) = (1_700_000_001_000., 1_700_000_000_020.);
    assert_eq!(some(app, &["currentInputWatermark", "currentOutputWatermark"]), [input, output]);
    let of_sources = ["records_lag_max", "bytes_consumed_rate", "millisBehindLatest"];
    assert_eq!(some(app, &of_sources), [77., 8400., 1500.]);
    assert!(set.tasks.is_empty() && set.operators.is_empty(), "{set:?}");

    let all = world.control.live_metrics().await.unwrap();
    assert_eq!((all.len(), &all[0].name), (1, &alerts));
    assert_eq!(all[0].metrics.application["numRecordsIn"], 1000.0);

    // A job that does not run says nothing any more.
    let _ = world.control.job_gone(&claim.job, "killed").await.unwrap();
    let app = world.control.live_metrics_of(&alerts).await.unwrap().application;
    assert!(app["uptime"] == 0.0 && app["downtime"] >= 0.0);
    assert!(!app.contains_key("cpuUtilization"), "{app:?}");
}

#[tokio::test]
async fn metrics_are_as_fine_as_the_level_says_and_all_are_in_the_catalogue() {
    let world = World::new(PATIENT).await;
    for (level, tasks, operators, subtasks) in [
        (MetricsLevel::Task, 2, 0, 0),
        (MetricsLevel::Operator, 2, 4, 0),
        (MetricsLevel::Parallelism, 2, 4, 2),
    ] {
        let application = format!("app-{}", level.as_str().to_lowercase());
        let monitoring = MonitoringChange {
            configuration_type: Some(ConfigurationType::Custom),
            metrics_level: Some(level),
            ..MonitoringChange::default()
        };
        let flink = FlinkChange { monitoring: Some(monitoring), ..FlinkChange::default() };
        let mut new = request(&application);
        new.change.flink = flink;
        world.control.create(new).await.unwrap();
        let claim = world.run(&application).await;
        let _ = world.control.metrics_reported(&claim.job, &report()).await.unwrap();
        let set = world.control.live_metrics_of(&name(&application)).await.unwrap();
        assert_eq!((set.tasks.len(), set.operators.len()), (tasks, operators));
        let of_source = set.subtasks.get("source").map_or(&[][..], Vec::as_slice);
        assert_eq!(of_source.len(), subtasks);
        if let [first, second] = of_source {
            let names = ["busyTimeMsPerSecond", "idleTimeMsPerSecond", "records_lag_max"];
            assert_eq!(some(first, &names), [200., 750., 77.]);
            assert_eq!(some(second, &names), [400., 550., 0.]);
        }
        let first = &set.tasks["source"];
        assert_eq!(some(first, &["numRecordsIn", "numRecordsOut"]), [1000., 600.]);
        let times = ["busyTimeMsPerSecond", "backPressuredTimeMsPerSecond", "idleTimeMsPerSecond"];
        assert_eq!(some(first, &times), [600., 100., 300.]);
        assert_eq!(first["records_lag_max"], 77.0);
        assert!(!set.tasks["window"].contains_key("records_lag_max"));
        if let Some(filter) = set.operators.get("filter") {
            assert_eq!(some(filter, &["numRecordsIn", "numRecordsOut"]), [1000., 600.]);
            assert_eq!(some(filter, &times), [300., 50., 300.]);
            assert_eq!(set.operators["window"]["numLateRecordsDropped"], 5.0);
        }
        let finer = set.tasks.values().chain(set.operators.values());
        for known in finer.chain([&set.application]).flat_map(BTreeMap::keys) {
            assert!(METRICS.iter().any(|metric| metric.name == known), "{known}");
        }
    }
}

#[tokio::test]
async fn points_are_kept_and_told() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    let from = Utc::now() - TimeDelta::seconds(1);
    assert_eq!(world.control.keep_metrics().await.unwrap(), None);
    let claim = world.run("alerts").await;
    let _ = world.control.metrics_reported(&claim.job, &report()).await.unwrap();
    let kept = world.control.keep_metrics().await.unwrap().expect("nobody else keeps them");
    let to = Utc::now() + TimeDelta::seconds(1);
    let points = world.control.metric_history(&alerts, from, to).await.unwrap();
    assert_eq!(points.len(), 1);
    assert_eq!(points[0].metrics.application["threadsCount"], 9.0);
    // What is handed on is what is kept, and counters rise since a time that is told.
    let [one] = kept.applications.as_slice() else { panic!("{kept:?}") };
    assert_eq!((kept.at, &one.name, &one.metrics), (points[0].at, &alerts, &points[0].metrics));
    let (run, attempt) = (one.since(Since::Run).unwrap(), one.since(Since::Attempt).unwrap());
    assert!(from < run && run < attempt && attempt < to, "{run} {attempt}");
    let wrong = world.control.metric_history(&alerts, to, from).await.unwrap_err();
    assert_eq!(wrong.code(), ErrorCode::InvalidArgument);
    let unknown = world.control.metric_history(&name("other"), from, to).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::ResourceNotFound);
}

#[tokio::test]
async fn the_log_says_why_a_job_restarts_with_the_traceback() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    let mut failure = failure(Domain::External, true, "no broker");
    failure.traceback = Some("Traceback".to_owned());
    let _ = world.control.job_failed(&claim.job, &failure).await.unwrap();
    let any = LogFilter::default();
    let lines = world.control.logs_tail(&name("alerts"), 9, &any).await.unwrap();
    let last = lines.last().unwrap();
    assert_eq!(last.message, "Job alerts switched from RUNNING to RESTARTING: no broker");
    assert_eq!((last.level.as_str(), last.throwable.as_deref()), ("ERROR", Some("Traceback")));
    assert_eq!(last.version, Some(claim.version));
}
