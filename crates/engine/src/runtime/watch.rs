//! Watches a running graph from outside its threads: what operators that wait for time wait for,
//! and lines for the log about records that were dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use model::protocol::LogLine;
use model::waiting::{HeldFor, Holder, MOST_SPLITS, Obstacle, SplitCounts, Waiting};

use super::dropped::Dropped;
use super::gauge::SourceState;
use super::lineage::{Lineage, table};
use super::node_gauge::NodeGauge;
use crate::graph::NodeIndex;
use crate::operator::Firing;

/// What takes less is no obstacle.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// A share of the time above which waiting for room counts as back-pressure, in thousandths.
const LEAST_PERMILLE: u32 = 500;

/// Of a source, what the graph says.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceTraits {
    /// Whether its table declares a watermark.
    pub(super) event_time: bool,
    pub(super) idle_timeout: Option<Duration>,
}

/// Looks at an execution from time to time; lives as long as it likes.
pub struct Watch {
    nodes: Arc<[NodeGauge]>,
    lineage: Vec<Lineage>,
    sources: BTreeMap<NodeIndex, SourceTraits>,
    /// When it last looked, and for how long each node had then waited for room, in ns.
    last: (Instant, Vec<u64>),
    dropped: Dropped,
}

/// What a look at an execution has shown.
#[derive(Debug, Default)]
pub struct Look {
    /// The operators that wait for time, by operator id.
    pub waiting: BTreeMap<String, Waiting>,
    /// Lines for the application's log: about late and malformed records, of each operator the
    /// first one, then one every ten seconds while there are more.
    pub log: Vec<LogLine>,
}

impl Debug for Watch {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

impl Watch {
    pub(super) fn new(
        nodes: Arc<[NodeGauge]>,
        lineage: Vec<Lineage>,
        sources: BTreeMap<NodeIndex, SourceTraits>,
    ) -> Self {
        let last = (Instant::now(), nodes.iter().map(waited_ns).collect());
        let dropped = Dropped::new(&nodes);
        Self { nodes, lineage, sources, last, dropped }
    }

    /// What can be seen at `now_ms` (processing time). With `last` nobody will look again: the log
    /// lines that would have waited are among the answer.
    pub fn look(&mut self, now_ms: i64, last: bool) -> Look {
        let pressure = self.pressure();
        let seen: BTreeMap<NodeIndex, Vec<Option<SourceState>>> = self
            .sources
            .keys()
            .map(|&node| (node, self.nodes[node].subtasks.iter().map(|it| it.source()).collect()))
            .collect();
        let mut waiting = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(mut found) = timed(node) {
                let lineage = &self.lineage[index];
                found.tables = self.tables(&lineage.sources);
                if !found.processing_time {
                    let (holder, reached) = self.holder(&lineage.sources, &seen);
                    found.held_by = holder;
                    found.sources_watermark = reached;
                }
                found.obstacles = self.obstacles(&lineage.path, &pressure);
                waiting.insert(node.operator_id.clone(), found);
            }
        }
        Look { waiting, log: self.dropped.lines(&self.nodes, now_ms, last) }
    }

    fn tables(&self, sources: &BTreeSet<NodeIndex>) -> Vec<String> {
        let names = sources.iter().map(|&source| table(&self.nodes[source].name).to_owned());
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The share of the time since the last look that the subtasks of each node waited for room.
    fn pressure(&mut self) -> Vec<u32> {
        let now = Instant::now();
        let elapsed = now.duration_since(self.last.0).as_nanos().max(1);
        let totals: Vec<u64> = self.nodes.iter().map(waited_ns).collect();
        let share = |((node, after), before): ((&NodeGauge, &u64), &u64)| {
            let waited = u128::from(after.saturating_sub(*before)) * 1000;
            let all = elapsed * node.subtasks.len().max(1) as u128;
            u32::try_from((waited / all).min(1000)).unwrap_or(1000)
        };
        let shares = self.nodes.iter().zip(&totals).zip(&self.last.1).map(share).collect();
        self.last = (now, totals);
        shares
    }

    fn obstacles(&self, path: &BTreeSet<NodeIndex>, pressure: &[u32]) -> Vec<Obstacle> {
        let mut found = Vec::new();
        for &index in path {
            let node = &self.nodes[index];
            let longest = |runs: Vec<Duration>| runs.into_iter().max().unwrap_or_default();
            let aligning = node.subtasks.iter().filter_map(|subtask| {
                let since = subtask.aligning.runs_for()?;
                Some((since, subtask.checkpoint.load(Ordering::Relaxed)))
            });
            if let Some((since, checkpoint)) = aligning.max()
                && since >= LEAST_WAIT
            {
                let (operator, for_ms) = (node.name.clone(), millis(since));
                found.push(Obstacle::Barrier { operator, checkpoint, for_ms });
            }
            let blocked = node.subtasks.iter().filter_map(|subtask| subtask.blocked.runs_for());
            let blocked = longest(blocked.collect());
            if blocked >= LEAST_WAIT || pressure[index] >= LEAST_PERMILLE {
                found.push(Obstacle::BackPressure {
                    operator: node.name.clone(),
                    for_ms: millis(blocked),
                    permille: pressure[index],
                });
            }
        }
        found
    }

    /// Which of the sources holds the watermark back, and the lowest that all of them have sent.
    fn holder(
        &self,
        sources: &BTreeSet<NodeIndex>,
        seen: &BTreeMap<NodeIndex, Vec<Option<SourceState>>>,
    ) -> (Option<Holder>, Option<i64>) {
        let subtasks = || {
            let all = sources.iter().flat_map(|node| {
                let states = seen.get(node).into_iter().flatten().enumerate();
                states.map(|(subtask, state)| (*node, subtask, state.as_ref()))
            });
            // One that has ended has sent the highest watermark there is.
            all.filter(|(node, subtask, _)| {
                self.nodes[*node].watermarks[*subtask].load(Ordering::Relaxed) != i64::MAX
            })
        };
        let sent = |state: Option<&SourceState>| state.map_or(i64::MIN, |state| state.watermark);
        let counting = subtasks().filter(|(_, _, state)| !state.is_some_and(|state| state.idle));
        let slowest = counting.min_by_key(|(node, subtask, state)| {
            let split = state.and_then(|state| state.slowest.first());
            let split = split.and_then(|split| split.watermark).unwrap_or(i64::MIN);
            (sent(*state), split, *node, *subtask)
        });
        if let Some((node, subtask, state)) = slowest {
            let reason = match state {
                _ if !self.sources[&node].event_time => HeldFor::NoWatermark,
                Some(state) if state.known && !state.slowest.is_empty() => HeldFor::Split,
                _ => HeldFor::SplitsUnknown,
            };
            let reached = Some(sent(state)).filter(|at| *at != i64::MIN);
            return (Some(self.told(node, subtask, reason, seen)), reached);
        }
        // Nobody holds back: what the idle ones have said is all there is to wait for.
        match subtasks().max_by_key(|(_, _, state)| sent(*state)) {
            None => (None, Some(i64::MAX)),
            Some((node, subtask, state)) => {
                let reached = Some(sent(state)).filter(|at| *at != i64::MIN);
                (Some(self.told(node, subtask, HeldFor::AllIdle, seen)), reached)
            }
        }
    }

    fn told(
        &self,
        node: NodeIndex,
        subtask: usize,
        reason: HeldFor,
        seen: &BTreeMap<NodeIndex, Vec<Option<SourceState>>>,
    ) -> Holder {
        let states = || seen.get(&node).into_iter().flatten();
        let mut counts = SplitCounts::default();
        for state in states().flatten() {
            counts.add(state.counts);
        }
        // The holding subtask's own come first: among equal ones its first is the holding one.
        let own = states().skip(subtask).take(1).flatten();
        let others = states().enumerate().filter(|(index, _)| *index != subtask);
        let others = others.filter_map(|(_, state)| state.as_ref());
        let mut splits: Vec<_> =
            own.chain(others).flat_map(|state| state.slowest.iter().cloned()).collect();
        splits.sort_by_key(|split| (split.activity, split.watermark));
        splits.truncate(MOST_SPLITS);
        let gauge = &self.nodes[node];
        let state = states().nth(subtask).and_then(Option::as_ref);
        let timeout = self.sources[&node].idle_timeout;
        Holder {
            table: table(&gauge.name).to_owned(),
            operator_id: gauge.operator_id.clone(),
            subtask,
            watermark: state.map(|state| state.watermark).filter(|at| *at != i64::MIN),
            reason,
            splits,
            counts,
            idle_timeout_ms: timeout.map(millis),
            lag_records: gauge.sum(|it| &it.lag_records),
        }
    }
}

/// How long the subtasks of a node have waited for room so far.
fn waited_ns(node: &NodeGauge) -> u64 {
    node.sum(|it| &it.backpressured_ns)
}

/// Of an operator that goes by time: its watermark and when it fires next.
fn timed(node: &NodeGauge) -> Option<Waiting> {
    let mut next: Option<i64> = None;
    let mut processing_time = None;
    for subtask in &node.subtasks {
        let (processing, at) = match subtask.firing() {
            Firing::Untimed => continue,
            Firing::EventTime(at) => (false, at),
            Firing::ProcessingTime(at) => (true, at),
        };
        processing_time = Some(processing);
        next = next.into_iter().chain(at).min();
    }
    let watermark = node.watermarks.iter().map(|one| one.load(Ordering::Relaxed)).min();
    Some(Waiting {
        name: node.name.clone(),
        processing_time: processing_time?,
        watermark: watermark.filter(|at| *at != i64::MIN),
        next_firing: next,
        ..Waiting::default()
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
