//! What happens when a job is no more.

use model::fault::Fault;
use store::Desired;

use super::restarts::{Backoff, Life, Restarts};

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
    /// What became of this attempt, and of those before it.
    pub(crate) life: Life,
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
    /// It ran, but failed so often in a row that it is not started again.
    GivenUp {
        /// How often.
        failures_in_row: u32,
    },
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
/// cancels the run); after it every failure is, until there were too many in a row. A run that is to
/// end does end, even in a crash loop.
pub(crate) fn after_exit(exit: Exit, have: Situation, restarts: &Restarts) -> Next {
    let backoff = restarts.after_failure(have.life);
    match (have.desired, exit) {
        (_, Exit::Exhausted) => Next::End(End::Exhausted),
        (Desired::Cancel, _) if have.start_given_up => Next::End(End::StartFailed),
        (Desired::Cancel, _)
        | (Desired::SnapshotAndStop | Desired::CommitAndStop, Exit::Stopped) => {
            Next::End(End::AsOrdered)
        }
        (Desired::SnapshotAndStop | Desired::CommitAndStop, Exit::Failed(_) | Exit::Gone) => {
            match have.snapshot {
                StopSnapshot::Taken => Next::CommitFirst(backoff),
                StopSnapshot::Missing | StopSnapshot::Committed => Next::End(End::AsOrdered),
            }
        }
        (Desired::Run, Exit::Failed(fault)) if !have.reached_running && !fault.retry => {
            Next::End(End::StartFailed)
        }
        (Desired::Run, Exit::Failed(_) | Exit::Gone) if restarts.gives_up(backoff) => {
            Next::End(if have.reached_running {
                End::GivenUp { failures_in_row: backoff.failures_in_row }
            } else {
                End::StartFailed
            })
        }
        (Desired::Run, Exit::Failed(_) | Exit::Gone | Exit::Stopped) => Next::Retry(backoff),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{fault::Domain, protocol::RestartStrategy};

    use super::*;
    use crate::settings::Timing;

    const USER: Exit = Exit::Failed(Fault { domain: Domain::User, retry: false });
    const BROKER: Exit = Exit::Failed(Fault { domain: Domain::External, retry: true });

    fn situation(desired: Desired, reached_running: bool, snapshot: StopSnapshot) -> Situation {
        Situation {
            desired,
            reached_running,
            snapshot,
            start_given_up: false,
            life: Life { ran: Duration::ZERO, progressed: false, failures_in_row: 0 },
        }
    }

    #[track_caller]
    fn check(exit: Exit, desired: Desired, reached: bool, snapshot: StopSnapshot, want: &str) {
        let restarts = Restarts::of(&Timing::STANDARD, None);
        let next = after_exit(exit, situation(desired, reached, snapshot), &restarts);
        let found = match next {
            Next::Retry(_) => "retry",
            Next::CommitFirst(_) => "commit first",
            Next::End(End::AsOrdered) => "ends",
            Next::End(End::Exhausted) => "exhausted",
            Next::End(End::StartFailed) => "start failed",
            Next::End(End::GivenUp { .. }) => "given up",
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
        let next = after_exit(Exit::Gone, have, &Restarts::of(&Timing::STANDARD, None));
        assert_eq!(next, Next::End(End::StartFailed));
    }

    #[test]
    fn what_fails_too_often_in_a_row_is_given_up_unless_it_is_to_end_anyway() {
        let twice = RestartStrategy::FixedDelay { attempts: 2, delay_ms: 10 };
        let restarts = Restarts::of(&Timing::STANDARD, Some(&twice));
        let next = |desired, reached, snapshot, failures_in_row| {
            let life = Life { ran: Duration::ZERO, progressed: false, failures_in_row };
            let have = Situation { life, ..situation(desired, reached, snapshot) };
            after_exit(BROKER, have, &restarts)
        };
        use StopSnapshot::{Missing, Taken};
        let backoff = Backoff { failures_in_row: 2, wait: Duration::from_millis(10) };
        assert_eq!(next(Desired::Run, true, Missing, 1), Next::Retry(backoff));
        let given_up = Next::End(End::GivenUp { failures_in_row: 3 });
        assert_eq!(next(Desired::Run, true, Missing, 2), given_up);
        assert_eq!(next(Desired::Run, false, Missing, 2), Next::End(End::StartFailed));
        let stopping = next(Desired::SnapshotAndStop, true, Taken, 2);
        assert!(matches!(stopping, Next::CommitFirst(_)), "{stopping:?}");
    }
}
