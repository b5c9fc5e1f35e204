//! Which nodes share a thread.

use std::sync::Arc;

use super::harness::{Collect, Counter, Steps, node, source};
use crate::graph::Exchange::{Forward, Hash, Single};
use crate::graph::{Edge, Exchange, NodeKind, StreamGraph};
use crate::runtime::plan::{ChainPlan, Plan};

/// A graph of `s`ources, `o`perators and sin`k`s with fixed parallelisms (0 = default).
fn graph(nodes: &[(char, usize)], edges: Vec<(usize, usize, Exchange)>) -> StreamGraph {
    let make = |(index, (kind, parallelism)): (usize, &(char, usize))| {
        let kind = match kind {
            's' => source(&Steps::default(), None),
            'o' => NodeKind::Operator(Arc::new(Counter)),
            _ => NodeKind::Sink(Arc::new(Collect::default())),
        };
        let mut node = node((index, kind));
        node.parallelism = (*parallelism > 0).then_some(*parallelism);
        node
    };
    let edge = |(from, to, exchange)| Edge { from, to, input: 0, exchange };
    StreamGraph {
        nodes: nodes.iter().enumerate().map(make).collect(),
        edges: edges.into_iter().map(edge).collect(),
    }
}

/// `0-1-2 3`: chains by spaces, their nodes by dashes.
#[track_caller]
fn check(graph: &StreamGraph, parallelism: usize, want: &str) {
    let plan = Plan::new(graph, parallelism).unwrap();
    let chain = |chain: &ChainPlan| {
        let nodes: Vec<_> = chain.links.iter().map(|link| link.node.to_string()).collect();
        nodes.join("-")
    };
    let chains: Vec<_> = plan.chains.iter().map(chain).collect();
    assert_eq!(chains.join(" "), want);
}

#[test]
fn forward_edges_are_chained() {
    let it = graph(&[('s', 0), ('o', 0), ('k', 0)], vec![(0, 1, Forward), (1, 2, Forward)]);
    check(&it, 1, "0-1-2");
    check(&it, 4, "0-1-2");
}

#[test]
fn exchanges_cut_unless_there_is_nothing_to_exchange() {
    let it = graph(&[('s', 0), ('o', 0), ('k', 0)], vec![(0, 1, Hash(vec![0])), (1, 2, Forward)]);
    check(&it, 1, "0-1-2");
    check(&it, 2, "0 1-2");
    let it = graph(&[('s', 0), ('o', 1), ('k', 0)], vec![(0, 1, Single), (1, 2, Forward)]);
    check(&it, 1, "0-1-2");
    check(&it, 2, "0 1 2");
}

#[test]
fn branches_share_a_thread_and_joins_do_not() {
    let it = graph(
        &[('s', 0), ('o', 0), ('k', 0), ('o', 0), ('k', 0)],
        vec![(0, 1, Forward), (1, 2, Forward), (0, 3, Hash(vec![0])), (3, 4, Forward)],
    );
    check(&it, 1, "0-1-2-3-4");
    check(&it, 2, "0-1-2 3-4");
    let it = graph(
        &[('s', 0), ('s', 0), ('o', 0), ('k', 0)],
        vec![(0, 2, Forward), (1, 2, Forward), (2, 3, Forward)],
    );
    check(&it, 1, "0 1 2-3");
    let plan = Plan::new(&it, 3).unwrap();
    assert_eq!(plan.chains[0].links[0].outputs, [0]);
    assert!(plan.connects(&it.edges[0], 1, 1) && !plan.connects(&it.edges[0], 1, 2));
}

#[test]
fn the_links_of_a_tree_know_their_children() {
    let it = graph(
        &[('s', 0), ('k', 0), ('o', 0), ('k', 0)],
        vec![(0, 1, Forward), (0, 2, Forward), (2, 3, Forward)],
    );
    let plan = Plan::new(&it, 2).unwrap();
    let children: Vec<_> = plan.chains[0].links.iter().map(|link| link.children.clone()).collect();
    assert_eq!(children, [vec![(1, 0), (2, 0)], vec![], vec![(3, 0)], vec![]]);
}

#[test]
fn an_edge_that_leads_back_is_refused() {
    let it = graph(
        &[('s', 0), ('o', 0), ('o', 0), ('k', 0)],
        vec![(0, 1, Forward), (1, 2, Forward), (2, 1, Forward), (2, 3, Forward)],
    );
    let error = Plan::new(&it, 1).unwrap_err();
    assert_eq!(error.message, "stream graph: edge 2 -> 1 does not lead forward");
}

#[test]
fn subtasks_agree_on_event_time_where_all_hear_all() {
    let it = graph(
        &[('s', 0), ('o', 0), ('o', 0), ('o', 0), ('o', 1), ('k', 0)],
        vec![
            (0, 1, Forward),
            (1, 2, Hash(vec![0])),
            (2, 3, Forward),
            (3, 4, Single),
            (4, 5, Forward),
        ],
    );
    let agree = |parallelism| {
        let plan = Plan::new(&it, parallelism).unwrap();
        it.edges.iter().map(|edge| plan.agree(edge)).collect::<Vec<_>>()
    };
    assert_eq!(agree(1), [true; 5]);
    // Each subtask of the source has its own splits, and so has what is chained to it.
    assert_eq!(agree(2), [false, false, true, true, true]);
}
