//! Reads made-up rows: split *k* of *n* has the rows *k*, *k* + *n*, *k* + 2*n*, …

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use engine::clock::Clock;
use engine::source::{Polled, Position, SourceContext, SourceReader, SplitId};
use engine::{Error, Result};
use serde::{Deserialize, Serialize};

use super::DatagenSource;
use super::generate::Generator;
use crate::format::Column;

/// A split's place.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    /// Number of the split, and of all splits.
    split: u64,
    splits: u64,
    /// Next row of the table that belongs to it.
    next: u64,
    /// Where chance begins.
    seed: u64,
}

#[derive(Debug)]
struct Split {
    id: SplitId,
    place: Place,
    ended: bool,
}

/// Makes the rows of one subtask's splits.
#[derive(Debug)]
pub(super) struct DatagenReader {
    schema: SchemaRef,
    generators: Vec<Generator>,
    columns: Vec<Column>,
    splits: Vec<Split>,
    /// Split whose turn it is.
    turn: usize,
    rows: Option<u64>,
    batch_size: usize,
    clock: Arc<dyn Clock>,
    budget: Budget,
}

/// How many rows may come now: a steady rate, with a tenth of a second's rows at once.
#[derive(Debug)]
struct Budget {
    per_second: f64,
    allowed: f64,
    at_ms: i64,
}

impl Budget {
    fn refill(&mut self, now_ms: i64) {
        let passed = now_ms.saturating_sub(self.at_ms).max(0) as f64 / 1000.0;
        self.at_ms = now_ms;
        let most = (self.per_second / 10.0).max(1.0);
        self.allowed = (self.allowed + passed * self.per_second).min(most.max(self.allowed));
    }

    /// Time until the next row may come.
    fn wait(&self) -> Duration {
        Duration::from_secs_f64(((1.0 - self.allowed) / self.per_second).clamp(0.0, 1.0))
    }
}

impl DatagenReader {
    pub(super) fn open(source: &DatagenSource, context: &SourceContext) -> Result<Self> {
        let places = match &context.restored {
            Some(positions) if !positions.is_empty() => restored(positions)?,
            Some(_) | None => {
                let splits = context.parallelism as u64;
                // The subtasks of a run need not share the seed: each row belongs to one split.
                let seed = fastrand::u64(..);
                (0..splits).map(|split| Place { split, splits, next: split, seed }).collect()
            }
        };
        let total = places.len().max(1) as f64;
        let own = |place: &Place| place.split as usize % context.parallelism == context.subtask;
        let splits: Vec<Split> = places
            .into_iter()
            .filter(own)
            .map(|place| Split { id: format!("datagen/{}", place.split), place, ended: false })
            .collect();
        let per_second = (source.rate as f64 * splits.len() as f64 / total).max(1e-3);
        let columns = source.generators.iter().map(|generator| Column::new(&generator.field));
        Ok(Self {
            schema: Arc::clone(&source.schema),
            generators: source.generators.clone(),
            columns: columns
                .collect::<Option<_>>()
                .ok_or_else(|| Error::internal("datagen planned a type it cannot make"))?,
            splits,
            turn: 0,
            rows: source.rows,
            batch_size: context.batch_size.max(1),
            clock: Arc::clone(&context.clock),
            budget: Budget {
                per_second,
                allowed: (per_second / 10.0).max(1.0),
                at_ms: context.clock.now_ms(),
            },
        })
    }

    /// Makes up to `most` rows of a split.
    fn make(&mut self, turn: usize, most: usize, now_ms: i64) -> Result<RecordBatch> {
        let place = &mut self.splits[turn].place;
        let mut made = 0;
        while made < most && self.rows.is_none_or(|rows| place.next < rows) {
            let mut chance = fastrand::Rng::with_seed(
                place.seed ^ place.next.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            );
            for (generator, column) in self.generators.iter().zip(&mut self.columns) {
                generator.push(column, place.next, &mut chance, now_ms);
            }
            place.next += place.splits;
            made += 1;
        }
        self.budget.allowed -= made as f64;
        let arrays = self.columns.iter_mut().map(Column::finish).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(made));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

fn restored(positions: &BTreeMap<SplitId, Position>) -> Result<Vec<Place>> {
    let place = |(split, position): (&SplitId, &Position)| {
        serde_json::from_str(position).map_err(|error| {
            Error::internal(format!("position of split `{split}` cannot be read")).because(error)
        })
    };
    positions.iter().map(place).collect()
}

impl SourceReader for DatagenReader {
    fn poll(&mut self, wait: Duration) -> Result<Polled> {
        for _ in 0..self.splits.len() {
            self.turn = (self.turn + 1) % self.splits.len();
            let split = &mut self.splits[self.turn];
            if split.ended {
                continue;
            }
            if self.rows.is_some_and(|rows| split.place.next >= rows) {
                split.ended = true;
                return Ok(Polled::SplitEnd(split.id.clone()));
            }
            let now_ms = self.clock.now_ms();
            self.budget.refill(now_ms);
            if self.budget.allowed < 1.0 {
                std::thread::sleep(self.budget.wait().min(wait));
                return Ok(Polled::Nothing);
            }
            let most = (self.budget.allowed as usize).min(self.batch_size);
            let rows = self.make(self.turn, most, now_ms)?;
            return Ok(Polled::Batch { split: self.splits[self.turn].id.clone(), rows });
        }
        Ok(Polled::EndOfInput)
    }

    fn splits(&self) -> Vec<SplitId> {
        self.splits.iter().map(|split| split.id.clone()).collect()
    }

    fn positions(&mut self) -> Result<BTreeMap<SplitId, Position>> {
        let written = |split: &Split| {
            let position = serde_json::to_string(&split.place);
            position
                .map(|position| (split.id.clone(), position))
                .map_err(|error| Error::internal("a position cannot be written").because(error))
        };
        self.splits.iter().map(written).collect()
    }
}
