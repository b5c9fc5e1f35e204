//! The configuration of an application as AWS has it, with every default filled in.
//!
//! A version's configuration is stored whole, as JSON, and never changed. The serde form of these
//! types is that stored form; what customers send has its own types at the door.

mod code;
mod flink;
mod log_level;
mod properties;
mod run;
mod runtime;
mod snapshots;
mod sub_resources;
mod update;

pub use code::{ApplicationCode, CodeContentType, Program, S3Location};
pub use flink::{
    CheckpointConfiguration, ConfigurationType, FlinkConfiguration, LogLevel, MetricsLevel,
    MonitoringConfiguration, ParallelismConfiguration,
};
pub use properties::{
    PYTHON_RUN_OPTIONS, check_group, check_groups, main_file as python_main_file,
};
pub use run::{RestoreDecision, RestoreWish, RunConfiguration};
pub use runtime::{ApplicationMode, RuntimeEnvironment, is_foreign_runtime};
pub use snapshots::{EncryptionConfiguration, KeyType, SnapshotMode, check_snapshot_mode};
pub use sub_resources::{
    LoggingOption, SubResourceChange, SubResourceProblem, VpcConfiguration, change_sub_resources,
};
pub use update::{CheckpointChange, FlinkChange, MonitoringChange, ParallelismChange};

use serde::{Deserialize, Serialize};

use crate::{
    invalid::{Invalid, check_length},
    protocol::PropertyGroups,
};

/// Everything that belongs to one version of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationConfiguration {
    /// Flink version the program was written for.
    pub runtime: RuntimeEnvironment,
    /// ARN of the role the application acts as; kept and shown, not used.
    #[serde(default)]
    pub service_execution_role: Option<String>,
    /// The program; an application may exist without one but cannot be started.
    #[serde(default)]
    pub code: Option<ApplicationCode>,
    /// Property groups (AWS `EnvironmentProperties`).
    #[serde(default)]
    pub properties: PropertyGroups,
    /// Checkpoints, monitoring, parallelism.
    #[serde(default)]
    pub flink: FlinkConfiguration,
    /// Whether stop and update take a snapshot (AWS `ApplicationSnapshotConfiguration`).
    #[serde(default = "snapshots_by_default")]
    pub snapshots_enabled: bool,
    /// Whose snapshots are taken, where that was ever said; see
    /// [`snapshot_mode`](Self::snapshot_mode).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_mode: Option<SnapshotMode>,
    /// Whether a failed update is rolled back (AWS `ApplicationSystemRollbackConfiguration`).
    #[serde(default)]
    pub rollback_enabled: bool,
    /// Whose key encrypts what is kept.
    #[serde(default)]
    pub encryption: EncryptionConfiguration,
    /// Where AWS would write the log; at most one.
    #[serde(default)]
    pub logging_options: Vec<LoggingOption>,
    /// Networks the application would be in on AWS; at most one.
    #[serde(default)]
    pub vpc_configurations: Vec<VpcConfiguration>,
}

fn snapshots_by_default() -> bool {
    true
}

impl ApplicationConfiguration {
    /// The configuration of an application created with nothing but a runtime.
    pub fn new(runtime: RuntimeEnvironment) -> Self {
        Self {
            runtime,
            service_execution_role: None,
            code: None,
            properties: PropertyGroups::new(),
            flink: FlinkConfiguration::default(),
            snapshots_enabled: snapshots_by_default(),
            snapshot_mode: None,
            rollback_enabled: false,
            encryption: EncryptionConfiguration::default(),
            logging_options: Vec::new(),
            vpc_configurations: Vec::new(),
        }
    }

    /// Whose snapshots are taken.
    pub fn snapshot_mode(&self) -> SnapshotMode {
        self.snapshot_mode.unwrap_or(SnapshotMode::Legacy)
    }
}

/// Refuses what is no ARN by the AWS model: `arn:.*`, 1 to 2048 characters.
///
/// # Errors
/// Names the field.
pub fn check_arn(field: &'static str, text: &str) -> Result<(), Invalid> {
    check_length(field, text, 1, 2048)?;
    if text.starts_with("arn:") {
        return Ok(());
    }
    Err(Invalid::new(field, "must start with `arn:`"))
}

#[cfg(test)]
mod tests;
