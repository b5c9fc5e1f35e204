//! What happens when a job is no more.

use std::time::Duration;

use model::fault::Fault;
use store::Desired;

use crate::settings::Timing;

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It said that it cannot go on.
    Failed(Fault),
    /// It is gone without a word: crashed, killed, or its worker is silent.
    Gone,
    /// It fulfilled an order to stop.
    Stopped,
    /// Its bounded input is exhausted.
    Exhausted,
}

/// The snapshot that is to end the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopSnapshot {
    /// None is wanted, or it is not taken (yet).
    Missing,
    /// It is taken; its output may not be visible yet.
    Taken,
    /// It is taken and its output is visible.
    Committed,
}

/// All that the decision depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    /// What is to become of the run.
    pub(crate) desired: Desired,
    /// Whether any attempt of the run ever ran.
    pub(crate) reached_running: bool,
    /// The snapshot that is to end the run.
    pub(crate) snapshot: StopSnapshot,
    /// Whether a run that is cancelled was cancelled because it did not start.
    pub(crate) start_given_up: bool,
    /// How long this attempt ran.
    pub(crate) ran: Duration,
    /// Failures since the run last ran for a while.
    pub(crate) failures_in_row: u32,
}

/// When a run is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// Failures in a row, this one included.
    pub(crate) failures_in_row: u32,
    /// How long to wait.
    pub(crate) wait: Duration,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It was told to.
    AsOrdered,
    /// Its bounded input is exhausted.
    Exhausted,
    /// It could not be brought to run.
    StartFailed,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Start it again.
    Retry(Backoff),
    /// Start it again from the stop snapshot, to make that one's output visible.
    CommitFirst(Backoff),
    /// It is over.
    End(End),
}

/// Decides what happens when a job is no more.
///
/// Before RUNNING only failures that a retry can help are tried again (until the start deadline
/// cancels the run); after it every failure is, without limit. A run that is to end does end,
/// even in a crash loop.
pub(crate) fn after_exit(exit: Exit, have: Situation, timing: &Timing) -> Next {
    match (have.desired, exit) {
        (_, Exit::Exhausted) => Next::End(End::Exhausted),
        (Desired::Cancel, _) if have.start_given_up => Next::End(End::StartFailed),
        (Desired::Cancel, _)
        | (Desired::SnapshotAndStop | Desired::CommitAndStop, Exit::Stopped) => {
            Next::End(End::AsOrdered)
        }
        (Desired::SnapshotAndStop | Desired::CommitAndStop, Exit::Failed(_) | Exit::Gone) => {
            match have.snapshot {
                StopSnapshot::Taken => Next::CommitFirst(backoff(have, timing)),
                StopSnapshot::Missing | StopSnapshot::Committed => Next::End(End::AsOrdered),
            }
        }
        (Desired::Run, Exit::Failed(fault)) if !have.reached_running && !fault.retry => {
            Next::End(End::StartFailed)
        }
        (Desired::Run, Exit::Failed(_) | Exit::Gone | Exit::Stopped) => {
            Next::Retry(backoff(have, timing))
        }
    }
}

/// Doubles the wait with each failure in a row; a job that ran for a while begins anew.
fn backoff(have: Situation, timing: &Timing) -> Backoff {
    let before = if have.ran >= timing.stable_after { 0 } else { have.failures_in_row };
    let doubled = timing.first_backoff.saturating_mul(1 << before.min(20));
    Backoff { failures_in_row: before.saturating_add(1), wait: doubled.min(timing.longest_backoff) }
}

#[cfg(test)]
mod tests {
    use model::fault::Domain;

    use super::*;

    const USER: Exit = Exit::Failed(Fault { domain: Domain::User, retry: false });
    const BROKER: Exit = Exit::Failed(Fault { domain: Domain::External, retry: true });

    fn situation(desired: Desired, reached_running: bool, snapshot: StopSnapshot) -> Situation {
        Situation {
            desired,
            reached_running,
            snapshot,
            start_given_up: false,
            ran: Duration::ZERO,
            failures_in_row: 0,
        }
    }

    #[track_caller]
    fn check(exit: Exit, desired: Desired, reached: bool, snapshot: StopSnapshot, want: &str) {
        let next = after_exit(exit, situation(desired, reached, snapshot), &Timing::STANDARD);
        let found = match next {
            Next::Retry(_) => "retry",
            Next::CommitFirst(_) => "commit first",
            Next::End(End::AsOrdered) => "ends",
            Next::End(End::Exhausted) => "exhausted",
            Next::End(End::StartFailed) => "start failed",
        };
        assert_eq!(found, want, "{exit:?} {desired:?} {reached} {snapshot:?}");
    }

    #[test]
    fn a_wanted_job_is_started_again_unless_it_can_never_start() {
        use StopSnapshot::Missing;
        check(USER, Desired::Run, false, Missing, "start failed");
        check(USER, Desired::Run, true, Missing, "retry");
        check(BROKER, Desired::Run, false, Missing, "retry");
        check(BROKER, Desired::Run, true, Missing, "retry");
        check(Exit::Gone, Desired::Run, false, Missing, "retry");
        check(Exit::Stopped, Desired::Run, true, Missing, "retry");
        check(Exit::Exhausted, Desired::Run, true, Missing, "exhausted");
    }

    #[test]
    fn a_stop_ends_even_in_a_crash_loop_but_not_before_its_output_is_visible() {
        use StopSnapshot::{Committed, Missing, Taken};
        for desired in [Desired::SnapshotAndStop, Desired::CommitAndStop] {
            check(Exit::Stopped, desired, true, Committed, "ends");
            check(USER, desired, true, Missing, "ends");
            check(Exit::Gone, desired, true, Missing, "ends");
            check(Exit::Gone, desired, true, Taken, "commit first");
            check(BROKER, desired, true, Taken, "commit first");
            check(Exit::Gone, desired, true, Committed, "ends");
            check(Exit::Exhausted, desired, true, Missing, "exhausted");
        }
        for exit in [USER, BROKER, Exit::Gone, Exit::Stopped] {
            check(exit, Desired::Cancel, true, Taken, "ends");
        }
    }

    #[test]
    fn a_start_that_was_given_up_fails() {
        let have = Situation {
            start_given_up: true,
            ..situation(Desired::Cancel, false, StopSnapshot::Missing)
        };
        let next = after_exit(Exit::Gone, have, &Timing::STANDARD);
        assert_eq!(next, Next::End(End::StartFailed));
    }

    #[test]
    fn waits_double_up_to_a_minute_and_begin_anew_after_a_stable_time() {
        let wait = |failures_in_row, ran| {
            let have = Situation {
                failures_in_row,
                ran: Duration::from_secs(ran),
                ..situation(Desired::Run, true, StopSnapshot::Missing)
            };
            match after_exit(Exit::Gone, have, &Timing::STANDARD) {
                Next::Retry(backoff) => (backoff.failures_in_row, backoff.wait.as_secs()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wait(0, 0), (1, 1));
        assert_eq!(wait(1, 0), (2, 2));
        assert_eq!(wait(5, 0), (6, 32));
        assert_eq!(wait(6, 0), (7, 60));
        assert_eq!(wait(4_000_000_000, 0), (4_000_000_001, 60));
        assert_eq!(wait(6, 119), (7, 60));
        assert_eq!(wait(6, 120), (1, 1));
    }
}
