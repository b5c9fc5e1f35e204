//! The contract of a source: splits, positions, batches.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;

use crate::Result;
use crate::batch::SchemaRef;
use crate::clock::Clock;
use crate::metrics::NodeMetrics;

/// Name of a split, stable over restarts: `topic/3`, a file's path, `sequence`.
pub type SplitId = String;

/// A resumable place in a split, in the connector's own words (JSON text).
pub type Position = String;

/// What a source subtask may know about where it runs.
#[derive(Debug, Clone)]
pub struct SourceContext {
    /// Index of this subtask, from 0.
    pub subtask: usize,
    /// Number of subtasks.
    pub parallelism: usize,
    /// Positions of *all* splits in the restored checkpoint; `None` = a fresh start. A reader keeps
    /// the splits that are its own (`split number % parallelism`, where splits have numbers, else
    /// order). A split that is missing here is new: it is read from its beginning.
    pub restored: Option<BTreeMap<SplitId, Position>>,
    /// Preferred number of records in a batch.
    pub batch_size: usize,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// Counters: the reader counts `bytes`, `malformed_records`, `lag_records`; the loop the rest.
    pub metrics: Arc<NodeMetrics>,
    /// Attempt number (fencing token) of the job process.
    pub attempt: u64,
}

/// A source table: makes the readers of its subtasks.
pub trait Source: Debug + Send + Sync {
    /// Physical and metadata columns, as the table declares them.
    fn schema(&self) -> SchemaRef;

    /// Whether the input has an end.
    fn bounded(&self) -> bool;

    /// Opens the reader of one subtask. May do I/O; an unreachable system that may come back is
    /// not an error here (keep trying inside `poll`), a wrong option or missing bucket is.
    fn open(&self, context: SourceContext) -> Result<Box<dyn SourceReader>>;
}

/// What a call of [`SourceReader::poll`] found.
#[derive(Debug)]
pub enum Polled {
    /// Records of one split, in that split's order.
    Batch {
        /// The split they come from.
        split: SplitId,
        /// The records; never empty.
        rows: RecordBatch,
    },
    /// Nothing within the time given.
    Nothing,
    /// A bounded split is done: it holds no watermark back any more.
    SplitEnd(SplitId),
    /// All splits of this subtask are done.
    EndOfInput,
}

/// Reads the splits of one source subtask. Called from one thread.
pub trait SourceReader: Send {
    /// Waits at most `wait` for records.
    fn poll(&mut self, wait: Duration) -> Result<Polled>;

    /// The splits this reader owns now (for per-split watermarks; may grow by discovery).
    fn splits(&self) -> Vec<SplitId>;

    /// Whether `splits` can be believed yet. A reader that has still to find out (its outside system
    /// does not answer) says false: then its subtask holds the watermark back instead of counting
    /// as idle for lack of splits.
    fn knows_splits(&self) -> bool {
        true
    }

    /// Position after everything `poll` has returned, for each own split (also finished ones).
    fn positions(&mut self) -> Result<BTreeMap<SplitId, Position>>;

    /// A checkpoint with these positions is committed (e.g. commit consumer-group offsets).
    fn committed(&mut self, positions: &BTreeMap<SplitId, Position>) -> Result<()> {
        let _ = positions;
        Ok(())
    }
}
