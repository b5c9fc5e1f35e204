//! AWS `ApplicationConfiguration`, in and out.

pub(crate) mod flink;
pub(crate) mod properties;
pub(crate) mod snapshots;
pub(crate) mod sub_resources;

use control::Change;
use model::configuration::ApplicationConfiguration as Configuration;
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::code;

/// AWS `ApplicationConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationConfiguration {
    application_code_configuration: code::ApplicationCodeConfiguration,
    environment_properties: properties::EnvironmentProperties,
    flink_application_configuration: flink::FlinkApplicationConfiguration,
    application_snapshot_configuration: snapshots::ApplicationSnapshotConfiguration,
    application_system_rollback_configuration: snapshots::ApplicationSystemRollbackConfiguration,
    application_encryption_configuration: Option<snapshots::ApplicationEncryptionConfiguration>,
    /// At most one; kept and shown.
    vpc_configurations: Vec<sub_resources::VpcConfiguration>,
}

/// AWS `ApplicationConfigurationUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationConfigurationUpdate {
    application_code_configuration_update: code::ApplicationCodeConfigurationUpdate,
    /// Replaces all property groups.
    environment_property_updates: Option<properties::EnvironmentProperties>,
    flink_application_configuration_update: flink::FlinkApplicationConfigurationUpdate,
    application_snapshot_configuration_update: snapshots::ApplicationSnapshotConfigurationUpdate,
    application_system_rollback_configuration_update:
        snapshots::ApplicationSystemRollbackConfigurationUpdate,
    application_encryption_configuration_update:
        Option<snapshots::ApplicationEncryptionConfigurationUpdate>,
    vpc_configuration_updates: Vec<sub_resources::VpcConfigurationUpdate>,
}

impl ApplicationConfiguration {
    /// As a change of the defaults.
    pub(crate) fn parse(self) -> Result<Change, Invalid> {
        let snapshots = self.application_snapshot_configuration;
        let encryption = self.application_encryption_configuration.map(|it| it.parse());
        Ok(Change {
            code: self.application_code_configuration.parse()?,
            properties: Some(self.environment_properties.parse()?),
            flink: self.flink_application_configuration.parse()?,
            snapshots_enabled: snapshots.snapshots_enabled,
            snapshot_mode: snapshots.mode()?,
            rollback_enabled: self.application_system_rollback_configuration.rollback_enabled,
            encryption: encryption.transpose()?,
            sub_resources: self.vpc_configurations.into_iter().map(|it| it.added()).collect(),
            ..Change::default()
        })
    }
}

impl ApplicationConfigurationUpdate {
    pub(crate) fn parse(self) -> Result<Change, Invalid> {
        let snapshots = self.application_snapshot_configuration_update;
        let encryption = self.application_encryption_configuration_update.map(|it| it.parse());
        let vpcs = self.vpc_configuration_updates.into_iter().map(|it| it.parse());
        Ok(Change {
            code: self.application_code_configuration_update.parse()?,
            properties: self.environment_property_updates.map(|it| it.parse()).transpose()?,
            flink: self.flink_application_configuration_update.parse()?,
            snapshots_enabled: snapshots.snapshots_enabled_update,
            snapshot_mode: snapshots.mode()?,
            rollback_enabled: self
                .application_system_rollback_configuration_update
                .rollback_enabled_update,
            encryption: encryption.transpose()?,
            sub_resources: vpcs.collect::<Result<_, Invalid>>()?,
            ..Change::default()
        })
    }
}

/// AWS `ApplicationConfigurationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ApplicationConfigurationDescription {
    #[serde(skip_serializing_if = "Option::is_none")]
    application_code_configuration_description:
        Option<code::ApplicationCodeConfigurationDescription>,
    /// Only while it is started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_configuration_description: Option<super::run::RunConfigurationDescription>,
    pub(super) flink_application_configuration_description:
        flink::FlinkApplicationConfigurationDescription,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_property_descriptions: Option<properties::EnvironmentPropertyDescriptions>,
    application_snapshot_configuration_description:
        snapshots::ApplicationSnapshotConfigurationDescription,
    application_system_rollback_configuration_description:
        snapshots::ApplicationSystemRollbackConfigurationDescription,
    application_encryption_configuration_description:
        snapshots::ApplicationEncryptionConfigurationDescription,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vpc_configuration_descriptions: Vec<sub_resources::VpcConfigurationDescription>,
}

pub(crate) fn described(
    configuration: &Configuration,
    current_parallelism: u32,
) -> ApplicationConfigurationDescription {
    ApplicationConfigurationDescription {
        application_code_configuration_description: configuration
            .code
            .as_ref()
            .map(code::described),
        run_configuration_description: None,
        flink_application_configuration_description: flink::described(
            &configuration.flink,
            current_parallelism,
        ),
        environment_property_descriptions: properties::described(&configuration.properties),
        application_snapshot_configuration_description: snapshots::snapshots_described(
            configuration,
        ),
        application_system_rollback_configuration_description: snapshots::rollback_described(
            configuration,
        ),
        application_encryption_configuration_description: snapshots::encryption_described(
            &configuration.encryption,
        ),
        vpc_configuration_descriptions: sub_resources::vpc_configurations(
            &configuration.vpc_configurations,
        ),
    }
}
