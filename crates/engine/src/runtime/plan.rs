//! Which nodes of a graph share a thread, and which edges need channels.

use std::collections::BTreeSet;

use crate::graph::{Edge, Exchange, NodeIndex, NodeKind, StreamGraph};
use crate::state::KEY_GROUPS;
use crate::{Error, Result};

/// The graph cut into chains.
#[derive(Debug)]
pub(super) struct Plan {
    /// Subtasks of each node.
    pub(super) parallelism: Vec<usize>,
    /// One per head node, in the order of the graph.
    pub(super) chains: Vec<ChainPlan>,
    /// Nodes whose subtasks all get the same watermarks and idleness, each in its own time.
    agreeing: Vec<bool>,
}

/// A head node and all nodes that are called directly by it, as a tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChainPlan {
    /// The head first; a node always stands before those it feeds.
    pub(super) links: Vec<LinkPlan>,
}

/// One node in its chain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LinkPlan {
    pub(super) node: NodeIndex,
    /// Chained consumers: index among the chain's links, and input there.
    pub(super) children: Vec<(usize, usize)>,
    /// Indices of edges that leave the chain.
    pub(super) outputs: Vec<usize>,
}

impl Plan {
    pub(super) fn new(graph: &StreamGraph, parallelism: usize) -> Result<Self> {
        let parallelism: Vec<usize> =
            graph.nodes.iter().map(|node| node.parallelism.unwrap_or(parallelism)).collect();
        validate(graph, &parallelism)?;
        let chained: Vec<bool> =
            graph.edges.iter().map(|edge| is_chained(graph, edge, &parallelism)).collect();
        let chains = (0..graph.nodes.len())
            .filter(|node| !graph.edges.iter().zip(&chained).any(|(e, c)| *c && e.to == *node))
            .map(|head| {
                let mut links = Vec::new();
                grow(graph, &chained, head, &mut links);
                ChainPlan { links }
            })
            .collect();
        let agreeing = agreeing(graph, &parallelism);
        Ok(Self { parallelism, chains, agreeing })
    }

    /// The first node of the chain that a node is in.
    pub(super) fn head(&self, node: NodeIndex) -> NodeIndex {
        let chain = |it: &&ChainPlan| it.links.iter().any(|link| link.node == node);
        self.chains.iter().find(chain).map_or(node, |chain| chain.links[0].node)
    }

    /// Whether an edge from a node leaves its chain.
    pub(super) fn leaves(&self, node: NodeIndex) -> bool {
        let mut links = self.chains.iter().flat_map(|chain| &chain.links);
        links.any(|link| link.node == node && !link.outputs.is_empty())
    }

    /// Whether the channels of an edge tell the same of watermarks and idleness.
    pub(super) fn agree(&self, edge: &Edge) -> bool {
        self.agreeing[edge.from]
    }

    /// Whether upstream subtask `up` has a channel to downstream subtask `down` of an edge.
    pub(super) fn connects(&self, edge: &Edge, up: usize, down: usize) -> bool {
        let same = self.parallelism[edge.from] == self.parallelism[edge.to];
        edge.exchange != Exchange::Forward || !same || up == down
    }
}

/// A subtask that is fed by all subtasks upstream hears of event time what its siblings hear.
fn agreeing(graph: &StreamGraph, parallelism: &[usize]) -> Vec<bool> {
    let mut agreeing = Vec::with_capacity(parallelism.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let fed_by_all = |edge: &Edge| {
            let own = edge.exchange == Exchange::Forward
                && parallelism[edge.from] == parallelism[edge.to];
            !own || agreeing[edge.from]
        };
        let is_source = matches!(node.kind, NodeKind::Source(_));
        let mut inputs = graph.edges.iter().filter(|edge| edge.to == index);
        agreeing.push(parallelism[index] == 1 || !is_source && inputs.all(fed_by_all));
    }
    agreeing
}

/// A single input that needs no redistribution. With one subtask on both sides no exchange
/// redistributes anything.
fn is_chained(graph: &StreamGraph, edge: &Edge, parallelism: &[usize]) -> bool {
    let (from, to) = (parallelism[edge.from], parallelism[edge.to]);
    let single = graph.edges.iter().filter(|other| other.to == edge.to).count() == 1;
    single && from == to && (edge.exchange == Exchange::Forward || to == 1)
}

fn grow(
    graph: &StreamGraph,
    chained: &[bool],
    node: NodeIndex,
    links: &mut Vec<LinkPlan>,
) -> usize {
    let index = links.len();
    links.push(LinkPlan { node, children: Vec::new(), outputs: Vec::new() });
    for (number, edge) in graph.edges.iter().enumerate().filter(|(_, edge)| edge.from == node) {
        if chained[number] {
            let child = grow(graph, chained, edge.to, links);
            links[index].children.push((child, edge.input));
        } else {
            links[index].outputs.push(number);
        }
    }
    index
}

fn validate(graph: &StreamGraph, parallelism: &[usize]) -> Result<()> {
    let refuse = |message: String| Err(Error::internal(format!("stream graph: {message}")));
    if graph.nodes.is_empty() {
        return refuse("there is nothing in it to run".to_owned());
    }
    let most = usize::from(KEY_GROUPS);
    let mut ids = BTreeSet::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let id = &node.operator_id;
        if !ids.insert(id) {
            return refuse(format!("two nodes have the operator id `{id}`"));
        }
        if parallelism[index] == 0 || parallelism[index] > most {
            return Err(Error::user(format!(
                "parallelism {} of `{}` is out of range, use 1 to {most}",
                parallelism[index], node.name
            )));
        }
        let fed = graph.edges.iter().any(|edge| edge.to == index);
        let feeds = graph.edges.iter().any(|edge| edge.from == index);
        match node.kind {
            NodeKind::Source(_) if fed => return refuse(format!("source `{id}` has an input")),
            NodeKind::Sink(_) if feeds => return refuse(format!("sink `{id}` has an output")),
            NodeKind::Operator(_) | NodeKind::Sink(_) if !fed => {
                return refuse(format!("`{id}` has no input"));
            }
            NodeKind::Source(_) | NodeKind::Operator(_) | NodeKind::Sink(_) => {}
        }
    }
    for edge in &graph.edges {
        if edge.from >= edge.to || edge.to >= graph.nodes.len() {
            return refuse(format!("edge {} -> {} does not lead forward", edge.from, edge.to));
        }
    }
    Ok(())
}
