//! The Flink blocks, in and out.

use model::configuration::{
    CheckpointChange, FlinkChange, FlinkConfiguration, MonitoringChange, ParallelismChange,
};
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::{lenient_bool, parsed};

/// AWS `FlinkApplicationConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct FlinkApplicationConfiguration {
    checkpoint_configuration: Option<CheckpointConfiguration>,
    monitoring_configuration: Option<MonitoringConfiguration>,
    parallelism_configuration: Option<ParallelismConfiguration>,
}

/// AWS `CheckpointConfiguration`; times in ms.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
struct CheckpointConfiguration {
    #[serde(alias = "ConfigurationTypeUpdate")]
    configuration_type: Option<String>,
    #[serde(alias = "CheckpointingEnabledUpdate", deserialize_with = "lenient_bool")]
    checkpointing_enabled: Option<bool>,
    #[serde(alias = "CheckpointIntervalUpdate")]
    checkpoint_interval: Option<i64>,
    #[serde(alias = "MinPauseBetweenCheckpointsUpdate")]
    min_pause_between_checkpoints: Option<i64>,
}

/// AWS `MonitoringConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
struct MonitoringConfiguration {
    #[serde(alias = "ConfigurationTypeUpdate")]
    configuration_type: Option<String>,
    #[serde(alias = "MetricsLevelUpdate")]
    metrics_level: Option<String>,
    #[serde(alias = "LogLevelUpdate")]
    log_level: Option<String>,
}

/// AWS `ParallelismConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
struct ParallelismConfiguration {
    #[serde(alias = "ConfigurationTypeUpdate")]
    configuration_type: Option<String>,
    #[serde(alias = "ParallelismUpdate")]
    parallelism: Option<i64>,
    #[serde(rename = "ParallelismPerKPU", alias = "ParallelismPerKPUUpdate")]
    parallelism_per_kpu: Option<i64>,
    #[serde(alias = "AutoScalingEnabledUpdate", deserialize_with = "lenient_bool")]
    auto_scaling_enabled: Option<bool>,
}

/// AWS `FlinkApplicationConfigurationUpdate`: the same blocks under other names.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct FlinkApplicationConfigurationUpdate {
    checkpoint_configuration_update: Option<CheckpointConfiguration>,
    monitoring_configuration_update: Option<MonitoringConfiguration>,
    parallelism_configuration_update: Option<ParallelismConfiguration>,
}

impl FlinkApplicationConfiguration {
    pub(crate) fn parse(self) -> Result<FlinkChange, Invalid> {
        change(
            self.checkpoint_configuration,
            self.monitoring_configuration,
            self.parallelism_configuration,
        )
    }
}

impl FlinkApplicationConfigurationUpdate {
    pub(crate) fn parse(self) -> Result<FlinkChange, Invalid> {
        change(
            self.checkpoint_configuration_update,
            self.monitoring_configuration_update,
            self.parallelism_configuration_update,
        )
    }
}

fn change(
    checkpoint: Option<CheckpointConfiguration>,
    monitoring: Option<MonitoringConfiguration>,
    parallelism: Option<ParallelismConfiguration>,
) -> Result<FlinkChange, Invalid> {
    let checkpoint = checkpoint.map(|it| {
        Ok(CheckpointChange {
            configuration_type: parsed(it.configuration_type.as_deref())?,
            checkpointing_enabled: it.checkpointing_enabled,
            checkpoint_interval: it.checkpoint_interval,
            min_pause_between_checkpoints: it.min_pause_between_checkpoints,
        })
    });
    let monitoring = monitoring.map(|it| {
        Ok(MonitoringChange {
            configuration_type: parsed(it.configuration_type.as_deref())?,
            metrics_level: parsed(it.metrics_level.as_deref())?,
            log_level: parsed(it.log_level.as_deref())?,
        })
    });
    let parallelism = parallelism.map(|it| {
        Ok(ParallelismChange {
            configuration_type: parsed(it.configuration_type.as_deref())?,
            parallelism: it.parallelism,
            parallelism_per_kpu: it.parallelism_per_kpu,
            auto_scaling_enabled: it.auto_scaling_enabled,
        })
    });
    Ok(FlinkChange {
        checkpoint: checkpoint.transpose()?,
        monitoring: monitoring.transpose()?,
        parallelism: parallelism.transpose()?,
    })
}

/// AWS `FlinkApplicationConfigurationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FlinkApplicationConfigurationDescription {
    checkpoint_configuration_description: CheckpointDescription,
    monitoring_configuration_description: MonitoringDescription,
    parallelism_configuration_description: ParallelismDescription,
    /// The job's stream graph, as JSON text, when it is asked for and there is a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_plan_description: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct CheckpointDescription {
    configuration_type: String,
    checkpointing_enabled: bool,
    checkpoint_interval: u64,
    min_pause_between_checkpoints: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct MonitoringDescription {
    configuration_type: String,
    metrics_level: String,
    log_level: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ParallelismDescription {
    configuration_type: String,
    parallelism: u32,
    #[serde(rename = "ParallelismPerKPU")]
    parallelism_per_kpu: u32,
    current_parallelism: u32,
    auto_scaling_enabled: bool,
}

pub(super) fn described(
    flink: &FlinkConfiguration,
    current_parallelism: u32,
) -> FlinkApplicationConfigurationDescription {
    FlinkApplicationConfigurationDescription {
        checkpoint_configuration_description: CheckpointDescription {
            configuration_type: flink.checkpoint.configuration_type.to_string(),
            checkpointing_enabled: flink.checkpoint.checkpointing_enabled,
            checkpoint_interval: flink.checkpoint.checkpoint_interval,
            min_pause_between_checkpoints: flink.checkpoint.min_pause_between_checkpoints,
        },
        monitoring_configuration_description: MonitoringDescription {
            configuration_type: flink.monitoring.configuration_type.to_string(),
            metrics_level: flink.monitoring.metrics_level.to_string(),
            log_level: flink.monitoring.log_level.to_string(),
        },
        parallelism_configuration_description: ParallelismDescription {
            configuration_type: flink.parallelism.configuration_type.to_string(),
            parallelism: flink.parallelism.parallelism,
            parallelism_per_kpu: flink.parallelism.parallelism_per_kpu,
            current_parallelism,
            auto_scaling_enabled: flink.parallelism.auto_scaling_enabled,
        },
        job_plan_description: None,
    }
}
