//! The receiving side of a subtask: merges channels, their watermarks, and aligns barriers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::Int64Array;
use crossbeam_channel::{Receiver, Select, TryRecvError};

use super::cancellation::{Cancellation, Halt};
use super::gauge::SubtaskGauge;
use crate::Error;
use crate::batch::{Barrier, Batch, StreamElement, Watermark};

/// What a subtask gets to see of its channels.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are batches")]
pub(super) enum Arrival {
    /// Records of an input; their watermarks are those in force at this subtask.
    Batch { input: usize, batch: Batch },
    /// The merged watermark has risen.
    Watermark(Watermark),
    /// All channels are idle, or no longer.
    Idle(bool),
    /// The barrier has come on every channel.
    Barrier(Barrier),
    /// Every channel has ended.
    End,
    /// Time is up, or there is something else to look at.
    Nothing,
}

/// Channels of one subtask.
///
/// Watermarks are merged like in Flink's `StatusWatermarkValve`: the minimum over channels that
/// are neither idle nor ended; a channel that comes back from idleness counts again once it has
/// caught up with the merged watermark; the merged watermark never goes back.
///
/// Unlike there, siblings are idle together or not at all: when one of them comes back, the others
/// will too, and what they are about to send must not be late.
pub(super) struct Gate {
    channels: Vec<Channel>,
    cancellation: Arc<Cancellation>,
    /// Where the next look for elements starts, so that no channel starves.
    cursor: usize,
    merged: i64,
    idle: bool,
    aligning: Option<Barrier>,
    /// A stop barrier has passed: event time stands still.
    stopped: bool,
    ready: VecDeque<Arrival>,
    /// Shows for how long a barrier is waited for.
    gauge: Option<Arc<SubtaskGauge>>,
}

/// A channel that leads to a gate.
pub(super) struct Inlet {
    pub(super) receiver: Receiver<StreamElement>,
    pub(super) input: usize,
    /// Equal for channels that all become idle, and come back, for the same reason.
    pub(super) siblings: (usize, usize),
}

struct Channel {
    receiver: Receiver<StreamElement>,
    input: usize,
    siblings: (usize, usize),
    watermark: i64,
    /// Has said so.
    says_idle: bool,
    /// It and its siblings have.
    idle: bool,
    caught_up: bool,
    /// Has delivered the barrier being aligned: not read until the others have.
    blocked: bool,
    ended: bool,
}

impl Channel {
    /// Will raise no watermark any more.
    fn done(&self) -> bool {
        self.ended || self.watermark == i64::MAX
    }

    fn holds_back(&self) -> bool {
        !self.done() && !self.idle && self.caught_up
    }
}

impl Gate {
    pub(super) fn new(
        inlets: impl IntoIterator<Item = Inlet>,
        cancellation: Arc<Cancellation>,
    ) -> Self {
        let channels = inlets
            .into_iter()
            .map(|inlet| Channel {
                receiver: inlet.receiver,
                input: inlet.input,
                siblings: inlet.siblings,
                watermark: i64::MIN,
                says_idle: false,
                idle: false,
                caught_up: true,
                blocked: false,
                ended: false,
            })
            .collect();
        Self {
            channels,
            cancellation,
            cursor: 0,
            merged: i64::MIN,
            idle: false,
            aligning: None,
            stopped: false,
            ready: VecDeque::new(),
            gauge: None,
        }
    }

    /// The same, shown by a gauge.
    pub(super) fn shown_by(self, gauge: Arc<SubtaskGauge>) -> Self {
        Self { gauge: Some(gauge), ..self }
    }

    /// The next arrival; waits at most `wait` (`None` = as long as it takes), and no longer than
    /// until `also` has something.
    pub(super) fn next<T: Send + 'static>(
        &mut self,
        also: &Receiver<T>,
        wait: Option<Duration>,
    ) -> Result<Arrival, Halt> {
        let mut waited = false;
        loop {
            self.cancellation.check()?;
            if let Some(arrival) = self.ready.pop_front() {
                return Ok(arrival);
            }
            if self.channels.iter().all(|channel| channel.ended) {
                return Ok(Arrival::End);
            }
            self.cancellation.pass();
            if waited || !also.is_empty() {
                return Ok(Arrival::Nothing);
            }
            match self.try_receive()? {
                Some((channel, element)) => self.take(channel, element)?,
                None => waited = self.wait(also, wait),
            }
        }
    }

    fn try_receive(&mut self) -> Result<Option<(usize, StreamElement)>, Halt> {
        let count = self.channels.len();
        for step in 0..count {
            let index = (self.cursor + step) % count;
            let channel = &self.channels[index];
            if channel.ended || channel.blocked {
                continue;
            }
            match channel.receiver.try_recv() {
                Ok(element) => {
                    self.cursor = (index + 1) % count;
                    return Ok(Some((index, element)));
                }
                Err(TryRecvError::Empty) => {}
                // The sender went away without saying that it ended: it failed or was cancelled.
                Err(TryRecvError::Disconnected) => return Err(Halt::Cancelled),
            }
        }
        Ok(None)
    }

    /// Waits until a channel or `also` is ready; true when it was not a channel.
    fn wait<T: Send + 'static>(&self, also: &Receiver<T>, wait: Option<Duration>) -> bool {
        let open = self.channels.iter().filter(|channel| !channel.ended && !channel.blocked);
        if let Some(turnstile) = self.cancellation.turnstile() {
            let open: Vec<_> = open.map(|channel| channel.receiver.clone()).collect();
            let seen = open.clone();
            let also = also.clone();
            let filled = |open: &[Receiver<_>]| open.iter().any(|receiver| !receiver.is_empty());
            turnstile.wait(Box::new(move || filled(&seen) || !also.is_empty()), wait);
            return !filled(&open);
        }
        let mut select = Select::new();
        let channels = open.map(|channel| select.recv(&channel.receiver)).count();
        select.recv(also);
        select.recv(self.cancellation.signal());
        let ready = match wait {
            Some(wait) => select.ready_timeout(wait).ok(),
            None => Some(select.ready()),
        };
        ready.is_none_or(|index| index >= channels)
    }

    fn take(&mut self, index: usize, element: StreamElement) -> Result<(), Halt> {
        match element {
            StreamElement::Batch(batch) => {
                let batch = self.judge(index, batch);
                let input = self.channels[index].input;
                self.ready.push_back(Arrival::Batch { input, batch });
            }
            StreamElement::Watermark(Watermark(watermark)) => {
                let merged = self.merged;
                let channel = &mut self.channels[index];
                channel.watermark = channel.watermark.max(watermark);
                channel.caught_up |= channel.watermark >= merged;
                if channel.done() {
                    self.settle_idleness();
                }
                self.advance();
            }
            StreamElement::Idle(idle) => {
                self.channels[index].says_idle = idle;
                self.settle_idleness();
                self.advance();
            }
            StreamElement::Barrier(barrier) => {
                let pending = *self.aligning.get_or_insert(barrier);
                if pending != barrier {
                    let message = format!("barrier {} met {} at a subtask", barrier.id, pending.id);
                    return Err(Error::internal(message).into());
                }
                self.channels[index].blocked = true;
                if let Some(gauge) = self.gauge.as_ref().filter(|it| !it.aligning.runs()) {
                    gauge.checkpoint.store(barrier.id, Ordering::Relaxed);
                    gauge.aligning.begin();
                }
                self.align();
            }
            StreamElement::EndOfInput => {
                self.channels[index].ended = true;
                self.settle_idleness();
                self.advance();
                self.align();
            }
        }
        Ok(())
    }

    /// Turns the channel's per-record watermarks into those in force here.
    fn judge(&self, index: usize, batch: Batch) -> Batch {
        if self.channels.len() == 1 {
            return batch;
        }
        let Some(own) = &batch.watermarks else { return batch };
        let others = self
            .channels
            .iter()
            .enumerate()
            .filter(|(other, channel)| *other != index && channel.holds_back())
            .map(|(_, channel)| channel.watermark)
            .min()
            .unwrap_or(i64::MAX);
        let merged = self.merged;
        let in_force: Int64Array = own.unary(|watermark| watermark.min(others).max(merged));
        Batch { watermarks: Some(in_force), ..batch }
    }

    /// Finds out which channels are idle: those of which no sibling has more to say.
    fn settle_idleness(&mut self) {
        for index in 0..self.channels.len() {
            let siblings = self.channels[index].siblings;
            let mut all = self.channels.iter().filter(|other| other.siblings == siblings);
            let idle = all.all(|sibling| sibling.done() || sibling.says_idle);
            let channel = &mut self.channels[index];
            if channel.idle != idle {
                channel.idle = idle;
                channel.caught_up = channel.watermark >= self.merged;
            }
        }
    }

    /// Raises the merged watermark where the channels allow it, and tells of idleness.
    fn advance(&mut self) {
        if self.stopped {
            return;
        }
        let holding = self.channels.iter().filter(|channel| channel.holds_back());
        let lowest = holding.map(|channel| channel.watermark).min();
        let waiting = self.channels.iter().filter(|channel| !channel.done());
        let all_idle = waiting.clone().all(|channel| channel.idle);
        let highest = waiting.map(|channel| channel.watermark).max();
        let risen = match (lowest, highest) {
            (Some(lowest), _) => lowest,
            // Nobody holds back: what the idle channels have said is all there is to wait for.
            (None, Some(highest)) if all_idle => highest,
            (None, Some(_)) => self.merged,
            // All have ended, with the maximal watermark.
            (None, None) => self.channels.iter().map(|c| c.watermark).min().unwrap_or(self.merged),
        };
        let idle = all_idle && highest.is_some();
        if !idle && self.idle {
            self.ready.push_back(Arrival::Idle(false));
        }
        if risen > self.merged {
            self.merged = risen;
            self.ready.push_back(Arrival::Watermark(Watermark(risen)));
        }
        if idle && !self.idle {
            self.ready.push_back(Arrival::Idle(true));
        }
        self.idle = idle;
    }

    /// Lets the barrier pass when no channel is missing.
    fn align(&mut self) {
        let Some(barrier) = self.aligning else { return };
        if self.channels.iter().all(|channel| channel.ended || channel.blocked) {
            self.aligning = None;
            if let Some(gauge) = &self.gauge {
                gauge.aligning.end();
            }
            self.stopped = barrier.stop;
            for channel in &mut self.channels {
                channel.blocked = false;
            }
            self.ready.push_back(Arrival::Barrier(barrier));
        }
    }
}
