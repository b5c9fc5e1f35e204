//! Logging options and VPC configurations, in and out.

use model::configuration::{LoggingOption, SubResourceChange, VpcConfiguration as Vpc};
use model::ids::SubResourceId;
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// AWS `CloudWatchLoggingOption`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CloudWatchLoggingOption {
    /// ARN of a log stream.
    #[serde(rename = "LogStreamARN")]
    log_stream_arn: String,
}

/// AWS `CloudWatchLoggingOptionUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CloudWatchLoggingOptionUpdate {
    cloud_watch_logging_option_id: String,
    #[serde(rename = "LogStreamARNUpdate")]
    log_stream_arn_update: Option<String>,
}

/// AWS `VpcConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct VpcConfiguration {
    /// 1 to 16.
    subnet_ids: Vec<String>,
    /// 1 to 5.
    security_group_ids: Vec<String>,
}

/// AWS `VpcConfigurationUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct VpcConfigurationUpdate {
    vpc_configuration_id: String,
    subnet_id_updates: Option<Vec<String>>,
    security_group_id_updates: Option<Vec<String>>,
}

impl CloudWatchLoggingOption {
    pub(crate) fn added(self) -> SubResourceChange {
        SubResourceChange::AddLoggingOption { log_stream_arn: self.log_stream_arn }
    }
}

impl CloudWatchLoggingOptionUpdate {
    pub(crate) fn parse(self) -> Result<SubResourceChange, Invalid> {
        Ok(SubResourceChange::UpdateLoggingOption {
            id: logging_option_id(&self.cloud_watch_logging_option_id)?,
            log_stream_arn: self.log_stream_arn_update,
        })
    }
}

impl VpcConfiguration {
    pub(crate) fn added(self) -> SubResourceChange {
        SubResourceChange::AddVpc {
            subnet_ids: self.subnet_ids,
            security_group_ids: self.security_group_ids,
        }
    }
}

impl VpcConfigurationUpdate {
    pub(crate) fn parse(self) -> Result<SubResourceChange, Invalid> {
        Ok(SubResourceChange::UpdateVpc {
            id: vpc_configuration_id(&self.vpc_configuration_id)?,
            subnet_ids: self.subnet_id_updates,
            security_group_ids: self.security_group_id_updates,
        })
    }
}

pub(crate) fn logging_option_id(text: &str) -> Result<SubResourceId, Invalid> {
    id("CloudWatchLoggingOptionId", text)
}

pub(crate) fn vpc_configuration_id(text: &str) -> Result<SubResourceId, Invalid> {
    id("VpcConfigurationId", text)
}

fn id(field: &'static str, text: &str) -> Result<SubResourceId, Invalid> {
    text.parse().map_err(|invalid: Invalid| Invalid::new(field, invalid.problem))
}

/// AWS `CloudWatchLoggingOptionDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CloudWatchLoggingOptionDescription {
    cloud_watch_logging_option_id: String,
    #[serde(rename = "LogStreamARN")]
    log_stream_arn: String,
}

/// AWS `VpcConfigurationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VpcConfigurationDescription {
    vpc_configuration_id: String,
    vpc_id: String,
    subnet_ids: Vec<String>,
    security_group_ids: Vec<String>,
}

pub(crate) fn logging_options(
    options: &[LoggingOption],
) -> Vec<CloudWatchLoggingOptionDescription> {
    let described = |option: &LoggingOption| CloudWatchLoggingOptionDescription {
        cloud_watch_logging_option_id: option.id.to_string(),
        log_stream_arn: option.log_stream_arn.clone(),
    };
    options.iter().map(described).collect()
}

pub(crate) fn vpc_configurations(vpcs: &[Vpc]) -> Vec<VpcConfigurationDescription> {
    let described = |vpc: &Vpc| VpcConfigurationDescription {
        vpc_configuration_id: vpc.id.to_string(),
        vpc_id: vpc.vpc_id(),
        subnet_ids: vpc.subnet_ids.clone(),
        security_group_ids: vpc.security_group_ids.clone(),
    };
    vpcs.iter().map(described).collect()
}
