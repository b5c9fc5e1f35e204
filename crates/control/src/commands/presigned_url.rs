//! CreateApplicationPresignedUrl: checked as AWS checks it, and then refused, because there is no
//! dashboard that a browser could open without a key of the API.

use model::{
    ids::ApplicationName,
    invalid::Invalid,
    lifecycle::{Command, admit},
};

use crate::{
    Control,
    error::{Error, Result},
};

/// Seconds a session may last (AWS).
const SESSION: std::ops::RangeInclusive<i64> = 1800..=43_200;

impl Control {
    /// Refuses a request for a URL of a dashboard with what speaks against it.
    ///
    /// # Errors
    /// Always: a value that breaks a rule, no such application, one that is not RUNNING; else that
    /// there is no dashboard.
    pub async fn presigned_url(
        &self,
        name: &ApplicationName,
        url_type: &str,
        session_seconds: Option<i64>,
    ) -> Result<std::convert::Infallible> {
        if let Some(seconds) = session_seconds
            && !SESSION.contains(&seconds)
        {
            return Err(Invalid::new(
                "SessionExpirationDurationInSeconds",
                format!("must be 1800 to 43200, not {seconds}"),
            )
            .into());
        }
        if !["FLINK_DASHBOARD_URL", "ZEPPELIN_UI_URL"].contains(&url_type) {
            return Err(Invalid::new(
                "UrlType",
                "must be `FLINK_DASHBOARD_URL` or `ZEPPELIN_UI_URL`",
            )
            .into());
        }
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        admit(application.status, Command::PresignUrl)?;
        Err(Error::Unsupported(format!(
            "there is no dashboard to open with a URL; GET /v1/applications/{name} with its \
             /graph, /metrics, /checkpoints and /logs tells what a dashboard would"
        )))
    }
}
