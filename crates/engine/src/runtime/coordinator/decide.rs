//! The coordinator itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::event::{Acknowledgement, Ended, Positions, SubtaskId};
use super::action::{Action, CoordinatorSettings};
use super::collect::{Collected, Committables, Part, carry, collect};
use crate::batch::Barrier;

/// Pause before the last checkpoint of an ended job is tried again, in ms.
const RETRY_LAST_MS: u64 = 1000;

/// The checkpoint coordinator of one job.
#[derive(Debug)]
pub struct Coordinator {
    settings: CoordinatorSettings,
    subtasks: BTreeSet<SubtaskId>,
    next_checkpoint: u64,
    pending: Option<Pending>,
    requests: VecDeque<Request>,
    ended: BTreeMap<SubtaskId, Acknowledgement>,
    /// Ended subtasks whose committables no checkpoint has taken over yet.
    unclaimed: BTreeSet<SubtaskId>,
    /// Prepared output of checkpoints that failed: the next one commits it.
    carried: Committables,
    started_ms: i64,
    finished_ms: Option<i64>,
    failures: u32,
    phase: JobPhase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobPhase {
    Running,
    /// A stop barrier was injected.
    Stopping,
    /// The stop checkpoint is committed.
    Stopped,
    Over,
}

#[derive(Debug)]
struct Request {
    /// Name of the snapshot it is to become.
    name: Option<String>,
    stop: bool,
}

#[derive(Debug)]
struct Pending {
    checkpoint: u64,
    snapshot: Option<String>,
    stop: bool,
    started_ms: i64,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Collecting(BTreeMap<SubtaskId, Part>),
    Writing(InFlight),
    /// Handed over to be recorded: whether it is can no longer be helped, only heard of.
    Recording(InFlight),
    /// `last`: every subtask has ended in this checkpoint.
    Committing {
        last: bool,
    },
}

#[derive(Debug)]
struct InFlight {
    committables: Committables,
    positions: Positions,
    last: bool,
}

impl Coordinator {
    /// For a job whose subtasks run since `now_ms`; the first checkpoint gets `next_checkpoint`.
    #[must_use]
    pub fn new(
        settings: CoordinatorSettings,
        subtasks: impl IntoIterator<Item = SubtaskId>,
        next_checkpoint: u64,
        now_ms: i64,
    ) -> Self {
        Self {
            settings,
            subtasks: subtasks.into_iter().collect(),
            next_checkpoint,
            pending: None,
            requests: VecDeque::new(),
            ended: BTreeMap::new(),
            unclaimed: BTreeSet::new(),
            carried: Committables::new(),
            started_ms: now_ms,
            finished_ms: None,
            failures: 0,
            phase: JobPhase::Running,
        }
    }

    /// When [`Self::tick`] has something to do, unless something happens before (ms).
    #[must_use]
    pub fn next_tick(&self) -> Option<i64> {
        match &self.pending {
            Some(pending) => match pending.step {
                Step::Collecting(_) | Step::Writing(_) => {
                    Some(after(pending.started_ms, self.settings.timeout_ms))
                }
                Step::Recording(_) | Step::Committing { .. } => None,
            },
            None if self.phase != JobPhase::Running => None,
            None => self.due(),
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now_ms: i64) -> Vec<Action> {
        let timed_out = match (&self.pending, self.next_tick()) {
            (Some(pending), Some(deadline)) if now_ms >= deadline => Some(pending.checkpoint),
            _ => None,
        };
        if let Some(checkpoint) = timed_out {
            let message = format!("not complete after {} ms", self.settings.timeout_ms);
            return self.failed(checkpoint, message, now_ms);
        }
        self.begin(now_ms)
    }

    /// A snapshot is wanted: taken as soon as nothing else is under way. With `stop`, sources
    /// stop after it.
    pub fn snapshot(&mut self, name: impl Into<String>, stop: bool, now_ms: i64) -> Vec<Action> {
        let name = name.into();
        if self.phase != JobPhase::Running {
            return vec![refused(name)];
        }
        self.requests.push_back(Request { name: Some(name), stop });
        self.begin(now_ms)
    }

    /// The job is to go on elsewhere: after the snapshots that are wanted already a checkpoint is
    /// taken, and sources stop after it. Nothing happens if the job is stopping anyway.
    pub fn drain(&mut self, now_ms: i64) -> Vec<Action> {
        if self.phase != JobPhase::Running {
            return Vec::new();
        }
        self.requests.push_back(Request { name: None, stop: true });
        self.begin(now_ms)
    }

    /// A subtask has passed a barrier.
    pub fn acknowledged(&mut self, acknowledgement: Acknowledgement, now_ms: i64) -> Vec<Action> {
        match &mut self.pending {
            Some(Pending { checkpoint, step: Step::Collecting(received), .. })
                if *checkpoint == acknowledgement.checkpoint =>
            {
                received.insert(acknowledgement.subtask.clone(), (acknowledgement, now_ms));
                self.complete(now_ms)
            }
            // Of a checkpoint that has failed meanwhile: its output must not be lost.
            Some(_) | None => {
                carry(&mut self.carried, acknowledgement.committables);
                Vec::new()
            }
        }
    }

    /// A subtask has ended.
    pub fn ended(&mut self, ended: Ended, now_ms: i64) -> Vec<Action> {
        let subtask = ended.last.subtask.clone();
        if !ended.stopped {
            self.unclaimed.insert(subtask.clone());
        }
        self.ended.insert(subtask, ended.last);
        match &self.pending {
            Some(Pending { step: Step::Collecting(_), .. }) => self.complete(now_ms),
            Some(_) => Vec::new(),
            None if self.phase == JobPhase::Stopped => self.finish_if_ended(true),
            None => self.begin(now_ms),
        }
    }

    /// The manifest of `checkpoint` is written. True if it is still wanted and may be handed over to
    /// be recorded. From then on the checkpoint does not fail by itself: it may be recorded
    /// already, and its output would be committed twice if a later checkpoint took it over.
    #[must_use]
    pub fn written(&mut self, checkpoint: u64) -> bool {
        let Some(pending) = self.pending.take_if(|it| it.checkpoint == checkpoint) else {
            return false;
        };
        let (wanted, step) = match pending.step {
            Step::Writing(flight) => (true, Step::Recording(flight)),
            step @ (Step::Collecting(_) | Step::Recording(_) | Step::Committing { .. }) => {
                (false, step)
            }
        };
        self.pending = Some(Pending { step, ..pending });
        wanted
    }

    /// The manifest of `checkpoint` is recorded: the commit point is past.
    pub fn recorded(&mut self, checkpoint: u64) -> Vec<Action> {
        let Some(pending) = self.pending.as_mut().filter(|it| it.checkpoint == checkpoint) else {
            return Vec::new();
        };
        let (Step::Writing(flight) | Step::Recording(flight)) = &mut pending.step else {
            return Vec::new();
        };
        let action = Action::Commit {
            checkpoint,
            committables: std::mem::take(&mut flight.committables),
            positions: std::mem::take(&mut flight.positions),
        };
        pending.step = Step::Committing { last: flight.last };
        self.failures = 0;
        vec![action]
    }

    /// The output of `checkpoint` is committed.
    pub fn committed(&mut self, checkpoint: u64, now_ms: i64) -> Vec<Action> {
        let done = |it: &mut Pending| {
            it.checkpoint == checkpoint && matches!(it.step, Step::Committing { .. })
        };
        let Some(pending) = self.pending.take_if(done) else { return Vec::new() };
        self.finished_ms = Some(now_ms);
        if pending.stop {
            self.phase = JobPhase::Stopped;
            return self.finish_if_ended(true);
        }
        let last = matches!(pending.step, Step::Committing { last: true });
        if last && self.requests.is_empty() {
            return self.finish_if_ended(false);
        }
        self.begin(now_ms)
    }

    /// `checkpoint` could not be written or recorded.
    pub fn failed(
        &mut self,
        checkpoint: u64,
        message: impl Into<String>,
        now_ms: i64,
    ) -> Vec<Action> {
        let can_fail = |it: &mut Pending| {
            let step = matches!(it.step, Step::Collecting(_) | Step::Writing(_));
            it.checkpoint == checkpoint && step
        };
        let Some(pending) = self.pending.take_if(can_fail) else { return Vec::new() };
        let message = message.into();
        match pending.step {
            Step::Collecting(received) => {
                for (acknowledgement, _) in received.into_values() {
                    carry(&mut self.carried, acknowledgement.committables);
                }
            }
            Step::Writing(flight) => carry(&mut self.carried, flight.committables),
            Step::Recording(_) | Step::Committing { .. } => {}
        }
        self.finished_ms = Some(now_ms);
        // A snapshot that fails says nothing about whether the job can recover.
        self.failures += u32::from(pending.snapshot.is_none());
        let mut actions = vec![Action::Failed {
            checkpoint: Some(checkpoint),
            snapshot: pending.snapshot,
            message: message.clone(),
        }];
        if pending.stop || self.failures > self.settings.tolerated_failures {
            self.phase = JobPhase::Over;
            let message = format!("checkpoint {checkpoint} failed: {message}");
            actions.push(Action::GiveUp { message });
        } else {
            actions.extend(self.begin(now_ms));
        }
        actions
    }

    /// When the job has failed: prepared output that no checkpoint can hold any more, to be given
    /// to [`crate::sink::Committer::abort`]. What a manifest may hold is not among it.
    #[must_use]
    pub fn uncommitted(self) -> Committables {
        let mut all = self.carried;
        if let Some(Pending { step: Step::Collecting(received), .. }) = self.pending {
            for (acknowledgement, _) in received.into_values() {
                carry(&mut all, acknowledgement.committables);
            }
        }
        for (subtask, left) in self.ended {
            if self.unclaimed.contains(&subtask) {
                carry(&mut all, left.committables);
            }
        }
        all
    }

    /// When the next checkpoint starts by itself.
    fn due(&self) -> Option<i64> {
        if self.all_ended() {
            let again = |end| after(end, self.settings.min_pause_ms.max(RETRY_LAST_MS));
            return Some(match self.finished_ms {
                Some(end) if self.failures > 0 => again(end),
                Some(_) | None => self.started_ms,
            });
        }
        if !self.settings.enabled {
            return None;
        }
        let by_interval = after(self.started_ms, self.settings.interval_ms);
        let by_pause = self.finished_ms.map(|end| after(end, self.settings.min_pause_ms));
        Some(by_pause.map_or(by_interval, |by_pause| by_interval.max(by_pause)))
    }

    /// Starts a checkpoint if one is wanted and none is under way.
    fn begin(&mut self, now_ms: i64) -> Vec<Action> {
        if self.pending.is_some() || self.phase != JobPhase::Running {
            return Vec::new();
        }
        let request = self.requests.pop_front();
        if request.is_none() && self.due().is_none_or(|due| due > now_ms) {
            return Vec::new();
        }
        let checkpoint = self.next_checkpoint;
        self.next_checkpoint += 1;
        self.started_ms = now_ms;
        let (snapshot, stop) = match request {
            Some(request) => (request.name, request.stop),
            None => (None, false),
        };
        let step = Step::Collecting(BTreeMap::new());
        self.pending = Some(Pending { checkpoint, snapshot, stop, started_ms: now_ms, step });
        let mut actions = Vec::new();
        if stop {
            self.phase = JobPhase::Stopping;
            let names = self.requests.drain(..).filter_map(|request| request.name);
            actions.extend(names.map(refused));
        }
        if !self.all_ended() {
            actions.push(Action::Inject(Barrier { id: checkpoint, stop }));
        }
        actions.extend(self.complete(now_ms));
        actions
    }

    /// Hands the checkpoint over for writing when nobody is missing.
    fn complete(&mut self, now_ms: i64) -> Vec<Action> {
        let Some(pending) = &mut self.pending else { return Vec::new() };
        let Step::Collecting(received) = &mut pending.step else { return Vec::new() };
        let missing = |it: &&SubtaskId| !received.contains_key(it) && !self.ended.contains_key(it);
        if self.subtasks.iter().any(|it| missing(&it)) {
            return Vec::new();
        }
        let mut received = std::mem::take(received);
        let last = received.is_empty();
        let mut parts = Vec::with_capacity(self.subtasks.len());
        for subtask in &self.subtasks {
            if let Some(acknowledgement) = received.remove(subtask) {
                parts.push(acknowledgement);
            } else if let Some(left) = self.ended.get(subtask) {
                let mut left = left.clone();
                if !self.unclaimed.remove(subtask) {
                    left.committables.clear();
                }
                parts.push((left, 0));
            }
        }
        let operators = collect(parts, std::mem::take(&mut self.carried));
        let committables = operators
            .iter()
            .filter(|(_, operator)| !operator.committables.is_empty())
            .map(|(id, operator)| (id.clone(), operator.committables.clone()))
            .collect();
        let positions = operators
            .iter()
            .filter(|(_, operator)| operator.is_source)
            .map(|(id, operator)| (id.clone(), operator.splits.clone()))
            .collect();
        pending.step = Step::Writing(InFlight { committables, positions, last });
        vec![Action::Write(Box::new(Collected {
            checkpoint: pending.checkpoint,
            snapshot: pending.snapshot.clone(),
            stop: pending.stop,
            started_ms: pending.started_ms,
            collected_ms: now_ms,
            operators,
        }))]
    }

    fn finish_if_ended(&mut self, stopped: bool) -> Vec<Action> {
        if !self.all_ended() || self.phase == JobPhase::Over {
            return Vec::new();
        }
        self.phase = JobPhase::Over;
        vec![Action::Finish { stopped }]
    }

    fn all_ended(&self) -> bool {
        self.ended.len() == self.subtasks.len()
    }
}

fn refused(snapshot: String) -> Action {
    let message = "the application is stopping; take a snapshot after it has started again";
    Action::Failed { checkpoint: None, snapshot: Some(snapshot), message: message.to_owned() }
}

fn after(start_ms: i64, span_ms: u64) -> i64 {
    start_ms.saturating_add_unsigned(span_ms)
}
