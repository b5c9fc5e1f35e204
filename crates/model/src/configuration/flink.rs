//! AWS `FlinkApplicationConfiguration`: checkpoints, monitoring, parallelism.

use serde::{Deserialize, Serialize};

use crate::{protocol::Checkpointing, text_enum::text_enum};

text_enum!(
    /// Whether a block's values are the service's or the customer's.
    ConfigurationType, "ConfigurationType" {
        /// The service's values, whatever else was sent.
        Default = "DEFAULT",
        /// The customer's values, the service's where they are absent.
        Custom = "CUSTOM",
    }
);

text_enum!(
    /// From which level on an application's log is kept.
    LogLevel, "LogLevel" {
        /// Everything of note.
        Info = "INFO",
        /// Warnings and errors.
        Warn = "WARN",
        /// Errors.
        Error = "ERROR",
        /// Everything.
        Debug = "DEBUG",
    }
);

text_enum!(
    /// How fine the metrics are; each level contains those before it.
    MetricsLevel, "MetricsLevel" {
        /// One value for the application.
        Application = "APPLICATION",
        /// One per task.
        Task = "TASK",
        /// One per operator.
        Operator = "OPERATOR",
        /// One per subtask.
        Parallelism = "PARALLELISM",
    }
);

/// How an application is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlinkConfiguration {
    /// Automatic checkpoints.
    #[serde(default)]
    pub checkpoint: CheckpointConfiguration,
    /// Logs and metrics.
    #[serde(default)]
    pub monitoring: MonitoringConfiguration,
    /// Number of subtasks.
    #[serde(default)]
    pub parallelism: ParallelismConfiguration,
}

/// AWS `CheckpointConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointConfiguration {
    /// Whose values these are.
    pub configuration_type: ConfigurationType,
    /// Whether checkpoints are taken by themselves.
    pub checkpointing_enabled: bool,
    /// Time between the starts of two checkpoints, in ms; at least 1.
    pub checkpoint_interval: u64,
    /// Least time between the end of one and the start of the next, in ms.
    pub min_pause_between_checkpoints: u64,
}

impl Default for CheckpointConfiguration {
    fn default() -> Self {
        Self {
            configuration_type: ConfigurationType::Default,
            checkpointing_enabled: true,
            checkpoint_interval: 60_000,
            min_pause_between_checkpoints: 5_000,
        }
    }
}

impl CheckpointConfiguration {
    /// The same for a job process.
    pub fn for_job(&self) -> Checkpointing {
        Checkpointing {
            enabled: self.checkpointing_enabled,
            interval_ms: self.checkpoint_interval,
            min_pause_ms: self.min_pause_between_checkpoints,
        }
    }
}

/// AWS `MonitoringConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitoringConfiguration {
    /// Whose values these are.
    pub configuration_type: ConfigurationType,
    /// How fine the metrics are.
    pub metrics_level: MetricsLevel,
    /// From which level on the log is kept.
    pub log_level: LogLevel,
}

impl Default for MonitoringConfiguration {
    fn default() -> Self {
        Self {
            configuration_type: ConfigurationType::Default,
            metrics_level: MetricsLevel::Application,
            log_level: LogLevel::Info,
        }
    }
}

/// AWS `ParallelismConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParallelismConfiguration {
    /// Whose values these are.
    pub configuration_type: ConfigurationType,
    /// Number of subtasks, 1 to 256.
    pub parallelism: u32,
    /// Subtasks per Kinesis Processing Unit (1 CPU, 4 GiB), 1 to 8.
    pub parallelism_per_kpu: u32,
    /// Whether the service changes the parallelism of a run.
    pub auto_scaling_enabled: bool,
}

impl Default for ParallelismConfiguration {
    fn default() -> Self {
        Self {
            configuration_type: ConfigurationType::Default,
            parallelism: 1,
            parallelism_per_kpu: 1,
            auto_scaling_enabled: true,
        }
    }
}

impl ParallelismConfiguration {
    /// Kinesis Processing Units the application takes: parallelism by parallelism per unit, rounded
    /// up.
    pub fn kpus(&self) -> u32 {
        self.kpus_at(self.parallelism)
    }

    /// The same when the service has chosen another parallelism.
    pub fn kpus_at(&self, parallelism: u32) -> u32 {
        parallelism.div_ceil(self.parallelism_per_kpu.max(1))
    }
}
