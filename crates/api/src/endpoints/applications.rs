//! Applications: create, list, describe, update, delete.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};
use chrono::DateTime;
use control::{
    ApplicationSummary as Summary, Control, CreateApplication, DeleteApplication, Page, Seen,
    UpdateApplication,
};
use model::ids::ApplicationName;
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Paging;
use super::code::seen;
use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path, Query};
use crate::server::Shared;
use crate::wire::configuration::sub_resources::{
    CloudWatchLoggingOption, CloudWatchLoggingOptionUpdate,
};
use crate::wire::configuration::{ApplicationConfiguration, ApplicationConfigurationUpdate};
use crate::wire::detail::{self, ApplicationDetailAnswer, ApplicationSummary, Tagged};
use crate::wire::run::RunConfiguration;
use crate::wire::{lenient_bool, mode, runtime, seconds};

/// AWS `CreateApplicationRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CreateApplicationRequest {
    #[schema(required = true, min_length = 1, max_length = 128, pattern = "^[a-zA-Z0-9_.-]+$")]
    application_name: String,
    application_description: Option<String>,
    /// `FLINK-1_20` and others.
    runtime_environment: Option<String>,
    service_execution_role: Option<String>,
    application_configuration: ApplicationConfiguration,
    /// At most one; kept and shown.
    cloud_watch_logging_options: Vec<CloudWatchLoggingOption>,
    tags: Vec<Tag>,
    application_mode: Option<String>,
}

/// AWS `Tag`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// Tags by key.
pub(crate) fn tag_map(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Invalid> {
    let mut map = BTreeMap::new();
    for tag in tags {
        if map.insert(tag.key, tag.value).is_some() {
            let problem = "the provided tag map contains duplicate tag key";
            return Err(Invalid::new("Tags", problem));
        }
    }
    Ok(map)
}

impl CreateApplicationRequest {
    pub(crate) fn parse(self) -> Result<CreateApplication, control::Error> {
        let tags = tag_map(self.tags)?;
        let mut change = self.application_configuration.parse()?;
        change.service_execution_role = self.service_execution_role;
        let options = self.cloud_watch_logging_options;
        change.sub_resources.extend(options.into_iter().map(|it| it.added()));
        Ok(CreateApplication {
            name: self.application_name.parse()?,
            description: self.application_description,
            mode: mode(self.application_mode.as_deref())?,
            runtime: runtime(self.runtime_environment.as_deref().unwrap_or("FLINK-1_20"))?,
            change,
            tags,
        })
    }
}

/// Creates an application: READY, at version 1.
#[utoipa::path(post, path = "/v1/applications", tag = "applications",
    operation_id = "CreateApplication", request_body = CreateApplicationRequest,
    responses((status = 201, body = ApplicationDetailAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn create(
    shared: Shared,
    Body(request): Body<CreateApplicationRequest>,
) -> Result<(StatusCode, Tagged), Failure> {
    let made = shared.control.create(request.parse()?).await?;
    Ok((StatusCode::CREATED, Tagged(detail::answer(made))))
}

/// AWS `ListApplicationsResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListApplicationsAnswer {
    application_summaries: Vec<ApplicationSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl ListApplicationsAnswer {
    pub(crate) fn of(control: &Control, page: Page<Summary>) -> Self {
        let summaries = page.items.into_iter().map(|it| detail::summarised(control, it));
        Self { application_summaries: summaries.collect(), next_token: page.next_token }
    }
}

/// Lists applications by name.
#[utoipa::path(get, path = "/v1/applications", tag = "applications",
    operation_id = "ListApplications", params(Paging),
    responses((status = 200, body = ListApplicationsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn list(
    shared: Shared,
    Query(paging): Query<Paging>,
) -> Result<Json<ListApplicationsAnswer>, Failure> {
    let page = shared.control.list(&paging.parse()?).await?;
    Ok(Json(ListApplicationsAnswer::of(&shared.control, page)))
}

/// How much is to be told.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct DescribeParameters {
    /// Whether the job's stream graph is told, too, as JobPlanDescription.
    #[serde(deserialize_with = "lenient_bool")]
    include_additional_details: Option<bool>,
}

/// Tells all of an application.
#[utoipa::path(get, path = "/v1/applications/{name}", tag = "applications",
    operation_id = "DescribeApplication",
    params(("name" = String, Path, description = "Application name"), DescribeParameters),
    responses((status = 200, body = ApplicationDetailAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn describe(
    shared: Shared,
    Path(name): Path<String>,
    Query(parameters): Query<DescribeParameters>,
) -> Result<Tagged, Failure> {
    let name: ApplicationName = name.parse()?;
    let found = detail::answer(shared.control.describe(&name).await?);
    let plan = match parameters.include_additional_details {
        Some(true) => shared.control.job_plan(&name).await?,
        Some(false) | None => None,
    };
    Ok(Tagged(found.with_job_plan(plan)))
}

/// AWS `UpdateApplicationRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct UpdateApplicationRequest {
    current_application_version_id: Option<i64>,
    conditional_token: Option<String>,
    application_configuration_update: ApplicationConfigurationUpdate,
    service_execution_role_update: Option<String>,
    run_configuration_update: Option<RunConfiguration>,
    runtime_environment_update: Option<String>,
    /// Of options that are there.
    cloud_watch_logging_option_updates: Vec<CloudWatchLoggingOptionUpdate>,
}

impl UpdateApplicationRequest {
    pub(crate) fn parse(self, name: ApplicationName) -> Result<UpdateApplication, control::Error> {
        let mut change = self.application_configuration_update.parse()?;
        change.runtime = self.runtime_environment_update.as_deref().map(runtime).transpose()?;
        change.service_execution_role = self.service_execution_role_update;
        let options = self.cloud_watch_logging_option_updates.into_iter().map(|it| it.parse());
        change.sub_resources.extend(options.collect::<Result<Vec<_>, Invalid>>()?);
        Ok(UpdateApplication {
            name,
            seen: Seen::given(self.current_application_version_id, self.conditional_token)?,
            change,
            run_configuration: self.run_configuration_update.map(|it| it.parse()).transpose()?,
        })
    }
}

/// Changes an application; a running one is restarted from a snapshot with the new version. The version
/// that was seen stands in the body or in `If-Match`.
#[utoipa::path(patch, path = "/v1/applications/{name}", tag = "applications",
    operation_id = "UpdateApplication",
    params(("name" = String, Path, description = "Application name")), request_body = UpdateApplicationRequest,
    responses((status = 200, body = ApplicationDetailAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn update(
    shared: Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(request): Body<UpdateApplicationRequest>,
) -> Result<Tagged, Failure> {
    let mut command = request.parse(name.parse()?)?;
    // The body decides where it names a version or a token.
    if command.seen == (Seen::Match { version: None, token: None })
        && headers.contains_key(IF_MATCH)
    {
        command.seen = seen(&headers)?;
    }
    Ok(Tagged(detail::updated(shared.control.update(command).await?)))
}

/// Parameters of a deletion.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteParameters {
    /// The application's CreateTimestamp, to be sure which one is meant; absent = whichever is there.
    create_timestamp: Option<f64>,
}

/// Deletes an application; a running one is stopped first, without a snapshot.
#[utoipa::path(delete, path = "/v1/applications/{name}", tag = "applications",
    operation_id = "DeleteApplication",
    params(("name" = String, Path, description = "Application name"), DeleteParameters),
    responses((status = 202, description = "It is being deleted"), (status = "4XX", body = FailureBody)))]
pub(super) async fn delete(
    shared: Shared,
    Path(name): Path<String>,
    Query(parameters): Query<DeleteParameters>,
) -> Result<StatusCode, Failure> {
    let name: ApplicationName = name.parse()?;
    let at = match parameters.create_timestamp {
        Some(at) => at,
        None => seconds(shared.control.describe(&name).await?.created_at),
    };
    #[expect(clippy::cast_possible_truncation, reason = "cut to whole seconds, as AWS compares")]
    let create_timestamp = DateTime::from_timestamp(at as i64, 0)
        .ok_or_else(|| Invalid::new("CreateTimestamp", "must be seconds since 1970"))?;
    shared.control.delete(DeleteApplication { name, create_timestamp }).await?;
    Ok(StatusCode::ACCEPTED)
}
