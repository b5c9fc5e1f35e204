//! One attempt: a worker and its job process, doing what `lifecycle` does with simulated subtasks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use connectors::filesystem::{CommitPolicy, FileCommitter, Waiting};
use connectors::kafka::{KafkaCommitter, LostMarker};
use engine::batch::{Barrier, SchemaRef};
use engine::clock::{Clock, SystemClock};
use engine::graph::{Node, NodeKind, SourceNode, StreamGraph};
use engine::runtime::coordinator::{Coordinator, CoordinatorSettings};
use engine::runtime::{Acknowledgement, Ended, Positions, SubtaskId};
use engine::sink::{CommitContext, Committer, Sink, SinkContext, SinkWriter};
use engine::source::{Source, SourceContext, SourceReader};
use engine::stash::Stash;
use model::protocol::{Event, Failure};

use super::broker::SimBroker;
use super::objects::{SUCCESS, SimFiles, SimObjects};
use super::plane::{Exit, Job, Order, Verdict};
use super::schedule::Fault::{Killed, KilledAfter, Late, Lost, Refused, Slow, Twice};
use super::world::{Actor, Inner, NoAnswer};
use super::writers::Writers;
use crate::attempt::{Attempt, Hands, Inheritance, take_over};
use crate::checkpoint_store::CheckpointStore;
use crate::committers::{Committers, Surroundings};
use crate::lifecycle::{End, failure};
use crate::objects::Objects;
use crate::restore::Restored;
use crate::stash::ObjectStash;
use crate::storage::{Identity, Outcome, Storage, Task};

pub(super) const FOLDER: &str = "applications/app/7";
pub(super) const APPLICATION: &str = "app-7";
pub(super) const SOURCE: &str = "source";
pub(super) const SPLIT: &str = "split";
pub(super) const KAFKA: &str = "kafka";
pub(super) const FILES: &str = "files";

/// Time between two checkpoints, in ms.
const INTERVAL_MS: u64 = 10;
/// Time that one may take.
const TIMEOUT_MS: u64 = 1000;

/// From the claim to the last word. `told`: what it works for, in case it dies.
pub(super) fn live(mut actor: Actor, told: &Mutex<Option<Job>>) {
    let claim = |world: &mut Inner| world.plane.claim();
    let claimed = actor.call(format_args!("claim"), &[Killed, KilledAfter, Twice], claim);
    let Ok(claim) = claimed else { return };
    actor.job = Some(claim.job);
    *told.lock().unwrap() = actor.job;
    let words = (claim.job.attempt, &claim.restore, &claim.unfinished);
    actor
        .say(format_args!("attempt {}, restores {:?}, unfinished {:?}", words.0, words.1, words.2));
    let given = Inheritance {
        unfinished: &claim.unfinished,
        restore: claim.restore.as_deref(),
        allow_non_restored_state: false,
    };
    let objects: Arc<dyn Objects> = Arc::new(SimObjects(actor.clone()));
    let store = CheckpointStore::open(Arc::clone(&objects), FOLDER);
    let stash: Arc<dyn Stash> = Arc::new(ObjectStash::open(objects, FOLDER));
    let graph = graph(&actor);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let surroundings = Surroundings {
        application_id: APPLICATION,
        attempt: claim.job.attempt,
        clock: &clock,
        stash: &stash,
    };
    let mut committers = Committers::open(&graph, &surroundings).unwrap();
    let restored = match take_over(&given, &graph, &store, &mut committers, |_| {}) {
        Ok(restored) => restored,
        Err(failure) => return last_word(&actor, claim.job, &failed(&failure)),
    };
    let position = restored.as_ref().map_or(0, position);
    let checkpoint = restored.map(|it| it.manifest.checkpoint);
    let writers = Writers::new(actor.clone(), claim.job.attempt, Arc::clone(&stash), position);
    let identity = Identity {
        application: "app".to_owned(),
        version: 1,
        attempt: claim.job.attempt,
        parallelism: 1,
        names: BTreeMap::new(),
    };
    let mut body = Body::new(actor.clone(), claim.job);
    let settings = CoordinatorSettings {
        enabled: true,
        interval_ms: INTERVAL_MS,
        min_pause_ms: 0,
        timeout_ms: TIMEOUT_MS,
        tolerated_failures: 10,
    };
    let subtasks = [SOURCE, KAFKA, FILES].map(subtask);
    let coordinator = Coordinator::new(settings, subtasks, claim.next_checkpoint, 0);
    let storage = Storage { store, committers, stash, identity };
    let begun = Attempt::begin(coordinator, checkpoint, Vec::new(), &mut body);
    let attempt = begun.unwrap_or_else(|failure| panic!("{}", failure.message));
    Process { body, attempt, storage, writers, now_ms: 0 }.run();
}

pub(super) fn subtask(operator_id: &str) -> SubtaskId {
    SubtaskId { operator_id: operator_id.to_owned(), index: 0 }
}

/// Where the source stood; its state says the same.
fn position(restored: &Restored) -> usize {
    let source = &restored.graph.operators[SOURCE];
    let position = &source.splits.as_ref().unwrap()[SPLIT];
    assert_eq!(source.state[0].bytes, position.as_bytes());
    position.parse().unwrap()
}

fn failed(failure: &Failure) -> (Exit, String) {
    (Exit::Failed { retry: failure.fault.retry }, failure.message.clone())
}

/// The process has ended; its worker tells how, until it gets an answer.
fn last_word(actor: &Actor, job: Job, (exit, why): &(Exit, String)) {
    let faults = &[Killed, Lost, Refused];
    let tell = |world: &mut Inner| world.plane.ended(job, *exit);
    while actor.call(format_args!("report {exit:?}: {why}"), faults, tell).is_err() {}
}

/// What woke the process.
enum Wake {
    Acknowledged(Acknowledgement),
    Ended(Ended),
    Recorded(u64),
    Stored(Outcome),
}

/// What does the work: the subtasks, the worker, storage, each with what it has still to do.
struct Body {
    actor: Actor,
    job: Job,
    barriers: VecDeque<Barrier>,
    tasks: VecDeque<Task>,
    wakes: VecDeque<Wake>,
    /// Reports that the worker has not passed on yet.
    reports: VecDeque<Event>,
    fenced: bool,
}

impl Hands for Body {
    fn inject(&mut self, barrier: Barrier) {
        self.barriers.push_back(barrier);
    }

    fn committed(&mut self, _checkpoint: u64, _positions: Positions) {}

    fn store(&mut self, task: Task) -> Result<(), Failure> {
        self.tasks.push_back(task);
        Ok(())
    }

    fn report(&mut self, event: &Event) {
        self.reports.push_back(event.clone());
        self.pass_on(matches!(event, Event::CheckpointWritten(_)));
    }

    fn log(&mut self, _level: &str, message: String) {
        self.actor.say(format_args!("{message}"));
    }
}

impl Body {
    fn new(actor: Actor, job: Job) -> Self {
        Self {
            actor,
            job,
            barriers: VecDeque::new(),
            tasks: VecDeque::new(),
            wakes: VecDeque::new(),
            reports: VecDeque::new(),
            fenced: false,
        }
    }

    /// The worker passes reports on, in order, each until it is answered. If the job `waits` for an
    /// answer, all of them.
    fn pass_on(&mut self, waits: bool) {
        while let Some(event) = self.reports.front()
            && !self.fenced
        {
            match tell(&self.actor, self.job, event, !waits) {
                Ok(Verdict::Current) => {
                    if let Event::CheckpointWritten(written) = event {
                        self.wakes.push_back(Wake::Recorded(written.id));
                    }
                    self.reports.pop_front();
                }
                Ok(Verdict::Fenced) => {
                    self.actor.say(format_args!("fenced"));
                    self.fenced = true;
                }
                Err(NoAnswer { late: true }) => return,
                Err(NoAnswer { late: false }) => {}
            }
        }
    }
}

/// `Supervisor::try_report`.
fn tell(actor: &Actor, job: Job, event: &Event, may_wait: bool) -> Result<Verdict, NoAnswer> {
    let faults: &[_] = &[Killed, KilledAfter, Twice, Lost, Refused, Slow];
    let patient: &[_] = &[Killed, KilledAfter, Twice, Lost, Refused, Late];
    match event {
        Event::Running { .. } => {
            let faults = if may_wait { patient } else { faults };
            actor.call(format_args!("report running"), faults, |world| world.plane.running(job))
        }
        Event::CheckpointWritten(written) => {
            let record = |world: &mut Inner| {
                let manifest = world.objects.objects.get(&written.manifest);
                let manifest = serde_json::from_slice(manifest.expect("it is written")).unwrap();
                world.plane.record(job, written, &manifest)
            };
            actor.call(format_args!("record checkpoint {}", written.id), faults, record)
        }
        Event::CheckpointCommitted { id } => {
            let faults = if may_wait { patient } else { faults };
            let committed = |world: &mut Inner| world.plane.committed(job, *id);
            actor.call(format_args!("report checkpoint {id} committed"), faults, committed)
        }
        // It ends with it; see `Process::end`.
        Event::Finished { .. } | Event::Failed(_) => Ok(Verdict::Current),
        Event::Planned { .. }
        | Event::CheckpointFailed { .. }
        | Event::Metrics(_)
        | Event::Log(_) => Ok(Verdict::Current),
    }
}

/// A job process whose program runs (`lifecycle::Job`).
struct Process {
    body: Body,
    attempt: Attempt,
    storage: Storage,
    writers: Writers,
    now_ms: i64,
}

impl Process {
    fn run(mut self) {
        let mut heard = Vec::new();
        while !self.body.fenced {
            let actions = if std::mem::take(&mut *self.body.actor.slow.lock().unwrap()) {
                self.now_ms += i64::try_from(TIMEOUT_MS).unwrap();
                Ok(self.attempt.coordinator.tick(self.now_ms))
            } else if let Some(wake) = self.body.wakes.pop_front() {
                self.woken(wake)
            } else if let Some(task) = self.body.tasks.pop_front() {
                let outcome = self.storage.perform(task);
                self.body.wakes.push_back(Wake::Stored(outcome));
                continue;
            } else if let Some(barrier) = self.body.barriers.pop_front() {
                match self.writers.pass(barrier) {
                    Ok((acknowledged, ended)) => {
                        let wakes = acknowledged.into_iter().map(Wake::Acknowledged);
                        self.body.wakes.extend(wakes.chain(ended.into_iter().map(Wake::Ended)));
                        continue;
                    }
                    Err(error) => Err(failure(error)),
                }
            } else {
                let job = self.body.job;
                match self.body.actor.look(|world| world.plane.order(job, &heard)) {
                    Some(Order::Cancel) => return self.end(&(Exit::Stopped, String::new())),
                    Some(Order::Snapshot { name, stop }) => {
                        heard.push(name.clone());
                        Ok(self.attempt.coordinator.snapshot(name, stop, self.now_ms))
                    }
                    None => {
                        self.now_ms += i64::try_from(INTERVAL_MS).unwrap();
                        Ok(self.attempt.coordinator.tick(self.now_ms))
                    }
                }
            };
            let done = actions.and_then(|actions| self.attempt.perform(actions, &mut self.body));
            match done {
                Ok(None) => {}
                Ok(Some(End::Finished)) => {
                    let stopped = self.writers.stopped;
                    let exit = if stopped { Exit::Stopped } else { Exit::Exhausted };
                    return self.end(&(exit, String::new()));
                }
                Ok(Some(End::Failed | End::Superseded)) => return,
                Err(failure) => return self.end(&failed(&failure)),
            }
        }
    }

    fn woken(&mut self, wake: Wake) -> Result<Vec<engine::runtime::coordinator::Action>, Failure> {
        let now_ms = self.now_ms;
        Ok(match wake {
            Wake::Acknowledged(it) => self.attempt.coordinator.acknowledged(it, now_ms),
            Wake::Ended(ended) => self.attempt.coordinator.ended(ended, now_ms),
            Wake::Recorded(id) => self.attempt.coordinator.recorded(id),
            Wake::Stored(outcome) => self.attempt.stored(outcome, now_ms, &mut self.body)?,
        })
    }

    /// `Job::clear_up`; then the worker has passed on what it heard, and tells of the end.
    fn end(mut self, how: &(Exit, String)) {
        for wake in std::mem::take(&mut self.body.wakes) {
            if let Wake::Acknowledged(it) = wake {
                self.attempt.coordinator.acknowledged(it, self.now_ms);
            }
        }
        let uncommitted = self.attempt.coordinator.uncommitted();
        if !uncommitted.is_empty() {
            self.storage.perform(Task::Abort(uncommitted));
        }
        self.body.pass_on(true);
        if !self.body.fenced {
            last_word(&self.body.actor, self.body.job, how);
        }
    }
}

/// One source, two sinks.
fn graph(actor: &Actor) -> StreamGraph {
    let source = SourceNode { source: Arc::new(Input), projection: None, watermark: None };
    let node = |id: &str, kind| Node {
        operator_id: id.to_owned(),
        name: id.to_owned(),
        kind,
        parallelism: Some(1),
    };
    StreamGraph {
        nodes: vec![
            node(SOURCE, NodeKind::Source(source)),
            node(KAFKA, NodeKind::Sink(Arc::new(Table { actor: actor.clone(), kafka: true }))),
            node(FILES, NodeKind::Sink(Arc::new(Table { actor: actor.clone(), kafka: false }))),
        ],
        edges: Vec::new(),
    }
}

/// Stands in the graph; [`Writers`] read and write instead.
#[derive(Debug)]
struct Input;

impl Source for Input {
    fn schema(&self) -> SchemaRef {
        unreachable!("nothing is planned")
    }

    fn bounded(&self) -> bool {
        true
    }

    fn open(&self, _context: SourceContext) -> engine::Result<Box<dyn SourceReader>> {
        unreachable!("nothing is opened")
    }
}

#[derive(Debug)]
struct Table {
    actor: Actor,
    kafka: bool,
}

impl Sink for Table {
    fn accepts_updates(&self) -> bool {
        false
    }

    fn open(&self, _context: SinkContext) -> engine::Result<Box<dyn SinkWriter>> {
        unreachable!("nothing is opened")
    }

    fn committer(&self, context: CommitContext) -> engine::Result<Option<Box<dyn Committer>>> {
        let actor = self.actor.clone();
        Ok(Some(if self.kafka {
            let stash = Arc::clone(&context.stash);
            let broker = SimBroker { actor, stash: Arc::clone(&stash), fence: 0 };
            Box::new(KafkaCommitter::new(broker, context.attempt, LostMarker::Fail, stash))
        } else {
            let policy = CommitPolicy::with_first_file(SUCCESS);
            let files = SimFiles(actor);
            Box::new(FileCommitter::new(files, Some(policy), Waiting::default(), &context))
        }))
    }
}
