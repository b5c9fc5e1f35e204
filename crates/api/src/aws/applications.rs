//! Applications: create, describe, list, update, delete.

use chrono::{DateTime, Utc};
use control::{Control, DeleteApplication, PageRequest};
use model::ids::ApplicationName;
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::endpoints::applications::{
    CreateApplicationRequest, ListApplicationsAnswer, UpdateApplicationRequest,
};
use crate::wire::detail::{self, ApplicationDetailAnswer};

/// An answer that says nothing.
#[derive(Debug, Serialize)]
pub(super) struct Done {}

/// AWS `Limit` and `NextToken`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Paging {
    limit: Option<i64>,
    next_token: Option<String>,
}

impl Paging {
    pub(super) fn parse(self) -> Result<PageRequest, Invalid> {
        PageRequest::new(self.limit, self.next_token)
    }
}

/// A time that a client gives back to us; clients keep whole seconds only.
pub(super) fn whole_seconds(field: &'static str, at: f64) -> Result<DateTime<Utc>, Invalid> {
    #[expect(clippy::cast_possible_truncation, reason = "cut to whole seconds, as AWS compares")]
    let found = DateTime::from_timestamp(at as i64, 0);
    found.ok_or_else(|| Invalid::new(field, "must be seconds since 1970"))
}

pub(super) async fn create(
    control: Control,
    request: CreateApplicationRequest,
) -> Result<ApplicationDetailAnswer, Refusal> {
    Ok(detail::answer(control.create(request.parse()?).await?))
}

/// AWS `DescribeApplicationRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Describe {
    application_name: ApplicationName,
    include_additional_details: Option<bool>,
}

pub(super) async fn describe(
    control: Control,
    request: Describe,
) -> Result<ApplicationDetailAnswer, Refusal> {
    let found = detail::answer(control.describe(&request.application_name).await?);
    let plan = match request.include_additional_details {
        Some(true) => control.job_plan(&request.application_name).await?,
        Some(false) | None => None,
    };
    Ok(found.with_job_plan(plan))
}

pub(super) async fn list(
    control: Control,
    request: Paging,
) -> Result<ListApplicationsAnswer, Refusal> {
    let page = control.list(&request.parse()?).await?;
    Ok(ListApplicationsAnswer::of(&control, page))
}

/// AWS `UpdateApplicationRequest`; in REST the name is in the path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Update {
    application_name: ApplicationName,
    #[serde(flatten)]
    request: UpdateApplicationRequest,
}

pub(super) async fn update(
    control: Control,
    update: Update,
) -> Result<ApplicationDetailAnswer, Refusal> {
    let command = update.request.parse(update.application_name)?;
    Ok(detail::updated(control.update(command).await?))
}

/// AWS `DeleteApplicationRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    application_name: ApplicationName,
    create_timestamp: f64,
}

pub(super) async fn delete(control: Control, request: Delete) -> Result<Done, Refusal> {
    let command = DeleteApplication {
        name: request.application_name,
        create_timestamp: whole_seconds("CreateTimestamp", request.create_timestamp)?,
    };
    control.delete(command).await?;
    Ok(Done {})
}
