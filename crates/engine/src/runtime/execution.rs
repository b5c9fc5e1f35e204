//! A running graph, from the outside.

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use model::protocol::OperatorMetrics;

use super::cancellation::{Cancellation, Halt};
use super::event::{ExecutionEvent, Positions, SubtaskId};
use super::lineage::{self, Lineage};
use super::node_gauge::NodeGauge;
use super::plan::Plan;
use super::restored::{RestoredGraph, Restorer};
use super::subtask::{Control, Shared};
use super::turnstile::Turnstile;
use super::watch::{SourceTraits, Watch};
use super::wiring::{Opener, Wiring};
use crate::batch::Barrier;
use crate::clock::Clock;
use crate::graph::{Node, NodeIndex, NodeKind, StreamGraph};
use crate::stash::Stash;
use crate::{Error, Result};

/// How a graph is run.
#[derive(Debug)]
pub struct ExecutionOptions {
    /// Subtasks of each node that fixes no number itself.
    pub parallelism: usize,
    /// Preferred number of records in a batch; 8192 is a good one.
    pub batch_size: usize,
    /// Batches that a channel between two subtasks holds; 8 is a good number.
    pub channel_capacity: usize,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// Attempt number (fencing token) of this process.
    pub attempt: u64,
    /// Identity of the application ([`crate::sink::CommitContext::application_id`]).
    pub application_id: String,
    /// Where sinks keep prepared output.
    pub stash: Arc<dyn Stash>,
    /// Where to go on from; `None` = a fresh start.
    pub restored: Option<RestoredGraph>,
    /// Number of the first checkpoint that will be taken.
    pub first_checkpoint: u64,
}

/// A running graph. Dropping it cancels it.
pub struct Execution {
    controls: Vec<Sender<Control>>,
    subtasks: Vec<SubtaskId>,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    pub(super) nodes: Arc<[NodeGauge]>,
    lineage: Vec<Lineage>,
    sources: BTreeMap<NodeIndex, SourceTraits>,
}

impl Debug for Execution {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Execution").field("subtasks", &self.subtasks).finish_non_exhaustive()
    }
}

impl Execution {
    /// Opens readers and writers, restores state, and sets everything going.
    ///
    /// Returns when all subtasks are open and restored. `events` is called from the subtasks'
    /// threads and should not wait long (and must not [`Self::join`]). Errors: what opening or restoring a subtask refuses; a
    /// graph that cannot be run; then nothing is left running.
    pub fn start(
        graph: StreamGraph,
        options: ExecutionOptions,
        events: impl Fn(ExecutionEvent) + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::start_behind(None, graph, options, events)
    }

    /// The same with a turnstile that every subtask's thread passes.
    pub(crate) fn start_behind(
        turnstile: Option<Arc<dyn Turnstile>>,
        graph: StreamGraph,
        options: ExecutionOptions,
        events: impl Fn(ExecutionEvent) + Send + Sync + 'static,
    ) -> Result<Self> {
        let plan = Plan::new(&graph, options.parallelism)?;
        let restorer = Restorer::new(&graph, &plan.parallelism, options.restored)?;
        let shared = Arc::new(Shared {
            cancellation: Arc::new(Cancellation::new(turnstile)),
            clock: options.clock,
            events: Box::new(events),
            running: AtomicUsize::new(0),
            failure: OnceLock::new(),
        });
        let lineage = lineage::of(&graph);
        let sources = source_traits(&graph);
        let wiring = Wiring {
            plan: &plan,
            graph: Arc::new(graph),
            restorer: Arc::new(restorer),
            shared: Arc::clone(&shared),
            batch_size: options.batch_size,
            channel_capacity: options.channel_capacity,
            attempt: options.attempt,
            attempt_id: format!("{}-{}", options.application_id, options.attempt).into(),
            stash: options.stash,
            first_checkpoint: options.first_checkpoint,
        };
        let nodes: Arc<[NodeGauge]> = wiring.gauges(&lineage).into();
        let openers = wiring.openers(&nodes);
        shared.running.store(openers.len(), Ordering::SeqCst);
        let mut execution = Self {
            controls: Vec::new(),
            subtasks: openers.iter().map(|opener| opener.id.clone()).collect(),
            threads: Vec::new(),
            shared,
            nodes,
            lineage,
            sources,
        };
        match execution.launch(openers) {
            Ok(()) => Ok(execution),
            Err(error) => {
                execution.cancel();
                // The error at hand is the one to tell.
                let _ = execution.join();
                Err(error)
            }
        }
    }

    /// One thread per subtask: all open at the same time, none runs before all are open.
    fn launch(&mut self, openers: Vec<Opener>) -> Result<()> {
        let count = openers.len();
        let (opened, outcomes) = bounded(count);
        let (go, gone) = bounded(count);
        for opener in openers {
            let (control, heard) = unbounded();
            self.controls.push(control);
            let (opened, gone) = (opened.clone(), gone.clone());
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new()
                .name(opener.id.to_string().replace('\0', "?"))
                .spawn(move || live(opener, heard, &opened, &gone, &shared))
                .map_err(|e| Error::internal("a thread could not be started").because(e))?;
            self.threads.push(thread);
        }
        // The first error is the one to tell; the others may be its consequences.
        for outcome in outcomes.iter().take(count) {
            outcome?;
        }
        for _ in 0..count {
            // Only a subtask that is gone does not take it, and that has told why.
            let _ = go.send(());
        }
        Ok(())
    }

    /// Starts a checkpoint: the barrier goes to all sources that have not ended.
    pub fn inject(&self, barrier: Barrier) {
        self.tell(&Control::Barrier(barrier));
    }

    /// A checkpoint is past its commit point, and the committers have done their part.
    pub fn committed(&self, checkpoint: u64, positions: Positions) {
        self.tell(&Control::Committed { checkpoint, positions: Arc::new(positions) });
    }

    fn tell(&self, control: &Control) {
        for sender in &self.controls {
            // A subtask that is gone has nothing left to do for it.
            let _ = sender.send(control.clone());
        }
    }

    /// Stops all subtasks at once, also those that wait; nothing is flushed, nobody is told.
    pub fn cancel(&self) {
        self.shared.cancellation.cancel();
    }

    /// Lets subtasks that have ended go, and waits for all threads.
    ///
    /// Error: the first failure, without its cause (that went with
    /// [`ExecutionEvent::Failed`]). Being cancelled is none.
    pub fn join(mut self) -> Result<()> {
        self.controls.clear();
        for thread in self.threads.drain(..) {
            // Panics are caught within the thread and told as failures.
            let _ = thread.join();
        }
        match self.shared.failure.get() {
            Some((fault, message)) => {
                Err(Error { fault: *fault, message: message.clone(), source: None })
            }
            None => Ok(()),
        }
    }

    /// The subtasks: each acknowledges every barrier until it has ended.
    #[must_use]
    pub fn subtasks(&self) -> &[SubtaskId] {
        &self.subtasks
    }

    /// Counters so far, by operator id; shares and rates are left to those who look more than once.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, OperatorMetrics> {
        let read = |(node, lineage): (&NodeGauge, &Lineage)| {
            let mut metrics = node.read();
            let table = |source: NodeIndex| lineage::table(&self.nodes[source].name).to_owned();
            metrics.tables = lineage.sources.iter().map(|source| table(*source)).collect();
            metrics.tables.sort();
            metrics.tables.dedup();
            for (source, count) in node.late_by_source().into_iter().filter(|(_, count)| *count > 0)
            {
                *metrics.late_by_table.entry(table(source)).or_default() += count;
            }
            (node.operator_id.clone(), metrics)
        };
        self.nodes.iter().zip(&self.lineage).map(read).collect()
    }

    /// Something to look at it with, from time to time.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.nodes), self.lineage.clone(), self.sources.clone())
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.cancel();
        }
    }
}

fn source_traits(graph: &StreamGraph) -> BTreeMap<NodeIndex, SourceTraits> {
    let traits = |(index, node): (NodeIndex, &Node)| match &node.kind {
        NodeKind::Source(source) => {
            let strategy = source.watermark.as_ref();
            let idle_timeout = strategy.and_then(|strategy| strategy.idle_timeout);
            Some((index, SourceTraits { event_time: strategy.is_some(), idle_timeout }))
        }
        NodeKind::Operator(_) | NodeKind::Sink(_) => None,
    };
    graph.nodes.iter().enumerate().filter_map(traits).collect()
}

/// The life of a subtask's thread.
fn live(
    opener: Opener,
    control: Receiver<Control>,
    opened: &Sender<Result<()>>,
    go: &Receiver<()>,
    shared: &Shared,
) {
    let id = opener.id.clone();
    let task = match guarded(&id, || Ok(opener.open(control)?)) {
        Ok(task) => task,
        Err(halt) => {
            let error = match halt {
                Halt::Failed(error) => error,
                Halt::Cancelled => Error::internal("cancelled while it was started"),
            };
            let _ = opened.send(Err(error));
            return;
        }
    };
    if opened.send(Ok(())).is_err() || go.recv().is_err() {
        return;
    }
    let turnstile = shared.cancellation.turnstile();
    if let Some(turnstile) = turnstile {
        turnstile.enter(&id);
    }
    if let Err(Halt::Failed(error)) = guarded(&id, || task.run()) {
        shared.fail(error);
    }
    if let Some(turnstile) = turnstile {
        turnstile.leave();
    }
}

/// A panic becomes a failure of this subtask.
fn guarded<T>(id: &SubtaskId, work: impl FnOnce() -> Result<T, Halt>) -> Result<T, Halt> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(Error::internal(format!("subtask `{id}` panicked: {message}")).into())
    })
}
