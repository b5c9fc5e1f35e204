//! What a crash leaves alone: the store's last checkpoint, and what sinks have made visible.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::stage::{Doors, VirtualClock};
use crate::batch::{Batch, RowKind};
use crate::runtime::coordinator::Collected;
use crate::runtime::{RestoredGraph, RestoredOperator};
use crate::sink::{CommitContext, Committable, Committer, Sink, SinkContext, SinkWriter};
use crate::{Error, Result};

/// Outlives every attempt.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Arc<VirtualClock>,
    /// The checkpoint past whose commit point the job is.
    pub(super) recorded: Option<Collected>,
    /// Whether the store knows that its output is visible.
    pub(super) committed: bool,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    /// Committables of all checkpoints that were ever recorded.
    listed: BTreeSet<Committable>,
    /// Rows by sink and committable.
    visible: BTreeMap<String, BTreeMap<String, Vec<Change>>>,
}

/// A row that a sink was given, as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Change {
    row: String,
    adds: bool,
}

/// Rows by sink, each with how often it is there.
pub(super) type Visible = BTreeMap<String, BTreeMap<String, i64>>;

impl World {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self { clock: Arc::new(clock), recorded: None, committed: false, tables: Mutex::default() }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    /// The commit point.
    pub(super) fn record(&mut self, collected: Collected) {
        let committables = collected.operators.values().flat_map(|it| it.committables.clone());
        self.tables().listed.extend(committables);
        self.recorded = Some(collected);
        self.committed = false;
    }

    /// What the recorded checkpoint holds for the next attempt.
    pub(super) fn restored(&self) -> Option<RestoredGraph> {
        let operators = self.recorded.as_ref()?.operators.iter().map(|(id, operator)| {
            let state = operator.states.iter().map(|(_, state)| state.clone()).collect();
            let splits = operator.is_source.then(|| operator.splits.clone());
            (id.clone(), RestoredOperator { state, splits })
        });
        Some(RestoredGraph { operators: operators.collect() })
    }

    /// Where the splits of the first source stood at the recorded checkpoint.
    pub(super) fn positions(&self) -> Vec<usize> {
        let recorded = self.recorded.as_ref().expect("a checkpoint was recorded");
        let splits = &recorded.operators["source-0"].splits;
        splits.values().map(|position| position.parse().unwrap()).collect()
    }

    /// What readers of the sinks see, with changes applied.
    pub(super) fn visible(&self) -> Visible {
        let fold = |changes: &BTreeMap<String, Vec<Change>>| {
            let mut rows = BTreeMap::new();
            for change in changes.values().flatten() {
                *rows.entry(change.row.clone()).or_insert(0) += if change.adds { 1 } else { -1 };
            }
            rows.retain(|_, count| *count != 0);
            rows
        };
        self.tables().visible.iter().map(|(sink, changes)| (sink.clone(), fold(changes))).collect()
    }
}

/// A sink of the world.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) world: Arc<Mutex<World>>,
    pub(super) doors: Arc<Doors>,
    pub(super) seed: u64,
    /// Longest time a write takes.
    pub(super) slow_ms: i64,
}

/// Prepared rows.
#[derive(Debug, Serialize, Deserialize)]
struct Prepared {
    id: String,
    changes: Vec<Change>,
}

impl Sink for Table {
    fn accepts_updates(&self) -> bool {
        true
    }

    fn open(&self, context: SinkContext) -> Result<Box<dyn SinkWriter>> {
        let number = u64::try_from(context.subtask).unwrap_or(0);
        let rng = Rng::with_seed(self.seed ^ context.attempt << 30 ^ number << 50);
        let id = format!("{}-{}", context.attempt_id, context.subtask);
        Ok(Box::new(Writer { table: self.clone(), rng, id, changes: Vec::new() }))
    }

    fn committer(&self, _: CommitContext) -> Result<Option<Box<dyn Committer>>> {
        Ok(Some(Box::new(self.clone())))
    }
}

struct Writer {
    table: Table,
    rng: Rng,
    id: String,
    changes: Vec<Change>,
}

impl SinkWriter for Writer {
    fn write(&mut self, batch: Batch) -> Result<()> {
        if self.table.slow_ms > 0 && self.rng.u32(0..4) == 0 {
            self.table.doors.nap(self.rng.i64(1..=self.table.slow_ms));
        }
        let kinds = (0..batch.len()).map(|row| batch.kind(row));
        let change = |(row, kind): (String, RowKind)| Change { row, adds: kind.adds() };
        self.changes.extend(texts(&batch.rows).into_iter().zip(kinds).map(change));
        Ok(())
    }

    fn prepare(&mut self, checkpoint: u64) -> Result<Vec<Committable>> {
        let mut changes = std::mem::take(&mut self.changes);
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        // Which of two keys comes first depends on the hash seeds of the process.
        changes.sort();
        let prepared = Prepared { id: format!("{}-{checkpoint}", self.id), changes };
        Ok(vec![serde_json::to_string(&prepared).unwrap()])
    }
}

impl Committer for Table {
    fn commit(&mut self, checkpoint: u64, committables: &[Committable]) -> Result<()> {
        let world = self.world.lock().unwrap();
        let mut tables = world.tables();
        for committable in committables {
            if !tables.listed.contains(committable) {
                return Err(Error::internal(format!(
                    "`{}` was told to commit in {checkpoint} what no recorded checkpoint lists",
                    self.name
                )));
            }
            let Prepared { id, changes } = serde_json::from_str(committable).unwrap();
            let rows = tables.visible.entry(self.name.clone()).or_default();
            let before = rows.insert(id.clone(), changes.clone());
            assert!(before.is_none_or(|before| before == changes), "two outputs are called {id}");
        }
        Ok(())
    }

    fn abort(&mut self, _: &[Committable]) -> Result<()> {
        Ok(())
    }
}

/// Rows as text, columns joined by `|`.
fn texts(rows: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("-");
    let formatter = |column| ArrayFormatter::try_new(column, &options).unwrap();
    let columns: Vec<_> = rows.columns().iter().map(|column| formatter(column.as_ref())).collect();
    let text = |row| {
        let cells: Vec<String> = columns.iter().map(|cell| cell.value(row).to_string()).collect();
        cells.join("|")
    };
    (0..rows.num_rows()).map(text).collect()
}
