//! What lies upstream of each node of a graph.

use std::collections::BTreeSet;

use crate::graph::{NodeIndex, NodeKind, StreamGraph};

/// What feeds one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lineage {
    /// The sources it gets records of.
    pub(super) sources: BTreeSet<NodeIndex>,
    /// All nodes between them and it, sources and itself included, in the order of the graph.
    pub(super) path: BTreeSet<NodeIndex>,
}

/// The lineage of each node.
pub(super) fn of(graph: &StreamGraph) -> Vec<Lineage> {
    let mut all: Vec<Lineage> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let mut own = Lineage::default();
        if matches!(node.kind, NodeKind::Source(_)) {
            own.sources.insert(index);
        }
        own.path.insert(index);
        // An edge always leads from a lower to a higher index.
        for edge in graph.edges.iter().filter(|edge| edge.to == index) {
            own.sources.extend(&all[edge.from].sources);
            own.path.extend(&all[edge.from].path);
        }
        all.push(own);
    }
    all
}

/// The table a source reads: what stands in brackets in its name, as in `Source[sensor]`.
pub(super) fn table(name: &str) -> &str {
    let inside = name.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
    inside.unwrap_or(name)
}
