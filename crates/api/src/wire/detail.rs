//! AWS `ApplicationDetail` and `ApplicationSummary`.

use axum::Json;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use control::ApplicationSummary as Summary;
use model::lifecycle::VersionStatus;
use serde::Serialize;
use utoipa::ToSchema;

use super::configuration::ApplicationConfigurationDescription;
use super::configuration::sub_resources::{CloudWatchLoggingOptionDescription, logging_options};
use super::{configuration, run, seconds};

/// AWS `ApplicationDetail`, with a member `Weir` beside it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ApplicationDetail {
    #[serde(rename = "ApplicationARN")]
    application_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_description: Option<String>,
    application_name: String,
    runtime_environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_execution_role: Option<String>,
    application_status: String,
    application_version_id: i64,
    create_timestamp: f64,
    last_update_timestamp: f64,
    application_configuration_description: ApplicationConfigurationDescription,
    cloud_watch_logging_option_descriptions: Vec<CloudWatchLoggingOptionDescription>,
    application_maintenance_configuration_description: MaintenanceWindow,
    application_mode: String,
    conditional_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_version_updated_from: Option<i64>,
    /// For a version that a rollback made: the version that was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    application_version_rolled_back_from: Option<i64>,
    /// For a version that a rollback made: the version whose configuration it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    application_version_rolled_back_to: Option<i64>,
    application_version_create_timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    weir: Option<run::Weir>,
}

/// AWS `ApplicationMaintenanceConfigurationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MaintenanceWindow {
    application_maintenance_window_start_time: String,
    application_maintenance_window_end_time: String,
}

impl From<control::MaintenanceWindow> for MaintenanceWindow {
    fn from(window: control::MaintenanceWindow) -> Self {
        Self {
            application_maintenance_window_start_time: window.start,
            application_maintenance_window_end_time: window.end,
        }
    }
}

/// An answer whose only member is the detail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ApplicationDetailAnswer {
    application_detail: ApplicationDetail,
    /// Of the change, when the application had to be restarted for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
}

/// The same with the version as its `ETag`, which `If-Match` takes.
#[derive(Debug)]
pub(crate) struct Tagged(pub(crate) ApplicationDetailAnswer);

impl IntoResponse for Tagged {
    fn into_response(self) -> Response {
        let version = self.0.application_detail.application_version_id;
        ([(ETAG, format!("\"{version}\""))], Json(self.0)).into_response()
    }
}

impl ApplicationDetailAnswer {
    /// With what `IncludeAdditionalDetails` asks for, where there is a job.
    pub(crate) fn with_job_plan(mut self, plan: Option<serde_json::Value>) -> Self {
        let configuration = &mut self.application_detail.application_configuration_description;
        configuration.flink_application_configuration_description.job_plan_description =
            plan.map(|plan| plan.to_string());
        self
    }
}

pub(crate) fn answer(detail: control::ApplicationDetail) -> ApplicationDetailAnswer {
    ApplicationDetailAnswer { application_detail: described(detail), operation_id: None }
}

pub(crate) fn updated(updated: control::Updated) -> ApplicationDetailAnswer {
    ApplicationDetailAnswer {
        application_detail: described(updated.detail),
        operation_id: Some(updated.operation.to_string()),
    }
}

pub(crate) fn described(detail: control::ApplicationDetail) -> ApplicationDetail {
    let mut description =
        configuration::described(&detail.configuration, detail.current_parallelism);
    description.run_configuration_description =
        detail.run_configuration.as_ref().map(run::described);
    ApplicationDetail {
        application_arn: detail.arn,
        application_description: detail.description,
        application_name: detail.name.to_string(),
        runtime_environment: detail.configuration.runtime.to_string(),
        service_execution_role: detail.configuration.service_execution_role.clone(),
        application_status: if detail.rolled_back {
            VersionStatus::RolledBack.as_str().to_owned()
        } else {
            detail.status.to_string()
        },
        application_version_id: detail.version.get(),
        create_timestamp: seconds(detail.created_at),
        last_update_timestamp: seconds(detail.updated_at),
        application_configuration_description: description,
        cloud_watch_logging_option_descriptions: logging_options(
            &detail.configuration.logging_options,
        ),
        application_maintenance_configuration_description: detail.maintenance_window.into(),
        application_mode: detail.mode.to_string(),
        conditional_token: detail.conditional_token,
        application_version_updated_from: detail.version_updated_from.map(|it| it.get()),
        application_version_rolled_back_from: detail.version_rolled_back_from.map(|it| it.get()),
        application_version_rolled_back_to: detail.version_rolled_back_to.map(|it| it.get()),
        application_version_create_timestamp: seconds(detail.version_created_at),
        weir: detail.run.map(run::weir),
    }
}

/// AWS `ApplicationSummary`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ApplicationSummary {
    application_name: String,
    #[serde(rename = "ApplicationARN")]
    application_arn: String,
    application_status: String,
    application_version_id: i64,
    runtime_environment: String,
    application_mode: String,
}

pub(crate) fn summarised(control: &control::Control, summary: Summary) -> ApplicationSummary {
    ApplicationSummary {
        application_arn: control.arn(&summary.name),
        application_name: summary.name.to_string(),
        application_status: summary.status.to_string(),
        application_version_id: summary.version.get(),
        runtime_environment: summary.runtime.to_string(),
        application_mode: summary.mode.to_string(),
    }
}
