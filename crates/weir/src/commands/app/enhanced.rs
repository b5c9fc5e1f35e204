//! `weir app enhanced`: snapshots that belong to the installation.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::session::{Error, Session, encoded, text, time};
use super::table::{Table, fields};
use crate::client::Body;

/// Options of `weir app enhanced`.
#[derive(Debug, clap::Args)]
pub(super) struct Enhanced {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all enhanced snapshots, newest first
    List {
        /// Only those of one application, which may be gone
        #[arg(long)]
        application: Option<String>,
    },
    /// Take one of a running application that has SnapshotMode ENHANCED_SNAPSHOTS
    Create {
        /// Name of the snapshot
        snapshot: String,
        /// Name of the application
        #[arg(long)]
        application: String,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// Wait until it is taken
        #[arg(long)]
        wait: bool,
    },
    /// Tell all of one
    Describe {
        /// Name of the snapshot
        snapshot: String,
    },
    /// Delete one
    Delete {
        /// Name of the snapshot
        snapshot: String,
    },
    /// Write a copy into a bucket, in a folder of its own below the prefix
    Export(Copied),
    /// Read a copy back from the folder that an export wrote
    Import(Copied),
    /// List what was done to one, newest first
    Operations {
        /// Name of the snapshot
        snapshot: String,
    },
}

#[derive(Debug, clap::Args)]
struct Copied {
    /// Name of the snapshot
    snapshot: String,
    /// Name of the bucket
    #[arg(long)]
    bucket: String,
    /// Key prefix in the bucket; of an import with the folder of the export
    #[arg(long)]
    prefix: String,
    /// Kept for AWS's tools; the installation uses its own credentials
    #[arg(long, default_value = "arn:aws:iam::000000000000:role/weir")]
    role: String,
    /// Wait until all is copied
    #[arg(long)]
    wait: bool,
}

const ALL: &str = "/v1/snapshots";
const LIST: &str = "SnapshotInfoList";
const OPERATIONS: &str = "SnapshotOperationInfoList";

pub(super) async fn run(session: &Session, arguments: &Enhanced) -> Result<(), Error> {
    let path = |snapshot: &str| format!("{ALL}/{}", encoded(snapshot));
    match arguments.action.as_ref().unwrap_or(&Action::List { application: None }) {
        Action::List { application } => {
            let only = application.as_ref();
            let only = only.map(|name| format!("&SourceApplicationName={}", encoded(name)));
            let answer = session.pages(ALL, &only.unwrap_or_default(), LIST).await?;
            session.show(&answer, |answer| list_in_words(&answer[LIST]));
        }
        Action::Create { snapshot, application, description, wait } => {
            let request = json!({ "ApplicationName": application, "SnapshotName": snapshot,
                                  "SnapshotDescription": description });
            let begun = session.client.post(ALL, request).await?;
            finish(session, snapshot, begun, *wait).await?;
        }
        Action::Describe { snapshot } => {
            let answer = session.client.get(&path(snapshot)).await?;
            session.show(&answer, |answer| in_words(&answer["SnapshotInfoDetails"]));
        }
        Action::Delete { snapshot } => {
            let found = session.client.get(&path(snapshot)).await?;
            let at = &found["SnapshotInfoDetails"]["SnapshotCreationTimestamp"];
            let path = format!("{}?SnapshotCreationTimestamp={at}", path(snapshot));
            let answer = session.client.call(Method::DELETE, &path, Body::Nothing).await?;
            session.done(&answer, &format!("snapshot {snapshot} is being deleted"));
        }
        Action::Export(copied) => {
            let request = json!({ "ExportDestinationConfiguration": {
                "DestinationType": "S3", "ExportRoleArn": copied.role,
                "DestinationS3PrefixLocation": copied.place(),
            } });
            let path = format!("{}/export", path(&copied.snapshot));
            let begun = session.client.post(&path, request).await?;
            finish(session, &copied.snapshot, begun, copied.wait).await?;
        }
        Action::Import(copied) => {
            let request = json!({ "ImportSourceConfiguration": {
                "SourceType": "S3", "ImportRoleArn": copied.role,
                "SourceS3PrefixLocation": copied.place(),
            } });
            let path = format!("{}/import", path(&copied.snapshot));
            let begun = session.client.post(&path, request).await?;
            finish(session, &copied.snapshot, begun, copied.wait).await?;
        }
        Action::Operations { snapshot } => {
            let path = format!("{}/operations", path(snapshot));
            let answer = session.pages(&path, "", OPERATIONS).await?;
            session.show(&answer, |answer| operations_in_words(&answer[OPERATIONS]));
        }
    }
    Ok(())
}

impl Copied {
    fn place(&self) -> Value {
        json!({ "BucketARN": format!("arn:aws:s3:::{}", self.bucket), "KeyPrefix": self.prefix })
    }
}

/// Tells what has begun, or, if wanted, what became of it.
async fn finish(session: &Session, name: &str, begun: Value, wait: bool) -> Result<(), Error> {
    let operation = text(&begun["SnapshotOperationId"]);
    if !wait {
        session.done(&begun, &format!("snapshot {name}: operation {operation} has begun"));
        return Ok(());
    }
    let path = format!("{ALL}/{}/operations/{}", encoded(name), encoded(&operation));
    let ended = session.wait_for_snapshot_operation(&path).await?;
    let details = &ended["SnapshotOperationInfoDetails"];
    let kind = text(&details["SnapshotOperation"]);
    if details["SnapshotOperationStatus"] != "SUCCESSFUL" {
        let why = &details["SnapshotOperationFailureDetails"]["ErrorInfo"];
        let (code, words) = (text(&why["ErrorCode"]), text(&why["ErrorString"]));
        return Err(format!("{kind} of snapshot `{name}` failed: {code}: {words}").into());
    }
    session.done(&ended, &format!("snapshot {name}: {kind} done (operation {operation})"));
    Ok(())
}

fn list_in_words(snapshots: &Value) -> String {
    let mut table = Table::new(&["SNAPSHOT", "STATUS", "APPLICATION", "CREATED", "MADE BY"]);
    for it in snapshots.as_array().into_iter().flatten() {
        table.row(vec![
            text(&it["SnapshotName"]),
            text(&it["SnapshotStatus"]),
            text(&it["SourceApplicationName"]),
            time(&it["SnapshotCreationTimestamp"]),
            text(&it["SnapshotInitiatorOperation"]),
        ]);
    }
    table.text("there are no enhanced snapshots")
}

fn operations_in_words(operations: &Value) -> String {
    let mut table = Table::new(&["OPERATION", "ID", "STATUS", "STARTED", "ENDED"]);
    for it in operations.as_array().into_iter().flatten() {
        table.row(vec![
            text(&it["SnapshotOperation"]),
            text(&it["SnapshotOperationId"]),
            text(&it["SnapshotOperationStatus"]),
            time(&it["StartTime"]),
            time(&it["EndTime"]),
        ]);
    }
    table.text("nothing was done to it")
}

fn in_words(snapshot: &Value) -> String {
    let source = &snapshot["SnapshotSourceDescription"];
    let from = &source["SourceApplicationDescription"];
    let place = &source["S3PrefixLocation"];
    fields(&[
        ("Name", text(&snapshot["SnapshotName"])),
        ("ARN", text(&snapshot["SnapshotArn"])),
        ("Status", text(&snapshot["SnapshotStatus"])),
        ("Description", text(&snapshot["SnapshotDescription"])),
        ("Created", time(&snapshot["SnapshotCreationTimestamp"])),
        ("Made by", text(&snapshot["SnapshotInitiatorOperation"])),
        ("Application", text(&from["ApplicationName"])),
        ("Version", text(&from["ApplicationVersionId"])),
        ("Bucket", text(&place["BucketARN"])),
        ("Prefix", text(&place["KeyPrefix"])),
        ("Runtime", text(&snapshot["RuntimeEnvironment"])),
        ("State bytes", text(&snapshot["SnapshotSizeInBytes"])),
    ])
}
