//! A source that reads an [`Input`] as it arrives on the virtual clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use fastrand::Rng;

use super::input::{DELAY_MS, IDLE_MS, Input, rows, schema};
use super::stage::Doors;
use crate::Result;
use crate::batch::SchemaRef;
use crate::clock::Clock;
use crate::expression::Expression;
use crate::graph::{NodeKind, SourceNode, WatermarkStrategy};
use crate::source::{Polled, Position, Source, SourceContext, SourceReader, SplitId};

/// Where splits are not read on for now, and where they stand: by split.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) at_most: Vec<usize>,
    pub(super) read: Vec<usize>,
}

/// Limits that a driver can lift; `None` = there are none.
pub(super) type Held = Arc<Mutex<Option<Limits>>>;

#[derive(Debug, Clone)]
pub(super) struct Arriving {
    pub(super) input: Arc<Input>,
    pub(super) doors: Arc<Doors>,
    pub(super) seed: u64,
    /// Most records of a batch.
    pub(super) most: usize,
    pub(super) held: Held,
}

/// The rowtime less the delay.
#[derive(Debug)]
struct Delayed;

impl Expression for Delayed {
    fn data_type(&self) -> DataType {
        schema().field(2).data_type().clone()
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        let times = rows.column(2).as_primitive::<TimestampMicrosecondType>();
        let times: TimestampMicrosecondArray = times.unary(|time| time - DELAY_MS * 1000);
        Ok(Arc::new(times))
    }
}

impl Arriving {
    pub(super) fn node(&self, idle: bool) -> NodeKind {
        let idle_timeout = idle.then_some(Duration::from_millis(IDLE_MS));
        let strategy =
            WatermarkStrategy { rowtime: 2, expression: Arc::new(Delayed), idle_timeout };
        NodeKind::Source(SourceNode {
            source: Arc::new(self.clone()),
            projection: None,
            watermark: Some(strategy),
        })
    }
}

impl Source for Arriving {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn bounded(&self) -> bool {
        true
    }

    fn open(&self, context: SourceContext) -> Result<Box<dyn SourceReader>> {
        let restored = context.restored.unwrap_or_default();
        let number = |subtask: usize| u64::try_from(subtask).unwrap_or(0);
        let own = (0..self.input.splits.len())
            .filter(|split| split % context.parallelism == context.subtask)
            .map(|split| {
                let at = restored.get(&name(split)).map_or(0, |position| position.parse().unwrap());
                Reading { split, at, told: false }
            })
            .collect();
        Ok(Box::new(Reader {
            rng: Rng::with_seed(self.seed ^ context.attempt << 20 ^ number(context.subtask) << 40),
            source: self.clone(),
            clock: context.clock,
            own,
        }))
    }
}

fn name(split: usize) -> SplitId {
    format!("split-{split}")
}

struct Reading {
    split: usize,
    at: usize,
    /// Its end has been told.
    told: bool,
}

struct Reader {
    rng: Rng,
    source: Arriving,
    clock: Arc<dyn Clock>,
    own: Vec<Reading>,
}

impl Reader {
    /// How far a split may be read now.
    fn until(&self, reading: &Reading, now: i64) -> usize {
        let records = &self.source.input.splits[reading.split];
        let arrived = records.iter().take_while(|record| record.arrival <= now).count();
        match self.source.held.lock().unwrap().as_ref() {
            Some(limits) => arrived.min(limits.at_most[reading.split]),
            None => arrived,
        }
    }

    fn length(&self, reading: &Reading) -> usize {
        self.source.input.splits[reading.split].len()
    }
}

impl SourceReader for Reader {
    fn poll(&mut self, wait: Duration) -> Result<Polled> {
        let now = self.clock.now_ms();
        let free = self.source.held.lock().unwrap().is_none();
        let can = |reading: &Reading| {
            let ends = free && reading.at == self.length(reading) && !reading.told;
            ends || self.until(reading, now) > reading.at
        };
        let able: Vec<usize> = (0..self.own.len()).filter(|i| can(&self.own[*i])).collect();
        let Some(&chosen) = able.get(self.rng.usize(0..able.len().max(1))) else {
            if self.own.iter().all(|reading| reading.told) {
                return Ok(Polled::EndOfInput);
            }
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            if wait > 0 {
                let next = |reading: &Reading| {
                    let records = &self.source.input.splits[reading.split];
                    records.get(reading.at).map(|record| record.arrival - now)
                };
                let next = self.own.iter().filter_map(next).filter(|left| *left > 0).min();
                self.source.doors.nap(next.unwrap_or(wait).min(wait));
            }
            return Ok(Polled::Nothing);
        };
        let until = self.until(&self.own[chosen], now);
        let reading = &mut self.own[chosen];
        let split = reading.split;
        if until == reading.at {
            reading.told = true;
            return Ok(Polled::SplitEnd(name(split)));
        }
        let count = self.rng.usize(1..=(until - reading.at).min(self.source.most));
        let records = &self.source.input.splits[split][reading.at..reading.at + count];
        reading.at += count;
        if let Some(limits) = self.source.held.lock().unwrap().as_mut() {
            limits.read[split] = reading.at;
        }
        Ok(Polled::Batch { split: name(split), rows: rows(records) })
    }

    fn splits(&self) -> Vec<SplitId> {
        self.own.iter().map(|reading| name(reading.split)).collect()
    }

    fn positions(&mut self) -> Result<BTreeMap<SplitId, Position>> {
        Ok(self.own.iter().map(|own| (name(own.split), own.at.to_string())).collect())
    }
}
