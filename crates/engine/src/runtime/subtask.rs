//! What both kinds of subtask have in common: barriers, the end, and what comes after it.

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_channel::{Receiver, select};
use model::fault::Fault;

use super::cancellation::{Cancellation, Halt};
use super::chain::{Chain, ChainSnapshot};
use super::event::{Acknowledgement, Ended, ExecutionEvent, Positions, SubtaskId};
use crate::Error;
use crate::batch::Barrier;
use crate::clock::Clock;
use crate::source::{Position, SplitId};

/// What the owner of an execution asks of a subtask.
#[derive(Debug, Clone)]
pub(super) enum Control {
    /// To sources: a barrier goes here.
    Barrier(Barrier),
    /// A checkpoint is past its commit point.
    Committed { checkpoint: u64, positions: Arc<Positions> },
}

/// What all subtasks of an execution share.
pub(super) struct Shared {
    pub(super) cancellation: Arc<Cancellation>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) events: Box<dyn Fn(ExecutionEvent) + Send + Sync>,
    /// Subtasks that have not ended.
    pub(super) running: AtomicUsize,
    /// The first failure, for `join`; its cause goes with the event.
    pub(super) failure: OnceLock<(Fault, String)>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Shared {
    /// Tells of the first failure and cancels the others.
    pub(super) fn fail(&self, error: Error) {
        if self.failure.set((error.fault, error.message.clone())).is_ok() {
            self.cancellation.cancel();
            (self.events)(ExecutionEvent::Failed(error));
        }
    }
}

/// A subtask: its chain, and its way to the outside.
pub(super) struct Subtask {
    pub(super) id: SubtaskId,
    pub(super) chain: Chain,
    pub(super) control: Receiver<Control>,
    pub(super) shared: Arc<Shared>,
    /// Number that sinks prepare for when the input ends: one more than the last barrier.
    pub(super) next_checkpoint: u64,
}

/// Positions of a source subtask's splits; `None` for other subtasks.
pub(super) type Splits = Option<BTreeMap<SplitId, Position>>;

impl Subtask {
    /// Passes a barrier and acknowledges it.
    pub(super) fn barrier(&mut self, barrier: Barrier, splits: Splits) -> Result<(), Halt> {
        let snapshot = self.chain.barrier(barrier)?;
        self.next_checkpoint = barrier.id + 1;
        let acknowledgement = self.acknowledgement(barrier.id, snapshot, splits);
        (self.shared.events)(ExecutionEvent::Acknowledged(acknowledgement));
        Ok(())
    }

    /// The input is exhausted (`stopped`: by a stop barrier).
    pub(super) fn end(&mut self, stopped: bool, splits: Splits) -> Result<(), Halt> {
        let checkpoint = self.next_checkpoint;
        let snapshot = if stopped {
            self.chain.stop()?;
            ChainSnapshot::default()
        } else {
            self.chain.end(checkpoint)?
        };
        let last = self.acknowledgement(checkpoint, snapshot, splits);
        (self.shared.events)(ExecutionEvent::Ended(Ended { last, stopped }));
        if self.shared.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            (self.shared.events)(ExecutionEvent::AllEnded);
        }
        Ok(())
    }

    fn acknowledgement(
        &self,
        checkpoint: u64,
        snapshot: ChainSnapshot,
        splits: Splits,
    ) -> Acknowledgement {
        let source = self.id.operator_id.clone();
        Acknowledgement {
            checkpoint,
            subtask: self.id.clone(),
            states: snapshot.states,
            splits: splits.into_iter().map(|splits| (source.clone(), splits)).collect(),
            committables: snapshot.committables,
        }
    }

    /// After the end: stays to tell sinks (and, with `source`, the reader) of commits, until the
    /// owner lets go.
    pub(super) fn linger(
        mut self,
        mut source: impl FnMut(&SubtaskId, &Positions) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        loop {
            if let Some(turnstile) = self.shared.cancellation.turnstile() {
                let control = self.control.clone();
                turnstile.wait(Box::new(move || !control.is_empty()), None);
            }
            let control = select! {
                recv(self.control) -> control => control,
                recv(self.shared.cancellation.signal()) -> _ => return Ok(()),
            };
            match control {
                Ok(Control::Committed { checkpoint, positions }) => {
                    self.chain.committed(checkpoint)?;
                    source(&self.id, &positions)?;
                }
                // The end counts as acknowledgement of all that follows.
                Ok(Control::Barrier(_)) => {}
                Err(_) => return Ok(()),
            }
        }
    }
}
