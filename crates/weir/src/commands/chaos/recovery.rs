//! How long it takes from a kill until the application runs again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::application::Application;
use super::fault::Fault;

/// A kill after which nothing runs for so long is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(180);

/// Kills that wait for their end, and those that have it.
#[derive(Debug, Default)]
pub(super) struct Recoveries {
    state: Mutex<State>,
    /// Faults that began, and those that ended.
    begun: AtomicU64,
    ended: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    pending: BTreeMap<String, Pending>,
    /// By cause: how long it took, and whether nothing else happened meanwhile.
    done: BTreeMap<&'static str, Vec<(Duration, bool)>>,
}

#[derive(Debug, Clone)]
struct Pending {
    at: Instant,
    attempt: u64,
    cause: Fault,
    /// Number of faults begun, if no other was under way.
    alone: Option<u64>,
}

/// Times of one kind of kill.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct RecoveryReport {
    pub(super) cause: String,
    pub(super) count: usize,
    pub(super) min_ms: u128,
    pub(super) median_ms: u128,
    pub(super) max_ms: u128,
}

impl Recoveries {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fault_begins(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn fault_ends(&self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    /// An attempt was killed just now. A kill before its predecessor's end belongs to that one.
    pub(super) fn killed(&self, application: &str, attempt: u64, cause: Fault) {
        let begun = self.begun.load(Ordering::SeqCst);
        let alone = (begun - self.ended.load(Ordering::SeqCst) <= 1).then_some(begun);
        let pending = Pending { at: Instant::now(), attempt, cause, alone };
        self.state().pending.entry(application.to_owned()).or_insert(pending);
    }

    /// Asks those applications that wait; to be called again and again.
    pub(super) async fn look(&self, applications: &[Application]) {
        let pending = self.state().pending.clone();
        for (name, kill) in pending {
            let Some(application) = applications.iter().find(|it| it.name == name) else {
                continue;
            };
            let seen = application.seen().await;
            let mut state = self.state();
            match seen {
                Ok(seen) if seen.attempt > kill.attempt && seen.phase == "RUNNING" => {
                    let alone = kill.alone == Some(self.begun.load(Ordering::SeqCst));
                    let times = state.done.entry(kill.cause.name()).or_default();
                    times.push((kill.at.elapsed(), alone));
                    state.pending.remove(&name);
                }
                // An operator ended that run meanwhile.
                Ok(seen) if seen.attempt < kill.attempt || seen.status != "RUNNING" => {
                    state.pending.remove(&name);
                }
                Ok(_) | Err(_) => {
                    if kill.at.elapsed() > PATIENCE {
                        state.pending.remove(&name);
                    }
                }
            }
        }
    }

    pub(super) fn report(&self) -> Vec<RecoveryReport> {
        let state = self.state();
        let mut reports = Vec::new();
        for (cause, times) in &state.done {
            let all: Vec<Duration> = times.iter().map(|(time, _)| *time).collect();
            let alone: Vec<Duration> =
                times.iter().filter(|(_, alone)| *alone).map(|(time, _)| *time).collect();
            reports.extend(report((*cause).to_owned(), all));
            reports.extend(report(format!("{cause}, nothing else going wrong"), alone));
        }
        reports
    }
}

fn report(cause: String, mut times: Vec<Duration>) -> Option<RecoveryReport> {
    times.sort_unstable();
    Some(RecoveryReport {
        cause,
        count: times.len(),
        min_ms: times.first()?.as_millis(),
        median_ms: times[times.len() / 2].as_millis(),
        max_ms: times.last()?.as_millis(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_up() {
        let times = [30, 10, 20].map(Duration::from_millis).to_vec();
        let report = report("x".to_owned(), times).unwrap();
        assert_eq!((report.min_ms, report.median_ms, report.max_ms), (10, 20, 30));
        assert_eq!(super::report("x".to_owned(), Vec::new()), None);
    }

    #[test]
    fn a_kill_is_alone_unless_something_else_is_under_way() {
        let recoveries = Recoveries::default();
        recoveries.fault_begins();
        recoveries.killed("a", 1, Fault::KillJob);
        recoveries.fault_begins();
        recoveries.killed("b", 1, Fault::KillJob);
        let state = recoveries.state();
        assert_eq!(state.pending["a"].alone, Some(1));
        assert_eq!(state.pending["b"].alone, None);
    }
}
