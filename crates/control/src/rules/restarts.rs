//! When a failed job is started again, when that is a crash loop, and when it is given up.

use std::time::Duration;

use model::protocol::RestartStrategy;

use crate::settings::Timing;

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// How long it ran.
    pub(crate) ran: Duration,
    /// Whether it has completed a checkpoint of its own.
    pub(crate) progressed: bool,
    /// Failures before it, since the run last was stable.
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

/// The restart strategy of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restarts {
    first: Duration,
    longest: Duration,
    /// What the wait is multiplied by, in hundredths.
    multiplier_percent: u32,
    /// Failures in a row before the wait begins to grow.
    flat: u32,
    most_failures: Option<u32>,
    accidents: u32,
    stable_after: Duration,
    settled_after: Duration,
}

impl Restarts {
    /// What the program SETs, else what the installation has.
    pub(crate) fn of(timing: &Timing, program: Option<&RestartStrategy>) -> Self {
        let standard = Self {
            first: timing.first_backoff,
            longest: timing.longest_backoff,
            multiplier_percent: 200,
            flat: timing.accidents,
            most_failures: timing.most_failures,
            accidents: timing.accidents,
            stable_after: timing.stable_after,
            settled_after: timing.settled_after,
        };
        match program {
            None => standard,
            Some(RestartStrategy::Off) => Self { most_failures: Some(0), ..standard },
            Some(RestartStrategy::FixedDelay { attempts, delay_ms }) => {
                let delay = Duration::from_millis(*delay_ms);
                Self { first: delay, longest: delay, most_failures: Some(*attempts), ..standard }
            }
            Some(RestartStrategy::ExponentialDelay {
                initial_ms,
                max_ms,
                multiplier_percent,
                attempts,
            }) => Self {
                first: Duration::from_millis(*initial_ms),
                longest: Duration::from_millis(*max_ms),
                multiplier_percent: *multiplier_percent,
                flat: 1,
                most_failures: *attempts,
                ..standard
            },
        }
    }

    /// Whether an attempt has shown that it can live: a failure after it is the first of its row.
    /// Time alone says so late; a completed checkpoint says it sooner, but not at once: a job may
    /// well take one before it meets the record it fails at.
    pub(crate) fn is_stable(&self, life: Life) -> bool {
        life.ran >= self.stable_after || (life.progressed && life.ran >= self.settled_after)
    }

    /// How often an attempt and those before it have failed in a row.
    pub(crate) fn failures(&self, life: Life) -> u32 {
        if self.is_stable(life) { 0 } else { life.failures_in_row }
    }

    /// When the next attempt follows one that has failed.
    pub(crate) fn after_failure(&self, life: Life) -> Backoff {
        let failures_in_row = self.failures(life).saturating_add(1);
        let growths = failures_in_row.saturating_sub(self.flat.max(1));
        let mut wait = self.first.min(self.longest);
        for _ in 0..growths {
            let next = wait.saturating_mul(self.multiplier_percent) / 100;
            if next <= wait || next >= self.longest {
                wait = next.clamp(wait, self.longest);
                break;
            }
            wait = next;
        }
        Backoff { failures_in_row, wait }
    }

    /// Whether a failure is one too many.
    pub(crate) fn gives_up(&self, after: Backoff) -> bool {
        self.most_failures.is_some_and(|most| after.failures_in_row > most)
    }

    /// Whether a failure is the first that is no accident any more.
    pub(crate) fn begins_crash_loop(&self, after: Backoff) -> bool {
        after.failures_in_row == self.accidents.saturating_add(1)
    }

    /// Whether so many failures in a row are no accidents any more.
    pub(crate) fn is_crash_loop(&self, failures_in_row: u32) -> bool {
        failures_in_row > self.accidents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(program: Option<&RestartStrategy>, want_ms: &[u64]) {
        let restarts = Restarts::of(&Timing::STANDARD, program);
        let wait = |before: u32| {
            let life = Life { ran: Duration::ZERO, progressed: true, failures_in_row: before };
            u64::try_from(restarts.after_failure(life).wait.as_millis()).unwrap()
        };
        let found: Vec<u64> = (0..).map(wait).take(want_ms.len()).collect();
        assert_eq!(found, want_ms, "{program:?}");
    }

    #[test]
    fn the_first_restarts_come_at_once_and_then_waits_double_up_to_a_minute() {
        check(
            None,
            &[200, 200, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000],
        );
        let restarts = Restarts::of(&Timing::STANDARD, None);
        let life = Life { ran: Duration::ZERO, progressed: false, failures_in_row: 4_000_000_000 };
        let backoff = restarts.after_failure(life);
        assert_eq!((backoff.failures_in_row, backoff.wait.as_secs()), (4_000_000_001, 60));
    }

    #[test]
    fn the_program_may_say_otherwise() {
        let fixed = RestartStrategy::FixedDelay { attempts: 4, delay_ms: 500 };
        check(Some(&fixed), &[500, 500, 500, 500, 500, 500]);
        let exponential = |multiplier_percent| RestartStrategy::ExponentialDelay {
            initial_ms: 1000,
            max_ms: 5000,
            multiplier_percent,
            attempts: None,
        };
        check(Some(&exponential(150)), &[1000, 1500, 2250, 3375, 5000, 5000]);
        check(Some(&exponential(100)), &[1000, 1000, 1000]);
    }

    #[track_caller]
    fn check_row(ran_s: u64, progressed: bool, want: u32) {
        let restarts = Restarts::of(&Timing::STANDARD, None);
        let life = Life { ran: Duration::from_secs(ran_s), progressed, failures_in_row: 6 };
        assert_eq!(restarts.after_failure(life).failures_in_row, want, "{life:?}");
    }

    #[test]
    fn a_row_ends_with_a_stable_time_or_with_progress() {
        check_row(0, false, 7);
        check_row(119, false, 7);
        check_row(120, false, 1);
        check_row(9, true, 7);
        check_row(10, true, 1);
    }

    #[test]
    fn when_it_is_given_up_is_the_programs_or_the_installations_choice() {
        let most = |program: Option<&RestartStrategy>, timing: &Timing| {
            let restarts = Restarts::of(timing, program);
            let gives_up = |failures_in_row: &u32| {
                let failures_in_row = *failures_in_row;
                restarts.gives_up(Backoff { failures_in_row, wait: Duration::ZERO })
            };
            (1..3000).find(gives_up)
        };
        let standard = Timing::STANDARD;
        assert_eq!(most(None, &standard), Some(1501));
        assert_eq!(most(None, &Timing { most_failures: None, ..standard }), None);
        assert_eq!(most(Some(&RestartStrategy::Off), &standard), Some(1));
        let fixed = RestartStrategy::FixedDelay { attempts: 2, delay_ms: 0 };
        assert_eq!(most(Some(&fixed), &standard), Some(3));
    }

    #[test]
    fn more_than_three_failures_in_a_row_are_no_accidents() {
        let restarts = Restarts::of(&Timing::STANDARD, None);
        let found: Vec<bool> = (0..6).map(|n| restarts.is_crash_loop(n)).collect();
        assert_eq!(found, [false, false, false, false, true, true]);
    }
}
