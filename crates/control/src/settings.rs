//! What an installation decides for control.

use std::time::Duration;

/// Settings of one installation; the same for all its API servers and workers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Region in ARNs.
    pub region: String,
    /// Account in ARNs.
    pub account: String,
    /// How long things may take.
    pub timing: Timing,
}

impl Settings {
    /// What an installation has that decides nothing: region `us-east-1`, account `000000000000`.
    pub fn standard() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            timing: Timing::STANDARD,
        }
    }
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
    /// From an order to end to the end of the job, after which it is fenced off.
    pub cancel_deadline: Duration,
    /// Wait before the first restart after a failure; doubles with each failure.
    pub first_backoff: Duration,
    /// Longest wait before a restart.
    pub longest_backoff: Duration,
    /// A job that ran so long begins again with the first wait.
    pub stable_after: Duration,
    /// A worker silent for so long is forgotten.
    pub worker_silence: Duration,
}

impl Timing {
    /// The values of an installation that decides nothing.
    pub const STANDARD: Self = Self {
        lease: Duration::from_secs(10),
        start_deadline: Duration::from_secs(5 * 60),
        snapshot_deadline: Duration::from_secs(10 * 60),
        cancel_deadline: Duration::from_secs(60),
        first_backoff: Duration::from_secs(1),
        longest_backoff: Duration::from_secs(60),
        stable_after: Duration::from_secs(2 * 60),
        worker_silence: Duration::from_secs(5 * 60),
    };
}
