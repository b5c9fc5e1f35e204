//! Leaves out columns nobody reads, so that sources need not decode them.
//!
//! All INSERTs are pruned together: a table that several of them read is read once, with the
//! columns that any of them needs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use engine::aggregate::AggregateCall;
use engine::operators::window::TimeAttribute;
use engine::operators::window_rank::OrderKey;

use super::rel::{Aggregation, Op, OverWindow, Rel, Scan, Watermark, Windowing};
use crate::expr::Expr;

type Needed = BTreeSet<usize>;

/// Needed output columns of each scan.
type Scans = HashMap<Scan, Needed>;

/// A plan with fewer columns, and for each old column its new index.
type Pruned = (Arc<Rel>, Vec<Option<usize>>);

/// The same plans without unused columns; the columns of the plans themselves stay.
pub(crate) fn prune(roots: &[Arc<Rel>]) -> Vec<Arc<Rel>> {
    let mut scans = Scans::new();
    for root in roots {
        collect(root, &everything(root), &mut scans);
    }
    roots.iter().map(|root| exactly(root, &everything(root), &scans)).collect()
}

fn everything(rel: &Rel) -> Needed {
    (0..rel.columns.len()).collect()
}

/// Notes which columns each scan must give.
fn collect(rel: &Arc<Rel>, needed: &Needed, scans: &mut Scans) {
    if let Op::Scan(scan) = &rel.op {
        scans.entry((**scan).clone()).or_default().extend(needed);
        return;
    }
    for (input, needed) in rel.inputs().into_iter().zip(input_needs(rel, needed)) {
        collect(input, &needed, scans);
    }
}

/// What a node needs of each of its inputs.
fn input_needs(rel: &Rel, needed: &Needed) -> Vec<Needed> {
    let with = |more: &dyn Fn(&mut Needed)| {
        let mut all = needed.clone();
        more(&mut all);
        vec![all]
    };
    match &rel.op {
        Op::Scan(_) | Op::Values(_) => Vec::new(),
        Op::Project { expressions, .. } => {
            let kept = kept(needed, expressions.len());
            vec![kept.iter().flat_map(|&index| expressions[index].columns_used()).collect()]
        }
        Op::Filter { predicate, .. } => with(&|all| all.extend(predicate.columns_used())),
        Op::Named { .. } => with(&|_| {}),
        Op::Union(inputs) => inputs.iter().map(|_| kept(needed, rel.columns.len())).collect(),
        Op::WindowAssign { input, window } => {
            let width = input.columns.len();
            let mut all: Needed = needed.iter().copied().filter(|&i| i < width).collect();
            window_needs(window, &mut all);
            vec![all]
        }
        Op::WindowAggregate { window, aggregation, .. } => {
            let mut all = aggregation_needs(aggregation);
            window_needs(window, &mut all);
            vec![all]
        }
        Op::WindowedAggregate { end, aggregation, .. } => {
            let mut all = aggregation_needs(aggregation);
            all.insert(*end);
            vec![all]
        }
        Op::GroupAggregate { aggregation, .. } => vec![aggregation_needs(aggregation)],
        Op::Rank { input, partition, order, .. } => {
            let width = input.columns.len();
            let mut all: Needed = needed.iter().copied().filter(|&i| i < width).collect();
            all.extend(partition);
            all.extend(order.iter().map(|key| key.column));
            vec![all]
        }
        Op::Over { input, window, calls } => {
            let width = input.columns.len();
            let mut all: Needed = needed.iter().copied().filter(|&i| i < width).collect();
            all.extend(&window.partition);
            all.extend(event_column(window.time));
            calls.iter().for_each(|call| call_needs(call, &mut all));
            vec![all]
        }
        Op::Join { left, condition, .. } => {
            let width = left.columns.len();
            let mut all = needed.clone();
            all.extend(condition.iter().flat_map(Expr::columns_used));
            let right = all.iter().filter(|&&i| i >= width).map(|i| i - width).collect();
            vec![all.into_iter().filter(|&i| i < width).collect(), right]
        }
    }
}

/// At least one column: a batch without columns has no length.
fn kept(needed: &Needed, width: usize) -> Needed {
    if needed.is_empty() && width > 0 { [0].into() } else { needed.clone() }
}

fn window_needs(window: &Windowing, all: &mut Needed) {
    all.extend(event_column(window.time));
    all.extend(&window.partition);
}

fn event_column(time: TimeAttribute) -> Option<usize> {
    match time {
        TimeAttribute::Event { column } => Some(column),
        TimeAttribute::Processing => None,
    }
}

fn aggregation_needs(aggregation: &Aggregation) -> Needed {
    let mut all: Needed = aggregation.keys.iter().copied().collect();
    aggregation.calls.iter().for_each(|call| call_needs(call, &mut all));
    all
}

fn call_needs(call: &AggregateCall, all: &mut Needed) {
    all.extend(&call.arguments);
    all.extend(call.filter);
}

/// The pruned plan with the needed columns and no others.
fn exactly(rel: &Arc<Rel>, needed: &Needed, scans: &Scans) -> Arc<Rel> {
    let (pruned, map) = pruned(rel, needed, scans);
    let wanted: Vec<usize> = needed.iter().filter_map(|&index| map[index]).collect();
    Rel::pick(&pruned, &wanted)
}

fn pruned(rel: &Arc<Rel>, needed: &Needed, scans: &Scans) -> Pruned {
    let needs = input_needs(rel, needed);
    let below = |index: usize| pruned(rel.inputs()[index], &needs[index], scans);
    let same_columns = || (0..rel.columns.len()).map(Some).collect::<Vec<_>>();
    let rebuilt =
        |op: Op| Arc::new(Rel { op, columns: rel.columns.clone(), updating: rel.updating });
    match &rel.op {
        Op::Values(_) => (Arc::clone(rel), same_columns()),
        Op::Scan(scan) => pruned_scan(rel, scan, &scans[scan]),
        Op::Project { expressions, .. } => {
            let (input, map) = below(0);
            let kept = kept(needed, expressions.len());
            let moved = kept.iter().map(|&index| moved(&expressions[index], &map).fold()).collect();
            let columns = kept.iter().map(|&index| rel.columns[index].clone()).collect();
            (Rel::project(input, moved, columns), positions(&kept, rel.columns.len()))
        }
        Op::Filter { predicate, .. } => {
            let (input, map) = below(0);
            (Rel::filter(input, moved(predicate, &map).fold()), map)
        }
        Op::Named { name, .. } => {
            let (input, map) = below(0);
            (Rel::named(name, input), map)
        }
        Op::Union(inputs) => {
            let kept = kept(needed, rel.columns.len());
            let inputs = inputs.iter().map(|input| exactly(input, &kept, scans)).collect();
            let columns = kept.iter().map(|&index| rel.columns[index].clone()).collect();
            let op = Op::Union(inputs);
            let union = Arc::new(Rel { op, columns, updating: rel.updating });
            (union, positions(&kept, rel.columns.len()))
        }
        Op::WindowAssign { window, .. } => {
            let (input, map) = below(0);
            let window = moved_window(window, &map);
            appended(rel, input, map, |input| Op::WindowAssign { input, window })
        }
        Op::WindowAggregate { window, aggregation, properties, .. } => {
            let (input, map) = below(0);
            let window = moved_window(window, &map);
            let aggregation = moved_aggregation(aggregation, &map);
            let properties = properties.clone();
            let op = Op::WindowAggregate { input, window, aggregation, properties };
            (rebuilt(op), same_columns())
        }
        Op::WindowedAggregate { end, window, aggregation, properties, .. } => {
            let (input, map) = below(0);
            let op = Op::WindowedAggregate {
                input,
                end: at(&map, *end),
                window: *window,
                aggregation: moved_aggregation(aggregation, &map),
                properties: properties.clone(),
            };
            (rebuilt(op), same_columns())
        }
        Op::GroupAggregate { aggregation, .. } => {
            let (input, map) = below(0);
            let aggregation = moved_aggregation(aggregation, &map);
            (rebuilt(Op::GroupAggregate { input, aggregation }), same_columns())
        }
        Op::Rank { partition, order, ranks, place, .. } => {
            let (input, map) = below(0);
            let partition = partition.iter().map(|&index| at(&map, index)).collect();
            let moved = |key: &OrderKey| OrderKey { column: at(&map, key.column), ..*key };
            let (order, ranks, place) = (order.iter().map(moved).collect(), *ranks, *place);
            appended(rel, input, map, |input| Op::Rank { input, partition, order, ranks, place })
        }
        Op::Over { window, calls, .. } => {
            let (input, map) = below(0);
            let partition = window.partition.iter().map(|&index| at(&map, index)).collect();
            let time = moved_time(window.time, &map);
            let window = OverWindow { partition, time, ..window.clone() };
            let calls = calls.iter().map(|call| moved_call(call, &map)).collect();
            appended(rel, input, map, |input| Op::Over { input, window, calls })
        }
        Op::Join { kind, condition, place, left, .. } => {
            let width = left.columns.len();
            let (left, mut map) = below(0);
            let (right, right_map) = below(1);
            debug_assert_eq!(map.len(), width, "one entry for each column");
            let offset = left.columns.len();
            map.extend(right_map.into_iter().map(|index| index.map(|index| index + offset)));
            let condition = condition.as_ref().map(|condition| moved(condition, &map));
            let columns = left.columns.iter().chain(&right.columns).cloned().collect();
            let op = Op::Join { left, right, kind: *kind, condition, place: *place };
            (Arc::new(Rel { op, columns, updating: rel.updating }), map)
        }
    }
}

/// A node that appends columns to those of its input.
fn appended(
    rel: &Rel,
    input: Arc<Rel>,
    mut map: Vec<Option<usize>>,
    op: impl FnOnce(Arc<Rel>) -> Op,
) -> Pruned {
    let added = &rel.columns[map.len()..];
    let width = input.columns.len();
    map.extend((0..added.len()).map(|index| Some(width + index)));
    let columns = input.columns.iter().chain(added).cloned().collect();
    (Arc::new(Rel { op: op(input), columns, updating: rel.updating }), map)
}

fn at(map: &[Option<usize>], index: usize) -> usize {
    map[index].expect("a column that is needed is kept")
}

fn moved(expression: &Expr, map: &[Option<usize>]) -> Expr {
    expression.map_columns(&mut |index| at(map, index))
}

fn moved_window(window: &Windowing, map: &[Option<usize>]) -> Windowing {
    let time = moved_time(window.time, map);
    let partition = window.partition.iter().map(|&index| at(map, index)).collect();
    Windowing { time, partition, ..window.clone() }
}

fn moved_time(time: TimeAttribute, map: &[Option<usize>]) -> TimeAttribute {
    match time {
        TimeAttribute::Event { column } => TimeAttribute::Event { column: at(map, column) },
        TimeAttribute::Processing => TimeAttribute::Processing,
    }
}

fn moved_call(call: &AggregateCall, map: &[Option<usize>]) -> AggregateCall {
    AggregateCall {
        arguments: call.arguments.iter().map(|&argument| at(map, argument)).collect(),
        filter: call.filter.map(|filter| at(map, filter)),
        ..call.clone()
    }
}

fn moved_aggregation(aggregation: &Aggregation, map: &[Option<usize>]) -> Aggregation {
    Aggregation {
        keys: aggregation.keys.iter().map(|&key| at(map, key)).collect(),
        calls: aggregation.calls.iter().map(|call| moved_call(call, map)).collect(),
    }
}

/// New indices of the kept columns among `width`.
fn positions(kept: &Needed, width: usize) -> Vec<Option<usize>> {
    let mut map = vec![None; width];
    for (new, &old) in kept.iter().enumerate() {
        map[old] = Some(new);
    }
    map
}

fn pruned_scan(rel: &Rel, scan: &Scan, needed: &Needed) -> Pruned {
    let mut needed = kept(needed, rel.columns.len());
    if let Some(watermark) = &scan.watermark {
        // Watermarks and the check for a NULL time are there even if nobody reads the time.
        needed.insert(watermark.rowtime);
        needed.extend(watermark.expression.columns_used());
    }
    let map = positions(&needed, rel.columns.len());
    let outputs: Vec<&Expr> = needed.iter().map(|&index| &scan.outputs[index]).collect();
    let mut source: Needed = outputs.iter().flat_map(|output| output.columns_used()).collect();
    if !scan.prunes_columns {
        source.extend((0..scan.source.len()).filter(|&i| scan.source[i].metadata.is_none()));
    }
    let source = kept(&source, scan.source.len());
    let source_map = positions(&source, scan.source.len());
    let pruned = Scan {
        source: source.iter().map(|&index| scan.source[index].clone()).collect(),
        outputs: outputs.into_iter().map(|output| moved(output, &source_map)).collect(),
        watermark: scan.watermark.as_ref().map(|watermark| Watermark {
            rowtime: at(&map, watermark.rowtime),
            expression: moved(&watermark.expression, &map),
        }),
        ..scan.clone()
    };
    let columns = needed.iter().map(|&index| rel.columns[index].clone()).collect();
    (Arc::new(Rel { op: Op::Scan(Box::new(pruned)), columns, updating: rel.updating }), map)
}
