//! Snapshots, system rollback and encryption, in and out.

use model::configuration::{
    ApplicationConfiguration as Configuration, EncryptionConfiguration, KeyType, SnapshotMode,
};
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::{lenient_bool, parsed};

/// AWS `ApplicationSnapshotConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationSnapshotConfiguration {
    #[serde(deserialize_with = "lenient_bool")]
    pub(super) snapshots_enabled: Option<bool>,
    /// `APPLICATION_SNAPSHOTS_LEGACY` (the default) or `ENHANCED_SNAPSHOTS`.
    snapshot_mode: Option<String>,
}

/// AWS `ApplicationSnapshotConfigurationUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationSnapshotConfigurationUpdate {
    #[serde(deserialize_with = "lenient_bool")]
    pub(super) snapshots_enabled_update: Option<bool>,
    /// `ENHANCED_SNAPSHOTS`; there is no way back.
    snapshot_mode_update: Option<String>,
}

impl ApplicationSnapshotConfiguration {
    pub(super) fn mode(&self) -> Result<Option<SnapshotMode>, Invalid> {
        parsed(self.snapshot_mode.as_deref())
    }
}

impl ApplicationSnapshotConfigurationUpdate {
    pub(super) fn mode(&self) -> Result<Option<SnapshotMode>, Invalid> {
        parsed(self.snapshot_mode_update.as_deref())
    }
}

/// AWS `ApplicationSystemRollbackConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationSystemRollbackConfiguration {
    /// Whether a failed update is rolled back by itself.
    #[serde(deserialize_with = "lenient_bool")]
    pub(super) rollback_enabled: Option<bool>,
}

/// AWS `ApplicationSystemRollbackConfigurationUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationSystemRollbackConfigurationUpdate {
    #[serde(deserialize_with = "lenient_bool")]
    pub(super) rollback_enabled_update: Option<bool>,
}

/// AWS `ApplicationEncryptionConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationEncryptionConfiguration {
    /// `AWS_OWNED_KEY` or `CUSTOMER_MANAGED_KEY`.
    key_type: String,
    /// With `CUSTOMER_MANAGED_KEY`: the ARN of a key or alias, `alias/…` or a key's id.
    key_id: Option<String>,
}

/// AWS `ApplicationEncryptionConfigurationUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationEncryptionConfigurationUpdate {
    /// `AWS_OWNED_KEY` or `CUSTOMER_MANAGED_KEY`.
    key_type_update: String,
    key_id_update: Option<String>,
}

impl ApplicationEncryptionConfiguration {
    pub(super) fn parse(self) -> Result<EncryptionConfiguration, Invalid> {
        EncryptionConfiguration::new(self.key_type.parse::<KeyType>()?, self.key_id)
    }
}

impl ApplicationEncryptionConfigurationUpdate {
    pub(super) fn parse(self) -> Result<EncryptionConfiguration, Invalid> {
        EncryptionConfiguration::new(self.key_type_update.parse::<KeyType>()?, self.key_id_update)
    }
}

/// AWS `ApplicationSnapshotConfigurationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ApplicationSnapshotConfigurationDescription {
    snapshots_enabled: bool,
    /// Where it was ever given.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_mode: Option<String>,
}

/// AWS `ApplicationSystemRollbackConfigurationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ApplicationSystemRollbackConfigurationDescription {
    rollback_enabled: bool,
}

/// AWS `ApplicationEncryptionConfigurationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ApplicationEncryptionConfigurationDescription {
    key_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
}

pub(super) fn snapshots_described(
    configuration: &Configuration,
) -> ApplicationSnapshotConfigurationDescription {
    ApplicationSnapshotConfigurationDescription {
        snapshots_enabled: configuration.snapshots_enabled,
        snapshot_mode: configuration.snapshot_mode.map(|mode| mode.to_string()),
    }
}

pub(super) fn rollback_described(
    configuration: &Configuration,
) -> ApplicationSystemRollbackConfigurationDescription {
    ApplicationSystemRollbackConfigurationDescription {
        rollback_enabled: configuration.rollback_enabled,
    }
}

/// Also of a snapshot, which keeps the key it was made with.
pub(crate) fn encryption_described(
    encryption: &EncryptionConfiguration,
) -> ApplicationEncryptionConfigurationDescription {
    ApplicationEncryptionConfigurationDescription {
        key_type: encryption.key_type().to_string(),
        key_id: encryption.key_id().map(str::to_owned),
    }
}
