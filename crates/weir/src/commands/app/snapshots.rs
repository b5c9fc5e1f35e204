//! `weir app snapshots`.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::session::{Error, Session, application, encoded, text, time};
use super::table::{Table, fields};
use crate::client::Body;

/// Options of `weir app snapshots`.
#[derive(Debug, clap::Args)]
pub(super) struct Snapshots {
    /// Name of the application
    name: String,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all snapshots
    List,
    /// Take a snapshot of a running application
    Create {
        /// Name of the snapshot
        snapshot: String,
        /// Wait until it is taken
        #[arg(long)]
        wait: bool,
    },
    /// Tell all of a snapshot
    Describe {
        /// Name of the snapshot
        snapshot: String,
    },
    /// Delete a snapshot
    Delete {
        /// Name of the snapshot
        snapshot: String,
    },
}

const LIST: &str = "SnapshotSummaries";

pub(super) async fn run(session: &Session, arguments: &Snapshots) -> Result<(), Error> {
    let name = &arguments.name;
    let all = format!("{}/snapshots", application(name));
    let path = |snapshot: &str| format!("{all}/{}", encoded(snapshot));
    match arguments.action.as_ref().unwrap_or(&Action::List) {
        Action::List => {
            let answer = session.pages(&all, "", LIST).await?;
            session.show(&answer, |answer| list_in_words(&answer[LIST]));
        }
        Action::Create { snapshot, wait } => {
            let request = json!({ "SnapshotName": snapshot });
            let mut answer = session.client.post(&all, request).await?;
            if *wait {
                answer = session.wait_for_snapshot(&path(snapshot)).await?;
            }
            let made = &answer["SnapshotDetails"];
            let status = text(&made["SnapshotStatus"]);
            if status == "FAILED" {
                let why = text(&made["Weir"]["Failure"]);
                return Err(format!("snapshot `{snapshot}` could not be taken: {why}").into());
            }
            session.done(&answer, &format!("snapshot {snapshot} of {name}: {status}"));
        }
        Action::Describe { snapshot } => {
            let answer = session.client.get(&path(snapshot)).await?;
            session.show(&answer, |answer| in_words(&answer["SnapshotDetails"]));
        }
        Action::Delete { snapshot } => {
            let path = path(snapshot);
            let answer = session.client.call(Method::DELETE, &path, Body::Nothing).await?;
            session.done(&answer, &format!("snapshot {snapshot} of {name} is deleted"));
        }
    }
    Ok(())
}

fn list_in_words(snapshots: &Value) -> String {
    let mut table = Table::new(&["SNAPSHOT", "STATUS", "VERSION", "CREATED", "STATE BYTES"]);
    for it in snapshots.as_array().into_iter().flatten() {
        table.row(vec![
            text(&it["SnapshotName"]),
            text(&it["SnapshotStatus"]),
            text(&it["ApplicationVersionId"]),
            time(&it["SnapshotCreationTimestamp"]),
            text(&it["Weir"]["StateBytes"]),
        ]);
    }
    table.text("there are no snapshots")
}

fn in_words(snapshot: &Value) -> String {
    fields(&[
        ("Name", text(&snapshot["SnapshotName"])),
        ("Status", text(&snapshot["SnapshotStatus"])),
        ("Version", text(&snapshot["ApplicationVersionId"])),
        ("Runtime", text(&snapshot["RuntimeEnvironment"])),
        ("Created", time(&snapshot["SnapshotCreationTimestamp"])),
        ("Checkpoint", text(&snapshot["Weir"]["CheckpointId"])),
        ("State bytes", text(&snapshot["Weir"]["StateBytes"])),
        ("Failure", text(&snapshot["Weir"]["Failure"])),
    ])
}
