//! Runs a bounded graph to its end in this process, without checkpoints on the way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use model::protocol::{LogLine, OperatorMetrics};

use super::coordinator::{Action, Coordinator, CoordinatorSettings};
use super::event::ExecutionEvent;
use super::execution::{Execution, ExecutionOptions};
use crate::graph::{NodeKind, StreamGraph};
use crate::sink::{CommitContext, Committer};
use crate::{Error, Result};

/// What a bounded run has done.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Final counters by operator id.
    pub operators: BTreeMap<String, OperatorMetrics>,
    /// Records read by all sources.
    pub records_read: u64,
    /// Records written to all sinks.
    pub records_written: u64,
    /// Records dropped because they came too late.
    pub late_records: u64,
    /// Records skipped because they could not be decoded.
    pub malformed_records: u64,
    /// Lines about late and malformed records, one for each operator that dropped any.
    pub log: Vec<LogLine>,
    /// From the start until everything was committed.
    pub elapsed: Duration,
}

/// Committers by the operator id of their sink.
type Committers = BTreeMap<String, Box<dyn Committer>>;

/// Runs `graph` until its input is exhausted and makes all its output visible.
///
/// Errors: a source without an end; the first failure of the run or of a committer. Then output
/// that was not committed is left invisible.
pub fn run_to_end(graph: StreamGraph, options: ExecutionOptions) -> Result<Summary> {
    let started = Instant::now();
    let mut sources = Vec::new();
    let mut sinks = Vec::new();
    let mut committers = Committers::new();
    for node in &graph.nodes {
        match &node.kind {
            NodeKind::Source(source) if !source.source.bounded() => {
                return Err(Error::user(format!(
                    "source `{}` has no end, so the run would have none; bound it (datagen: \
                     `number-of-rows`, kafka: `scan.bounded.mode`)",
                    node.name
                )));
            }
            NodeKind::Source(_) => sources.push(node.operator_id.clone()),
            NodeKind::Sink(sink) => {
                sinks.push(node.operator_id.clone());
                let context = CommitContext {
                    operator_id: node.operator_id.clone(),
                    application_id: options.application_id.clone(),
                    attempt: options.attempt,
                    clock: Arc::clone(&options.clock),
                    stash: Arc::clone(&options.stash),
                };
                if let Some(mut committer) = sink.committer(context)? {
                    committer.take_over(&[])?;
                    committers.insert(node.operator_id.clone(), committer);
                }
            }
            NodeKind::Operator(_) => {}
        }
    }
    let first_checkpoint = options.first_checkpoint;
    let clock = Arc::clone(&options.clock);
    let (told, events) = unbounded();
    let execution = Execution::start(graph, options, move |event| {
        // Nobody listens any more only when the run has failed already.
        let _ = told.send(event);
    })?;
    if let Err(error) = follow(&execution, &events, &mut committers, first_checkpoint) {
        execution.cancel();
        // The error at hand is the one to tell.
        let _ = execution.join();
        return Err(error);
    }
    let operators = execution.metrics();
    let log = execution.watch().look(clock.now_ms(), true).log;
    execution.join()?;
    let sum = |ids: &[String], count: fn(&OperatorMetrics) -> u64| {
        ids.iter().filter_map(|id| operators.get(id)).map(count).sum()
    };
    Ok(Summary {
        records_read: sum(&sources, |metrics| metrics.records_out),
        records_written: sum(&sinks, |metrics| metrics.records_out),
        late_records: operators.values().map(|metrics| metrics.late_records).sum(),
        malformed_records: operators.values().map(|metrics| metrics.malformed_records).sum(),
        operators,
        log,
        elapsed: started.elapsed(),
    })
}

/// Drives the last checkpoint, which needs no manifest: nothing will be restored from it.
fn follow(
    execution: &Execution,
    events: &Receiver<ExecutionEvent>,
    committers: &mut Committers,
    first_checkpoint: u64,
) -> Result<()> {
    let settings = CoordinatorSettings {
        enabled: false,
        interval_ms: 0,
        min_pause_ms: 0,
        timeout_ms: u64::MAX,
        tolerated_failures: 0,
    };
    let subtasks = execution.subtasks().iter().cloned();
    let mut coordinator = Coordinator::new(settings, subtasks, first_checkpoint, 0);
    for event in events {
        let mut actions = match event {
            ExecutionEvent::Acknowledged(it) => coordinator.acknowledged(it, 0),
            ExecutionEvent::Ended(it) => coordinator.ended(it, 0),
            ExecutionEvent::AllEnded => Vec::new(),
            ExecutionEvent::Failed(error) => {
                for (sink, committables) in coordinator.uncommitted() {
                    if let Some(committer) = committers.get_mut(&sink)
                        && let Err(error) = committer.abort(&committables)
                    {
                        tracing::warn!(%sink, %error, "prepared output could not be removed");
                    }
                }
                return Err(error);
            }
        };
        while !actions.is_empty() {
            let mut next = Vec::new();
            for action in actions {
                match action {
                    Action::Write(collected) => {
                        next.extend(coordinator.recorded(collected.checkpoint));
                    }
                    Action::Commit { checkpoint, committables, positions } => {
                        for (sink, committables) in &committables {
                            if let Some(committer) = committers.get_mut(sink) {
                                committer.commit(checkpoint, committables)?;
                            }
                        }
                        execution.committed(checkpoint, positions);
                        next.extend(coordinator.committed(checkpoint, 0));
                    }
                    Action::Finish { .. } => return Ok(()),
                    Action::Inject(barrier) => execution.inject(barrier),
                    Action::Failed { message, .. } | Action::GiveUp { message } => {
                        return Err(Error::internal(message));
                    }
                }
            }
            actions = next;
        }
    }
    Err(Error::internal("the run stopped before its end"))
}
