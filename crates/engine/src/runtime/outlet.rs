//! The sending side of an edge that leaves a chain.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arrow::array::UInt32Array;
use crossbeam_channel::{Sender, TrySendError, select};

use super::cancellation::{Cancellation, Halt};
use super::gauge::SubtaskGauge;
use super::node_gauge::NodeGauge;
use crate::batch::{Batch, StreamElement};
use crate::graph::Exchange;
use crate::key_group::key_groups;
use crate::metrics::NodeMetrics;
use crate::state::owner;

/// Sends what a subtask emits on one edge to the right subtasks of the next node.
pub(super) struct Outlet {
    route: Route,
    targets: Vec<Sender<StreamElement>>,
    cancellation: Arc<Cancellation>,
    metrics: Arc<NodeMetrics>,
    gauge: Arc<SubtaskGauge>,
    /// Rows of the batch at hand, by target.
    shares: Vec<Vec<u32>>,
}

enum Route {
    /// The first target gets everything.
    First,
    /// Whole batches in turn.
    RoundRobin(usize),
    /// By key group of these columns.
    Hash(Vec<usize>),
}

impl Outlet {
    pub(super) fn new(
        exchange: &Exchange,
        targets: Vec<Sender<StreamElement>>,
        subtask: usize,
        cancellation: Arc<Cancellation>,
        gauge: &NodeGauge,
    ) -> Self {
        let metrics = Arc::clone(&gauge.metrics[subtask]);
        let gauge = Arc::clone(&gauge.subtasks[subtask]);
        let route = match exchange {
            _ if targets.len() == 1 => Route::First,
            Exchange::Single => Route::First,
            Exchange::Forward => Route::RoundRobin(subtask % targets.len()),
            Exchange::Hash(columns) => Route::Hash(columns.clone()),
        };
        let shares = vec![Vec::new(); targets.len()];
        Self { route, targets, cancellation, metrics, gauge, shares }
    }

    pub(super) fn batch(&mut self, batch: Batch) -> Result<(), Halt> {
        match &mut self.route {
            Route::First => self.send(0, StreamElement::Batch(batch)),
            Route::RoundRobin(next) => {
                let target = *next;
                *next = (target + 1) % self.targets.len();
                self.send(target, StreamElement::Batch(batch))
            }
            Route::Hash(columns) => {
                let keys: Vec<_> =
                    columns.iter().map(|column| Arc::clone(batch.rows.column(*column))).collect();
                self.scatter(batch, &key_groups(&keys)?)
            }
        }
    }

    /// To every subtask of the next node.
    pub(super) fn broadcast(&self, element: &StreamElement) -> Result<(), Halt> {
        (0..self.targets.len()).try_for_each(|target| self.send(target, element.clone()))
    }

    fn scatter(&mut self, batch: Batch, groups: &[u16]) -> Result<(), Halt> {
        let parallelism = self.targets.len();
        for share in &mut self.shares {
            share.clear();
        }
        for (row, group) in (0_u32..).zip(groups) {
            self.shares[owner(*group, parallelism)].push(row);
        }
        for target in 0..parallelism {
            let share = &mut self.shares[target];
            if share.len() == batch.len() {
                return self.send(target, StreamElement::Batch(batch));
            }
            if !share.is_empty() {
                let part = batch.take(&UInt32Array::from(std::mem::take(share)))?;
                self.send(target, StreamElement::Batch(part))?;
            }
        }
        Ok(())
    }

    fn send(&self, target: usize, element: StreamElement) -> Result<(), Halt> {
        let sender = &self.targets[target];
        self.cancellation.pass();
        let element = match sender.try_send(element) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(_)) => return Err(Halt::Cancelled),
            Err(TrySendError::Full(element)) => element,
        };
        if let Some(turnstile) = self.cancellation.turnstile() {
            while sender.is_full() {
                let room = sender.clone();
                turnstile.wait(Box::new(move || !room.is_full()), None);
                self.cancellation.check()?;
            }
        }
        let since = Instant::now();
        self.gauge.blocked.begin();
        let sent = select! {
            send(sender, element) -> sent => sent.map_err(|_| Halt::Cancelled),
            recv(self.cancellation.signal()) -> _ => Err(Halt::Cancelled),
        };
        self.gauge.blocked.end();
        add_elapsed(&self.metrics.backpressured_ns, since);
        sent
    }
}

/// Adds the nanoseconds since `since` to a counter.
pub(super) fn add_elapsed(counter: &AtomicU64, since: Instant) {
    let elapsed = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
    counter.fetch_add(elapsed, Ordering::Relaxed);
}
