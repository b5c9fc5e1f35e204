//! With how many subtasks an application runs: AWS's rule on CPU, and what its sources lag behind.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::configuration::ParallelismConfiguration;

use crate::settings::ScalingPolicy;

/// What is known of one period (a minute) of a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// Its end.
    pub(crate) at: DateTime<Utc>,
    /// CPU of the job process in percent of that of its KPUs.
    pub(crate) cpu_percent: Option<f64>,
    /// Records still to read, of the source that has most.
    pub(crate) lag_records: Option<f64>,
}

/// All that the decision depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) now: DateTime<Utc>,
    /// Time between two points.
    pub(crate) period: Duration,
    /// Since when the job runs without interruption.
    pub(crate) running_since: DateTime<Utc>,
    /// What the customer configured.
    pub(crate) configuration: &'a ParallelismConfiguration,
    /// With how many subtasks it runs.
    pub(crate) present: u32,
    /// Most KPUs it may take.
    pub(crate) most_kpus: u32,
    /// What was seen of it since it runs, oldest first.
    pub(crate) points: &'a [Point],
}

/// What the scaler thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has nothing to say here.
    Off,
    /// It waits after a start or change.
    CoolingDown,
    /// The parallelism is right.
    Hold,
    /// Another one would be right but is not possible.
    Blocked,
    /// More subtasks.
    Up(u32),
    /// Fewer.
    Down(u32),
}

impl Verdict {
    /// For the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::CoolingDown => "COOLING_DOWN",
            Self::Hold => "HOLD",
            Self::Blocked => "BLOCKED",
            Self::Up(_) => "SCALE_UP",
            Self::Down(_) => "SCALE_DOWN",
        }
    }
}

/// The parallelism of a run after an update: the one the service had chosen is kept, unless the
/// customer `named` a parallelism or leaves the service nothing to choose. `most_kpus` may have
/// become less with another `ParallelismPerKPU`.
pub(crate) fn parallelism_after(
    present: u32,
    named: bool,
    configuration: &ParallelismConfiguration,
    most_kpus: u32,
) -> u32 {
    if named || !configuration.auto_scaling_enabled {
        return configuration.parallelism;
    }
    let most = most_kpus.saturating_mul(configuration.parallelism_per_kpu);
    present.min(most).max(configuration.parallelism)
}

/// Decides whether the parallelism should change, and says why.
pub(crate) fn advise(scene: &Scene<'_>, policy: &ScalingPolicy) -> (Verdict, String) {
    let Scene { configuration, present, points, .. } = *scene;
    if !configuration.auto_scaling_enabled {
        return (Verdict::Off, "AutoScalingEnabled is false".to_owned());
    }
    let ran = (scene.now - scene.running_since).to_std().unwrap_or_default();
    if ran < policy.cool_down {
        let rest = (policy.cool_down - ran).as_secs();
        return (
            Verdict::CoolingDown,
            format!("the job runs for {} s, {rest} s to go", ran.as_secs()),
        );
    }
    let floor = configuration.parallelism;
    let quota = scene.most_kpus.saturating_mul(configuration.parallelism_per_kpu);
    let ceiling = policy.most_parallelism.min(quota);
    let recent = |number| last(points, number, scene.now, scene.period);
    if let Some(why) = wants_more(&recent, policy) {
        let to = present.saturating_mul(2).min(ceiling);
        return if to > present {
            (Verdict::Up(to), why)
        } else {
            (Verdict::Blocked, format!("{why}; but {ceiling} subtasks are the most it may have"))
        };
    }
    if let Some(why) = wants_less(&recent, policy) {
        let to = present.div_ceil(2).max(floor);
        if to < present {
            return (Verdict::Down(to), why);
        }
        let why = format!("{why}; but it never has fewer subtasks than Parallelism, {floor}");
        return (Verdict::Hold, why);
    }
    (Verdict::Hold, in_figures(points))
}

/// The last `number` points without a gap, the newest of them fresh.
fn last(points: &[Point], number: usize, now: DateTime<Utc>, period: Duration) -> Option<&[Point]> {
    let found = points.get(points.len().checked_sub(number)?..)?;
    let (first, newest) = (found.first()?, found.last()?);
    let periods = |count: usize| {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        TimeDelta::from_std(period).unwrap_or(TimeDelta::MAX).checked_mul(count)
    };
    let (fresh, whole) = (periods(2)?, periods(number)?);
    (now - newest.at <= fresh && newest.at - first.at < whole).then_some(found)
}

type Recent<'a, 'b> = &'a dyn Fn(usize) -> Option<&'b [Point]>;

fn wants_more(recent: Recent<'_, '_>, policy: &ScalingPolicy) -> Option<String> {
    let number = policy.up_points;
    if let Some(found) = recent(number)
        && let Some(cpu) = all(found, |it| it.cpu_percent)
        && cpu.iter().all(|&it| it >= policy.high_cpu_percent)
    {
        let (least, high) = (smallest(&cpu), policy.high_cpu_percent);
        return Some(format!(
            "CPU was at least {least:.0} % in {number} periods one after another, {high:.0} % or \
             more is too much"
        ));
    }
    let number = policy.lag_points;
    let lag = all(recent(number)?, |it| it.lag_records)?;
    let (first, newest, least) = (*lag.first()?, *lag.last()?, smallest(&lag));
    let rising = lag.windows(2).all(|pair| pair[1] >= pair[0])
        && newest >= first * policy.lag_growth
        && least >= policy.noticeable_lag;
    let stays_high = least >= policy.high_lag && newest >= first * 0.9;
    let said = format!("the sources went from {first:.0} to {newest:.0} records behind");
    if rising {
        Some(format!("{said} in {number} periods, rising in each"))
    } else if stays_high {
        let high = policy.high_lag;
        Some(format!("{said} in {number} periods, more than {high:.0} in each"))
    } else {
        None
    }
}

fn wants_less(recent: Recent<'_, '_>, policy: &ScalingPolicy) -> Option<String> {
    let number = policy.down_points;
    let found = recent(number)?;
    let cpu = all(found, |it| it.cpu_percent)?;
    let calm = found.iter().all(|it| it.lag_records.is_none_or(|lag| lag < policy.noticeable_lag));
    let (most, low) = (largest(&cpu), policy.low_cpu_percent);
    (calm && most < low).then(|| {
        format!(
            "CPU was at most {most:.0} % in {number} periods one after another, less than \
             {low:.0} % is too little"
        )
    })
}

/// A value of all points, if all have it.
fn all(points: &[Point], value: impl Fn(&Point) -> Option<f64>) -> Option<Vec<f64>> {
    points.iter().map(value).collect()
}

fn smallest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn in_figures(points: &[Point]) -> String {
    let Some(newest) = points.last() else { return "nothing is known of it yet".to_owned() };
    let cpu = newest.cpu_percent.map(|cpu| format!("CPU is at {cpu:.0} %"));
    let lag = newest.lag_records.map(|lag| format!("the sources are {lag:.0} records behind"));
    let known: Vec<String> = cpu.into_iter().chain(lag).collect();
    if known.is_empty() { "nothing is known of it yet".to_owned() } else { known.join(", ") }
}

#[cfg(test)]
mod tests;
