//! What the proxy before S3 does to requests, for as long as a fault lasts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use embedded::s3::{S3Fault, Seen};

use super::fault::Fault;

/// What is wrong with the network now.
#[derive(Debug)]
pub(super) struct Network(Mutex<State>);

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    active: Vec<Fault>,
    requests: u64,
    disturbed: BTreeMap<&'static str, u64>,
}

impl Network {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(State {
            random: fastrand::Rng::with_seed(seed),
            active: Vec::new(),
            requests: 0,
            disturbed: BTreeMap::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, fault: Fault) {
        self.state().active.push(fault);
    }

    pub(super) fn end(&self, fault: Fault) {
        let mut state = self.state();
        if let Some(at) = state.active.iter().position(|it| *it == fault) {
            state.active.remove(at);
        }
    }

    /// Nothing is wrong any more.
    pub(super) fn heal(&self) {
        self.state().active.clear();
    }

    /// Requests seen, and how many of them each fault hit.
    pub(super) fn counted(&self) -> (u64, BTreeMap<&'static str, u64>) {
        let state = self.state();
        (state.requests, state.disturbed.clone())
    }

    /// What is to happen to a request.
    pub(super) fn decide(&self, seen: Seen<'_>) -> Option<S3Fault> {
        let mut state = self.state();
        state.requests += 1;
        let active = state.active.clone();
        for fault in active {
            if let Some(done) = apply(fault, seen, &mut state.random) {
                *state.disturbed.entry(fault.name()).or_default() += 1;
                return Some(done);
            }
        }
        None
    }
}

/// What one fault does to a request; it does not hit every one.
fn apply(fault: Fault, seen: Seen<'_>, random: &mut fastrand::Rng) -> Option<S3Fault> {
    let mut hits = |percent: u32| random.u32(0..100) < percent;
    match fault {
        Fault::S3Errors if hits(25) => Some(S3Fault::Answer { status: 500, code: "InternalError" }),
        Fault::S3Errors if hits(33) => Some(S3Fault::Answer { status: 503, code: "SlowDown" }),
        Fault::S3Slow if hits(70) => {
            Some(S3Fault::Delay(Duration::from_millis(random.u64(20..2_500))))
        }
        Fault::S3CutBefore if hits(30) => Some(S3Fault::CutBefore),
        Fault::S3CutAfter if hits(30) => Some(S3Fault::CutAfter),
        Fault::S3Half if hits(40) => match seen.method {
            "GET" => Some(S3Fault::HalfAnswer),
            _ => Some(S3Fault::HalfRequest),
        },
        // MinIO's words for a full disk; every write fails, reads and deletions do not.
        Fault::S3Full if writes(seen) => {
            Some(S3Fault::Answer { status: 507, code: "XMinioStorageFull" })
        }
        _ => None,
    }
}

fn writes(seen: Seen<'_>) -> bool {
    let deletes = seen.target.contains("?delete") || seen.target.contains("&delete");
    seen.method == "PUT" || (seen.method == "POST" && !deletes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_disturbed_while_a_fault_lasts() {
        let network = Network::new(1);
        let put = Seen { method: "PUT", target: "/b/k" };
        let get = Seen { method: "GET", target: "/b/k" };
        let delete = Seen { method: "POST", target: "/b?delete" };
        assert_eq!(network.decide(put), None);
        network.begin(Fault::S3Full);
        let full = Some(S3Fault::Answer { status: 507, code: "XMinioStorageFull" });
        assert_eq!(network.decide(put), full);
        assert_eq!((network.decide(get), network.decide(delete)), (None, None));
        network.end(Fault::S3Full);
        assert_eq!(network.decide(put), None);
        network.begin(Fault::S3CutAfter);
        assert!((0..100).any(|_| network.decide(get) == Some(S3Fault::CutAfter)));
        network.heal();
        assert_eq!(network.decide(get), None);
        let (requests, disturbed) = network.counted();
        assert!(requests > 6);
        assert_eq!(disturbed["s3-full"], 1);
    }
}
