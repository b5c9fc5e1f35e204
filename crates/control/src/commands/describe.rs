//! DescribeApplication, ListApplications, DescribeApplicationVersion, ListApplicationVersions.

use chrono::{DateTime, Utc};
use model::{
    ids::{ApplicationName, VersionId},
    lifecycle::VersionStatus,
};
use store::ApplicationSummary;

use crate::{
    Control,
    detail::ApplicationDetail,
    error::{Error, Result},
    page::{Page, PageRequest},
};

/// One version of an application, as [`ApplicationDetail`] with that version's configuration.
pub type VersionDetail = ApplicationDetail;

/// One line of a list of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionOverview {
    /// Its number.
    pub version: VersionId,
    /// The version it was made from.
    pub updated_from: Option<VersionId>,
    /// What it is doing.
    pub status: VersionStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Control {
    /// Tells all of an application.
    ///
    /// # Errors
    /// There is none of that name.
    pub async fn describe(&self, name: &ApplicationName) -> Result<ApplicationDetail> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let version = Self::current(&mut tx, &application).await?;
        self.detail(&mut tx, application, version).await
    }

    /// Stream graph of the present run, `{"nodes": […], "edges": […]}`; `None` when there is no run
    /// or its graph is not planned yet.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn job_plan(&self, name: &ApplicationName) -> Result<Option<serde_json::Value>> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        match tx.latest_run(application.id).await? {
            Some(run) if run.ended_at.is_none() => Ok(tx.graph(run.id).await?),
            Some(_) | None => Ok(None),
        }
    }

    /// A page of all applications, by name.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<ApplicationSummary>> {
        if let Some(token) = page.after_text() {
            token
                .parse::<ApplicationName>()
                .map_err(|invalid| model::invalid::Invalid::new("NextToken", invalid.problem))?;
        }
        let mut tx = self.store.begin().await?;
        let found = tx.list_applications(page.after_text(), page.fetch()).await?;
        Ok(page.page(found, |summary| summary.name.to_string()))
    }

    /// Tells all of an application as it was configured at a version.
    ///
    /// # Errors
    /// There is no such application or version.
    pub async fn describe_version(
        &self,
        name: &ApplicationName,
        version: VersionId,
    ) -> Result<VersionDetail> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let found = tx
            .version(application.id, version)
            .await?
            .ok_or_else(|| Error::NoSuchVersion { application: name.clone(), version })?;
        self.detail(&mut tx, application, found).await
    }

    /// A page of an application's versions, newest first.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn list_versions(
        &self,
        name: &ApplicationName,
        page: &PageRequest,
    ) -> Result<Page<VersionOverview>> {
        let before = page.after_number()?;
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let found = tx.list_versions(application.id, before, page.fetch()).await?;
        let found = found
            .into_iter()
            .map(|it| VersionOverview {
                version: it.version,
                updated_from: it.updated_from,
                status: VersionStatus::of(
                    application.status,
                    it.version == application.version,
                    it.rolled_back,
                ),
                created_at: it.created_at,
            })
            .collect();
        Ok(page.page(found, |version: &VersionOverview| version.version.to_string()))
    }
}
