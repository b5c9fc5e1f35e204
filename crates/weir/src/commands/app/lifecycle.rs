//! `weir app start`, `stop` and `rollback`.

use serde_json::{Value, json};

use super::session::{Error, Session, application, text};

/// Options of `weir app start`.
#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// Name of the application
    name: String,
    #[command(flatten)]
    restore: Restore,
    /// Drop state of the snapshot that fits no operator of the program
    #[arg(long)]
    allow_non_restored_state: bool,
    /// Wait until it runs
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Restore {
    /// Start from this snapshot
    #[arg(long, value_name = "SNAPSHOT")]
    from_snapshot: Option<String>,
    /// Start with empty state
    #[arg(long)]
    skip_restore: bool,
    /// Start from the latest snapshot, with empty state if there is none (the default)
    #[arg(long)]
    latest: bool,
}

impl Restore {
    fn wish(&self) -> Value {
        match &self.from_snapshot {
            Some(name) => json!({
                "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT",
                "SnapshotName": name,
            }),
            None if self.skip_restore => {
                json!({ "ApplicationRestoreType": "SKIP_RESTORE_FROM_SNAPSHOT" })
            }
            None => json!({ "ApplicationRestoreType": "RESTORE_FROM_LATEST_SNAPSHOT" }),
        }
    }
}

/// Options of `weir app stop`.
#[derive(Debug, clap::Args)]
pub(super) struct Stop {
    /// Name of the application
    name: String,
    /// Stop at once, without a snapshot
    #[arg(long)]
    force: bool,
    /// Wait until it has stopped
    #[arg(long)]
    wait: bool,
}

pub(super) async fn start(session: &Session, arguments: &Start) -> Result<(), Error> {
    let request = json!({ "RunConfiguration": {
        "ApplicationRestoreConfiguration": arguments.restore.wish(),
        "FlinkRunConfiguration": { "AllowNonRestoredState": arguments.allow_non_restored_state },
    } });
    order(session, &arguments.name, "start", request, arguments.wait).await
}

pub(super) async fn stop(session: &Session, arguments: &Stop) -> Result<(), Error> {
    let request = json!({ "Force": arguments.force });
    order(session, &arguments.name, "stop", request, arguments.wait).await
}

/// Options of `weir app rollback`.
#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    /// Name of the application
    name: String,
    /// Only if this is its present version
    #[arg(long, value_name = "VERSION")]
    version: Option<i64>,
    /// Wait until it runs
    #[arg(long)]
    wait: bool,
}

pub(super) async fn rollback(session: &Session, arguments: &Rollback) -> Result<(), Error> {
    let name = &arguments.name;
    let version = match arguments.version {
        Some(version) => json!(version),
        None => session.client.get(&application(name)).await?["ApplicationDetail"]
            ["ApplicationVersionId"]
            .clone(),
    };
    let request = json!({ "CurrentApplicationVersionId": version });
    order(session, name, "rollback", request, arguments.wait).await
}

async fn order(
    session: &Session,
    name: &str,
    verb: &str,
    request: Value,
    wait: bool,
) -> Result<(), Error> {
    let answer = session.client.post(&format!("{}/{verb}", application(name)), request).await?;
    if wait {
        session.wait(name, &answer).await?;
    }
    let told = if wait { "done" } else { "requested" };
    session.done(
        &answer,
        &format!("{verb} of {name} {told} (operation {})", text(&answer["OperationId"])),
    );
    Ok(())
}
