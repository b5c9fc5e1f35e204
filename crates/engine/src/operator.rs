//! The contract of an operator: synchronous, one subtask's share, no waiting.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use crate::Result;
use crate::batch::{Batch, SchemaRef, Watermark};
use crate::clock::Clock;
use crate::metrics::NodeMetrics;
use crate::state::{OperatorState, RestoredState};

/// What a subtask's operator may know about where it runs.
#[derive(Debug, Clone)]
pub struct OperatorContext {
    /// Index of this subtask, from 0.
    pub subtask: usize,
    /// Number of subtasks of this operator.
    pub parallelism: usize,
    /// Key groups this subtask owns.
    pub key_groups: Range<u16>,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// Counters of the operator's node.
    pub metrics: Arc<NodeMetrics>,
}

/// Makes the subtasks of one operator; part of the stream graph.
pub trait OperatorFactory: Debug + Send + Sync {
    /// Schema of what it emits.
    fn schema(&self) -> SchemaRef;

    /// A fresh subtask without state.
    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>>;

    /// What must be equal for state to be restored: keys, aggregates, window. Empty = stateless.
    fn fingerprint(&self) -> String {
        String::new()
    }
}

/// One parallel instance of an operator.
///
/// The subtask loop calls it from one thread. Before `on_batch`, the loop has turned
/// `batch.watermarks` into the watermark in force at *this* operator before each record (merged
/// over channels), so an operator may decide lateness with `batch.watermarks[i]`, or with the
/// last `on_watermark` when it is `None`.
pub trait Operator: Send {
    /// Takes records of input `input` (0, or 1 for the right side of a join).
    fn on_batch(&mut self, input: usize, batch: Batch, out: &mut Output) -> Result<()>;

    /// Event time has advanced (merged over all inputs and channels). Must not emit the watermark:
    /// the loop passes it on after this call.
    fn on_watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<()> {
        let _ = (watermark, out);
        Ok(())
    }

    /// When `on_timer` wants to be called next (processing-time ms); `None` = never.
    fn next_timer(&self) -> Option<i64> {
        None
    }

    /// Processing time has reached `next_timer`.
    fn on_timer(&mut self, now_ms: i64, out: &mut Output) -> Result<()> {
        let _ = (now_ms, out);
        Ok(())
    }

    /// When the operator will next emit something for a time being reached, for people who wait
    /// for it. Asked after each call of another method, so it must be cheap.
    fn next_firing(&self) -> Firing {
        Firing::Untimed
    }

    /// All inputs have ended; the maximal watermark has been seen. (Processing-time windows do
    /// not fire here, as in Flink.)
    fn on_end(&mut self, out: &mut Output) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// The state at a barrier; `None` when stateless.
    fn snapshot(&mut self) -> Result<Option<OperatorState>> {
        Ok(None)
    }

    /// Takes state back, before the first batch.
    fn restore(&mut self, state: RestoredState) -> Result<()> {
        let _ = state;
        Ok(())
    }
}

/// When an operator next emits something for a time being reached. `None` = it holds no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firing {
    /// It does not go by time.
    Untimed,
    /// At the watermark that is this or higher.
    EventTime(Option<i64>),
    /// At this processing time.
    ProcessingTime(Option<i64>),
}

/// Where an operator puts what it emits.
#[derive(Debug, Default)]
pub struct Output {
    batches: Vec<Batch>,
}

impl Output {
    /// Emits records; an empty batch is dropped.
    pub fn emit(&mut self, batch: Batch) {
        if !batch.is_empty() {
            self.batches.push(batch);
        }
    }

    /// Takes what was emitted so far, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Batch> + '_ {
        self.batches.drain(..)
    }

    /// Whether nothing was emitted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}
