//! The life of a job process, from its assignment to its end.
//!
//! ```text
//! Assign ─ plan ─► Planned ─ take over what earlier attempts recorded, restore, open ─► Running
//!   ├─ barrier ─ acknowledged ─ states + manifest ─► CheckpointWritten
//!   │     └─ CheckpointRecorded (the commit point) ─ committers ─► CheckpointCommitted
//!   ├─ all inputs ended, or a stop order fulfilled ─► Finished
//!   └─ anything fails ─► Failed; the worker decides about another attempt
//! ```

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::{Environment, Registry};
use crossbeam_channel::{Receiver, Sender, after, bounded, never, select, tick, unbounded};
use engine::batch::Barrier;
use engine::clock::{Clock, SystemClock};
use engine::graph::StreamGraph;
use engine::runtime::coordinator::{Coordinator, CoordinatorSettings};
use engine::runtime::{
    Execution, ExecutionEvent, ExecutionOptions, Positions, RestoredGraph, Watch,
};
use engine::stash::Stash;
use model::configuration::MetricsLevel;
use model::fault::{Domain, Fault};
use model::protocol::{Assignment, Event, Failure, JobMetrics, Order};

use crate::attempt::{self, Attempt, Hands, Inheritance};
use crate::channel::{Reporter, orders};
use crate::checkpoint_store::CheckpointStore;
use crate::committers::{Committers, Surroundings};
use crate::objects::{Bucket, Objects};
use crate::process;
use crate::program::{self, PythonOptions};
use crate::rates::Rates;
use crate::spans::{self, Checkpoints, step};
use crate::stash::ObjectStash;
use crate::storage::{self, Outcome, Storage, Task};

/// A checkpoint that takes longer has failed (Flink's default), unless the program SETs
/// `execution.checkpointing.timeout`.
const CHECKPOINT_TIMEOUT_MS: u64 = 10 * 60 * 1000;

/// Checkpoints that may fail in a row before the job is restarted, unless the program SETs
/// `execution.checkpointing.tolerable-failed-checkpoints`.
const TOLERATED_FAILURES: u32 = 10;

/// How long a job that has ended otherwise may take to throw prepared output away.
const CLEAR_UP_WITHIN: Duration = Duration::from_secs(2);

/// Time between two reports of counters.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How a job process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The input is exhausted, or it was told to stop.
    Finished,
    /// It failed and has said so.
    Failed,
    /// A newer attempt has taken over, or the worker is gone.
    Superseded,
}

/// Runs the assignment that comes as the first order; returns when the process may end.
pub fn run(
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
    python: &PythonOptions,
) -> End {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let reporter = Reporter::new(output, Arc::clone(&clock));
    let orders = orders(input);
    let Ok(Order::Assign(assignment)) = orders.recv() else { return End::Superseded };
    reporter.set_level(assignment.log_level);
    let parallelism = assignment.parallelism;
    // As a Flink cluster says it: people search for it.
    let property = format!("Loading configuration property: parallelism.default, {parallelism}");
    reporter.log("INFO", "job", property);
    let span = spans::start(&assignment);
    let started = span.in_scope(|| start(&assignment, &clock, &reporter, python));
    let mut job = match started {
        Ok(job) => job,
        Err(failure) => {
            spans::failed(&span, &failure);
            reporter.report(&Event::Failed(failure));
            return End::Failed;
        }
    };
    drop(span);
    match job.live(&orders) {
        Ok(End::Superseded) => End::Superseded,
        Ok(end) => {
            job.clear_up();
            end
        }
        Err(failure) => {
            reporter.report(&Event::Failed(failure));
            job.clear_up();
            End::Failed
        }
    }
}

/// Everything before the first record: the program is planned, state restored, output of the
/// restored checkpoint finished.
fn start(
    assignment: &Assignment,
    clock: &Arc<dyn Clock>,
    reporter: &Reporter,
    python: &PythonOptions,
) -> Result<Job, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| internal(format!("starting the I/O runtime: {error}")))?;
    let log = reporter.clone();
    let registry = Registry::new(Environment {
        s3: assignment.storage.s3.clone(),
        log: Arc::new(move |line| log.report(&Event::Log(line))),
        print: None,
        runtime: runtime.handle().clone(),
    });
    let planning = step!("plan");
    let (graph, set) = program::plan(assignment, Arc::new(registry), python, reporter)?;
    reporter.report(&Event::Planned { graph: sql::graph_json(&graph), restart: set.restart });
    drop(planning);

    let taking_over = step!("take over");
    let objects: Arc<dyn Objects> =
        Arc::new(Bucket::open(&assignment.storage, runtime.handle().clone()));
    let store = CheckpointStore::open(Arc::clone(&objects), &assignment.folder);
    let stash: Arc<dyn Stash> = Arc::new(ObjectStash::open(objects, &assignment.folder));
    let surroundings = Surroundings {
        application_id: &unique_name(assignment),
        attempt: assignment.attempt,
        clock,
        stash: &stash,
    };
    let mut committers = Committers::open(&graph, &surroundings).map_err(failure)?;
    let given = Inheritance {
        unfinished: &assignment.unfinished,
        restore: assignment.restore.as_deref(),
        allow_non_restored_state: assignment.allow_non_restored_state,
    };
    let restored = attempt::take_over(&given, &graph, &store, &mut committers, |message| {
        reporter.log("WARN", "checkpoints", message);
    })?;
    drop(taking_over);
    let identity = identity(assignment, &graph);
    let opening = step!("open");
    let (told, events) = unbounded();
    let (checkpoint, dropped, state) = match restored {
        None => (None, Vec::new(), None),
        Some(it) => (Some(it.manifest.checkpoint), it.dropped, Some(it.graph)),
    };
    let options = execution_options(assignment, clock, &stash, state);
    let execution = Execution::start(graph, options, move |event| {
        // The receiver lives as long as the process.
        let _ = told.send(event);
    })
    .map_err(failure)?;
    drop(opening);
    let settings = CoordinatorSettings {
        enabled: assignment.checkpointing.enabled,
        interval_ms: assignment.checkpointing.interval_ms,
        min_pause_ms: assignment.checkpointing.min_pause_ms,
        timeout_ms: set.checkpoint_timeout_ms.unwrap_or(CHECKPOINT_TIMEOUT_MS),
        tolerated_failures: set.tolerated_checkpoint_failures.unwrap_or(TOLERATED_FAILURES),
    };
    let coordinator = Coordinator::new(
        settings,
        execution.subtasks().iter().cloned(),
        assignment.next_checkpoint,
        clock.now_ms(),
    );
    let (tasks, outcomes) = storage::start(Storage { store, committers, stash, identity });
    let watch = execution.watch();
    let (clock, reporter) = (Arc::clone(clock), reporter.clone());
    let rates = Rates::new(process::usage().cpu_ms);
    let since = Instant::now();
    let checkpoints = Checkpoints::new(assignment, &tracing::Span::current());
    let metrics_level = assignment.metrics_level;
    let mut body = Body {
        clock: Arc::clone(&clock),
        execution,
        watch,
        since,
        rates,
        checkpoints,
        reporter,
        metrics_level,
        tasks,
    };
    let attempt = Attempt::begin(coordinator, checkpoint, dropped, &mut body)?;
    Ok(Job { clock, body, attempt, events, outcomes, _runtime: runtime })
}

fn execution_options(
    assignment: &Assignment,
    clock: &Arc<dyn Clock>,
    stash: &Arc<dyn Stash>,
    restored: Option<RestoredGraph>,
) -> ExecutionOptions {
    ExecutionOptions {
        parallelism: assignment.parallelism,
        batch_size: 8192,
        channel_capacity: 8,
        clock: Arc::clone(clock),
        attempt: assignment.attempt,
        application_id: unique_name(assignment),
        stash: Arc::clone(stash),
        restored,
        first_checkpoint: assignment.next_checkpoint,
    }
}

fn identity(assignment: &Assignment, graph: &StreamGraph) -> storage::Identity {
    let names = graph.nodes.iter().map(|node| (node.operator_id.clone(), node.name.clone()));
    storage::Identity {
        application: assignment.application.clone(),
        version: assignment.version,
        attempt: assignment.attempt,
        parallelism: assignment.parallelism,
        names: names.collect(),
    }
}

/// The application's name with the end of its id: short enough for names of files, and no other
/// application's.
fn unique_name(assignment: &Assignment) -> String {
    let id = &assignment.application_id;
    let end = id.get(id.len().saturating_sub(8)..).unwrap_or(id);
    format!("{}-{end}", assignment.application)
}

/// A running job.
struct Job {
    clock: Arc<dyn Clock>,
    body: Body,
    attempt: Attempt,
    events: Receiver<ExecutionEvent>,
    outcomes: Receiver<Outcome>,
    /// Serves the connectors' clients.
    _runtime: tokio::runtime::Runtime,
}

/// What does the work: engine, worker and storage.
struct Body {
    clock: Arc<dyn Clock>,
    execution: Execution,
    watch: Watch,
    /// Since when the program runs.
    since: Instant,
    rates: Rates,
    checkpoints: Checkpoints,
    reporter: Reporter,
    metrics_level: MetricsLevel,
    tasks: Sender<Task>,
}

impl Body {
    /// Reports counters, and writes what there is to say of dropped records; all of it when it is
    /// the `last` time.
    fn report_metrics(&mut self, last: bool) {
        let used = process::usage();
        let at_ms = self.clock.now_ms();
        let look = self.watch.look(at_ms, last);
        for line in look.log {
            self.reporter.report(&Event::Log(line));
        }
        let mut metrics = JobMetrics {
            at_ms,
            cpu_ms: used.cpu_ms,
            cpu_permille: 0,
            resident_bytes: used.resident_bytes,
            threads: used.threads,
            operators: self.execution.metrics(),
            waiting: look.waiting,
        };
        if self.metrics_level != MetricsLevel::Parallelism {
            metrics.operators.values_mut().for_each(|operator| operator.subtasks.clear());
        }
        self.rates.fill(self.since.elapsed(), &mut metrics);
        self.reporter.report(&Event::Metrics(metrics));
    }
}

impl Hands for Body {
    fn inject(&mut self, barrier: Barrier) {
        self.checkpoints.begin(barrier.id);
        self.execution.inject(barrier);
    }

    fn committed(&mut self, checkpoint: u64, positions: Positions) {
        self.execution.committed(checkpoint, positions);
    }

    fn store(&mut self, task: Task) -> Result<(), Failure> {
        self.tasks.send(task).map_err(|_| internal("the storage thread ended".to_owned()))
    }

    fn report(&mut self, event: &Event) {
        if let Event::Finished { .. } = event {
            // Nobody listens for long after the end.
            self.report_metrics(true);
        }
        self.checkpoints.hear(event);
        self.reporter.report(event);
    }

    fn log(&mut self, level: &str, message: String) {
        self.reporter.log(level, "checkpoints", message);
    }
}

/// What woke the loop.
enum Wake {
    Order(Option<Order>),
    Event(ExecutionEvent),
    Outcome(Outcome),
    Tick,
    Report,
}

impl Job {
    fn live(&mut self, orders: &Receiver<Order>) -> Result<End, Failure> {
        let report = tick(REPORT_EVERY);
        loop {
            let timer = self.timer();
            let wake = select! {
                recv(orders) -> order => Wake::Order(order.ok()),
                recv(self.events) -> event => match event {
                    Ok(event) => Wake::Event(event),
                    Err(_) => Wake::Tick,
                },
                recv(self.outcomes) -> outcome => match outcome {
                    Ok(outcome) => Wake::Outcome(outcome),
                    Err(_) => return Err(internal("the storage thread ended".to_owned())),
                },
                recv(timer) -> _ => Wake::Tick,
                recv(report) -> _ => Wake::Report,
            };
            if let Some(end) = self.handle(wake)? {
                return Ok(end);
            }
        }
    }

    /// Throws away what was prepared and no checkpoint holds, as far as that can be done soon; the
    /// next attempt sweeps up the rest.
    fn clear_up(mut self) {
        let until = Instant::now() + CLEAR_UP_WITHIN;
        self.body.execution.cancel();
        let (gone, joined) = bounded(1);
        let execution = self.body.execution;
        std::thread::spawn(move || {
            // Its failure is told already. Writers throw away what they have open.
            let _ = execution.join();
            let _ = gone.send(());
        });
        let _ = joined.recv_deadline(until);
        for event in self.events.try_iter() {
            if let ExecutionEvent::Acknowledged(it) = event {
                self.attempt.coordinator.acknowledged(it, self.clock.now_ms());
            }
        }
        let uncommitted = self.attempt.coordinator.uncommitted();
        if uncommitted.is_empty() || self.body.tasks.send(Task::Abort(uncommitted)).is_err() {
            return;
        }
        while let Ok(outcome) = self.outcomes.recv_deadline(until) {
            if let Outcome::Aborted(result) = outcome {
                if let Err(error) = result {
                    self.body.reporter.log("WARN", "checkpoints", failure(error).message);
                }
                return;
            }
        }
    }

    fn timer(&self) -> Receiver<Instant> {
        match self.attempt.coordinator.next_tick() {
            None => never(),
            Some(at_ms) => {
                let wait = u64::try_from(at_ms - self.clock.now_ms()).unwrap_or(0);
                after(Duration::from_millis(wait))
            }
        }
    }

    fn handle(&mut self, wake: Wake) -> Result<Option<End>, Failure> {
        let now_ms = self.clock.now_ms();
        let actions = match wake {
            Wake::Tick => self.attempt.coordinator.tick(now_ms),
            Wake::Report => {
                self.body.report_metrics(false);
                Vec::new()
            }
            Wake::Order(None | Some(Order::Fenced)) => {
                self.body.execution.cancel();
                return Ok(Some(End::Superseded));
            }
            Wake::Order(Some(Order::Cancel)) => {
                self.body.execution.cancel();
                self.body.report(&Event::Finished { stopped: true });
                return Ok(Some(End::Finished));
            }
            Wake::Order(Some(Order::Snapshot { name, stop })) => {
                self.attempt.coordinator.snapshot(name, stop, now_ms)
            }
            Wake::Order(Some(Order::Drain)) => self.attempt.coordinator.drain(now_ms),
            Wake::Order(Some(Order::CheckpointRecorded { id })) => {
                self.attempt.coordinator.recorded(id)
            }
            Wake::Order(Some(Order::Assign(_))) => {
                return Err(internal("a second assignment for one process".to_owned()));
            }
            Wake::Event(ExecutionEvent::Acknowledged(it)) => {
                self.attempt.coordinator.acknowledged(it, now_ms)
            }
            Wake::Event(ExecutionEvent::Ended(ended)) => {
                self.attempt.coordinator.ended(ended, now_ms)
            }
            Wake::Event(ExecutionEvent::AllEnded) => Vec::new(),
            Wake::Event(ExecutionEvent::Failed(error)) => return Err(failure(error)),
            Wake::Outcome(outcome) => self.attempt.stored(outcome, now_ms, &mut self.body)?,
        };
        self.attempt.perform(actions, &mut self.body)
    }
}

/// What the worker is told of an engine failure: its message with the causes behind it.
pub(crate) fn failure(error: engine::Error) -> Failure {
    let mut message = error.message.clone();
    let mut cause = std::error::Error::source(&error);
    while let Some(it) = cause {
        message = format!("{message}: {it}");
        cause = it.source();
    }
    Failure { fault: error.fault, message, traceback: None }
}

fn internal(message: String) -> Failure {
    Failure { fault: Fault { domain: Domain::Internal, retry: true }, message, traceback: None }
}
