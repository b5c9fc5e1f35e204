//! Why operators have not emitted yet what they hold: what a job reports about it.
//!
//! Figures only, as the engine sees them at one moment; whoever shows them makes the sentence.

use serde::{Deserialize, Serialize};

/// Most splits that are told of one source, slowest first.
pub const MOST_SPLITS: usize = 8;

/// An operator that emits when time has reached something: a window, or an OVER aggregate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// For people.
    pub name: String,
    /// Whether it goes by processing time: then no watermark matters.
    pub processing_time: bool,
    /// The lowest watermark of its subtasks, event-time ms; `None` = none yet.
    pub watermark: Option<i64>,
    /// The watermark (or processing time) at which something is emitted next; `None` = it holds no
    /// record.
    pub next_firing: Option<i64>,
    /// The tables that feed it, sorted.
    pub tables: Vec<String>,
    /// The lowest watermark that its sources have sent: what is above the operator's own is on its
    /// way to it. `None` = one of them has sent none yet.
    pub sources_watermark: Option<i64>,
    /// Which source holds the watermark back; `None` by processing time, or when all have ended.
    pub held_by: Option<Holder>,
    /// What keeps records and watermarks on the way to it, besides time.
    pub obstacles: Vec<Obstacle>,
}

/// A source that holds the watermark of an operator back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The table it reads.
    pub table: String,
    /// Its operator id.
    pub operator_id: String,
    /// Which of its subtasks it is.
    pub subtask: usize,
    /// The watermark that subtask has sent; `None` = none yet.
    pub watermark: Option<i64>,
    /// What it waits for.
    pub reason: HeldFor,
    /// Its slowest splits, over all its subtasks; with [`HeldFor::Split`] the first one is it.
    pub splits: Vec<SplitState>,
    /// How many splits there are.
    pub counts: SplitCounts,
    /// After which time without records a split is left out; `None` = never.
    pub idle_timeout_ms: Option<u64>,
    /// Records it has still to read, where known.
    pub lag_records: u64,
}

/// Why a source holds the watermark back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldFor {
    /// Its slowest split gives no higher one.
    Split,
    /// All splits of all sources are idle: nobody moves event time.
    AllIdle,
    /// It has not found out yet which splits there are.
    SplitsUnknown,
    /// Its table declares no watermark.
    NoWatermark,
}

/// One split of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitState {
    /// Its name: `topic/3`, a file's path.
    pub split: String,
    /// Its own watermark, event-time ms; `None` = none yet.
    pub watermark: Option<i64>,
    /// Event time of its last record, ms; `None` = it gave none since the job runs.
    pub last_event_time: Option<i64>,
    /// When it gave its last record, ms since 1970; `None` as above.
    pub last_record_at: Option<i64>,
    /// Since when it is read, ms since 1970.
    pub found_at: i64,
    /// Whether it counts.
    pub activity: Activity,
}

/// Whether a split holds the watermark back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// It does.
    Active,
    /// It has had no records for longer than the idle timeout.
    Idle,
    /// It is read to its end.
    Ended,
}

/// How many splits of a source are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// All.
    pub all: usize,
    /// Those without any record since the job runs (and not ended).
    pub without_records: usize,
    /// Those left out for being idle.
    pub idle: usize,
    /// Those read to their end.
    pub ended: usize,
}

impl SplitCounts {
    /// Adds those of another subtask.
    pub fn add(&mut self, other: Self) {
        self.all += other.all;
        self.without_records += other.without_records;
        self.idle += other.idle;
        self.ended += other.ended;
    }
}

/// What keeps records and watermarks on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Obstacle {
    /// A barrier has come on some channels: these wait for it on the others.
    Barrier {
        /// Name of the operator that waits.
        operator: String,
        /// Number of the checkpoint.
        checkpoint: u64,
        /// For how long it has waited.
        for_ms: u64,
    },
    /// An operator waits for room downstream.
    BackPressure {
        /// Name of the operator that waits.
        operator: String,
        /// For how long it has waited now; 0 = it does not at this moment.
        for_ms: u64,
        /// Share of the time since the last report, in thousandths.
        permille: u32,
    },
}
