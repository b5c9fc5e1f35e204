//! The same results, however a graph is cut into subtasks.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};

use super::harness::*;
use crate::Error;
use crate::batch::Batch;
use crate::graph::{Edge, Exchange, NodeKind, StreamGraph};
use crate::key_group::key_groups;
use crate::runtime::{ExecutionOptions, run_to_end};
use crate::state::owner;

/// Splits of batches of records with keys 0..50.
fn data(splits: i64, batches: i64) -> Steps {
    let batch = |split: i64, number: i64| {
        let record = |i: i64| ((i * 7 + split + number) % 50, i, number * 1000 + i);
        rows(&(0..40).map(record).collect::<Vec<_>>())
    };
    Steps::of((0..splits).map(|s| (0..batches).map(|b| batch(s, b)).collect()).collect())
}

fn totals(steps: &Steps) -> Vec<(i64, i64)> {
    let mut sums = std::collections::BTreeMap::new();
    for step in steps.splits.iter().flatten() {
        let Step::Rows(rows) = step else { continue };
        for (key, value) in pairs(rows) {
            *sums.entry(key).or_insert(0) += value;
        }
    }
    sums.into_iter().collect()
}

#[test]
fn parallelism_changes_no_result() {
    let steps = data(5, 9);
    for parallelism in [1, 2, 3, 8] {
        let sink = Collect::default();
        let summary = run_to_end(counting(&steps, &sink), options(parallelism)).unwrap();
        assert_eq!(sink.visible(), totals(&steps), "parallelism {parallelism}");
        assert_eq!(summary.records_read, 5 * 9 * 40);
        assert_eq!(summary.records_written, 50);
        assert_eq!(summary.operators["operator-1"].records_in, 5 * 9 * 40);
        assert_eq!(summary.operators["operator-1"].records_out, 50);
        assert_eq!(summary.operators["operator-1"].watermark, Some(i64::MAX));
        let subtasks = &summary.operators["operator-1"].subtasks;
        let emitted: Vec<u64> = subtasks.iter().map(|it| it.records_out).collect();
        assert_eq!(emitted, keys_of_subtasks(parallelism), "one result of each key of theirs");
    }
}

/// How many of the keys 0..50 each subtask has.
fn keys_of_subtasks(parallelism: usize) -> Vec<u64> {
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(0..50));
    let mut counts = vec![0; parallelism];
    for group in key_groups(&[keys]).unwrap() {
        counts[owner(group, parallelism)] += 1;
    }
    counts
}

#[test]
fn one_subtask_decides_alone_where_parallelism_is_fixed() {
    let steps = data(4, 3);
    let sink = Collect::default();
    let mut graph = counting(&steps, &sink);
    graph.edges[0].exchange = Exchange::Single;
    graph.nodes[1].parallelism = Some(1);
    graph.nodes[2].parallelism = Some(3);
    run_to_end(graph, options(4)).unwrap();
    assert_eq!(sink.visible(), totals(&steps));
}

#[test]
fn a_source_feeds_two_branches() {
    let steps = data(2, 5);
    for parallelism in [1, 2] {
        let (counted, plain) = (Collect::default(), Collect::default());
        let mut graph = counting(&steps, &counted);
        graph.nodes.push(node((3, NodeKind::Sink(Arc::new(plain.clone())))));
        graph.edges.push(Edge { from: 0, to: 3, input: 0, exchange: Exchange::Forward });
        let summary = run_to_end(graph, options(parallelism)).unwrap();
        assert_eq!(counted.visible(), totals(&steps));
        assert_eq!(plain.visible().len(), 2 * 5 * 40);
        assert_eq!(summary.records_read, 2 * 5 * 40);
    }
}

#[test]
fn two_inputs_are_told_apart() {
    let (left, right) = (data(3, 4), data(2, 6));
    let tag = |input: usize, batch: Batch, out: &mut crate::operator::Output| {
        let side = i64::try_from(input).unwrap();
        let records: Vec<_> = pairs(&batch.rows).iter().map(|p| (side, p.1, 0)).collect();
        out.emit(Batch::of(rows(&records)));
        Ok(())
    };
    for parallelism in [1, 2, 4] {
        let sink = Collect::default();
        let kinds = [
            source(&left, strategy(None)),
            source(&right, strategy(None)),
            NodeKind::Operator(Arc::new(Each(tag))),
            NodeKind::Sink(Arc::new(sink.clone())),
        ];
        let edge = |from, to, input, exchange| Edge { from, to, input, exchange };
        let graph = StreamGraph {
            nodes: kinds.into_iter().enumerate().map(node).collect(),
            edges: vec![
                edge(0, 2, 0, Exchange::Hash(vec![0])),
                edge(1, 2, 1, Exchange::Hash(vec![0])),
                edge(2, 3, 0, Exchange::Forward),
            ],
        };
        run_to_end(graph, options(parallelism)).unwrap();
        let visible = sink.visible();
        assert_eq!(visible.iter().filter(|pair| pair.0 == 0).count(), 3 * 4 * 40);
        assert_eq!(visible.iter().filter(|pair| pair.0 == 1).count(), 2 * 6 * 40);
    }
}

#[test]
fn a_forward_edge_between_unequal_parallelisms_spreads_batches() {
    let steps = data(1, 6);
    let sink = Collect::default();
    let kinds = vec![source(&steps, None), NodeKind::Sink(Arc::new(sink.clone()))];
    let mut graph = line(kinds, vec![Exchange::Forward]);
    graph.nodes[0].parallelism = Some(1);
    run_to_end(graph, options(3)).unwrap();
    for seen in sink.seen.lock().unwrap().values() {
        let records = seen.iter().filter(|seen| matches!(seen, Seen::Records(..)));
        assert_eq!(records.count(), 2);
    }
}

#[test]
fn what_has_no_end_is_not_run_to_it() {
    let steps = Steps { unbounded: true, ..data(1, 1) };
    let error = run_to_end(counting(&steps, &Collect::default()), options(1)).unwrap_err();
    assert!(error.message.starts_with("source `source-0` has no end"), "{error}");
}

#[test]
fn a_graph_that_makes_no_sense_is_refused() {
    let steps = data(1, 1);
    let sink = Collect::default();
    let refused = |change: fn(&mut StreamGraph), options: ExecutionOptions| {
        let mut graph = counting(&steps, &sink);
        change(&mut graph);
        run_to_end(graph, options).unwrap_err().message
    };
    assert_eq!(
        refused(|graph| graph.nodes[1].operator_id = "source-0".to_owned(), options(1)),
        "stream graph: two nodes have the operator id `source-0`"
    );
    assert_eq!(
        refused(|graph| drop(graph.edges.pop()), options(1)),
        "stream graph: `sink-2` has no input"
    );
    assert_eq!(
        refused(|_| (), options(129)),
        "parallelism 129 of `source-0` is out of range, use 1 to 128"
    );
}

#[test]
fn a_run_that_fails_leaves_nothing_prepared_behind() {
    let steps = data(1, 2);
    let (good, bad) = (Collect::default(), Collect::default());
    let fail: Body = |_, _, _| Err(Error::user("no"));
    let kinds = [
        source(&steps, None),
        source(&steps, None),
        NodeKind::Operator(Arc::new(Each(fail))),
        NodeKind::Sink(Arc::new(good.clone())),
        NodeKind::Sink(Arc::new(bad)),
    ];
    let edge = |from, to| Edge { from, to, input: 0, exchange: Exchange::Forward };
    let graph = StreamGraph {
        nodes: kinds.into_iter().enumerate().map(node).collect(),
        edges: vec![edge(0, 3), edge(1, 2), edge(2, 4)],
    };
    assert_eq!(run_to_end(graph, options(1)).unwrap_err().message, "no");
    assert_eq!(good.visible(), []);
}
