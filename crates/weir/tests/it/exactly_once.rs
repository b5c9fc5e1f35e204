//! Kafka and S3 hold each window exactly once, whatever happens to the application on the way.

use std::process::Command;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use engine::source::Polled;
use serde_json::{Value, json};

use crate::support::{
    Application, Feeder, Installation, Windows, configuration, eventually, reader_with, sums,
};

/// The sums of readings by sensor and window, to a topic and to files.
const BOTH: &str = "
CREATE TABLE readings (
    sensor_id STRING,
    amount BIGINT,
    event_time TIMESTAMP(3),
    WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = '${source:topic}',
    'properties.bootstrap.servers' = '${source:servers}',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601'
);
CREATE TABLE topic_sums (
    sensor_id STRING, window_start TIMESTAMP(3), total BIGINT, readings BIGINT
) WITH (
    'connector' = 'kafka',
    'topic' = '${sink:topic}',
    'properties.bootstrap.servers' = '${source:servers}',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601',
    'sink.delivery-guarantee' = 'exactly-once',
    'sink.transactional-id-prefix' = 'weir-test'
);
CREATE TABLE file_sums (
    sensor_id STRING, window_start TIMESTAMP(3), total BIGINT, readings BIGINT, label STRING
) WITH (
    'connector' = 'filesystem',
    'path' = '${sink:path}',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601'
);
CREATE VIEW sums AS
SELECT sensor_id, window_start, SUM(amount) AS total, COUNT(*) AS readings
FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(event_time), INTERVAL '5' SECOND))
GROUP BY sensor_id, window_start, window_end;
EXECUTE STATEMENT SET BEGIN
INSERT INTO topic_sums SELECT * FROM sums;
INSERT INTO file_sums SELECT *, 'x' FROM sums;
END;
";

/// Creates `name`, reading topic `name` and writing topic `{name}-out` and files.
pub(crate) fn create(weir: &Installation, name: &str) {
    weir.services().create_topic(&format!("{name}-out"), 2);
    let group = |id: &str, map: Value| json!({ "PropertyGroupId": id, "PropertyMap": map });
    let groups = [
        group("source", json!({ "topic": name, "servers": weir.services().kafka() })),
        group(
            "sink",
            json!({
                "topic": format!("{name}-out"),
                "path": format!("s3://sensor-output/{name}/"),
            }),
        ),
    ];
    let content = json!({ "TextContent": BOTH });
    weir.application(name).create(&configuration(&content, "PLAINTEXT", &groups));
}

/// Every window in a topic, as often as it is there, for who reads `read_committed`.
fn committed(weir: &Installation, topic: &str) -> Vec<((String, i64), (i64, i64))> {
    let services = weir.services();
    let mut reader = reader_with(
        &services.connectors(),
        &services.kafka(),
        topic,
        &[
            ("scan.startup.mode", "earliest-offset"),
            ("scan.bounded.mode", "latest-offset"),
            ("properties.isolation.level", "read_committed"),
        ],
    );
    let until = Instant::now() + Duration::from_secs(60);
    let mut found = Vec::new();
    loop {
        assert!(Instant::now() < until, "topic `{topic}` has no end");
        match reader.poll(Duration::from_millis(50)).unwrap() {
            Polled::Batch { rows, .. } => {
                for line in rows.column(0).as_string::<i32>().iter().flatten() {
                    let row: Value = serde_json::from_str(line).unwrap();
                    let start = chrono::NaiveDateTime::parse_from_str(
                        row["window_start"].as_str().unwrap(),
                        "%Y-%m-%dT%H:%M:%S%.f",
                    );
                    let start_ms = start.unwrap().and_utc().timestamp_millis();
                    let key = (row["sensor_id"].as_str().unwrap().to_owned(), start_ms);
                    let number = |name: &str| row[name].as_i64().unwrap();
                    found.push((key, (number("total"), number("readings"))));
                }
            }
            Polled::Nothing | Polled::SplitEnd(_) => {}
            Polled::EndOfInput => return found,
        }
    }
}

/// Waits for all windows in both sinks, ends the application and compares.
pub(crate) fn must_end_with(weir: &Installation, name: &str, expected: &Windows) {
    let application = weir.application(name);
    let topic = format!("{name}-out");
    eventually("all windows in the topic", || {
        let found = committed(weir, &topic).len();
        if found >= expected.len() { Ok(()) } else { Err((found, application.weir())) }
    });
    application.must_end_with(expected);
    let mut found = committed(weir, &topic);
    found.sort();
    let expected: Vec<_> = expected.iter().map(|(key, sum)| (key.clone(), *sum)).collect();
    assert_eq!(found, expected);
}

fn kill(pid: u32) {
    let sent = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

fn set_parallelism(application: &Application<'_>, parallelism: u32) {
    let version = application.describe()["ApplicationVersionId"].clone();
    let answer = application.call(
        "PATCH",
        "",
        &json!({
            "CurrentApplicationVersionId": version,
            "ApplicationConfigurationUpdate": { "FlinkApplicationConfigurationUpdate": {
                "ParallelismConfigurationUpdate": {
                    "ConfigurationTypeUpdate": "CUSTOM",
                    "ParallelismUpdate": parallelism,
                    "ParallelismPerKPUUpdate": 1,
                },
            } },
        }),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Killed at different moments, stopped and started at parallelism 1, 3 and 2.
#[test]
fn kills_stops_and_other_parallelism_lose_and_double_nothing() {
    let name = "exactly-once";
    let weir = Installation::start(name);
    let worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic(name, 2));
    create(&weir, name);
    let application = weir.application(name);
    let mut attempt = 0;
    for parallelism in [1, 3, 2] {
        if attempt > 0 {
            set_parallelism(&application, parallelism);
        }
        application.start();
        application.await_status("RUNNING");
        attempt += 1;
        for _ in 0..2 {
            let running = application.await_attempt(attempt);
            let restored = running["RestoredCheckpointId"].as_u64().unwrap_or(0);
            application.await_checkpoint(restored + 2);
            kill(worker.jobs()[0]);
            attempt += 1;
        }
        let running = application.await_attempt(attempt);
        application.await_checkpoint(running["RestoredCheckpointId"].as_u64().unwrap() + 1);
        if parallelism != 2 {
            application.stop(false);
            application.await_status("READY");
        }
    }
    must_end_with(&weir, name, &sums(&feeder.finish(), 5));
}
