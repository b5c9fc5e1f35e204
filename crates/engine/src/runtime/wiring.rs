//! From a plan to subtasks: channels between them, contexts, and their opening.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use crossbeam_channel::{Receiver, Sender, bounded};
use model::protocol::OperatorKind;

use super::cancellation::Halt;
use super::chain::{Chain, Link, Work};
use super::event::SubtaskId;
use super::gate::{Gate, Inlet};
use super::gauge::SubtaskGauge;
use super::lineage::Lineage;
use super::node_gauge::NodeGauge;
use super::operator_task::OperatorTask;
use super::outlet::Outlet;
use super::plan::{ChainPlan, LinkPlan, Plan};
use super::restored::Restorer;
use super::source_task::{Pace, Shown, SourceTask};
use super::subtask::{Control, Shared, Subtask};
use crate::batch::StreamElement;
use crate::graph::{NodeKind, StreamGraph};
use crate::metrics::NodeMetrics;
use crate::operator::OperatorContext;
use crate::sink::SinkContext;
use crate::source::SourceContext;
use crate::stash::Stash;
use crate::state::owned;
use crate::{Error, Result};

/// Everything subtasks are made of.
pub(super) struct Wiring<'a> {
    pub(super) plan: &'a Plan,
    pub(super) graph: Arc<StreamGraph>,
    pub(super) restorer: Arc<Restorer>,
    pub(super) shared: Arc<Shared>,
    pub(super) batch_size: usize,
    pub(super) channel_capacity: usize,
    pub(super) attempt: u64,
    pub(super) attempt_id: Arc<str>,
    pub(super) stash: Arc<dyn Stash>,
    pub(super) first_checkpoint: u64,
}

/// A subtask that is wired but not yet open.
pub(super) struct Opener {
    pub(super) id: SubtaskId,
    parallelism: usize,
    graph: Arc<StreamGraph>,
    restorer: Arc<Restorer>,
    shared: Arc<Shared>,
    links: Vec<LinkPart>,
    gate: Gate,
    batch_size: usize,
    attempt: u64,
    attempt_id: Arc<str>,
    stash: Arc<dyn Stash>,
    first_checkpoint: u64,
}

/// A link that is wired but not yet open.
struct LinkPart {
    node: usize,
    children: Vec<(usize, usize)>,
    outlets: Vec<Outlet>,
    metrics: Arc<NodeMetrics>,
    watermark: Arc<AtomicI64>,
    gauge: Arc<SubtaskGauge>,
}

/// A subtask that is open.
pub(super) enum Task {
    Source(Box<SourceTask>),
    Operator(Box<OperatorTask>),
}

impl Task {
    pub(super) fn run(self) -> Result<(), Halt> {
        match self {
            Self::Source(task) => task.run(),
            Self::Operator(task) => task.run(),
        }
    }
}

type Ends = (Sender<StreamElement>, Receiver<StreamElement>);

impl Wiring<'_> {
    pub(super) fn gauges(&self, lineage: &[Lineage]) -> Vec<NodeGauge> {
        let none = || Arc::new(AtomicI64::new(i64::MIN));
        self.graph
            .nodes
            .iter()
            .enumerate()
            .zip(&self.plan.parallelism)
            .zip(lineage)
            .map(|(((index, node), parallelism), lineage)| NodeGauge {
                operator_id: node.operator_id.clone(),
                name: node.name.clone(),
                kind: match node.kind {
                    NodeKind::Source(_) => OperatorKind::Source,
                    NodeKind::Operator(_) => OperatorKind::Operator,
                    NodeKind::Sink(_) => OperatorKind::Sink,
                },
                task: self.graph.nodes[self.plan.head(index)].operator_id.clone(),
                enters: self.plan.head(index) == index,
                leaves: matches!(node.kind, NodeKind::Sink(_)) || self.plan.leaves(index),
                metrics: (0..*parallelism)
                    .map(|_| Arc::new(NodeMetrics::fed_by(lineage.sources.iter().copied())))
                    .collect(),
                watermarks: (0..*parallelism).map(|_| none()).collect(),
                subtasks: (0..*parallelism).map(|_| Arc::default()).collect(),
            })
            .collect()
    }

    pub(super) fn openers(&self, gauges: &[NodeGauge]) -> Vec<Opener> {
        let channels = self.channels();
        let mut openers = Vec::new();
        for chain in &self.plan.chains {
            for subtask in 0..self.plan.parallelism[chain.links[0].node] {
                openers.push(self.opener(chain, subtask, &channels, gauges));
            }
        }
        openers
    }

    /// A channel for each pair of subtasks that an edge between chains connects, by edge, up, down.
    fn channels(&self) -> BTreeMap<(usize, usize, usize), Ends> {
        let mut channels = BTreeMap::new();
        let links = self.plan.chains.iter().flat_map(|chain| &chain.links);
        for number in links.flat_map(|link| &link.outputs) {
            let edge = &self.graph.edges[*number];
            for up in 0..self.plan.parallelism[edge.from] {
                for down in 0..self.plan.parallelism[edge.to] {
                    if self.plan.connects(edge, up, down) {
                        channels.insert((*number, up, down), bounded(self.channel_capacity.max(1)));
                    }
                }
            }
        }
        channels
    }

    fn opener(
        &self,
        chain: &ChainPlan,
        subtask: usize,
        channels: &BTreeMap<(usize, usize, usize), Ends>,
        gauges: &[NodeGauge],
    ) -> Opener {
        let head = chain.links[0].node;
        let inlets = channels
            .iter()
            .filter(|((edge, _, down), _)| self.graph.edges[*edge].to == head && *down == subtask)
            .map(|((edge, up, _), (_, receiver))| Inlet {
                receiver: receiver.clone(),
                input: self.graph.edges[*edge].input,
                siblings: (*edge, if self.plan.agree(&self.graph.edges[*edge]) { 0 } else { *up }),
            });
        let link = |link: &LinkPlan| LinkPart {
            node: link.node,
            children: link.children.clone(),
            outlets: self.outlets(link, subtask, channels, &gauges[link.node]),
            metrics: Arc::clone(&gauges[link.node].metrics[subtask]),
            watermark: Arc::clone(&gauges[link.node].watermarks[subtask]),
            gauge: Arc::clone(&gauges[link.node].subtasks[subtask]),
        };
        Opener {
            id: SubtaskId {
                operator_id: self.graph.nodes[head].operator_id.clone(),
                index: subtask,
            },
            parallelism: self.plan.parallelism[head],
            graph: Arc::clone(&self.graph),
            restorer: Arc::clone(&self.restorer),
            shared: Arc::clone(&self.shared),
            links: chain.links.iter().map(link).collect(),
            gate: Gate::new(inlets, Arc::clone(&self.shared.cancellation))
                .shown_by(Arc::clone(&gauges[head].subtasks[subtask])),
            batch_size: self.batch_size,
            attempt: self.attempt,
            attempt_id: Arc::clone(&self.attempt_id),
            stash: Arc::clone(&self.stash),
            first_checkpoint: self.first_checkpoint,
        }
    }

    fn outlets(
        &self,
        link: &LinkPlan,
        subtask: usize,
        channels: &BTreeMap<(usize, usize, usize), Ends>,
        gauge: &NodeGauge,
    ) -> Vec<Outlet> {
        let outlet = |number: &usize| {
            let of_subtask = (*number, subtask, 0)..(*number, subtask + 1, 0);
            let targets = channels.range(of_subtask).map(|(_, (sender, _))| sender.clone());
            Outlet::new(
                &self.graph.edges[*number].exchange,
                targets.collect(),
                subtask,
                Arc::clone(&self.shared.cancellation),
                gauge,
            )
        };
        link.outputs.iter().map(outlet).collect()
    }
}

impl Opener {
    /// Opens reader, operators and writers, and restores them.
    pub(super) fn open(mut self, control: Receiver<Control>) -> Result<Task> {
        let parts = std::mem::take(&mut self.links);
        let shown = parts.first().map(|head| (head.node, Arc::clone(&head.gauge)));
        let links = parts.into_iter().map(|part| self.link(part)).collect::<Result<Vec<_>>>()?;
        let subtask = Subtask {
            id: self.id.clone(),
            control,
            shared: Arc::clone(&self.shared),
            next_checkpoint: self.first_checkpoint,
            chain: Chain::new(links),
        };
        let head = self.graph.nodes.iter().find(|node| node.operator_id == self.id.operator_id);
        let source = (head.map(|head| &head.kind), shown);
        let (Some(NodeKind::Source(node)), Some((index, gauge))) = source else {
            let task = OperatorTask { subtask, gate: self.gate };
            return Ok(Task::Operator(Box::new(task)));
        };
        let reader = node.source.open(SourceContext {
            subtask: self.id.index,
            parallelism: self.parallelism,
            restored: self.restorer.splits(&self.id.operator_id),
            batch_size: self.batch_size,
            clock: Arc::clone(&self.shared.clock),
            metrics: Arc::clone(subtask.chain.metrics()),
            attempt: self.attempt,
        })?;
        Ok(Task::Source(Box::new(SourceTask {
            bounded: node.source.bounded(),
            projection: node.projection.clone(),
            pace: Pace::new(node.watermark.as_ref(), self.shared.clock.steady()),
            strategy: node.watermark.clone(),
            subtask,
            reader,
            shown: Shown { gauge, node: index, last: None },
        })))
    }

    fn link(&self, part: LinkPart) -> Result<Link> {
        let node = &self.graph.nodes[part.node];
        let work = match &node.kind {
            NodeKind::Source(_) => Work::Source,
            NodeKind::Operator(factory) => {
                let key_groups = owned(self.id.index, self.parallelism);
                let mut operator = factory.create(&OperatorContext {
                    subtask: self.id.index,
                    parallelism: self.parallelism,
                    key_groups: key_groups.clone(),
                    clock: Arc::clone(&self.shared.clock),
                    metrics: Arc::clone(&part.metrics),
                })?;
                if let Some(state) = self.restorer.state(&node.operator_id, key_groups) {
                    operator.restore(state).map_err(|error| {
                        let (name, id) = (&node.name, &node.operator_id);
                        let place = format!("the checkpoint's state of `{name}` (operator `{id}`)");
                        Error { message: format!("{place}: {}", error.message), ..error }
                    })?;
                }
                Work::Operator(operator)
            }
            NodeKind::Sink(sink) => Work::Sink(sink.open(SinkContext {
                subtask: self.id.index,
                parallelism: self.parallelism,
                attempt_id: self.attempt_id.to_string(),
                attempt: self.attempt,
                clock: Arc::clone(&self.shared.clock),
                metrics: Arc::clone(&part.metrics),
                stash: Arc::clone(&self.stash),
            })?),
        };
        let link = Link {
            operator_id: node.operator_id.clone(),
            work,
            children: part.children,
            outlets: part.outlets,
            metrics: part.metrics,
            watermark: part.watermark,
            gauge: part.gauge,
            out: Default::default(),
        };
        link.show();
        Ok(link)
    }
}
