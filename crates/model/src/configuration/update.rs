//! Sparse changes of the Flink blocks: what AWS calls `…ConfigurationUpdate`, and also how the
//! blocks of a create request are filled with defaults.
//!
//! `DEFAULT` forces the service's values even if others are sent; `CUSTOM` keeps what is absent.

use crate::{
    configuration::{
        CheckpointConfiguration, ConfigurationType, FlinkConfiguration, LogLevel, MetricsLevel,
        MonitoringConfiguration, ParallelismConfiguration,
    },
    invalid::Invalid,
};

/// Changes to all three blocks; absent = unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlinkChange {
    /// Checkpoints.
    pub checkpoint: Option<CheckpointChange>,
    /// Logs and metrics.
    pub monitoring: Option<MonitoringChange>,
    /// Number of subtasks.
    pub parallelism: Option<ParallelismChange>,
}

impl FlinkChange {
    /// The configuration after the change.
    ///
    /// # Errors
    /// A value outside its limits.
    pub fn apply(&self, to: &FlinkConfiguration) -> Result<FlinkConfiguration, Invalid> {
        let mut result = to.clone();
        if let Some(change) = &self.checkpoint {
            result.checkpoint = change.apply(&to.checkpoint)?;
        }
        if let Some(change) = &self.monitoring {
            result.monitoring = change.apply(&to.monitoring);
        }
        if let Some(change) = &self.parallelism {
            result.parallelism = change.apply(&to.parallelism)?;
        }
        Ok(result)
    }
}

/// A change of [`CheckpointConfiguration`]; absent = unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckpointChange {
    /// Whose values hold.
    pub configuration_type: Option<ConfigurationType>,
    /// Whether checkpoints are taken by themselves.
    pub checkpointing_enabled: Option<bool>,
    /// In ms, at least 1.
    pub checkpoint_interval: Option<i64>,
    /// In ms, at least 0.
    pub min_pause_between_checkpoints: Option<i64>,
}

impl CheckpointChange {
    fn apply(&self, to: &CheckpointConfiguration) -> Result<CheckpointConfiguration, Invalid> {
        let interval = self
            .checkpoint_interval
            .map(|value| within("CheckpointInterval", value, 1, i64::MAX))
            .transpose()?;
        let pause = self
            .min_pause_between_checkpoints
            .map(|value| within("MinPauseBetweenCheckpoints", value, 0, i64::MAX))
            .transpose()?;
        match self.configuration_type.unwrap_or(to.configuration_type) {
            ConfigurationType::Default => Ok(CheckpointConfiguration::default()),
            ConfigurationType::Custom => Ok(CheckpointConfiguration {
                configuration_type: ConfigurationType::Custom,
                checkpointing_enabled: self
                    .checkpointing_enabled
                    .unwrap_or(to.checkpointing_enabled),
                checkpoint_interval: interval.unwrap_or(to.checkpoint_interval),
                min_pause_between_checkpoints: pause.unwrap_or(to.min_pause_between_checkpoints),
            }),
        }
    }
}

/// A change of [`MonitoringConfiguration`]; absent = unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MonitoringChange {
    /// Whose values hold.
    pub configuration_type: Option<ConfigurationType>,
    /// How fine the metrics are.
    pub metrics_level: Option<MetricsLevel>,
    /// From which level on the log is kept.
    pub log_level: Option<LogLevel>,
}

impl MonitoringChange {
    fn apply(&self, to: &MonitoringConfiguration) -> MonitoringConfiguration {
        match self.configuration_type.unwrap_or(to.configuration_type) {
            ConfigurationType::Default => MonitoringConfiguration::default(),
            ConfigurationType::Custom => MonitoringConfiguration {
                configuration_type: ConfigurationType::Custom,
                metrics_level: self.metrics_level.unwrap_or(to.metrics_level),
                log_level: self.log_level.unwrap_or(to.log_level),
            },
        }
    }
}

/// A change of [`ParallelismConfiguration`]; absent = unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParallelismChange {
    /// Whose values hold.
    pub configuration_type: Option<ConfigurationType>,
    /// 1 to 256.
    pub parallelism: Option<i64>,
    /// 1 to 8.
    pub parallelism_per_kpu: Option<i64>,
    /// Whether the service changes the parallelism.
    pub auto_scaling_enabled: Option<bool>,
}

impl ParallelismChange {
    /// Whether it names a parallelism, be it the one that is there already.
    pub fn sets_parallelism(&self) -> bool {
        self.parallelism.is_some() || self.configuration_type == Some(ConfigurationType::Default)
    }

    fn apply(&self, to: &ParallelismConfiguration) -> Result<ParallelismConfiguration, Invalid> {
        let limited = |field, value: Option<i64>, most| {
            value
                .map(|value| {
                    within(field, value, 1, most)
                        .map(|value| u32::try_from(value).expect("the limit is below 2^32"))
                })
                .transpose()
        };
        let parallelism = limited("Parallelism", self.parallelism, 256)?;
        let per_kpu = limited("ParallelismPerKPU", self.parallelism_per_kpu, 8)?;
        match self.configuration_type.unwrap_or(to.configuration_type) {
            ConfigurationType::Default => Ok(ParallelismConfiguration::default()),
            ConfigurationType::Custom => Ok(ParallelismConfiguration {
                configuration_type: ConfigurationType::Custom,
                parallelism: parallelism.unwrap_or(to.parallelism),
                parallelism_per_kpu: per_kpu.unwrap_or(to.parallelism_per_kpu),
                auto_scaling_enabled: self.auto_scaling_enabled.unwrap_or(to.auto_scaling_enabled),
            }),
        }
    }
}

fn within(field: &'static str, value: i64, least: i64, most: i64) -> Result<u64, Invalid> {
    match u64::try_from(value) {
        Ok(number) if (least..=most).contains(&value) => Ok(number),
        _ if most == i64::MAX => {
            Err(Invalid::new(field, format!("must be at least {least}, not {value}")))
        }
        _ => Err(Invalid::new(field, format!("must be {least} to {most}, not {value}"))),
    }
}
