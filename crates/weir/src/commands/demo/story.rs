//! The story, step by step.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::expected::{self, Chapter, Tally};
use super::streams::{TelemetryWriter, read_alerts, read_averages};
use super::telemetry::{Reading, Telemetry};
use super::{Arguments, Error};
use crate::client::{Body, Client};
use crate::services::Services;
use crate::terminal::say;

const APPLICATION: &str = "sensor-alerts";
const INPUT: &str = "sensor-telemetry";
const ALERTS: &str = "sensor-alerts";
const BUCKET: &str = "sensor-output";
const AVERAGES: &str = "averages";
const SNAPSHOT: &str = "before-the-edit";
const PARTITIONS: usize = 3;

/// An alert needs more high readings than this, before and after the edit.
const MORE_THAN: [i64; 2] = [3, 4];

/// Longest wait for anything that should take seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells the story; true when every window came out exactly once.
pub(super) async fn tell(services: &Services, arguments: &Arguments) -> Result<bool, Error> {
    let client = Client::new(&services.api_url());
    let registry = services.connectors();
    let s3 = services.s3_client();
    prepare(services).await?;
    let servers = services.kafka_address();
    let writer = {
        let servers = servers.clone();
        let registry = registry.clone();
        blocking(move || TelemetryWriter::open(&registry, &servers, INPUT)).await?
    };
    let mut pipeline = Pipeline { client, registry, s3, servers, writer: Some(writer) };

    let start_ms = chrono::Utc::now().timestamp_millis().div_euclid(3_600_000) * 3_600_000;
    let mut telemetry = Telemetry::new(start_ms, arguments.seed);
    let mut written = Vec::new();
    let span_ms = arguments.minutes * 60_000;

    say("");
    say("1. Create the application over HTTP");
    pipeline.create(arguments.sql).await?;
    say("2. Start it without a snapshot");
    pipeline.start(json!({ "ApplicationRestoreType": "SKIP_RESTORE_FROM_SNAPSHOT" })).await?;
    say(format!("3. Write {} minutes of telemetry, faster than real time", arguments.minutes));
    pipeline.write(&mut telemetry, span_ms, &mut written).await?;
    let mut chapters = vec![Chapter { until_ms: telemetry.now_ms(), more_than: MORE_THAN[0] }];
    pipeline.await_windows(&written, &chapters).await?;

    say("4. Take a snapshot and stop");
    pipeline.snapshot_and_stop().await?;
    say("5. Edit a property group over HTTP: alerts now need one more high reading");
    pipeline.edit().await?;
    say(format!("6. Start again from the snapshot `{SNAPSHOT}`"));
    let restore = json!({
        "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT",
        "SnapshotName": SNAPSHOT,
    });
    pipeline.start(restore).await?;
    pipeline.write(&mut telemetry, span_ms, &mut written).await?;
    chapters.push(Chapter { until_ms: telemetry.now_ms(), more_than: MORE_THAN[1] });

    say("7. Compare every window with an independent computation");
    let (alerts, averages, incomplete) = pipeline.await_windows(&written, &chapters).await?;
    say("");
    say(format!("   {} readings written", written.len()));
    report("alerts in Kafka", &alerts);
    report("averages in S3", &averages);
    for partition in &incomplete {
        say(format!("   partition {partition} has no success file"));
    }
    let good = alerts.good() && averages.good() && incomplete.is_empty();
    say(if good {
        "   Not one window was lost or doubled."
    } else {
        "   THE RESULT IS WRONG: windows were lost, doubled or miscounted."
    });
    Ok(good)
}

/// Makes the topics and the bucket.
async fn prepare(services: &Services) -> Result<(), Error> {
    services.create_topic(INPUT, PARTITIONS).await?;
    services.create_topic(ALERTS, 1).await?;
    services.create_bucket(BUCKET).await
}

struct Pipeline {
    client: Client,
    registry: std::sync::Arc<connectors::Registry>,
    s3: connectors::s3::S3,
    servers: String,
    writer: Option<TelemetryWriter>,
}

impl Pipeline {
    async fn create(&self, sql: bool) -> Result<(), Error> {
        let code = if sql {
            json!({
                "CodeContentType": "PLAINTEXT",
                "CodeContent": { "TextContent": include_str!(
                    "../../../../../examples/sensor-alerts-sql/sensor-alerts.sql") },
            })
        } else {
            json!({
                "CodeContentType": "ZIPFILE",
                "CodeContent": { "ZipFileContent": zipped_example()? },
            })
        };
        let detail = self
            .client
            .post(
                "/v1/applications",
                json!({
                    "ApplicationName": APPLICATION,
                    "RuntimeEnvironment": "FLINK-1_20",
                    "ServiceExecutionRole": "arn:aws:iam::000000000000:role/weir",
                    "ApplicationConfiguration": {
                        "ApplicationCodeConfiguration": code,
                        "EnvironmentProperties": { "PropertyGroups": [
                            { "PropertyGroupId": "consumer.config.0", "PropertyMap": {
                                "bootstrap.servers": self.servers,
                                "topic": INPUT,
                                "group.id": APPLICATION,
                            } },
                            { "PropertyGroupId": "producer.config.0", "PropertyMap": self.producer(MORE_THAN[0]) },
                        ] },
                        "FlinkApplicationConfiguration": { "CheckpointConfiguration": {
                            "ConfigurationType": "CUSTOM",
                            "CheckpointingEnabled": true,
                            "CheckpointInterval": 1000,
                            "MinPauseBetweenCheckpoints": 0,
                        } },
                    },
                }),
            )
            .await?;
        let detail = &detail["ApplicationDetail"];
        say(format!("   {} is {}", detail["ApplicationARN"], detail["ApplicationStatus"]));
        Ok(())
    }

    fn producer(&self, more_than: i64) -> Value {
        json!({
            "bootstrap.servers": self.servers,
            "alert.topic": ALERTS,
            "alert.threshold": "30",
            "alert.more.than": more_than.to_string(),
            "output.bucket": BUCKET,
            "output.prefix": AVERAGES,
        })
    }

    async fn start(&self, restore: Value) -> Result<(), Error> {
        let asked = Instant::now();
        let path = format!("/v1/applications/{APPLICATION}/start");
        let body = json!({ "RunConfiguration": { "ApplicationRestoreConfiguration": restore } });
        self.client.post(&path, body).await?;
        self.await_status("RUNNING").await?;
        let detail = self.describe().await?;
        say(format!(
            "   RUNNING after {:.1} s; effective restore: {}",
            asked.elapsed().as_secs_f64(),
            detail["ApplicationConfigurationDescription"]["RunConfigurationDescription"]["ApplicationRestoreConfigurationDescription"]
        ));
        Ok(())
    }

    async fn describe(&self) -> Result<Value, Error> {
        let mut answer = self.client.get(&format!("/v1/applications/{APPLICATION}")).await?;
        Ok(answer["ApplicationDetail"].take())
    }

    /// Shows each status on the way to `wanted`.
    async fn await_status(&self, wanted: &str) -> Result<(), Error> {
        let asked = Instant::now();
        let mut seen = String::new();
        while asked.elapsed() < PATIENCE {
            let detail = self.describe().await?;
            let status = detail["ApplicationStatus"].as_str().unwrap_or_default().to_owned();
            if status != seen {
                say(format!("   {:>6} ms  {status}", asked.elapsed().as_millis()));
                if status == "READY" && wanted == "RUNNING" && !seen.is_empty() {
                    return Err(format!("the start failed: {}", detail["Weir"]).into());
                }
                seen = status;
            }
            if seen == wanted {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("the application is {seen}, not {wanted}, after {PATIENCE:?}").into())
    }

    /// Writes `span_ms` of telemetry in steps, then pushes the watermark of every partition.
    async fn write(
        &mut self,
        telemetry: &mut Telemetry,
        span_ms: i64,
        written: &mut Vec<Reading>,
    ) -> Result<(), Error> {
        let mut steps: Vec<Vec<Reading>> = Vec::new();
        let readings = telemetry.readings(span_ms);
        steps.extend(readings.chunks(100).map(<[Reading]>::to_vec));
        steps.push(telemetry.marks(PARTITIONS * 8));
        for step in steps {
            written.extend(step.iter().cloned());
            let mut writer = self.writer.take().expect("only one step writes at a time");
            let done = blocking(move || writer.write(&step).map(|()| writer)).await?;
            self.writer = Some(done);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Waits until all expected windows are in both sinks; shows how many are.
    async fn await_windows(
        &self,
        written: &[Reading],
        chapters: &[Chapter],
    ) -> Result<(Tally, Tally, Vec<String>), Error> {
        let until_ms = chapters.last().expect("a story has a chapter").until_ms;
        let want_alerts = expected::alerts(written, chapters);
        let want_averages = expected::averages(written, until_ms);
        let asked = Instant::now();
        let mut shown = (usize::MAX, usize::MAX);
        loop {
            let (registry, servers, s3) =
                (self.registry.clone(), self.servers.clone(), self.s3.clone());
            let (alerts, (averages, incomplete)) = blocking(move || {
                Ok((
                    read_alerts(&registry, &servers, ALERTS)?,
                    read_averages(&s3, BUCKET, AVERAGES)?,
                ))
            })
            .await?;
            if shown != (alerts.len(), averages.len()) {
                shown = (alerts.len(), averages.len());
                say(format!(
                    "   {} of {} alerts in Kafka, {} of {} averages in S3",
                    alerts.len(),
                    want_alerts.len(),
                    averages.len(),
                    want_averages.len()
                ));
            }
            let there = alerts.len() >= want_alerts.len() && averages.len() >= want_averages.len();
            if (there && incomplete.is_empty()) || asked.elapsed() > PATIENCE {
                return Ok((
                    expected::compare(&want_alerts, &alerts),
                    expected::compare(&want_averages, &averages),
                    incomplete,
                ));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn snapshot_and_stop(&self) -> Result<(), Error> {
        let base = format!("/v1/applications/{APPLICATION}");
        self.client.post(&format!("{base}/snapshots"), json!({ "SnapshotName": SNAPSHOT })).await?;
        let asked = Instant::now();
        loop {
            let answer = self.client.get(&format!("{base}/snapshots/{SNAPSHOT}")).await?;
            let snapshot = &answer["SnapshotDetails"];
            match snapshot["SnapshotStatus"].as_str() {
                Some("READY") => {
                    say(format!("   snapshot `{SNAPSHOT}` is READY: {}", snapshot["Weir"]));
                    break;
                }
                Some("FAILED") => return Err(format!("the snapshot failed: {snapshot}").into()),
                _ if asked.elapsed() > PATIENCE => {
                    return Err(format!("the snapshot is not ready: {snapshot}").into());
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        self.client.post(&format!("{base}/stop"), json!({ "Force": false })).await?;
        self.await_status("READY").await
    }

    async fn edit(&self) -> Result<(), Error> {
        let path = format!("/v1/applications/{APPLICATION}/property-groups/producer.config.0");
        let body = json!({ "PropertyMap": self.producer(MORE_THAN[1]) });
        self.client.put(&path, Body::Json(body)).await?;
        let detail = self.describe().await?;
        say(format!("   application version is now {}", detail["ApplicationVersionId"]));
        Ok(())
    }
}

fn report(what: &str, tally: &Tally) {
    say(format!(
        "   {what}: {} expected, {} there exactly once, {} lost, {} doubled, {} wrong",
        tally.expected,
        tally.once,
        tally.lost.len(),
        tally.doubled.len(),
        tally.wrong.len()
    ));
    for text in tally.lost.iter().chain(&tally.doubled).chain(&tally.wrong).take(10) {
        say(format!("     {text}"));
    }
}

fn zipped_example() -> Result<String, Error> {
    use std::io::Write;

    use base64::Engine;

    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("main.py", zip::write::SimpleFileOptions::default())?;
    zip.write_all(include_bytes!("../../../../../examples/sensor-alerts/main.py"))?;
    Ok(base64::engine::general_purpose::STANDARD.encode(zip.finish()?.into_inner()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await?
}
