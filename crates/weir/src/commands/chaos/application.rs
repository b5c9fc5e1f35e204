//! One application under test, through the REST API.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::world::OUTPUT;
use super::{Error, INPUT};
use crate::client::{Body, Client, ClientError};

/// Pause between two looks at an application.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How results reach Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Guarantee {
    ExactlyOnce,
    AtLeastOnce,
}

impl Guarantee {
    fn option(self) -> &'static str {
        match self {
            Self::ExactlyOnce => "exactly-once",
            Self::AtLeastOnce => "at-least-once",
        }
    }
}

/// An application of the test.
#[derive(Debug, Clone)]
pub(super) struct Application {
    pub(super) name: String,
    /// Length of its windows, so that no two neighbours have the same.
    pub(super) window_s: i64,
    pub(super) parallelism: u64,
    pub(super) servers: String,
    pub(super) guarantee: Guarantee,
    /// Time between two checkpoints.
    pub(super) checkpoint_ms: u64,
    pub(super) client: Client,
}

/// What Weir tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: String,
    pub(super) version: i64,
    pub(super) phase: String,
    pub(super) attempt: u64,
    pub(super) restarts: u64,
    pub(super) checkpoint: u64,
    pub(super) parallelism: u64,
    /// Why an attempt last failed.
    pub(super) failure: String,
}

impl Application {
    pub(super) fn windows_topic(&self) -> String {
        format!("{}-windows", self.name)
    }

    pub(super) fn records_topic(&self) -> String {
        format!("{}-records", self.name)
    }

    pub(super) async fn create(&self) -> Result<(), Error> {
        let body = json!({
            "ApplicationName": self.name,
            "RuntimeEnvironment": "FLINK-1_20",
            "ApplicationConfiguration": {
                "ApplicationCodeConfiguration": {
                    "CodeContentType": "PLAINTEXT",
                    "CodeContent": { "TextContent": include_str!("telemetry.sql") },
                },
                "EnvironmentProperties": { "PropertyGroups": self.groups("first") },
                "FlinkApplicationConfiguration": {
                    "CheckpointConfiguration": {
                        "ConfigurationType": "CUSTOM",
                        "CheckpointingEnabled": true,
                        "CheckpointInterval": self.checkpoint_ms,
                        "MinPauseBetweenCheckpoints": 0,
                    },
                    "ParallelismConfiguration": {
                        "ConfigurationType": "CUSTOM",
                        "Parallelism": self.parallelism,
                        "ParallelismPerKPU": 1,
                    },
                },
            },
        });
        self.client.post("/v1/applications", body).await?;
        Ok(())
    }

    fn groups(&self, label: &str) -> Value {
        let group = |id: &str, map: Value| json!({ "PropertyGroupId": id, "PropertyMap": map });
        json!([
            group(
                "source",
                json!({
                    "topic": INPUT,
                    "servers": self.servers,
                    "group": self.name,
                })
            ),
            group(
                "sink",
                json!({
                    "windows.topic": self.windows_topic(),
                    "records.topic": self.records_topic(),
                    "path": format!("s3://{OUTPUT}/{}", self.name),
                    "guarantee": self.guarantee.option(),
                    "label": label,
                })
            ),
            group("window", json!({ "seconds": self.window_s.to_string() })),
        ])
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/applications/{}{rest}", self.name)
    }

    pub(super) async fn seen(&self) -> Result<Seen, ClientError> {
        let answer = self.client.get(&self.path("")).await?;
        let detail = &answer["ApplicationDetail"];
        let weir = &detail["Weir"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let flink = &detail["ApplicationConfigurationDescription"]["FlinkApplicationConfigurationDescription"];
        Ok(Seen {
            status: text(&detail["ApplicationStatus"]),
            version: detail["ApplicationVersionId"].as_i64().unwrap_or_default(),
            phase: text(&weir["JobPhase"]),
            attempt: number(&weir["Attempt"]),
            restarts: number(&weir["Restarts"]),
            checkpoint: number(&weir["LatestCheckpoint"]["CheckpointId"]),
            parallelism: number(&flink["ParallelismConfigurationDescription"]["Parallelism"]),
            failure: text(&weir["Failure"]["Message"]),
        })
    }

    /// Waits until `reached` says yes of what is seen; an API that does not answer is asked again.
    pub(super) async fn until(
        &self,
        what: &str,
        patience: Duration,
        mut reached: impl FnMut(&Seen) -> bool,
    ) -> Result<Seen, Error> {
        let deadline = Instant::now() + patience;
        loop {
            let seen = self.seen().await;
            if let Ok(seen) = &seen
                && reached(seen)
            {
                return Ok(seen.clone());
            }
            if Instant::now() > deadline {
                let name = &self.name;
                return Err(format!("{name}: not {what} within {patience:?}: {seen:?}").into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Brings it to RUNNING from wherever it is; a READY one is started from its latest snapshot.
    pub(super) async fn run(&self, patience: Duration) -> Result<Seen, Error> {
        let deadline = Instant::now() + patience;
        let mut last = String::from("never asked");
        while Instant::now() < deadline {
            match self.seen().await {
                Ok(seen) if seen.status == "RUNNING" && seen.phase == "RUNNING" => return Ok(seen),
                Ok(seen) if seen.status == "READY" => {
                    let asked = self.client.post(&self.path("/start"), json!({})).await;
                    last = format!("READY; {asked:?}; {}", seen.failure);
                }
                Ok(seen) => last = format!("{seen:?}"),
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(format!("{}: does not run after {patience:?}: {last}", self.name).into())
    }

    pub(super) async fn post(&self, rest: &str, body: Value) -> Result<Value, ClientError> {
        self.client.post(&self.path(rest), body).await
    }

    /// Changes the label that every row carries, so that a new version runs.
    pub(super) async fn relabel(&self, label: &str) -> Result<Value, ClientError> {
        let seen = self.seen().await?;
        let change = json!({
            "CurrentApplicationVersionId": seen.version,
            "ApplicationConfigurationUpdate": {
                "EnvironmentPropertyUpdates": { "PropertyGroups": self.groups(label) },
            },
        });
        self.client.call(Method::PATCH, &self.path(""), Body::Json(change)).await
    }

    /// Changes the parallelism.
    pub(super) async fn rescale(&self, parallelism: u64) -> Result<Value, ClientError> {
        let seen = self.seen().await?;
        let change = json!({
            "CurrentApplicationVersionId": seen.version,
            "ApplicationConfigurationUpdate": {
                "FlinkApplicationConfigurationUpdate": { "ParallelismConfigurationUpdate": {
                    "ConfigurationTypeUpdate": "CUSTOM",
                    "ParallelismUpdate": parallelism,
                } },
            },
        });
        self.client.call(Method::PATCH, &self.path(""), Body::Json(change)).await
    }

    pub(super) async fn snapshot_status(&self, name: &str) -> Result<String, ClientError> {
        let answer = self.client.get(&self.path(&format!("/snapshots/{name}"))).await?;
        Ok(answer["SnapshotDetails"]["SnapshotStatus"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) async fn delete_snapshot(&self, name: &str) -> Result<Value, ClientError> {
        let path = self.path(&format!("/snapshots/{name}"));
        self.client.call(Method::DELETE, &path, Body::Nothing).await
    }

    /// Everything that Weir counts of its present run.
    pub(super) async fn metrics(&self) -> Result<Value, ClientError> {
        self.client.get(&self.path("/metrics")).await
    }

    /// The last lines of its history, for a report of what went wrong.
    pub(super) async fn events(&self) -> Vec<String> {
        let answer = self.client.get(&self.path("/events")).await.unwrap_or(Value::Null);
        let events = answer["Events"].as_array().cloned().unwrap_or_default();
        let line = |event: &Value| {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}: {}", event["At"], text("Kind"), text("Message"))
        };
        events.iter().map(line).collect()
    }
}
