//! The nodes of one subtask, called one after the other in one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use super::cancellation::Halt;
use super::gauge::SubtaskGauge;
use super::outlet::{Outlet, add_elapsed};
use crate::batch::{Barrier, Batch, StreamElement, Watermark};
use crate::metrics::NodeMetrics;
use crate::operator::{Operator, Output};
use crate::sink::{Committable, SinkWriter};
use crate::state::OperatorState;

/// One node of a chain.
pub(super) struct Link {
    pub(super) operator_id: String,
    pub(super) work: Work,
    /// Chained consumers: index among the links, and input there.
    pub(super) children: Vec<(usize, usize)>,
    pub(super) outlets: Vec<Outlet>,
    pub(super) metrics: Arc<NodeMetrics>,
    /// This subtask's watermark, for the metrics.
    pub(super) watermark: Arc<AtomicI64>,
    pub(super) gauge: Arc<SubtaskGauge>,
    /// What the operator emitted and nobody has taken yet.
    pub(super) out: Output,
}

/// What a link does.
pub(super) enum Work {
    /// Records are brought by the source task.
    Source,
    Operator(Box<dyn Operator>),
    Sink(Box<dyn SinkWriter>),
    /// An operator after the end: its state is freed.
    Ended,
}

/// The nodes of one subtask: a tree, its head first.
pub(super) struct Chain {
    links: Vec<Link>,
    /// Lets `next_timer` be asked only where it can matter.
    timed: Vec<usize>,
}

/// What the nodes of a chain give at a barrier.
#[derive(Debug, Default)]
pub(super) struct ChainSnapshot {
    pub(super) states: Vec<(String, OperatorState)>,
    pub(super) committables: Vec<(String, Vec<Committable>)>,
}

impl Chain {
    pub(super) fn new(links: Vec<Link>) -> Self {
        let is_operator = |link: &Link| matches!(link.work, Work::Operator(_));
        let timed = (0..links.len()).filter(|index| is_operator(&links[*index])).collect();
        Self { links, timed }
    }

    /// The head's metrics.
    pub(super) fn metrics(&self) -> &Arc<NodeMetrics> {
        &self.links[0].metrics
    }

    /// Records for the head; for a source: records from it.
    pub(super) fn batch(&mut self, input: usize, batch: Batch) -> Result<(), Halt> {
        match self.links[0].work {
            Work::Source => self.deliver(0, batch),
            Work::Operator(_) | Work::Sink(_) | Work::Ended => self.push(0, input, batch),
        }
    }

    fn push(&mut self, index: usize, input: usize, batch: Batch) -> Result<(), Halt> {
        let link = &mut self.links[index];
        let records = batch.len();
        NodeMetrics::add(&link.metrics.records_in, records);
        let since = Instant::now();
        match &mut link.work {
            Work::Operator(operator) => operator.on_batch(input, batch, &mut link.out)?,
            Work::Sink(writer) => {
                writer.write(batch)?;
                NodeMetrics::add(&link.metrics.records_out, records);
            }
            Work::Source | Work::Ended => {}
        }
        add_elapsed(&link.metrics.busy_ns, since);
        link.show();
        self.drain(index)
    }

    /// Passes on what the operator at `index` has emitted.
    fn drain(&mut self, index: usize) -> Result<(), Halt> {
        if self.links[index].out.is_empty() {
            return Ok(());
        }
        let batches: Vec<Batch> = self.links[index].out.drain().collect();
        batches.into_iter().try_for_each(|batch| self.deliver(index, batch))
    }

    fn deliver(&mut self, index: usize, batch: Batch) -> Result<(), Halt> {
        let link = &self.links[index];
        NodeMetrics::add(&link.metrics.records_out, batch.len());
        let (children, outlets) = (link.children.len(), link.outlets.len());
        for consumer in 0..children {
            let (child, input) = self.links[index].children[consumer];
            if consumer + 1 == children + outlets {
                return self.push(child, input, batch);
            }
            self.push(child, input, batch.clone())?;
        }
        for outlet in 0..outlets {
            if outlet + 1 == outlets {
                return self.links[index].outlets[outlet].batch(batch);
            }
            self.links[index].outlets[outlet].batch(batch.clone())?;
        }
        Ok(())
    }

    /// Each node first emits what the watermark makes it emit, then passes the watermark on.
    pub(super) fn watermark(&mut self, watermark: Watermark) -> Result<(), Halt> {
        self.watermark_at(0, watermark)
    }

    fn watermark_at(&mut self, index: usize, watermark: Watermark) -> Result<(), Halt> {
        let link = &mut self.links[index];
        link.watermark.store(watermark.0, Ordering::Relaxed);
        let since = Instant::now();
        match &mut link.work {
            Work::Operator(operator) => operator.on_watermark(watermark, &mut link.out)?,
            Work::Sink(writer) => writer.on_watermark(watermark)?,
            Work::Source | Work::Ended => {}
        }
        add_elapsed(&link.metrics.busy_ns, since);
        link.show();
        self.drain(index)?;
        for child in 0..self.links[index].children.len() {
            self.watermark_at(self.links[index].children[child].0, watermark)?;
        }
        self.links[index].broadcast(&StreamElement::Watermark(watermark))
    }

    /// Idleness concerns only whoever merges channels.
    pub(super) fn idle(&self, idle: bool) -> Result<(), Halt> {
        self.links.iter().try_for_each(|link| link.broadcast(&StreamElement::Idle(idle)))
    }

    /// Passes the barrier on, then collects what each node holds at it.
    pub(super) fn barrier(&mut self, barrier: Barrier) -> Result<ChainSnapshot, Halt> {
        for link in &self.links {
            link.broadcast(&StreamElement::Barrier(barrier))?;
        }
        let mut snapshot = self.states()?;
        snapshot.committables = self.prepare(barrier.id)?;
        Ok(snapshot)
    }

    /// All inputs have ended, with the maximal watermark: nodes emit what they have left, sinks
    /// prepare for `checkpoint`. Nothing may come after.
    pub(super) fn end(&mut self, checkpoint: u64) -> Result<ChainSnapshot, Halt> {
        self.end_at(0)?;
        let mut snapshot = self.states()?;
        snapshot.committables = self.prepare(checkpoint)?;
        self.free();
        Ok(snapshot)
    }

    /// All inputs have ended after a stop barrier: nothing more is emitted or prepared.
    pub(super) fn stop(&mut self) -> Result<(), Halt> {
        for link in &self.links {
            link.broadcast(&StreamElement::EndOfInput)?;
        }
        self.free();
        Ok(())
    }

    fn end_at(&mut self, index: usize) -> Result<(), Halt> {
        let link = &mut self.links[index];
        if let Work::Operator(operator) = &mut link.work {
            operator.on_end(&mut link.out)?;
        }
        self.drain(index)?;
        for child in 0..self.links[index].children.len() {
            self.end_at(self.links[index].children[child].0)?;
        }
        self.links[index].broadcast(&StreamElement::EndOfInput)
    }

    fn states(&mut self) -> Result<ChainSnapshot, Halt> {
        let mut snapshot = ChainSnapshot::default();
        for link in &mut self.links {
            if let Work::Operator(operator) = &mut link.work
                && let Some(state) = operator.snapshot()?
            {
                snapshot.states.push((link.operator_id.clone(), state));
            }
        }
        Ok(snapshot)
    }

    fn prepare(&mut self, checkpoint: u64) -> Result<Vec<(String, Vec<Committable>)>, Halt> {
        let mut all = Vec::new();
        for link in &mut self.links {
            if let Work::Sink(writer) = &mut link.work {
                let committables = writer.prepare(checkpoint)?;
                if !committables.is_empty() {
                    all.push((link.operator_id.clone(), committables));
                }
            }
        }
        Ok(all)
    }

    fn free(&mut self) {
        for link in &mut self.links {
            if let Work::Operator(_) = link.work {
                link.work = Work::Ended;
            }
        }
    }

    /// A checkpoint is past its commit point.
    pub(super) fn committed(&mut self, checkpoint: u64) -> Result<(), Halt> {
        for link in &mut self.links {
            if let Work::Sink(writer) = &mut link.work {
                writer.committed(checkpoint)?;
            }
        }
        Ok(())
    }

    /// When the next processing-time timer of any node is due.
    pub(super) fn next_timer(&self) -> Option<i64> {
        self.timed.iter().filter_map(|index| self.links[*index].next_timer()).min()
    }

    /// Calls every node whose timer is due.
    pub(super) fn fire_timers(&mut self, now_ms: i64) -> Result<(), Halt> {
        for position in 0..self.timed.len() {
            let index = self.timed[position];
            let link = &mut self.links[index];
            if link.next_timer().is_none_or(|due| due > now_ms) {
                continue;
            }
            let since = Instant::now();
            if let Work::Operator(operator) = &mut link.work {
                operator.on_timer(now_ms, &mut link.out)?;
            }
            add_elapsed(&link.metrics.busy_ns, since);
            link.show();
            self.drain(index)?;
        }
        Ok(())
    }
}

impl Link {
    fn broadcast(&self, element: &StreamElement) -> Result<(), Halt> {
        self.outlets.iter().try_for_each(|outlet| outlet.broadcast(element))
    }

    /// Lets others see when the operator fires next.
    pub(super) fn show(&self) {
        if let Work::Operator(operator) = &self.work {
            self.gauge.set_firing(operator.next_firing());
        }
    }

    fn next_timer(&self) -> Option<i64> {
        match &self.work {
            Work::Operator(operator) => operator.next_timer(),
            Work::Source | Work::Sink(_) | Work::Ended => None,
        }
    }
}
