//! The contract of a sink: write, prepare at a barrier, commit after the commit point.

use std::fmt::Debug;
use std::sync::Arc;

use crate::Result;
use crate::batch::{Batch, Watermark};
use crate::clock::{Clock, SystemClock};
use crate::metrics::NodeMetrics;
use crate::stash::{MemoryStash, Stash};

/// Prepared, not yet visible output of one sink subtask, in the connector's own words (JSON text).
/// It stands in the manifest, so that recovery can finish it.
pub type Committable = String;

/// What a sink subtask may know about where it runs.
#[derive(Debug, Clone)]
pub struct SinkContext {
    /// Index of this subtask, from 0.
    pub subtask: usize,
    /// Number of subtasks.
    pub parallelism: usize,
    /// Identity of application and attempt (`{application_id}-{attempt}`): goes into file names.
    pub attempt_id: String,
    /// Attempt number (fencing token).
    pub attempt: u64,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// Counters: the writer counts `bytes`; the loop the rest.
    pub metrics: Arc<NodeMetrics>,
    /// Where prepared output is kept that has no other place before its commit.
    pub stash: Arc<dyn Stash>,
}

impl SinkContext {
    /// The only subtask of something that is never restored, by the machine's clock.
    #[must_use]
    pub fn alone(attempt_id: &str) -> Self {
        Self {
            subtask: 0,
            parallelism: 1,
            attempt_id: attempt_id.to_owned(),
            attempt: 1,
            clock: Arc::new(SystemClock),
            metrics: Arc::default(),
            stash: Arc::new(MemoryStash::default()),
        }
    }
}

/// What a committer may know about where it runs.
#[derive(Debug, Clone)]
pub struct CommitContext {
    /// Id of the sink's node in the stream graph.
    pub operator_id: String,
    /// Identity of the application: the same for all its attempts and of no other application, ever.
    pub application_id: String,
    /// Attempt number (fencing token).
    pub attempt: u64,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// Where writers keep prepared output that has no other place before its commit.
    pub stash: Arc<dyn Stash>,
}

/// A sink table: makes the writers of its subtasks and the one committer.
pub trait Sink: Debug + Send + Sync {
    /// Whether it can take `-U`, `+U` and `-D`.
    fn accepts_updates(&self) -> bool;

    /// Whether its writers prepare output that a committer makes visible.
    fn prepares(&self) -> bool {
        true
    }

    /// Opens the writer of one subtask.
    fn open(&self, context: SinkContext) -> Result<Box<dyn SinkWriter>>;

    /// What makes prepared output visible; `None` when writing is all there is.
    fn committer(&self, context: CommitContext) -> Result<Option<Box<dyn Committer>>>;
}

/// Writes one subtask's share. Called from one thread.
pub trait SinkWriter: Send {
    /// Takes records (all columns of the sink table, in its order).
    fn write(&mut self, batch: Batch) -> Result<()>;

    /// Event time has advanced.
    fn on_watermark(&mut self, watermark: Watermark) -> Result<()> {
        let _ = watermark;
        Ok(())
    }

    /// Everything written so far becomes durable but not visible (at-least-once sinks: flushed).
    /// `checkpoint` is the barrier's number; at the end of a bounded input, one more than the last.
    fn prepare(&mut self, checkpoint: u64) -> Result<Vec<Committable>>;

    /// Checkpoint `checkpoint` is past its commit point (called after the committer).
    fn committed(&mut self, checkpoint: u64) -> Result<()> {
        let _ = checkpoint;
        Ok(())
    }
}

/// Makes prepared output of all subtasks of one sink visible. One per sink and job process.
///
/// Doing the same again, or after another attempt did it, changes nothing and is not an error.
/// Checkpoints are committed in the order of their numbers, over all attempts of an application:
/// whatever state an attempt starts from, it first commits what earlier attempts got recorded and
/// had no time to commit.
pub trait Committer: Send {
    /// Takes over from earlier attempts, before any writer is opened: from now on they can make
    /// nothing visible but what is visible already, and the output of these checkpoints, the last
    /// they got recorded, is.
    fn take_over(&mut self, unfinished: &[(u64, Vec<Committable>)]) -> Result<()> {
        let mut each = unfinished.iter();
        each.try_for_each(|(checkpoint, committables)| self.commit(*checkpoint, committables))
    }

    /// What was prepared by the checkpoint that this attempt starts from, if it did not have to be
    /// committed: for committers that remember something from one checkpoint to the next.
    fn restored(&mut self, committables: &[Committable]) -> Result<()> {
        let _ = committables;
        Ok(())
    }

    /// Makes the output of a recorded checkpoint visible.
    fn commit(&mut self, checkpoint: u64, committables: &[Committable]) -> Result<()>;

    /// Throws prepared output away that no checkpoint holds.
    fn abort(&mut self, committables: &[Committable]) -> Result<()>;

    /// Removes what earlier attempts began and nobody will finish any more; to be called some time
    /// after [`Self::take_over`]. Returns how many things were removed.
    fn sweep(&mut self) -> Result<usize> {
        Ok(0)
    }
}
