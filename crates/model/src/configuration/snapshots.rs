//! Snapshots, system rollback and encryption: what of a configuration is about kept state.

use serde::{Deserialize, Serialize};

use crate::{
    configuration::ApplicationConfiguration,
    invalid::{Invalid, check_length},
    text_enum::text_enum,
};

text_enum!(
    /// Whose snapshots an application takes (AWS `SnapshotMode`).
    SnapshotMode, "SnapshotMode" {
        /// Snapshots belong to the application and end with it.
        Legacy = "APPLICATION_SNAPSHOTS_LEGACY",
        /// Snapshots belong to the installation and outlive the application.
        Enhanced = "ENHANCED_SNAPSHOTS",
    }
);

text_enum!(
    /// Whose key encrypts what is kept (AWS `KeyType`).
    KeyType, "KeyType" {
        /// The service's.
        AwsOwned = "AWS_OWNED_KEY",
        /// The customer's, which `KeyId` names.
        CustomerManaged = "CUSTOMER_MANAGED_KEY",
    }
);

/// AWS `ApplicationEncryptionConfiguration`; kept and shown. What encrypts at rest is the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionConfiguration {
    key_type: KeyType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
}

impl Default for EncryptionConfiguration {
    fn default() -> Self {
        Self { key_type: KeyType::AwsOwned, key_id: None }
    }
}

impl EncryptionConfiguration {
    /// A kind of key and, for one of the customer's, which.
    ///
    /// # Errors
    /// `CUSTOMER_MANAGED_KEY` without a key, `AWS_OWNED_KEY` with one, an id that is none.
    pub fn new(key_type: KeyType, key_id: Option<String>) -> Result<Self, Invalid> {
        match (key_type, &key_id) {
            (KeyType::CustomerManaged, None) => {
                Err(Invalid::new("KeyId", "must be given with `CUSTOMER_MANAGED_KEY`"))
            }
            (KeyType::AwsOwned, Some(_)) => {
                Err(Invalid::new("KeyId", "goes only with `CUSTOMER_MANAGED_KEY`"))
            }
            (KeyType::AwsOwned, None) => Ok(Self { key_type, key_id }),
            (KeyType::CustomerManaged, Some(id)) => {
                check_key_id(id)?;
                Ok(Self { key_type, key_id })
            }
        }
    }

    /// Whose key it is.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// Which key, for one of the customer's.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

/// Refuses what names no key: an ARN of a key or alias, `alias/…`, or the id of a key.
fn check_key_id(id: &str) -> Result<(), Invalid> {
    check_length("KeyId", id, 1, 2048)?;
    let arn = id.starts_with("arn:") && (id.contains(":key/") || id.contains(":alias/"));
    let alias = id.strip_prefix("alias/").is_some_and(|name| !name.is_empty());
    let key = id.strip_prefix("mrk-").map_or_else(
        || uuid::Uuid::try_parse(id).is_ok() && id.len() == 36,
        |digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()),
    );
    if arn || alias || key {
        return Ok(());
    }
    Err(Invalid::new("KeyId", "must be the ARN of a key or alias, `alias/my-key` or a key's id"))
}

/// First runtime with enhanced snapshots.
const ENHANCED_FROM: (u16, u16) = (1, 20);

/// Refuses a snapshot mode that the runtime does not have, and the way back from enhanced
/// snapshots (only a rollback goes it).
///
/// # Errors
/// Names the field.
pub fn check_snapshot_mode(
    before: &ApplicationConfiguration,
    after: &ApplicationConfiguration,
) -> Result<(), Invalid> {
    match (before.snapshot_mode(), after.snapshot_mode()) {
        (SnapshotMode::Enhanced, SnapshotMode::Legacy) => Err(Invalid::new(
            "SnapshotModeUpdate",
            "cannot go back from `ENHANCED_SNAPSHOTS`; roll the application back instead",
        )),
        (_, SnapshotMode::Enhanced) if after.runtime.release() < ENHANCED_FROM => {
            Err(Invalid::new(
                "SnapshotMode",
                format!(
                    "`ENHANCED_SNAPSHOTS` needs `FLINK-1_20` or newer, not `{}`",
                    after.runtime
                ),
            ))
        }
        _ => Ok(()),
    }
}
