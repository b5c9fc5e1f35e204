//! `weir app versions`, `operations`, `events`.

use serde_json::Value;

use super::session::{Error, Session, application, text, time};
use super::table::Table;

/// Options of a list about one application.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Name of the application
    name: String,
}

/// Reads all pages of `list` and shows each item as a row.
async fn show(
    session: &Session,
    arguments: &List,
    (path, list): (&str, &str),
    head: &[&'static str],
    row: impl Fn(&Value) -> Vec<String>,
) -> Result<(), Error> {
    let path = format!("{}/{path}", application(&arguments.name));
    let answer = session.pages(&path, "", list).await?;
    session.show(&answer, |answer| {
        let mut table = Table::new(head);
        for item in answer[list].as_array().into_iter().flatten() {
            table.row(row(item));
        }
        table.text("there are none")
    });
    Ok(())
}

pub(super) async fn versions(session: &Session, arguments: &List) -> Result<(), Error> {
    let list = ("versions", "ApplicationVersionSummaries");
    show(session, arguments, list, &["VERSION", "STATUS", "MADE FROM", "CREATED"], |it| {
        vec![
            text(&it["ApplicationVersionId"]),
            text(&it["ApplicationStatus"]),
            text(&it["ApplicationVersionUpdatedFrom"]),
            time(&it["ApplicationVersionCreateTimestamp"]),
        ]
    })
    .await
}

pub(super) async fn operations(session: &Session, arguments: &List) -> Result<(), Error> {
    let list = ("operations", "ApplicationOperationInfoList");
    let head = ["OPERATION", "ID", "STATUS", "STARTED", "ENDED", "CAUSE"];
    show(session, arguments, list, &head, |it| {
        vec![
            text(&it["Operation"]),
            text(&it["OperationId"]),
            text(&it["OperationStatus"]),
            time(&it["StartTime"]),
            time(&it["EndTime"]),
            text(&it["OperationFailureDetails"]["ErrorInfo"]["ErrorString"]),
        ]
    })
    .await
}

pub(super) async fn events(session: &Session, arguments: &List) -> Result<(), Error> {
    let list = ("events", "Events");
    show(session, arguments, list, &["AT", "KIND", "VERSION", "ATTEMPT", "MESSAGE"], |it| {
        vec![
            time(&it["At"]),
            text(&it["Kind"]),
            text(&it["ApplicationVersionId"]),
            text(&it["Attempt"]),
            text(&it["Message"]),
        ]
    })
    .await
}
