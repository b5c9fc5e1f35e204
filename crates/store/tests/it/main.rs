//! Every method of the store against a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod applications;
mod audit;
mod checkpoints;
mod claims;
mod coverage;
mod database;
mod enhanced;
mod journal;
mod keys;
mod metric_points;
mod room;
mod runs;
mod scalings;
mod schema;
mod snapshots;
mod usage;
mod workers;

use model::{
    configuration::{
        ApplicationCode, ApplicationConfiguration, ApplicationMode, Program, RunConfiguration,
    },
    ids::{ApplicationId, RunId, VersionId},
};
use store::{Application, NewApplication, NewRun, NewVersion, Run, Tx};
use uuid::Uuid;

fn configuration() -> ApplicationConfiguration {
    let text = "SELECT 1".to_owned();
    let code = ApplicationCode {
        program: Program::Sql { text },
        sha256: "a".repeat(64),
        md5: "b".repeat(32),
        size: 8,
        s3: None,
        s3_version: None,
        s3_etag: None,
    };
    let new = ApplicationConfiguration::new("FLINK-1_20".parse().unwrap());
    ApplicationConfiguration { code: Some(code), ..new }
}

/// Adds an application with its first version.
async fn seed(tx: &mut Tx, name: &str) -> Application {
    let new = NewApplication {
        id: ApplicationId(Uuid::new_v4()),
        name: name.parse().unwrap(),
        description: Some("words".to_owned()),
        mode: ApplicationMode::Streaming,
        maintenance_window_start: "03:00".to_owned(),
    };
    tx.insert_application(&new).await.unwrap();
    let version = NewVersion {
        version: VersionId::FIRST,
        configuration: &configuration(),
        conditional_token: "token",
        updated_from: None,
        rolled_back_to: None,
    };
    tx.insert_version(new.id, &version).await.unwrap();
    tx.application(&new.name).await.unwrap().unwrap()
}

/// Adds an application with a run.
async fn seed_run(tx: &mut Tx, name: &str) -> (Application, Run) {
    let application = seed(tx, name).await;
    let new = NewRun {
        id: RunId(Uuid::new_v4()),
        version: VersionId::FIRST,
        parallelism: 4,
        kpus: 2,
        configuration: &RunConfiguration::default(),
        traceparent: None,
    };
    tx.insert_run(application.id, &new).await.unwrap();
    let run = tx.latest_run(application.id).await.unwrap().unwrap();
    (application, run)
}
