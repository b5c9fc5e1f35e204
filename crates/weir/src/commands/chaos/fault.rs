//! What may go wrong, and what an operator may ask for meanwhile.

use std::ops::RangeInclusive;

/// A thing to be done to a running installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    KillJob,
    KillWorker,
    KillMachine,
    KillApi,
    PauseJob,
    PauseWorker,
    PauseMachine,
    StopWorker,
    RestartPostgres,
    KillPostgres,
    RestartBroker,
    KillBroker,
    PauseBroker,
    RestartS3,
    KillS3,
    PauseS3,
    S3Errors,
    S3Slow,
    S3CutBefore,
    S3CutAfter,
    S3Half,
    S3Full,
    Snapshot,
    StopAndStart,
    Rescale,
    Update,
}

/// What is known of a fault before it happens.
struct Kind {
    fault: Fault,
    /// Its first word is the deed, by which faults are chosen, too.
    name: &'static str,
    group: &'static str,
    /// How often it comes among the others.
    weight: usize,
    /// How long it lasts, or how long what was killed stays away, in ms.
    lasts_ms: RangeInclusive<u64>,
}

const fn kind(
    fault: Fault,
    name: &'static str,
    group: &'static str,
    weight: usize,
    lasts_ms: RangeInclusive<u64>,
) -> Kind {
    Kind { fault, name, group, weight, lasts_ms }
}

/// All faults. Pauses reach from a hiccup to far beyond a worker's lease.
const KINDS: &[Kind] = &[
    kind(Fault::KillJob, "kill-job", "job", 6, 0..=0),
    kind(Fault::KillWorker, "kill-worker", "worker", 2, 0..=6_000),
    kind(Fault::KillMachine, "kill-machine", "worker", 2, 0..=6_000),
    kind(Fault::KillApi, "kill-api", "api", 1, 0..=4_000),
    kind(Fault::PauseJob, "pause-job", "job", 2, 500..=25_000),
    kind(Fault::PauseWorker, "pause-worker", "worker", 2, 500..=25_000),
    kind(Fault::PauseMachine, "pause-machine", "worker", 2, 500..=25_000),
    kind(Fault::StopWorker, "stop-worker", "worker", 1, 0..=3_000),
    kind(Fault::RestartPostgres, "restart-postgres", "postgres", 1, 0..=0),
    kind(Fault::KillPostgres, "kill-postgres", "postgres", 1, 0..=5_000),
    kind(Fault::RestartBroker, "restart-broker", "kafka", 1, 0..=4_000),
    kind(Fault::KillBroker, "kill-broker", "kafka", 2, 0..=4_000),
    kind(Fault::PauseBroker, "pause-broker", "kafka", 1, 500..=8_000),
    kind(Fault::RestartS3, "restart-s3", "s3", 1, 0..=4_000),
    kind(Fault::KillS3, "kill-s3", "s3", 1, 0..=4_000),
    kind(Fault::PauseS3, "pause-s3", "s3", 1, 500..=8_000),
    kind(Fault::S3Errors, "s3-errors", "network", 2, 2_000..=8_000),
    kind(Fault::S3Slow, "s3-slow", "network", 1, 2_000..=8_000),
    kind(Fault::S3CutBefore, "s3-cut-before", "network", 1, 2_000..=8_000),
    kind(Fault::S3CutAfter, "s3-cut-after", "network", 2, 2_000..=8_000),
    kind(Fault::S3Half, "s3-half", "network", 1, 2_000..=8_000),
    kind(Fault::S3Full, "s3-full", "network", 1, 2_000..=8_000),
    kind(Fault::Snapshot, "snapshot", "operator", 2, 0..=0),
    kind(Fault::StopAndStart, "stop-and-start", "operator", 1, 0..=3_000),
    kind(Fault::Rescale, "rescale", "operator", 1, 0..=1_000),
    kind(Fault::Update, "update", "operator", 1, 0..=0),
];

impl Fault {
    fn kind(self) -> &'static Kind {
        KINDS.iter().find(|kind| kind.fault == self).expect("every fault is in the table")
    }

    pub(crate) fn name(self) -> &'static str {
        self.kind().name
    }

    pub(super) fn weight(self) -> usize {
        self.kind().weight
    }

    pub(super) fn lasts_ms(self) -> RangeInclusive<u64> {
        self.kind().lasts_ms.clone()
    }

    /// Whether it happens to the broker.
    pub(super) fn hits_kafka(self) -> bool {
        self.kind().group == "kafka"
    }
}

/// The faults that a list names: `all`, a group, a fault, or a fault's first word; with `no-` before
/// it, all but these.
///
/// # Errors
/// A word means nothing, or nothing is left.
pub(crate) fn chosen(words: &[String]) -> Result<Vec<Fault>, String> {
    let mut faults: Vec<Fault> = Vec::new();
    for word in words {
        let (word, without) = match word.strip_prefix("no-") {
            Some(word) => (word, true),
            None => (word.as_str(), false),
        };
        let fits = |kind: &&Kind| {
            let deed = kind.name.split('-').next();
            word == "all" || word == kind.group || word == kind.name || deed == Some(word)
        };
        let named: Vec<Fault> = KINDS.iter().filter(fits).map(|kind| kind.fault).collect();
        if named.is_empty() {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            return Err(format!(
                "`{word}` is no fault; there are all, job, worker, api, postgres, kafka, s3, \
                 network, operator, kill, pause, restart, {}",
                names.join(", ")
            ));
        }
        if without {
            // `no-…` alone means all others.
            if faults.is_empty() {
                faults = KINDS.iter().map(|kind| kind.fault).collect();
            }
            faults.retain(|fault| !named.contains(fault));
        } else {
            faults.extend(named);
        }
    }
    faults.sort();
    faults.dedup();
    if faults.is_empty() { Err("no fault is left".to_owned()) } else { Ok(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn names(words: &[&str]) -> Vec<&'static str> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        chosen(&words).unwrap().into_iter().map(Fault::name).collect()
    }

    #[test]
    fn faults_are_chosen_by_name_group_and_deed() {
        assert_eq!(names(&["all"]).len(), KINDS.len());
        assert_eq!(names(&["kill-api", "kill-job"]), ["kill-job", "kill-api"]);
        assert_eq!(names(&["postgres"]), ["restart-postgres", "kill-postgres"]);
        assert_eq!(
            names(&["kill", "no-s3", "no-kafka", "no-postgres"]),
            ["kill-job", "kill-worker", "kill-machine", "kill-api"]
        );
        assert_eq!(names(&["no-operator"]).len(), KINDS.len() - 4);
        assert!(chosen(&["flood".to_owned()]).unwrap_err().contains("kill-job"));
        assert!(chosen(&["api".to_owned(), "no-api".to_owned()]).is_err());
    }
}
