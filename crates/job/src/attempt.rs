//! The order in which one attempt does things, from taking over to its last commit.
//!
//! No threads, no clock, no waiting: [`lifecycle`](crate::lifecycle) does it with an engine and a
//! worker, the simulation in `crash_points` with every failure that can come between two steps.

use std::collections::BTreeMap;

use engine::batch::Barrier;
use engine::graph::StreamGraph;
use engine::runtime::Positions;
use engine::runtime::coordinator::{Action, Coordinator};
use model::fault::{Domain, Fault};
use model::protocol::{Event, Failure};

use crate::checkpoint_store::CheckpointStore;
use crate::committers::Committers;
use crate::lifecycle::{End, failure};
use crate::restore::{self, Restored};
use crate::storage::{Outcome, Task};

/// Who does what an attempt decides.
pub(crate) trait Hands {
    /// Barriers go to the sources.
    fn inject(&mut self, barrier: Barrier);
    /// Sources and sinks hear that the output of a checkpoint is visible.
    fn committed(&mut self, checkpoint: u64, positions: Positions);
    /// Storage does one task after the other and tells the outcomes.
    fn store(&mut self, task: Task) -> Result<(), Failure>;
    /// The worker hears what happened.
    fn report(&mut self, event: &Event);
    /// A line for the application's log.
    fn log(&mut self, level: &str, message: String);
}

/// What an attempt is given to start from.
pub(crate) struct Inheritance<'a> {
    /// Manifests of checkpoints whose output may not be visible, oldest first.
    pub(crate) unfinished: &'a [String],
    /// Manifest of the checkpoint to go on from.
    pub(crate) restore: Option<&'a str>,
    pub(crate) allow_non_restored_state: bool,
}

/// Before anything is opened or read: makes visible what earlier attempts got recorded, whatever
/// this one starts from, for it is past its commit point; then reads what it starts from.
pub(crate) fn take_over(
    given: &Inheritance<'_>,
    graph: &StreamGraph,
    store: &CheckpointStore,
    committers: &mut Committers,
    mut warn: impl FnMut(String),
) -> Result<Option<Restored>, Failure> {
    let manifests = given.unfinished.iter().map(|key| store.manifest(key));
    let manifests = manifests.collect::<Result<Vec<_>, _>>();
    let manifests = manifests.map_err(|error| restore::external(&error))?;
    let dropped = committers.take_over(&manifests).map_err(failure)?;
    if !dropped.is_empty() {
        warn(format!(
            "output that an earlier version had prepared stays invisible, because this program does \
             not have its sinks: {}",
            dropped.join(", ")
        ));
    }
    let Some(key) = given.restore else { return Ok(None) };
    let restored = restore::restore(store, key, graph, given.allow_non_restored_state)?;
    committers.restored(&restored.manifest).map_err(failure)?;
    Ok(Some(restored))
}

/// An attempt whose program runs.
pub(crate) struct Attempt {
    pub(crate) coordinator: Coordinator,
    /// Positions of checkpoints whose output is being committed.
    committing: BTreeMap<u64, Positions>,
    /// Bytes of state and duration in ms of checkpoints that are written and not yet visible.
    written: BTreeMap<u64, (u64, u64)>,
}

impl Attempt {
    /// Says that it runs, then has removed what earlier attempts left behind.
    pub(crate) fn begin(
        coordinator: Coordinator,
        restored: Option<u64>,
        dropped: Vec<String>,
        hands: &mut impl Hands,
    ) -> Result<Self, Failure> {
        hands.report(&Event::Running { restored, dropped });
        hands.store(Task::Sweep)?;
        Ok(Self { coordinator, committing: BTreeMap::new(), written: BTreeMap::new() })
    }

    /// Storage has done something. A written checkpoint is handed over to be recorded; one whose
    /// output is visible is told, and only then another one begins.
    pub(crate) fn stored(
        &mut self,
        outcome: Outcome,
        now_ms: i64,
        hands: &mut impl Hands,
    ) -> Result<Vec<Action>, Failure> {
        match outcome {
            Outcome::Written(written) => {
                if self.coordinator.written(written.id) {
                    self.written.insert(written.id, (written.state_bytes, written.duration_ms));
                    hands.report(&Event::CheckpointWritten(written));
                }
                Ok(Vec::new())
            }
            Outcome::NotWritten { checkpoint, message } => {
                Ok(self.coordinator.failed(checkpoint, message, now_ms))
            }
            Outcome::Committed { checkpoint } => {
                let positions = self.committing.remove(&checkpoint).unwrap_or_default();
                hands.committed(checkpoint, positions);
                if let Some((bytes, ms)) = self.written.remove(&checkpoint) {
                    // As Flink says it: people search for it.
                    let figures = format!("({bytes} bytes, checkpointDuration={ms} ms)");
                    hands.log("INFO", format!("Completed checkpoint {checkpoint} {figures}."));
                }
                // One that was never recorded is not completed any more.
                self.written.retain(|written, _| *written > checkpoint);
                hands.report(&Event::CheckpointCommitted { id: checkpoint });
                Ok(self.coordinator.committed(checkpoint, now_ms))
            }
            Outcome::NotCommitted(error) => Err(failure(error)),
            Outcome::Swept { removed, error } => {
                tell_swept(removed, error, hands);
                Ok(Vec::new())
            }
            Outcome::Aborted(_) => Ok(Vec::new()),
        }
    }

    /// Does what the coordinator wants, in order; an end if that is what it wants.
    pub(crate) fn perform(
        &mut self,
        actions: Vec<Action>,
        hands: &mut impl Hands,
    ) -> Result<Option<End>, Failure> {
        for action in actions {
            match action {
                Action::Inject(barrier) => hands.inject(barrier),
                Action::Write(collected) => hands.store(Task::Write(collected))?,
                Action::Commit { checkpoint, committables, positions } => {
                    self.committing.insert(checkpoint, positions);
                    hands.store(Task::Commit { checkpoint, committables })?;
                }
                Action::Failed { checkpoint, snapshot, message } => {
                    let id = checkpoint.unwrap_or_default();
                    hands.log("WARN", format!("checkpoint {id}: {message}"));
                    hands.report(&Event::CheckpointFailed { id, snapshot, message });
                }
                Action::GiveUp { message } => {
                    let fault = Fault { domain: Domain::External, retry: true };
                    return Err(Failure { fault, message, traceback: None });
                }
                Action::Finish { stopped } => {
                    hands.report(&Event::Finished { stopped });
                    return Ok(Some(End::Finished));
                }
            }
        }
        Ok(None)
    }
}

/// What is left is invisible; so a sweep that fails is no reason to end.
fn tell_swept(removed: usize, error: Option<engine::Error>, hands: &mut impl Hands) {
    if removed > 0 {
        hands.log("INFO", format!("removed {removed} leftovers of earlier attempts"));
    }
    if let Some(error) = error {
        let why = failure(error).message;
        hands.log("WARN", format!("leftovers of earlier attempts could not be removed: {why}"));
    }
}
