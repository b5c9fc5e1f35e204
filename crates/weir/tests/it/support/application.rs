//! One application, seen through the REST API.

use std::io::Write;

use base64::Engine;
use serde_json::{Value, json};

use super::{Installation, Windows, eventually, streams};

/// The sums of readings by sensor and window, as files in S3.
const SUMS: &str = "
CREATE TABLE readings (
    sensor_id STRING,
    amount BIGINT,
    event_time TIMESTAMP(3),
    WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = '${source:topic}',
    'properties.bootstrap.servers' = '${source:servers}',
    'properties.group.id' = '${source:group}',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = '${source:ignore}',
    'json.timestamp-format.standard' = 'ISO-8601'
);
CREATE TABLE sums (
    sensor_id STRING,
    window_start TIMESTAMP(3),
    total BIGINT,
    readings BIGINT,
    label STRING
) WITH (
    'connector' = 'filesystem',
    'path' = '${sink:path}',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601'
);
INSERT INTO sums
SELECT sensor_id, window_start, SUM(amount), COUNT(*), '${sink:label}'
FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(event_time), INTERVAL '${window:seconds}' SECOND))
GROUP BY sensor_id, window_start, window_end;
";

/// What the API said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn message(&self) -> &str {
        self.body["Message"].as_str().unwrap_or_default()
    }
}

/// A name in an installation.
pub(crate) struct Application<'a> {
    at: &'a Installation,
    name: String,
}

impl<'a> Application<'a> {
    pub(crate) fn new(at: &'a Installation, name: &str) -> Self {
        Self { at, name: name.to_owned() }
    }

    /// Creates it; the answer may be a refusal.
    pub(crate) fn try_create(&self, configuration: &Value) -> Answer {
        let body = json!({
            "ApplicationName": self.name,
            "RuntimeEnvironment": "FLINK-1_20",
            "ApplicationConfiguration": configuration,
        });
        self.at.call("POST", "/v1/applications", serde_json::to_vec(&body).unwrap())
    }

    #[track_caller]
    pub(crate) fn create(&self, configuration: &Value) {
        let answer = self.try_create(configuration);
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Creates it with the script that sums up a topic.
    #[track_caller]
    pub(crate) fn create_sums(&self, topic: &str, seconds: u32) {
        self.create(&self.sums(topic, seconds));
    }

    /// The configuration of [`Application::create_sums`].
    pub(crate) fn sums(&self, topic: &str, seconds: u32) -> Value {
        let groups = [
            group(
                "source",
                json!({
                    "topic": topic,
                    "servers": self.at.services().kafka(),
                    "group": self.name,
                    "ignore": "false",
                }),
            ),
            self.sink("first"),
            group("window", json!({ "seconds": seconds.to_string() })),
        ];
        configuration(&json!({ "TextContent": SUMS }), "PLAINTEXT", &groups)
    }

    /// Where it writes, and what it writes into each row.
    pub(crate) fn sink(&self, label: &str) -> Value {
        let path = format!("s3://{}/{}/", super::services::OUTPUT, self.name);
        group("sink", json!({ "path": path, "label": label }))
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/applications/{}{rest}", self.name)
    }

    pub(crate) fn call(&self, method: &str, rest: &str, body: &Value) -> Answer {
        self.at.call(method, &self.path(rest), serde_json::to_vec(body).unwrap())
    }

    /// The same where the server may end before it has answered: `None`.
    pub(crate) fn try_call(&self, method: &str, rest: &str, body: &Value) -> Option<Answer> {
        self.at.try_call(method, &self.path(rest), serde_json::to_vec(body).unwrap())
    }

    #[track_caller]
    pub(crate) fn get(&self, rest: &str) -> Value {
        self.at.get(&self.path(rest))
    }

    #[track_caller]
    pub(crate) fn describe(&self) -> Value {
        self.get("")["ApplicationDetail"].take()
    }

    /// What only Weir tells.
    #[track_caller]
    pub(crate) fn weir(&self) -> Value {
        self.describe()["Weir"].take()
    }

    /// What is in its log.
    #[track_caller]
    pub(crate) fn logged(&self) -> Vec<String> {
        let answer = self.get("/logs?limit=1000");
        let lines = answer["LogLines"].as_array().unwrap().iter();
        lines.map(|line| line["Message"].as_str().unwrap().to_owned()).collect()
    }

    /// Asks for a start; gives the operation's id.
    #[track_caller]
    pub(crate) fn start(&self) -> String {
        self.order("/start", &json!({}))
    }

    #[track_caller]
    pub(crate) fn stop(&self, force: bool) -> String {
        self.order("/stop", &json!({ "Force": force }))
    }

    #[track_caller]
    fn order(&self, rest: &str, body: &Value) -> String {
        let answer = self.call("POST", rest, body);
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["OperationId"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn await_status(&self, wanted: &str) -> Value {
        eventually(&format!("`{}` becomes {wanted}", self.name), || {
            let detail = self.describe();
            if detail["ApplicationStatus"] == wanted { Ok(detail) } else { Err(detail) }
        })
    }

    #[track_caller]
    pub(crate) fn await_operation(&self, id: &str, wanted: &str) -> Value {
        let path = format!("/operations/{id}");
        eventually(&format!("operation {id} becomes {wanted}"), || {
            let mut answer = self.get(&path);
            let operation = answer["ApplicationOperationInfoDetails"].take();
            if operation["OperationStatus"] == wanted { Ok(operation) } else { Err(operation) }
        })
    }

    /// Waits until an attempt runs; gives what Weir tells of it.
    #[track_caller]
    pub(crate) fn await_attempt(&self, attempt: u64) -> Value {
        eventually(&format!("attempt {attempt} of `{}` runs", self.name), || {
            let weir = self.weir();
            let runs = weir["Attempt"] == attempt && weir["JobPhase"] == "RUNNING";
            if runs { Ok(weir) } else { Err(weir) }
        })
    }

    /// Number of the latest checkpoint; waits for one that is at least `least`.
    #[track_caller]
    pub(crate) fn await_checkpoint(&self, least: u64) -> u64 {
        eventually(&format!("checkpoint {least} of `{}`", self.name), || {
            let weir = self.weir();
            let latest = weir["LatestCheckpoint"]["CheckpointId"].as_u64();
            latest.filter(|latest| *latest >= least).ok_or(weir)
        })
    }

    /// Waits for as many results as are expected, ends the application and compares: each window
    /// must be there exactly once.
    #[track_caller]
    pub(crate) fn must_end_with(&self, expected: &Windows) {
        eventually(&format!("all windows of `{}`", self.name), || {
            let found = self.results().len();
            if found >= expected.len() { Ok(()) } else { Err((found, expected.len(), self.weir())) }
        });
        self.stop(false);
        self.await_status("READY");
        let found = self.results();
        let doubled: Vec<_> = found.iter().filter(|(_, values)| values.len() > 1).collect();
        assert!(doubled.is_empty(), "doubled: {doubled:?}");
        let lost: Vec<_> = expected.keys().filter(|key| !found.contains_key(key)).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        let found: Windows = found.into_iter().map(|(key, values)| (key, values[0].sum)).collect();
        assert_eq!(&found, expected);
    }

    /// All rows in its visible files.
    pub(crate) fn results(&self) -> streams::Results {
        streams::read_sums(&self.at.services().s3(), super::services::OUTPUT, &self.name)
    }
}

/// An `ApplicationConfiguration` with checkpoints twice a second.
pub(crate) fn configuration(content: &Value, content_type: &str, groups: &[Value]) -> Value {
    json!({
        "ApplicationCodeConfiguration": {
            "CodeContentType": content_type,
            "CodeContent": content,
        },
        "EnvironmentProperties": { "PropertyGroups": groups },
        "FlinkApplicationConfiguration": { "CheckpointConfiguration": {
            "ConfigurationType": "CUSTOM",
            "CheckpointingEnabled": true,
            "CheckpointInterval": 500,
            "MinPauseBetweenCheckpoints": 0,
        } },
    })
}

fn group(id: &str, map: Value) -> Value {
    json!({ "PropertyGroupId": id, "PropertyMap": map })
}

/// `CodeContent` with a zip of these files.
pub(crate) fn zip_file(files: &[(&str, &str)]) -> Value {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    json!({ "ZipFileContent": base64::engine::general_purpose::STANDARD.encode(bytes) })
}
