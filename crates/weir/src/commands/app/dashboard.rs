//! `weir app dashboard`.

use serde_json::json;

use super::session::{Error, Session, application, text};

/// Options of `weir app dashboard`.
#[derive(Debug, clap::Args)]
pub(super) struct Dashboard {
    /// Name of the application
    name: String,
    /// How long one may look once the URL was opened, in minutes
    #[arg(long, default_value_t = 720, value_parser = clap::value_parser!(u32).range(30..=720))]
    minutes: u32,
}

pub(super) async fn dashboard(session: &Session, arguments: &Dashboard) -> Result<(), Error> {
    let path = format!("{}/presigned-url", application(&arguments.name));
    let request = json!({
        "UrlType": "FLINK_DASHBOARD_URL",
        "SessionExpirationDurationInSeconds": 60 * arguments.minutes,
    });
    let answer = session.client.post(&path, request).await?;
    session.show(&answer, |answer| format!("{}\n", text(&answer["AuthorizedUrl"])));
    Ok(())
}
