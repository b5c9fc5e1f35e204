//! CreateApplicationPresignedUrl: who may open the dashboard of which application, and for how long.

use std::time::Duration;

use model::{
    ids::{ApplicationId, ApplicationName},
    invalid::Invalid,
    lifecycle::{Command, admit},
};

use crate::{Control, audit::Audit, error::Result};

/// Seconds a session may last (AWS).
const SESSION: std::ops::RangeInclusive<i64> = 1800..=43_200;

/// Leave to look at one application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DashboardGrant {
    /// The application, whatever is called like it later.
    pub application: ApplicationId,
    /// How long one may look once the URL was opened, in whole seconds.
    pub session: Duration,
}

impl Control {
    /// Grants a look at the dashboard of a RUNNING application; the door makes a URL of it.
    ///
    /// # Errors
    /// A value that breaks a rule, a URL of anything but the dashboard of Flink, no such application,
    /// one that is not RUNNING.
    pub async fn presigned_url(
        &self,
        name: &ApplicationName,
        url_type: &str,
        session_seconds: Option<i64>,
    ) -> Result<DashboardGrant> {
        let seconds = session_seconds.unwrap_or(*SESSION.end());
        if !SESSION.contains(&seconds) {
            return Err(Invalid::new(
                "SessionExpirationDurationInSeconds",
                format!("must be 1800 to 43200, not {seconds}"),
            )
            .into());
        }
        match url_type {
            "FLINK_DASHBOARD_URL" => {}
            "ZEPPELIN_UI_URL" => {
                let problem = "must be `FLINK_DASHBOARD_URL`: `ZEPPELIN_UI_URL` is for Studio \
                               notebooks";
                return Err(Invalid::new("UrlType", problem).into());
            }
            _ => return Err(Invalid::new("UrlType", "must be `FLINK_DASHBOARD_URL`").into()),
        }
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        admit(application.status, Command::PresignUrl)?;
        let audit = Audit::of("CreateApplicationPresignedUrl", name);
        self.audit(&mut tx, audit.with("session_seconds", seconds)).await?;
        tx.commit().await?;
        let session = Duration::from_secs(seconds.unsigned_abs());
        Ok(DashboardGrant { application: application.id, session })
    }

    /// Whether the application that is called so now is the one that is meant.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn is_called(&self, meant: ApplicationId, name: &ApplicationName) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let found = tx.application(name).await?;
        Ok(found.is_some_and(|application| application.id == meant))
    }
}
