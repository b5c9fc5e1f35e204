//! Requests that add or delete one sub-resource, and their answers.

use control::{Change, Seen, UpdateApplication, Updated};
use model::configuration::SubResourceChange;
use model::ids::ApplicationName;
use model::invalid::Invalid;
use model::lifecycle::Status;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::configuration::sub_resources::{
    CloudWatchLoggingOption, CloudWatchLoggingOptionDescription, VpcConfiguration,
    VpcConfigurationDescription, logging_options, vpc_configurations,
};

/// AWS `AddApplicationCloudWatchLoggingOptionRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AddLoggingOptionRequest {
    cloud_watch_logging_option: CloudWatchLoggingOption,
    /// The version that was seen; absent = whichever is present.
    current_application_version_id: Option<i64>,
    conditional_token: Option<String>,
}

/// AWS `AddApplicationVpcConfigurationRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AddVpcConfigurationRequest {
    vpc_configuration: VpcConfiguration,
    /// The version that was seen; absent = whichever is present.
    current_application_version_id: Option<i64>,
    conditional_token: Option<String>,
}

impl AddLoggingOptionRequest {
    /// What is added, and what of the application was seen.
    pub(crate) fn parse(self) -> Result<(SubResourceChange, Seen), Invalid> {
        let seen = Seen::given(self.current_application_version_id, self.conditional_token)?;
        Ok((self.cloud_watch_logging_option.added(), seen))
    }
}

impl AddVpcConfigurationRequest {
    /// What is added, and what of the application was seen.
    pub(crate) fn parse(self) -> Result<(SubResourceChange, Seen), Invalid> {
        let seen = Seen::given(self.current_application_version_id, self.conditional_token)?;
        Ok((self.vpc_configuration.added(), seen))
    }
}

/// The update that a change of one sub-resource is.
pub(crate) fn update(
    name: ApplicationName,
    change: SubResourceChange,
    seen: Seen,
) -> UpdateApplication {
    let change = Change { sub_resources: vec![change], ..Change::default() };
    UpdateApplication { name, seen, change, run_configuration: None }
}

/// AWS `…CloudWatchLoggingOptionResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LoggingOptionsAnswer {
    #[serde(rename = "ApplicationARN")]
    application_arn: String,
    application_version_id: i64,
    /// Absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cloud_watch_logging_option_descriptions: Vec<CloudWatchLoggingOptionDescription>,
    /// When the application is restarted for the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
}

/// AWS `…VpcConfigurationResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VpcConfigurationAnswer {
    #[serde(rename = "ApplicationARN")]
    application_arn: String,
    application_version_id: i64,
    /// Absent when it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_configuration_description: Option<VpcConfigurationDescription>,
    /// When the application is restarted for the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
}

/// A change of a READY application is complete already: AWS gives no operation to wait for.
fn operation_id(updated: &Updated) -> Option<String> {
    (updated.detail.status != Status::Ready).then(|| updated.operation.to_string())
}

pub(crate) fn logging_answer(updated: Updated) -> LoggingOptionsAnswer {
    LoggingOptionsAnswer {
        operation_id: operation_id(&updated),
        application_version_id: updated.detail.version.get(),
        cloud_watch_logging_option_descriptions: logging_options(
            &updated.detail.configuration.logging_options,
        ),
        application_arn: updated.detail.arn,
    }
}

pub(crate) fn vpc_answer(updated: Updated) -> VpcConfigurationAnswer {
    VpcConfigurationAnswer {
        operation_id: operation_id(&updated),
        application_version_id: updated.detail.version.get(),
        vpc_configuration_description: vpc_configurations(
            &updated.detail.configuration.vpc_configurations,
        )
        .pop(),
        application_arn: updated.detail.arn,
    }
}
