//! What an application costs that has nothing to do, and how fast it is there.

use std::time::{Duration, Instant};

use engine::source::Polled;
use serde_json::json;

use crate::support::{Installation, configuration, eventually, reader};

/// What an idle application may take, in MB.
const MOST_MB: u64 = 60;

/// Passes records on.
const PASS: &str = "
CREATE TABLE incoming (record STRING) WITH (
    'connector' = 'kafka', 'topic' = 'incoming', 'properties.bootstrap.servers' = '${kafka:servers}',
    'scan.startup.mode' = 'earliest-offset', 'format' = 'raw'
);
CREATE TABLE outgoing (record STRING) WITH (
    'connector' = 'kafka', 'topic' = 'outgoing', 'properties.bootstrap.servers' = '${kafka:servers}',
    'format' = 'raw'
);
INSERT INTO outgoing SELECT record FROM incoming;
";

#[test]
fn an_idle_application_is_small_and_starts_fast() {
    let weir = Installation::start("idle");
    let worker = weir.start_worker("worker");
    let services = weir.services();
    let application = weir.application("idle");
    services.create_topic("outgoing", 1);
    weir.topic("incoming", 1).write(["first".to_owned()]);
    let mut output = reader(&services.connectors(), &services.kafka(), "outgoing");
    let group = json!({
        "PropertyGroupId": "kafka",
        "PropertyMap": { "servers": services.kafka() },
    });
    application.create(&configuration(&json!({ "TextContent": PASS }), "PLAINTEXT", &[group]));

    let asked = Instant::now();
    application.start();
    eventually("the first record", || match output.poll(Duration::from_millis(10)).unwrap() {
        Polled::Batch { .. } => Ok(()),
        Polled::Nothing | Polled::SplitEnd(_) | Polled::EndOfInput => Err(application.weir()),
    });
    eprintln!("first record after {} ms", asked.elapsed().as_millis());

    // Checkpoints use buffers, too.
    application.await_checkpoint(3);
    let jobs = worker.jobs();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", jobs[0])).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
    let mb = kib * 1024 / 1_000_000;
    eprintln!("an idle job has {mb} MB");
    // Only what is shipped is measured.
    assert!(cfg!(debug_assertions) || mb < MOST_MB, "{mb} MB");
}
