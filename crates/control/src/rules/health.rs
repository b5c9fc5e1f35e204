//! How a job fares, whatever the application's status says.

use model::lifecycle::Status;

/// How the job of an open run fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobHealth {
    /// It has not run yet.
    Starting,
    /// It runs.
    Healthy,
    /// It ran, is down and is started again.
    Restarting,
    /// It has failed so often in a row that it is no accident.
    CrashLoop,
}

impl JobHealth {
    /// For the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::Healthy => "HEALTHY",
            Self::Restarting => "RESTARTING",
            Self::CrashLoop => "CRASH_LOOP",
        }
    }
}

/// A job in a crash loop is so also between two crashes, until it has shown that it can live.
pub(crate) fn health(
    status: Status,
    crash_loop: bool,
    running: bool,
    reached_running: bool,
) -> Option<JobHealth> {
    if status == Status::Ready {
        return None;
    }
    Some(match (crash_loop, running, reached_running) {
        (true, _, _) => JobHealth::CrashLoop,
        (false, true, _) => JobHealth::Healthy,
        (false, false, true) => JobHealth::Restarting,
        (false, false, false) => JobHealth::Starting,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(crash_loop: bool, running: bool, reached_running: bool, want: &str) {
        let found = health(Status::Running, crash_loop, running, reached_running);
        assert_eq!(found.map(JobHealth::as_str), Some(want));
    }

    #[test]
    fn a_crash_loop_is_one_even_while_its_job_runs() {
        check(false, false, false, "STARTING");
        check(false, true, true, "HEALTHY");
        check(false, false, true, "RESTARTING");
        check(true, false, true, "CRASH_LOOP");
        check(true, true, true, "CRASH_LOOP");
        check(true, false, false, "CRASH_LOOP");
        assert_eq!(health(Status::Ready, true, false, true), None);
    }
}
