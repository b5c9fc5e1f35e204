//! What an installation decides for control.

use std::time::Duration;

/// Settings of one installation; the same for all its API servers and workers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Region in ARNs.
    pub region: String,
    /// Account in ARNs.
    pub account: String,
    /// Most applications of the installation (AWS: 100 in an account and region).
    pub most_applications: i64,
    /// How long things may take.
    pub timing: Timing,
    /// How much room there is.
    pub room: RoomSettings,
    /// When the parallelism of applications changes by itself.
    pub scaling: ScalingPolicy,
}

impl Settings {
    /// What an installation has that decides nothing: region `us-east-1`, account `000000000000`.
    pub fn standard() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            most_applications: 100,
            timing: Timing::STANDARD,
            room: RoomSettings::STANDARD,
            scaling: ScalingPolicy::STANDARD,
        }
    }
}

/// How much room there is, and how it is shared.
#[derive(Debug, Clone, Copy)]
pub struct RoomSettings {
    /// Most KPUs of one application (AWS: 64).
    pub kpus_per_application: u32,
    /// Most KPUs of all applications together; `None` = what the workers offer.
    pub kpus: Option<u32>,
    /// After so long a run that no worker has room for gets the next room.
    pub patience: Duration,
    /// Time between two countings of what runs take.
    pub meter_every: Duration,
}

impl RoomSettings {
    /// The values of an installation that decides nothing.
    pub const STANDARD: Self = Self {
        kpus_per_application: 64,
        kpus: None,
        patience: Duration::from_secs(15),
        meter_every: Duration::from_secs(60),
    };
}

/// When the parallelism of applications changes by itself.
#[derive(Debug, Clone, Copy)]
pub struct ScalingPolicy {
    /// No change so long after a job came to run: a start, an update, a change, a failure.
    pub cool_down: Duration,
    /// CPU of so many percent,
    pub high_cpu_percent: f64,
    /// in so many points one after another, doubles the parallelism.
    pub up_points: usize,
    /// CPU of less than so many percent,
    pub low_cpu_percent: f64,
    /// in so many points one after another, halves it.
    pub down_points: usize,
    /// Sources that lag behind by so many records or more are noticed,
    pub noticeable_lag: f64,
    /// double the parallelism when that multiplies at least by this, rising in each point,
    pub lag_growth: f64,
    /// or when it is so many records in each and does not go down,
    pub high_lag: f64,
    /// in so many points one after another.
    pub lag_points: usize,
    /// Never more subtasks than this: one needs a key group.
    pub most_parallelism: u32,
}

impl ScalingPolicy {
    /// AWS's rule on CPU (75 % for 15 minutes, 10 % for 6 hours), and lag within minutes.
    pub const STANDARD: Self = Self {
        cool_down: Duration::from_secs(10 * 60),
        high_cpu_percent: 75.0,
        up_points: 15,
        low_cpu_percent: 10.0,
        down_points: 360,
        noticeable_lag: 10_000.0,
        lag_growth: 1.2,
        high_lag: 1_000_000.0,
        lag_points: 5,
        most_parallelism: 128,
    };
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long a worker has a run without renewing its lease.
    pub lease: Duration,
    /// From a start request to RUNNING, after which it fails (AWS: 5 minutes).
    pub start_deadline: Duration,
    /// From a stop or snapshot request to the snapshot, after which the latest checkpoint takes
    /// its place.
    pub snapshot_deadline: Duration,
    /// From a request to copy an enhanced snapshot, export or import it to the end of that.
    pub copy_deadline: Duration,
    /// From an order to end to the end of the job, after which it is fenced off.
    pub cancel_deadline: Duration,
    /// Wait before each of the first restarts after a failure; doubles with each failure beyond.
    pub first_backoff: Duration,
    /// Longest wait before a restart.
    pub longest_backoff: Duration,
    /// Failures in a row that are taken for accidents; more are a crash loop.
    pub accidents: u32,
    /// Failures in a row after which the job is not started again, unless the program SETs
    /// `restart-strategy.type`; `None` = never.
    pub most_failures: Option<u32>,
    /// A job that ran so long begins again with the first wait.
    pub stable_after: Duration,
    /// So does a job that ran so long and has completed a checkpoint of its own.
    pub settled_after: Duration,
    /// A checkpoint is overdue after so many of the application's checkpoint intervals,
    pub overdue_intervals: u32,
    /// but not before this time.
    pub overdue_at_least: Duration,
    /// Time between two looks for checkpoint folders that nothing knows.
    pub sweep_every: Duration,
    /// Time between two points of an application's metrics that are kept (CloudWatch: a minute).
    pub metrics_period: Duration,
    /// How long they are kept.
    pub metrics_kept: Duration,
    /// A worker silent for so long is forgotten.
    pub worker_silence: Duration,
}

impl Timing {
    /// The values of an installation that decides nothing.
    ///
    /// A killed worker's applications must run again within 10 seconds of its last sign of life:
    /// the lease takes at most 5 of them, and workers renew it every second, so that a busy
    /// machine may miss a few. A killed job must run again within 3 seconds: the first restarts
    /// follow nearly at once. 1500 failures in a row take about a day.
    pub const STANDARD: Self = Self {
        lease: Duration::from_secs(5),
        start_deadline: Duration::from_secs(5 * 60),
        snapshot_deadline: Duration::from_secs(10 * 60),
        copy_deadline: Duration::from_secs(60 * 60),
        cancel_deadline: Duration::from_secs(60),
        first_backoff: Duration::from_millis(200),
        longest_backoff: Duration::from_secs(60),
        accidents: 3,
        most_failures: Some(1500),
        stable_after: Duration::from_secs(2 * 60),
        settled_after: Duration::from_secs(10),
        overdue_intervals: 3,
        overdue_at_least: Duration::from_secs(10),
        sweep_every: Duration::from_secs(10 * 60),
        metrics_period: Duration::from_secs(60),
        metrics_kept: Duration::from_secs(7 * 24 * 60 * 60),
        worker_silence: Duration::from_secs(5 * 60),
    };
}
