//! One attempt of a job: threads, coordinator, committers, and when each of them goes on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, unbounded};
use fastrand::Rng;

use super::stage::{Stage, VirtualClock};
use super::trace::Trace;
use super::world::World;
use crate::clock::Clock;
use crate::graph::{NodeKind, StreamGraph};
use crate::runtime::coordinator::{Action, Collected, Coordinator, CoordinatorSettings};
use crate::runtime::{Execution, ExecutionEvent, ExecutionOptions, Positions};
use crate::sink::{CommitContext, Committable, Committer};
use crate::stash::MemoryStash;

/// A simulation that has not come to its end after so many turns never will.
const MOST_TURNS: u64 = 400_000;

/// How an attempt goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions {
    pub(super) parallelism: usize,
    pub(super) channel_capacity: usize,
    /// The turn before which everything in memory is lost.
    pub(super) crash_at: Option<u64>,
    /// Times of the coordinator in ms: interval, pause, timeout; `None` = no checkpoints.
    pub(super) times: Option<(u64, u64, u64)>,
    /// A snapshot is asked for about once in so many turns.
    pub(super) snapshot_in: Option<u32>,
    /// The same for a stop.
    pub(super) stop_in: Option<u32>,
    /// A checkpoint cannot be written about once in so many.
    pub(super) store_fails_in: Option<u32>,
    /// What happens outside the subtasks is done about once in so many turns.
    pub(super) owner_in: u32,
    /// Some subtasks get far fewer turns than others.
    pub(super) skewed: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The input is exhausted and everything is committed.
    Finished,
    /// By a stop order.
    Stopped,
    Crashed,
}

/// What happened, so that a test can tell that something did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) turns: u64,
    pub(super) attempts: u64,
    pub(super) recorded: u64,
    pub(super) failed: u64,
    pub(super) crashed: u64,
    pub(super) stopped: u64,
    /// Attempts that went on from a checkpoint at another parallelism.
    pub(super) rescaled: u64,
    pub(super) late: u64,
}

/// What the owner of the execution still has to do.
enum Deed {
    Record(Box<Collected>),
    /// That a checkpoint is recorded.
    Hear(u64),
    Commit {
        checkpoint: u64,
        left: Vec<(String, Committable)>,
        positions: Positions,
    },
}

pub(super) struct Attempt<'a> {
    world: Arc<Mutex<World>>,
    clock: Arc<VirtualClock>,
    conditions: Conditions,
    rng: Rng,
    trace: &'a mut Trace,
    counts: &'a mut Counts,
    execution: Execution,
    pub(super) stage: Stage,
    events: Receiver<ExecutionEvent>,
    coordinator: Coordinator,
    committers: BTreeMap<String, Box<dyn Committer>>,
    deeds: VecDeque<Deed>,
    weights: Vec<u32>,
    turn: u64,
    end: Option<End>,
}

/// What an attempt is made of.
pub(super) struct Parts<'a> {
    pub(super) number: u64,
    pub(super) world: Arc<Mutex<World>>,
    pub(super) stage: Stage,
    pub(super) graph: StreamGraph,
    pub(super) conditions: Conditions,
    pub(super) rng: Rng,
    pub(super) trace: &'a mut Trace,
    pub(super) counts: &'a mut Counts,
}

impl<'a> Attempt<'a> {
    /// Finishes what the recorded checkpoint lists, then starts from it; `None` = it crashed
    /// before it ran.
    pub(super) fn start(parts: Parts<'a>) -> Option<Self> {
        let Parts { number, world, mut stage, graph, conditions, mut rng, trace, counts } = parts;
        let (clock, recorded) = {
            let world = world.lock().unwrap();
            (Arc::clone(&world.clock), world.recorded.clone())
        };
        let now = clock.now_ms();
        counts.attempts += 1;
        let mut committers = BTreeMap::new();
        for node in &graph.nodes {
            let NodeKind::Sink(sink) = &node.kind else { continue };
            let context = CommitContext {
                operator_id: node.operator_id.clone(),
                application_id: "app".to_owned(),
                attempt: number,
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                stash: Arc::new(MemoryStash::default()),
            };
            committers.insert(node.operator_id.clone(), sink.committer(context).unwrap().unwrap());
        }
        let checkpoint = recorded.as_ref().map_or(0, |it| it.checkpoint);
        trace
            .add(now, &format!("attempt {number} at {} from {checkpoint}", conditions.parallelism));
        let unfinished = recorded.iter().filter(|_| !world.lock().unwrap().committed);
        for (sink, operator) in unfinished.flat_map(|it| &it.operators) {
            for committable in &operator.committables {
                if conditions.crash_at.is_some() && rng.u32(0..20) == 0 {
                    trace.add(now, "crash while recovering");
                    counts.crashed += 1;
                    return None;
                }
                let committer = committers.get_mut(sink).unwrap();
                committer.take_over(&[(checkpoint, vec![committable.clone()])]).unwrap();
            }
        }
        let (told, events) = unbounded();
        let options = ExecutionOptions {
            parallelism: conditions.parallelism,
            batch_size: 64,
            channel_capacity: conditions.channel_capacity,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            attempt: number,
            application_id: "app".to_owned(),
            stash: Arc::new(MemoryStash::default()),
            restored: world.lock().unwrap().restored(),
            first_checkpoint: checkpoint + 1,
        };
        let doors = Arc::clone(stage.doors());
        let tell = move |event| drop(told.send(event));
        let execution = Execution::start_behind(Some(doors), graph, options, tell).unwrap();
        stage.assemble(execution.subtasks().len());
        let (interval_ms, min_pause_ms, timeout_ms) = conditions.times.unwrap_or((1, 0, u64::MAX));
        let settings = CoordinatorSettings {
            enabled: conditions.times.is_some(),
            interval_ms,
            min_pause_ms,
            timeout_ms,
            tolerated_failures: u32::MAX - 1,
        };
        let subtasks = execution.subtasks().iter().cloned();
        let coordinator = Coordinator::new(settings, subtasks, checkpoint + 1, now);
        let weight =
            |rng: &mut Rng| if conditions.skewed { [1, 5, 60][rng.usize(0..3)] } else { 1 };
        let weights = (0..stage.count()).map(|_| weight(&mut rng)).collect();
        let (deeds, turn, end) = (VecDeque::new(), 0, None);
        Some(Self {
            world,
            clock,
            conditions,
            rng,
            trace,
            counts,
            execution,
            stage,
            events,
            coordinator,
            committers,
            deeds,
            weights,
            turn,
            end,
        })
    }

    /// Goes on until the attempt is over.
    pub(super) fn run(mut self) -> End {
        while self.end.is_none() {
            self.go_on();
        }
        self.close()
    }

    /// Goes on until `enough`, or until the attempt is over.
    pub(super) fn run_until(&mut self, enough: impl Fn(&Self) -> bool) {
        while self.end.is_none() && !enough(self) {
            self.go_on();
        }
    }

    /// Whether no subtask has anything to do before time passes.
    pub(super) fn quiet(&self) -> bool {
        self.stage.able().is_empty() && self.events.is_empty() && self.deeds.is_empty()
    }

    /// Asks for a checkpoint.
    pub(super) fn snapshot(&mut self, stop: bool) {
        self.note(if stop { "stop" } else { "snapshot" });
        let actions = self.coordinator.snapshot("s", stop, self.clock.now_ms());
        self.perform(actions);
    }

    pub(super) fn crash(&mut self) {
        self.end = Some(End::Crashed);
    }

    /// Everything in memory is dropped.
    pub(super) fn close(mut self) -> End {
        self.counts.turns += self.turn;
        let late = self.execution.metrics().values().map(|it| it.late_records).sum::<u64>();
        self.counts.late += late;
        let end = self.end.unwrap_or(End::Crashed);
        self.note(&format!("{end:?}"));
        match end {
            End::Finished => {}
            End::Stopped => self.counts.stopped += 1,
            End::Crashed => self.counts.crashed += 1,
        }
        self.execution.cancel();
        self.stage.release();
        self.execution.join().unwrap();
        end
    }

    fn note(&mut self, line: &str) {
        self.trace.add(self.clock.now_ms(), line);
    }

    fn one_in(&mut self, turns: Option<u32>) -> bool {
        turns.is_some_and(|turns| self.rng.u32(0..turns) == 0)
    }

    /// One turn of a subtask, one deed of the owner, or a leap in time.
    fn go_on(&mut self) {
        self.turn += 1;
        assert!(self.turn < MOST_TURNS, "there is no end to it");
        if self.conditions.crash_at == Some(self.turn) {
            return self.crash();
        }
        if self.one_in(self.conditions.snapshot_in) {
            return self.snapshot(false);
        }
        if self.one_in(self.conditions.stop_in) {
            return self.snapshot(true);
        }
        let able = self.stage.able();
        let deeds = !self.events.is_empty() || !self.deeds.is_empty();
        if deeds && (able.is_empty() || self.rng.u32(0..self.conditions.owner_in) == 0) {
            self.deed();
        } else if !able.is_empty() {
            let place = self.pick(&able);
            let line = format!("{} of {able:?}", self.stage.name(place));
            self.note(&line);
            self.stage.step(place);
        } else {
            let times = [self.stage.next_time(), self.coordinator.next_tick()];
            let next = times.into_iter().flatten().min();
            let next = next.expect("all wait for each other");
            self.clock.set(self.clock.now_ms().max(next));
            if self.coordinator.next_tick().is_some_and(|due| due <= self.clock.now_ms()) {
                let actions = self.coordinator.tick(self.clock.now_ms());
                self.perform(actions);
            }
        }
    }

    fn pick(&mut self, able: &[usize]) -> usize {
        let all: u32 = able.iter().map(|place| self.weights[*place]).sum();
        let mut at = self.rng.u32(0..all);
        for &place in able {
            if at < self.weights[place] {
                return place;
            }
            at -= self.weights[place];
        }
        unreachable!("a number below the sum is below one of its parts")
    }

    /// Hears an event, or does a part of what is to be done.
    fn deed(&mut self) {
        let first_hear = !self.events.is_empty() && (self.deeds.is_empty() || self.rng.bool());
        if first_hear {
            let event = self.events.try_recv().unwrap();
            self.hear(event);
        } else {
            match self.deeds.pop_front() {
                Some(Deed::Record(collected)) => self.record(*collected),
                Some(Deed::Hear(checkpoint)) => {
                    let actions = self.coordinator.recorded(checkpoint);
                    self.perform(actions);
                }
                Some(Deed::Commit { checkpoint, left, positions }) => {
                    self.commit(checkpoint, left, positions);
                }
                None => {}
            }
        }
    }

    fn hear(&mut self, event: ExecutionEvent) {
        let now = self.clock.now_ms();
        let actions = match event {
            ExecutionEvent::Acknowledged(it) => {
                let (subtask, checkpoint) = (&it.subtask, it.checkpoint);
                self.trace
                    .add(now, &format!("{subtask} acknowledges {checkpoint} {:?}", it.splits));
                self.coordinator.acknowledged(it, now)
            }
            ExecutionEvent::Ended(it) => {
                self.trace.add(now, &format!("{} has ended {:?}", it.last.subtask, it.last.splits));
                self.coordinator.ended(it, now)
            }
            ExecutionEvent::AllEnded => Vec::new(),
            ExecutionEvent::Failed(error) => panic!("a subtask failed: {error}"),
        };
        self.perform(actions);
    }

    fn record(&mut self, collected: Collected) {
        let (checkpoint, now) = (collected.checkpoint, self.clock.now_ms());
        let actions = if self.one_in(self.conditions.store_fails_in) {
            self.counts.failed += 1;
            self.note(&format!("not written: {checkpoint}"));
            self.coordinator.failed(checkpoint, "the store did not answer", now)
        } else if self.coordinator.written(checkpoint) {
            self.counts.recorded += 1;
            self.note(&format!("recorded {checkpoint}"));
            self.world.lock().unwrap().record(collected);
            self.deeds.push_front(Deed::Hear(checkpoint));
            Vec::new()
        } else {
            self.counts.failed += 1;
            self.note(&format!("written too late: {checkpoint}"));
            Vec::new()
        };
        self.perform(actions);
    }

    /// Commits one of what is left, some of them twice.
    fn commit(&mut self, checkpoint: u64, mut left: Vec<(String, Committable)>, at: Positions) {
        if let Some((sink, committable)) = left.pop() {
            self.note(&format!("commits of {checkpoint} for {sink}, {} left", left.len()));
            let committable = std::slice::from_ref(&committable);
            for _ in 0..self.rng.usize(1..=2) {
                self.committers.get_mut(&sink).unwrap().commit(checkpoint, committable).unwrap();
            }
            self.deeds.push_front(Deed::Commit { checkpoint, left, positions: at });
            return;
        }
        self.note(&format!("committed {checkpoint}"));
        self.world.lock().unwrap().committed = true;
        self.execution.committed(checkpoint, at);
        let actions = self.coordinator.committed(checkpoint, self.clock.now_ms());
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Inject(barrier) => {
                    self.note(&format!("injects {barrier:?}"));
                    self.execution.inject(barrier);
                }
                Action::Write(collected) => self.deeds.push_back(Deed::Record(collected)),
                Action::Commit { checkpoint, committables, positions } => {
                    let each = |(sink, all): (String, Vec<Committable>)| {
                        all.into_iter().map(move |one| (sink.clone(), one))
                    };
                    let left = committables.into_iter().flat_map(each).collect();
                    self.deeds.push_back(Deed::Commit { checkpoint, left, positions });
                }
                Action::Failed { message, .. } => self.note(&format!("failed: {message}")),
                Action::GiveUp { .. } => self.end = Some(End::Crashed),
                Action::Finish { stopped: true } => self.end = Some(End::Stopped),
                Action::Finish { stopped: false } => self.end = Some(End::Finished),
            }
        }
    }
}
