//! How a run begins: what the customer wished and what was decided.

use serde::{Deserialize, Serialize};

use crate::ids::{EnhancedName, SnapshotName, VersionId};

/// AWS `RunConfiguration`: the wish of a start or update request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunConfiguration {
    /// What to start from.
    pub restore: RestoreWish,
    /// Drop state that fits no operator of the program, rather than fail.
    pub allow_non_restored_state: bool,
}

/// AWS `ApplicationRestoreConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RestoreWish {
    /// `SKIP_RESTORE_FROM_SNAPSHOT`: empty state.
    Skip,
    /// `RESTORE_FROM_LATEST_SNAPSHOT`: the newest READY snapshot, else empty state.
    #[default]
    LatestSnapshot,
    /// `RESTORE_FROM_CUSTOM_SNAPSHOT`.
    Snapshot {
        /// Its name.
        name: SnapshotName,
    },
    /// `RESTORE_FROM_CUSTOM_SNAPSHOT` with the ARN of an enhanced snapshot.
    Enhanced {
        /// Its name.
        name: EnhancedName,
        /// The ARN, as it was given.
        arn: String,
    },
}

impl RestoreWish {
    /// The AWS word (`ApplicationRestoreType`).
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Skip => "SKIP_RESTORE_FROM_SNAPSHOT",
            Self::LatestSnapshot => "RESTORE_FROM_LATEST_SNAPSHOT",
            Self::Snapshot { .. } | Self::Enhanced { .. } => "RESTORE_FROM_CUSTOM_SNAPSHOT",
        }
    }
}

/// What an attempt really started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RestoreDecision {
    /// Empty state.
    Empty {
        /// Why, for the customer.
        reason: String,
    },
    /// A snapshot.
    Snapshot {
        /// Its name.
        name: SnapshotName,
        /// Number of the checkpoint that it is.
        checkpoint: u64,
        /// Key of its manifest.
        manifest: String,
        /// Application version that it was taken of.
        version: VersionId,
    },
    /// An enhanced snapshot, maybe of another application or installation.
    Enhanced {
        /// Its name.
        name: EnhancedName,
        /// Number of the checkpoint that it was.
        checkpoint: u64,
        /// Key of its manifest.
        manifest: String,
    },
    /// The latest completed checkpoint of the same run, after a failure.
    Checkpoint {
        /// Its number.
        checkpoint: u64,
        /// Key of its manifest.
        manifest: String,
        /// Application version that it was taken of.
        version: VersionId,
    },
}

impl RestoreDecision {
    /// Key of the manifest to restore, if any.
    pub fn manifest(&self) -> Option<&str> {
        match self {
            Self::Empty { .. } => None,
            Self::Snapshot { manifest, .. }
            | Self::Enhanced { manifest, .. }
            | Self::Checkpoint { manifest, .. } => Some(manifest),
        }
    }

    /// Number of the checkpoint to restore, if any.
    pub fn checkpoint(&self) -> Option<u64> {
        match self {
            Self::Empty { .. } => None,
            Self::Snapshot { checkpoint, .. }
            | Self::Enhanced { checkpoint, .. }
            | Self::Checkpoint { checkpoint, .. } => Some(*checkpoint),
        }
    }

    /// The same, if it is a checkpoint of the application that starts.
    pub fn own_checkpoint(&self) -> Option<u64> {
        match self {
            Self::Enhanced { .. } => None,
            Self::Empty { .. } | Self::Snapshot { .. } | Self::Checkpoint { .. } => {
                self.checkpoint()
            }
        }
    }
}

impl std::fmt::Display for RestoreDecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty { reason } => write!(f, "empty state: {reason}"),
            Self::Snapshot { name, checkpoint, version, .. } => {
                write!(f, "snapshot `{name}` (checkpoint {checkpoint} of version {version})")
            }
            Self::Enhanced { name, checkpoint, .. } => {
                write!(f, "enhanced snapshot `{name}` (checkpoint {checkpoint} of its application)")
            }
            Self::Checkpoint { checkpoint, version, .. } => {
                write!(f, "checkpoint {checkpoint} of version {version}")
            }
        }
    }
}
