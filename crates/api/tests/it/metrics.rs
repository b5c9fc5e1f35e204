use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use control::METRICS;
use model::protocol::{JobMetrics, OperatorKind, OperatorMetrics};
use serde_json::{Value, json};

use crate::world::World;

const HISTORY: &str = "/v1/applications/alerts/metrics/history";

fn report(permille: u32) -> JobMetrics {
    let operator = OperatorMetrics {
        kind: OperatorKind::Source,
        task: "source \"1\"".to_owned(),
        records_out: 10,
        lag_records: 7,
        enters: true,
        leaves: true,
        ..OperatorMetrics::default()
    };
    JobMetrics {
        cpu_permille: permille,
        operators: [("source \"1\"".to_owned(), operator)].into(),
        ..JobMetrics::default()
    }
}

/// Samples by name and labels, and the types of names. Refuses what the format does not allow.
#[derive(Default)]
struct Exposition {
    types: BTreeMap<String, String>,
    samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

impl Exposition {
    fn parse(text: &str) -> Self {
        let mut read = Self::default();
        let mut present = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and its type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                let twice = read.types.insert(name.to_owned(), kind.to_owned());
                assert_eq!(twice, None, "{line}");
                present = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                assert!(rest.split_once(' ').is_some_and(|(_, help)| !help.is_empty()), "{line}");
            } else {
                read.sample(line, &present);
            }
        }
        assert!(text.ends_with('\n'));
        read
    }

    fn sample(&mut self, line: &str, present: &str) {
        let (series, value) = line.rsplit_once(' ').expect("a series and its value");
        let (name, mut labels) = series.split_once('{').unwrap_or((series, "}"));
        let plain = |it: char| it.is_ascii_alphanumeric() || it == '_';
        assert!(name.starts_with(present) && name.chars().all(plain), "{line}");
        let mut found = BTreeMap::new();
        while labels != "}" {
            let (label, rest) = labels.split_once("=\"").expect("a label and its text");
            let (mut text, mut escaped, mut end) = (String::new(), false, None);
            for (at, it) in rest.char_indices() {
                match (escaped, it) {
                    (false, '\\') => escaped = true,
                    (false, '"') => {
                        end = Some(at);
                        break;
                    }
                    (true, 'n') => (escaped, text) = (false, text + "\n"),
                    (_, it) => {
                        escaped = false;
                        text.push(it);
                    }
                }
            }
            assert!(label.chars().all(plain), "{line}");
            found.insert(label.to_owned(), text);
            labels = &rest[end.expect("a text ends") + 1..];
            labels = labels.strip_prefix(',').unwrap_or(labels);
        }
        let twice = self.samples.insert((name.to_owned(), found), value.parse().expect(line));
        assert_eq!(twice, None, "{line}");
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(label, text)| ((*label).to_owned(), (*text).to_owned()));
        self.samples.get(&(name.to_owned(), labels.collect())).copied()
    }
}

async fn scrape(world: &World) -> Exposition {
    let request = world.api.request(reqwest::Method::GET, "/metrics");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    Exposition::parse(&response.text().await.unwrap())
}

#[tokio::test]
async fn prometheus_reads_applications_and_service() {
    let world = World::new().await;
    world.create("idle").await;
    let mut alerts = crate::world::application("alerts");
    alerts["ApplicationConfiguration"]["FlinkApplicationConfiguration"] = json!({
        "MonitoringConfiguration": { "ConfigurationType": "CUSTOM", "MetricsLevel": "OPERATOR" },
    });
    world.api.post("/v1/applications", alerts).await.body(201);
    let claim = world.run_alerts().await;
    let _ = world.control.metrics_reported(&claim.job, &report(250)).await.unwrap();
    world.checkpoint(&claim, 1, None).await;
    world.heartbeat().await;
    let read = scrape(&world).await;
    let app = [("application", "alerts"), ("level", "application")];
    assert_eq!(read.value("weir_cpuUtilization", &app), Some(25.0));
    assert_eq!(read.value("weir_numRecordsIn", &app), Some(10.0));
    assert_eq!(read.value("weir_lastCheckpointSize", &app), Some(100.0));
    assert_eq!(read.types["weir_numRecordsIn"], "counter");
    let id = "source \"1\"";
    let operator = [("application", "alerts"), ("level", "operator"), ("operator", id)];
    assert_eq!(read.value("weir_records_lag_max", &operator), Some(7.0));
    let task = [("application", "alerts"), ("level", "task"), ("task", id)];
    assert_eq!(read.value("weir_idleTimeMsPerSecond", &task), Some(1000.0));
    assert!(
        read.samples
            .keys()
            .all(|(_, labels)| labels.get("application").is_none_or(|it| it == "alerts"))
    );
    let status = |status| read.value("weir_applications", &[("status", status)]);
    assert_eq!(
        (status("READY"), status("RUNNING"), status("STOPPING")),
        (Some(1.), Some(1.), Some(0.))
    );
    let none: [(&str, &str); 0] = [];
    assert_eq!(read.value("weir_workers", &none), Some(1.0));
    assert_eq!(read.value("weir_kpus_offered", &none), Some(8.0));
    assert_eq!(read.value("weir_kpus_used", &none), Some(1.0));
    assert_eq!(read.value("weir_claims_total", &none), Some(1.0));
    assert_eq!(read.value("weir_runs_waiting", &none), Some(0.0));

    world.api.get("/v1/nothing-here").await;
    world.api.get("/metrics").await;
    let read = scrape(&world).await;
    let posted = [("method", "POST"), ("path", "/v1/applications"), ("status", "201")];
    let name = "weir_http_request_duration_seconds";
    assert_eq!(read.value(&format!("{name}_count"), &posted), Some(2.0));
    let all = [posted[0], posted[1], posted[2], ("le", "+Inf")];
    assert_eq!(read.value(&format!("{name}_bucket"), &all), Some(2.0));
    let nowhere = [("method", "GET"), ("path", "unknown"), ("status", "404")];
    assert_eq!(read.value(&format!("{name}_count"), &nowhere), Some(1.0));
}

/// Names of metrics in the dashboard's queries.
fn queried(dashboard: &Value, into: &mut BTreeSet<String>) {
    match dashboard {
        Value::Object(members) => {
            if let Some(query) = members.get("expr").or(members.get("definition")) {
                let words = query
                    .as_str()
                    .unwrap()
                    .split(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
                into.extend(words.filter(|it| it.starts_with("weir_")).map(str::to_owned));
            }
            members.values().for_each(|it| queried(it, into));
        }
        Value::Array(items) => items.iter().for_each(|it| queried(it, into)),
        _ => {}
    }
}

#[tokio::test]
async fn the_dashboard_asks_only_for_what_is_exported() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("deploy/grafana/weir.json")).unwrap();
    let mut names = BTreeSet::new();
    queried(&serde_json::from_str(&text).unwrap(), &mut names);
    assert!(names.len() > 15, "{names:?}");
    let world = World::new().await;
    let read = scrape(&world).await;
    for name in names {
        let parts = ["_bucket", "_count", "_sum"];
        let of_histogram = parts.iter().find_map(|part| name.strip_suffix(part));
        let known = read.types.contains_key(&name)
            || of_histogram
                .is_some_and(|it| read.types.get(it).is_some_and(|it| it == "histogram"));
        assert!(known, "`{name}` is not exported");
    }
    let page = std::fs::read_to_string(root.join("deploy/OBSERVABILITY.md")).unwrap();
    for metric in METRICS {
        assert!(page.contains(&format!("| `{}` |", metric.name)), "{} is not told", metric.name);
    }
}

#[tokio::test]
async fn history_tells_minutes_and_longer_periods() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    let minute = DateTime::from_timestamp(Utc::now().timestamp() / 3600 * 3600 - 7200, 0).unwrap();
    let id = claim.application_id;
    for (number, permille) in [(1, 100), (2, 300), (3, 500)] {
        let _ = world.control.metrics_reported(&claim.job, &report(permille)).await.unwrap();
        let set = world.control.live_metrics_of(&claim.job.application).await.unwrap();
        let mut tx = world.store.begin().await.unwrap();
        let at = minute + TimeDelta::minutes(number);
        tx.insert_metric_points(at, &[(id, set)]).await.unwrap();
        tx.commit().await.unwrap();
    }
    let (from, to) = (minute.timestamp(), minute.timestamp() + 600);
    let query = format!("{HISTORY}?names=cpuUtilization,numRecordsIn&from={from}&to={to}");
    let told = world.api.get(&query).await.body(200);
    let cpu = &told["Metrics"][0];
    assert_eq!(
        (&told["Period"], &cpu["Name"], &cpu["Unit"]),
        (&json!(60), &json!("cpuUtilization"), &json!("Percent"))
    );
    let at = |number: i64| json!((from + number * 60) as f64);
    assert_eq!(
        cpu["Points"],
        json!([
            { "At": at(1), "Value": 10.0 }, { "At": at(2), "Value": 30.0 }, { "At": at(3), "Value": 50.0 },
        ])
    );
    assert_eq!(told["Metrics"].as_array().unwrap().len(), 2);
    let told = world.api.get(&format!("{query}&period=120")).await.body(200);
    let points = &told["Metrics"][0]["Points"];
    assert_eq!(*points, json!([{ "At": at(2), "Value": 20.0 }, { "At": at(4), "Value": 50.0 }]));
    let now = world.api.get("/v1/applications/alerts/metrics/history").await.body(200);
    assert_eq!(now["Metrics"], json!([]));
    for wrong in ["names=heap", "period=61", "period=0", "from=1e300", "from=2&to=1"] {
        let answer = world.api.get(&format!("{HISTORY}?{wrong}")).await;
        answer.refused(422, "InvalidArgumentException");
    }

    let answer = world.api.get(&format!("{HISTORY}?to=later")).await;
    answer.refused(400, "InvalidRequestException");

    let now = world.api.get("/v1/applications/alerts/metrics").await.body(200);
    assert_eq!(now["Metrics"]["cpuUtilization"], 50.0);
}
