//! The loop of a subtask that reads a source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use crossbeam_channel::{RecvTimeoutError, TryRecvError};

use super::cancellation::Halt;
use super::event::{Positions, SubtaskId};
use super::event_time::{EventTime, event_millis};
use super::gauge::SubtaskGauge;
use super::outlet::add_elapsed;
use super::subtask::{Control, Subtask};
use crate::batch::{Batch, StreamElement, Watermark};
use crate::graph::{NodeIndex, Projection, WatermarkStrategy};
use crate::source::{Polled, SourceReader, SplitId};
use crate::{Error, Result};

/// Longest wait for records: barriers and cancellation are looked at in between.
const LONGEST_POLL: Duration = Duration::from_millis(20);
/// Pause after an unbounded source has been read empty, so that a trickle comes in batches.
const GATHER: Duration = Duration::from_millis(5);
/// How often the reader is asked for its splits while records flow.
const DISCOVERY_MS: i64 = 1000;

/// Time between two looks that others get at where the splits stand.
const SHOW: Duration = Duration::from_millis(200);

/// A subtask whose head is a source.
pub(super) struct SourceTask {
    pub(super) subtask: Subtask,
    pub(super) reader: Box<dyn SourceReader>,
    pub(super) bounded: bool,
    pub(super) projection: Option<Projection>,
    pub(super) strategy: Option<WatermarkStrategy>,
    pub(super) pace: Pace,
    pub(super) shown: Shown,
}

/// What the subtask shows of itself.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) gauge: Arc<SubtaskGauge>,
    /// The source's place in the graph.
    pub(super) node: NodeIndex,
    /// When it was last shown where the splits stand.
    pub(super) last: Option<Instant>,
}

/// What the loop remembers from one turn to the next.
#[derive(Debug)]
pub(super) struct Pace {
    event_time: EventTime,
    /// The last poll gave records.
    flowing: bool,
    /// Records came since the last pause.
    gathered: bool,
    /// Time spent on other things than polling, before the turn at hand.
    working: Duration,
    /// When that turn began: when the last poll was over.
    turn: Duration,
    /// When the reader was last asked for its splits.
    discovered_ms: i64,
}

impl Pace {
    /// `now` is the steady time.
    pub(super) fn new(strategy: Option<&WatermarkStrategy>, now: Duration) -> Self {
        Self {
            event_time: EventTime::new(strategy.and_then(|strategy| strategy.idle_timeout)),
            flowing: false,
            gathered: false,
            working: Duration::ZERO,
            turn: now,
            discovered_ms: i64::MIN,
        }
    }
}

impl SourceTask {
    /// Runs until the source ends or is stopped, then stays for what it must hear of commits.
    pub(super) fn run(mut self) -> Result<(), Halt> {
        let stopped = self.read()?;
        let splits = self.reader.positions()?;
        self.subtask.end(stopped, Some(splits))?;
        let Self { subtask, mut reader, .. } = self;
        subtask.linger(|id, positions| tell(reader.as_mut(), id, positions))
    }

    /// True when a stop barrier has come.
    fn read(&mut self) -> Result<bool, Halt> {
        self.discover();
        self.settle()?;
        loop {
            self.subtask.shared.cancellation.pass();
            self.subtask.shared.cancellation.check()?;
            if self.hear_all()? {
                return Ok(true);
            }
            match self.poll()? {
                Polled::Batch { split, rows } => {
                    self.records(&split, rows)?;
                    self.settle()?;
                }
                Polled::Nothing => {
                    self.discover();
                    self.settle()?;
                    if self.gather()? {
                        return Ok(true);
                    }
                }
                Polled::SplitEnd(split) => {
                    self.pace.event_time.ended(&split);
                    self.discover();
                    self.settle()?;
                }
                Polled::EndOfInput => {
                    if let Some(element) = self.pace.event_time.wake() {
                        self.pass(element)?;
                    }
                    self.subtask.chain.watermark(Watermark::MAX)?;
                    return Ok(false);
                }
            }
            self.subtask.fire_timers()?;
        }
    }

    /// Takes everything the owner has to say; true when a stop barrier was among it.
    fn hear_all(&mut self) -> Result<bool, Halt> {
        loop {
            match self.subtask.control.try_recv() {
                Ok(control) => {
                    if self.hear(&control)? {
                        return Ok(true);
                    }
                }
                Err(TryRecvError::Empty) => return Ok(false),
                Err(TryRecvError::Disconnected) => {
                    self.subtask.control = crossbeam_channel::never();
                    return Ok(false);
                }
            }
        }
    }

    fn hear(&mut self, control: &Control) -> Result<bool, Halt> {
        match control {
            Control::Barrier(barrier) => {
                let splits = self.reader.positions()?;
                self.subtask.barrier(*barrier, Some(splits))?;
                Ok(barrier.stop)
            }
            Control::Committed { checkpoint, positions } => {
                self.subtask.chain.committed(*checkpoint)?;
                tell(self.reader.as_mut(), &self.subtask.id, positions)?;
                Ok(false)
            }
        }
    }

    /// Polls without waiting while records flow, so that only work counts as busy.
    fn poll(&mut self) -> Result<Polled, Halt> {
        let since = Instant::now();
        self.pace.working += self.turn_so_far();
        let wait = if self.pace.flowing {
            Duration::ZERO
        } else {
            self.subtask.until_timer().unwrap_or(LONGEST_POLL).min(LONGEST_POLL)
        };
        let polled = self.reader.poll(wait)?;
        self.pace.turn = self.subtask.shared.clock.steady();
        if self.pace.flowing {
            add_elapsed(&self.subtask.chain.metrics().busy_ns, since);
        }
        self.pace.flowing = matches!(polled, Polled::Batch { .. });
        self.pace.gathered |= self.pace.flowing;
        Ok(polled)
    }

    /// After a burst of an unbounded source: waits a little for more, and for the owner.
    fn gather(&mut self) -> Result<bool, Halt> {
        if self.bounded || !std::mem::take(&mut self.pace.gathered) {
            return Ok(false);
        }
        let since = self.subtask.shared.clock.steady();
        let heard = match self.subtask.shared.cancellation.turnstile() {
            Some(turnstile) => {
                let control = self.subtask.control.clone();
                turnstile.wait(Box::new(move || !control.is_empty()), Some(GATHER));
                self.subtask.control.recv_timeout(Duration::ZERO)
            }
            None => self.subtask.control.recv_timeout(GATHER),
        };
        // That was no work.
        self.pace.turn += self.subtask.shared.clock.steady().saturating_sub(since);
        match heard {
            Ok(control) => self.hear(&control),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(false),
        }
    }

    fn records(&mut self, split: &SplitId, rows: RecordBatch) -> Result<(), Halt> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let since = Instant::now();
        let rows = match &self.projection {
            Some(projection) => project(projection, &rows)?,
            None => rows,
        };
        let mut batch = Batch::of(rows);
        if let Some(strategy) = &self.strategy {
            let millis = watermarks(strategy, &batch.rows)?;
            let times = batch.rows.column(strategy.rowtime);
            let last = event_millis(&times.slice(times.len() - 1, 1))?.value(0);
            let now = self.now();
            if !self.pace.event_time.knows(split) {
                self.discover();
            }
            if let Some(element) = self.pace.event_time.wake() {
                self.pass(element)?;
            }
            batch.watermarks = Some(self.pace.event_time.records(split, &millis, now));
            let at_ms = self.subtask.shared.clock.now_ms();
            self.pace.event_time.last_record(split, last, at_ms);
        }
        batch.origin = Some(self.shown.node);
        add_elapsed(&self.subtask.chain.metrics().busy_ns, since);
        self.subtask.chain.batch(0, batch)
    }

    fn discover(&mut self) {
        if self.strategy.is_some() {
            let now = self.now();
            self.pace.event_time.found(self.reader.splits(), now);
            self.pace.discovered_ms = now;
        }
    }

    /// Emits what event time has come to.
    fn settle(&mut self) -> Result<(), Halt> {
        if self.strategy.is_none() {
            return Ok(());
        }
        let now = self.now();
        if now.saturating_sub(self.pace.discovered_ms) >= DISCOVERY_MS {
            self.discover();
        }
        for element in self.pace.event_time.settle(now, !self.reader.knows_splits()) {
            self.pass(element)?;
        }
        self.show();
        Ok(())
    }

    /// Lets others see where the splits stand.
    fn show(&mut self) {
        if self.shown.last.is_none_or(|last| last.elapsed() >= SHOW) {
            let state = self.pace.event_time.state(self.reader.knows_splits());
            self.shown.gauge.set_source(state);
            self.shown.last = Some(Instant::now());
        }
    }

    /// Time for idleness: stands still while the subtask works, or waits for room downstream,
    /// because a split whose records wait meanwhile is not idle.
    fn now(&self) -> i64 {
        let working = self.pace.working + self.turn_so_far();
        let working = i64::try_from(working.as_millis()).unwrap_or(i64::MAX);
        self.subtask.shared.clock.now_ms().saturating_sub(working)
    }

    fn turn_so_far(&self) -> Duration {
        self.subtask.shared.clock.steady().saturating_sub(self.pace.turn)
    }

    fn pass(&mut self, element: StreamElement) -> Result<(), Halt> {
        match element {
            StreamElement::Watermark(watermark) => self.subtask.chain.watermark(watermark),
            StreamElement::Idle(idle) => self.subtask.chain.idle(idle),
            StreamElement::Batch(_) | StreamElement::Barrier(_) | StreamElement::EndOfInput => {
                Err(Error::internal("event time made neither watermark nor idleness").into())
            }
        }
    }
}

/// Tells a reader where its own splits stood in a committed checkpoint.
fn tell(reader: &mut dyn SourceReader, id: &SubtaskId, positions: &Positions) -> Result<(), Halt> {
    let Some(all) = positions.get(&id.operator_id) else { return Ok(()) };
    let own = reader.positions()?.into_keys();
    let own = own.filter_map(|split| all.get(&split).map(|at| (split, at.clone()))).collect();
    Ok(reader.committed(&own)?)
}

fn project(projection: &Projection, rows: &RecordBatch) -> Result<RecordBatch> {
    let columns = projection
        .expressions
        .iter()
        .map(|expression| expression.evaluate(rows))
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(&projection.schema), columns, &options)?)
}

/// The watermark each record gives, in event-time ms.
fn watermarks(
    strategy: &WatermarkStrategy,
    rows: &RecordBatch,
) -> Result<arrow::array::Int64Array> {
    if rows.column(strategy.rowtime).null_count() > 0 {
        let schema = rows.schema();
        let name = schema.field(strategy.rowtime).name();
        return Err(Error::user(format!(
            "RowTime field should not be null: a record has NULL in `{name}`, the column of \
             WATERMARK FOR; filter such records out before, or give them a time"
        )));
    }
    event_millis(&strategy.expression.evaluate(rows)?)
}
