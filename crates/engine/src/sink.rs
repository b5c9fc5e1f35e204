//! The contract of a sink: write, prepare at a barrier, commit after the commit point.

use std::fmt::Debug;
use std::sync::Arc;

use crate::Result;
use crate::batch::{Batch, Watermark};
use crate::clock::Clock;
use crate::metrics::NodeMetrics;

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
    /// Identity of this run and attempt, unique in time: goes into file names.
    pub attempt_id: String,
    /// Attempt number (fencing token).
    pub attempt: u64,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// Counters: the writer counts `bytes`; the loop the rest.
    pub metrics: Arc<NodeMetrics>,
}

/// A sink table: makes the writers of its subtasks and the one committer.
pub trait Sink: Debug + Send + Sync {
    /// Whether it can take `-U`, `+U` and `-D`.
    fn accepts_updates(&self) -> bool;

    /// Opens the writer of one subtask.
    fn open(&self, context: SinkContext) -> Result<Box<dyn SinkWriter>>;

    /// What makes prepared output visible; `None` when writing is all there is.
    fn committer(&self, attempt: u64) -> Result<Option<Box<dyn Committer>>>;
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
/// Both calls are idempotent: doing them again, or after another attempt did them, changes
/// nothing and is not an error.
pub trait Committer: Send {
    /// Makes the output of a committed checkpoint visible. Also called on recovery with the restored
    /// manifest's committables, before any writer is opened.
    fn commit(&mut self, checkpoint: u64, committables: &[Committable]) -> Result<()>;

    /// Throws prepared output away that no checkpoint holds.
    fn abort(&mut self, committables: &[Committable]) -> Result<()>;
}
