//! What a collector is told: one trace from a request to the job's process, and the points of metrics.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::failover::signal;
use crate::support::{Collector, Feeder, Installation, configuration, text, tls_file, zip_file};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn links_to(span: &Span, to: &Span) -> bool {
    span.links.iter().any(|it| it.span_id == to.span_id && it.trace_id == to.trace_id)
}

#[test]
fn a_start_is_one_trace_from_the_request_to_the_job_and_points_are_pushed_once() {
    let name = "traced";
    let collector = Collector::start();
    let weir = Installation::start_with(
        name,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{}/v1/traces", collector.https_url())),
            ("SSL_CERT_FILE", tls_file("certificate.pem").to_str().unwrap()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ],
    );
    let worker = weir.start_worker("worker");
    // Points must not come twice because there are two.
    let other = weir.start_worker("other");
    let feeder = Feeder::start(weir.topic(name, 1));
    let application = weir.application(name);
    application.create_sums(name, 5);
    let path = format!("/v1/applications/{name}/start");
    let place = format!("00-{TRACE}-{SPAN}-01");
    let (answer, headers) = weir.call_with("POST", &path, b"{}".to_vec(), ("traceparent", &place));
    assert_eq!(answer.status, 202, "{answer:?}");
    application.await_status("RUNNING");

    let root: Vec<u8> =
        (0..8).map(|i| u8::from_str_radix(&SPAN[2 * i..][..2], 16).unwrap()).collect();
    let find = |parent: &[u8], service: &str, name: &str| {
        let (found, span) = collector.wait(name, |told| told.child(parent, name).cloned());
        assert_eq!((found.as_str(), hex(&span.trace_id).as_str()), (service, TRACE), "{name}");
        span
    };
    let request = find(&root, "weir-api", "POST /v1/applications/{name}/start");
    assert_eq!(text(&request.attributes, "http.response.status_code").as_deref(), Some("202"));
    assert_eq!(text(&request.attributes, "url.path").as_deref(), Some(path.as_str()));
    assert_eq!(headers["traceresponse"], format!("00-{TRACE}-{}-01", hex(&request.span_id)));
    let claimed = find(&request.span_id, "weir-worker", "start attempt");
    assert_eq!(text(&claimed.attributes, "weir.application").as_deref(), Some(name));
    let job = find(&claimed.span_id, "weir-job", "start job");
    for step in ["plan", "take over", "open"] {
        let step = find(&job.span_id, "weir-job", step);
        assert!(step.start_time_unix_nano >= job.start_time_unix_nano);
        assert!(step.end_time_unix_nano <= job.end_time_unix_nano);
    }

    a_start_that_fails_says_whose_failure_it_was(&weir, &collector);

    // What the request does not wait for is linked to it.
    application.await_checkpoint(1);
    let checkpoint = collector.wait("a checkpoint", |told| {
        told.spans.iter().find(|(_, it)| it.name == "checkpoint" && links_to(it, &job)).cloned()
    });
    assert_eq!(checkpoint.0, "weir-job");
    assert_ne!(checkpoint.1.trace_id, job.trace_id);
    signal([worker.jobs(), other.jobs()].concat()[0], "KILL");
    application.await_attempt(2);
    collector.wait("the second attempt", |told| {
        let mut attempts = told.spans.iter().filter(|(_, it)| it.name == "start attempt");
        attempts.find(|(_, it)| links_to(it, &request) && it.trace_id != request.trace_id).cloned()
    });

    let points = collector.wait("points", |told| {
        let there = |name: &str| told.metrics.iter().any(|(_, metric)| metric.name == name);
        (there("numRecordsIn") && there("cpuUtilization")).then(|| told.metrics.clone())
    });
    let mut seen = BTreeSet::new();
    for (service, metric) in &points {
        assert_eq!(service, "weir-worker");
        let (rises, data) = match metric.data.as_ref().unwrap() {
            Data::Gauge(gauge) => (false, &gauge.data_points),
            Data::Sum(sum) => (sum.is_monotonic, &sum.data_points),
            other => panic!("{other:?}"),
        };
        let counts =
            ["numRecordsIn", "numRecordsOut", "fullRestarts"].contains(&metric.name.as_str());
        assert!(rises || !counts, "{metric:?}");
        for point in data {
            let of = text(&point.attributes, "application").unwrap();
            let level = text(&point.attributes, "level").unwrap();
            let once = seen.insert((metric.name.clone(), of, level, point.time_unix_nano));
            assert!(once, "twice: {metric:?}");
        }
    }
    assert!(seen.iter().any(|(metric, of, ..)| metric == "numRecordsIn" && of == name));
    collector
        .wait("headers", |told| told.headers.contains(&"x-tenant: a b".to_owned()).then_some(()));
    feeder.finish();
}

fn a_start_that_fails_says_whose_failure_it_was(weir: &Installation, collector: &Collector) {
    let application = weir.application("raises");
    // What jobs are told of the collector may hold secrets.
    let program = "import os\nprint('told:', [it for it in os.environ if it[:4] in ('OTEL', 'SSL_')])\n1 / 0\n";
    let zip = zip_file(&[("main.py", program)]);
    application.create(&configuration(&zip, "ZIPFILE", &[]));
    let operation = application.start();
    application.await_operation(&operation, "FAILED");
    let log = application.get("/logs").to_string();
    assert!(log.contains("told: []"), "{log}");
    for name in ["start attempt", "start job"] {
        let span = collector.wait(name, |told| {
            let of = |it: &Span| text(&it.attributes, "weir.application");
            let mut spans = told.spans.iter().map(|(_, it)| it);
            spans.find(|it| it.name == name && of(it).as_deref() == Some("raises")).cloned()
        });
        let status = span.status.as_ref().unwrap();
        assert_eq!(status.code, StatusCode::Error as i32, "{span:?}");
        assert_eq!(text(&span.attributes, "error.type").as_deref(), Some("user"));
    }
}

/// What must be there, once, and no longer holds anybody up.
fn starts_and_ends(name: &str, endpoint: &str) {
    let weir = Installation::start_with(
        name,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "300"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ],
    );
    let worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic(name, 1));
    let application = weir.application(name);
    application.create_sums(name, 5);
    application.start();
    application.await_status("RUNNING");
    application.await_checkpoint(1);
    signal(worker.jobs()[0], "KILL");
    application.await_attempt(2);
    let recovery = application.weir()["LastRecoveryMs"].as_u64().unwrap();
    assert!(recovery <= 3_000, "{recovery} ms");
    application.stop(false);
    application.await_status("READY");
    feeder.finish();
    let told = Instant::now();
    worker.terminate();
    let took = told.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    let said = weir.log("worker");
    assert_eq!(said.matches("does not take spans").count(), 1, "{said}");
}

#[test]
fn a_collector_that_is_not_there_changes_nothing() {
    // Nobody listens at a port that was just given back.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    starts_and_ends("no-collector", &format!("http://{closed}"));
}

#[test]
fn a_collector_that_never_answers_changes_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in silent.incoming() {
            // Reads, and says nothing.
            std::thread::spawn(move || stream.unwrap().read_to_end(&mut Vec::new()));
        }
    });
    starts_and_ends("silent-collector", &format!("http://{address}"));
}
