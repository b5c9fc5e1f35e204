//! The control plane: runs, leases, attempts, recorded checkpoints, snapshots.
//!
//! Follows `control::worker::{claim, reports, ending}`, `control::rules::{choose, after_exit}` and
//! `store::{claims, checkpoints}`, whose transactions are one call here.

use std::collections::BTreeMap;

use model::manifest::Manifest;
use model::protocol::CheckpointWritten;

use super::actor::{SOURCE, SPLIT};
use super::checks::files_of;

use super::scenarios::{Scenario, Wish};

/// A run and its attempt (`control::JobKey`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) run: usize,
    pub(super) attempt: u64,
}

/// `control::Claim`.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) job: Job,
    pub(super) restore: Option<String>,
    pub(super) unfinished: Vec<String>,
    pub(super) next_checkpoint: u64,
}

/// `control::Verdict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Current,
    Fenced,
}

/// `store::Desired`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Desired {
    Run,
    SnapshotAndStop,
    CommitAndStop,
    Cancel,
}

/// What a worker passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    Snapshot { name: String, stop: bool },
    Cancel,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Failed { retry: bool },
    Gone,
    Stopped,
    Exhausted,
}

/// A row of `checkpoints`, and what was read before it.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) number: u64,
    pub(super) job: Job,
    pub(super) manifest: String,
    pub(super) committed: bool,
    /// Where the source stood in the checkpoint.
    pub(super) to: usize,
    /// Where it stood in the one before, or where the attempt started from.
    pub(super) from: usize,
    /// Files that its manifest promises, with their folders.
    pub(super) files: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Run {
    wish: Wish,
    desired: Desired,
    attempt: Option<u64>,
    held: bool,
    /// Number of the checkpoint it started from.
    decision: Option<Option<u64>>,
    reached_running: bool,
    ended: bool,
}

/// All rows of one application.
#[derive(Debug)]
pub(super) struct Plane {
    scenario: &'static Scenario,
    last_attempt: u64,
    runs: Vec<Run>,
    pub(super) checkpoints: Vec<Recorded>,
    /// Names of READY snapshots with their checkpoints; the latest is last.
    snapshots: Vec<(String, u64)>,
    pub(super) start_failed: bool,
}

impl Plane {
    pub(super) fn new(scenario: &'static Scenario) -> Self {
        Self {
            scenario,
            last_attempt: 0,
            runs: Vec::new(),
            checkpoints: Vec::new(),
            snapshots: Vec::new(),
            start_failed: false,
        }
    }

    /// Number of records of the input.
    pub(super) fn records(&self) -> usize {
        self.scenario.records
    }

    /// `lock_claimable`.
    pub(super) fn claimable(&self) -> bool {
        let wanted = |run: &Run| matches!(run.desired, Desired::Run | Desired::CommitAndStop);
        self.runs.last().is_some_and(|run| !run.ended && !run.held && wanted(run))
    }

    /// The customer starts the application again, if it is READY and he wants to; for the last
    /// time only if `last` is allowed.
    pub(super) fn start_next_run(&mut self, last: bool) -> bool {
        let next = self.runs.len();
        let Some(wish) = self.scenario.runs.get(next) else { return false };
        if self.start_failed || self.runs.last().is_some_and(|run| !run.ended) {
            return false;
        }
        if next + 1 == self.scenario.runs.len() && !last {
            return false;
        }
        self.runs.push(Run {
            wish: wish.start,
            desired: Desired::Run,
            attempt: None,
            held: false,
            decision: None,
            reached_running: false,
            ended: false,
        });
        true
    }

    /// The last run is left alone.
    pub(super) fn undisturbed(&self) -> bool {
        self.runs.len() == self.scenario.runs.len()
    }

    pub(super) fn may_be_forced(&self) -> bool {
        self.scenario.forced
    }

    fn position(&self, checkpoint: Option<u64>) -> usize {
        let found = self.checkpoints.iter().find(|it| Some(it.number) == checkpoint);
        found.map_or(0, |it| it.to)
    }

    /// `rules::choose`.
    fn chosen(&self) -> Option<u64> {
        let run = self.runs.last()?;
        let of_run = |it: &&Recorded| it.job.run + 1 == self.runs.len();
        if let Some(newest) = self.checkpoints.iter().rev().find(of_run) {
            return Some(newest.number);
        }
        if let Some(before) = run.decision {
            return before;
        }
        let latest = self.snapshots.last().map(|(_, number)| *number);
        match run.wish {
            Wish::Skip => None,
            Wish::Latest => latest,
            Wish::Named(name) => {
                let named = self.snapshots.iter().find(|(it, _)| it == name);
                named.map(|(_, number)| *number).or(latest)
            }
        }
    }

    /// `Control::claim`.
    pub(super) fn claim(&mut self) -> Claim {
        let chosen = self.chosen();
        self.last_attempt += 1;
        let run = self.runs.len() - 1;
        let job = Job { run, attempt: self.last_attempt };
        let unfinished = self.checkpoints.iter().filter(|it| !it.committed);
        let restore = self.checkpoints.iter().find(|it| Some(it.number) == chosen);
        let (unfinished, restore) =
            (unfinished.map(|it| it.manifest.clone()).collect(), restore.map(|it| &it.manifest));
        let restore = restore.cloned();
        let now = &mut self.runs[run];
        now.attempt = Some(job.attempt);
        now.held = true;
        now.decision = Some(chosen);
        let next_checkpoint = 1 + self.checkpoints.last().map_or(0, |it| it.number);
        Claim { job, restore, unfinished, next_checkpoint }
    }

    /// `Control::reported`.
    pub(super) fn holds(&self, job: Job) -> bool {
        let run = self.runs.get(job.run);
        run.is_some_and(|run| !run.ended && run.held && run.attempt == Some(job.attempt))
    }

    /// The worker's lease is over, and another worker is about to claim its run; or somebody
    /// reconciles it, because it is to end.
    pub(super) fn lease_expired(&mut self, job: Option<Job>) {
        match (job, self.runs.last_mut()) {
            (Some(job), _) => self.gone(Some(job)),
            // Its claim was answered to nobody.
            (None, Some(run)) => run.held = false,
            (None, None) => {}
        }
    }

    /// `job_gone`.
    pub(super) fn gone(&mut self, job: Option<Job>) {
        match job {
            Some(job) => {
                self.ended(job, Exit::Gone);
            }
            None => self.lease_expired(None),
        }
    }

    /// A force stop; the process is killed.
    pub(super) fn stop_by_force(&mut self) {
        if let Some(run) = self.runs.last_mut() {
            run.desired = Desired::Cancel;
            run.held = false;
            run.ended = true;
        }
    }

    /// `Control::orders_for`.
    pub(super) fn order(&self, job: Job, heard: &[String]) -> Option<Order> {
        let run = self.runs.get(job.run).filter(|_| self.holds(job))?;
        let new = |name: &String| !heard.contains(name);
        match run.desired {
            Desired::Cancel => Some(Order::Cancel),
            Desired::SnapshotAndStop => {
                let name = Some(format!("stop-{}", job.run)).filter(new)?;
                Some(Order::Snapshot { name, stop: true })
            }
            Desired::Run | Desired::CommitAndStop => {
                let wish = self.scenario.runs[job.run].snapshot?;
                let name = Some(wish.to_owned()).filter(new)?;
                let taken = self.snapshots.iter().any(|(it, _)| *it == name);
                (!taken).then_some(Order::Snapshot { name, stop: false })
            }
        }
    }

    /// `Control::job_running`.
    pub(super) fn running(&mut self, job: Job) -> Verdict {
        if !self.holds(job) {
            return Verdict::Fenced;
        }
        let run = &mut self.runs[job.run];
        run.reached_running = true;
        if run.desired == Desired::CommitAndStop {
            run.desired = Desired::Cancel;
        }
        let earlier = |it: &&mut Recorded| it.job.attempt < job.attempt;
        self.checkpoints.iter_mut().filter(earlier).for_each(|it| it.committed = true);
        Verdict::Current
    }

    /// `Control::checkpoint_written`: **the commit point**. What the manifest says, the control
    /// plane does not know, but the checks.
    pub(super) fn record(
        &mut self,
        job: Job,
        written: &CheckpointWritten,
        manifest: &Manifest,
    ) -> Verdict {
        if !self.holds(job) {
            return Verdict::Fenced;
        }
        if let Some(there) = self.checkpoints.iter().find(|it| it.number == written.id) {
            let same = there.manifest == written.manifest && there.job.attempt == job.attempt;
            return if same { Verdict::Current } else { Verdict::Fenced };
        }
        let mine = self.checkpoints.iter().rev().find(|it| it.job == job);
        let from = match (mine, self.runs[job.run].decision) {
            (Some(before), _) => before.to,
            (None, decision) => self.position(decision.flatten()),
        };
        let number = written.id;
        self.checkpoints.push(Recorded {
            number,
            job,
            manifest: written.manifest.clone(),
            committed: false,
            to: manifest.operators[SOURCE].splits[SPLIT].parse().unwrap(),
            from,
            files: files_of(manifest),
        });
        if let Some(name) = &written.snapshot {
            self.snapshots.push((name.clone(), number));
        }
        // `move_stop_snapshot`.
        let stop = format!("stop-{}", job.run);
        if let Some(snapshot) = self.snapshots.iter_mut().find(|(name, _)| *name == stop) {
            snapshot.1 = number;
        }
        Verdict::Current
    }

    /// `Control::checkpoint_committed`; the customer may think that it is enough now.
    pub(super) fn committed(&mut self, job: Job, number: u64) -> Verdict {
        if !self.holds(job) {
            return Verdict::Fenced;
        }
        let done = |it: &&mut Recorded| it.number <= number;
        self.checkpoints.iter_mut().filter(done).for_each(|it| it.committed = true);
        let of_run = self.checkpoints.iter().filter(|it| it.job.run == job.run).count();
        let run = &mut self.runs[job.run];
        let enough = self.scenario.runs[job.run].stop_after.is_some_and(|most| of_run >= most);
        if enough && run.desired == Desired::Run {
            run.desired = Desired::SnapshotAndStop;
        }
        Verdict::Current
    }

    /// `Control::ended` with `rules::after_exit`.
    pub(super) fn ended(&mut self, job: Job, exit: Exit) -> Verdict {
        if !self.holds(job) {
            return Verdict::Fenced;
        }
        let stop = format!("stop-{}", job.run);
        let taken = self.snapshots.iter().find(|(name, _)| *name == stop).map(|(_, it)| *it);
        let unfinished =
            self.checkpoints.iter().any(|it| Some(it.number) == taken && !it.committed);
        let of_run = self.checkpoints.iter().rev().find(|it| it.job.run == job.run);
        let newest = of_run.map(|it| it.number);
        let run = &mut self.runs[job.run];
        run.held = false;
        match (run.desired, exit) {
            (_, Exit::Exhausted) | (Desired::Cancel, _) => run.ended = true,
            (Desired::SnapshotAndStop | Desired::CommitAndStop, Exit::Stopped) => run.ended = true,
            (
                Desired::SnapshotAndStop | Desired::CommitAndStop,
                Exit::Failed { .. } | Exit::Gone,
            ) => {
                if unfinished {
                    run.desired = Desired::CommitAndStop;
                } else {
                    run.ended = true;
                }
            }
            (Desired::Run, Exit::Failed { retry: false }) if !run.reached_running => {
                run.ended = true;
                self.start_failed = true;
            }
            (Desired::Run, Exit::Failed { .. } | Exit::Gone | Exit::Stopped) => {}
        }
        // `finish_snapshots`: the newest state takes the place of a snapshot that was not taken.
        let state = newest.or(run.decision.flatten());
        if let (true, None, Some(number)) = (run.ended, taken, state) {
            self.snapshots.push((stop, number));
        }
        Verdict::Current
    }
}
