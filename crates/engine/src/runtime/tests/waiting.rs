//! Data in, explanation out: what holds a window back, and which records came too late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{bounded, never, unbounded};
use model::waiting::{Activity, HeldFor, Holder, Obstacle, SplitCounts, Waiting};

use super::harness::*;
use crate::aggregate::{AggregateCall, AggregateFunction};
use crate::batch::{Barrier, StreamElement};
use crate::clock::{Clock, ManualClock};
use crate::expression::{Column, Expression};
use crate::graph::{Edge, Exchange, Node, NodeKind, Projection, StreamGraph, WatermarkStrategy};
use crate::metrics::NodeMetrics;
use crate::operators::project::Project;
use crate::operators::window::{TimeAttribute, WindowKind, WindowProperty};
use crate::operators::window_aggregate::WindowAggregate;
use crate::runtime::cancellation::Cancellation;
use crate::runtime::gate::{Arrival, Gate, Inlet};
use crate::runtime::gauge::SubtaskGauge;
use crate::runtime::{Execution, ExecutionOptions, Watch};
use crate::sample::LateRecord;

const TEN_S: WindowKind = WindowKind::Tumble { size_ms: 10_000, offset_ms: 0 };

/// Counts by key, in windows.
fn window(kind: WindowKind, time: TimeAttribute) -> NodeKind {
    let count = AggregateCall {
        function: AggregateFunction::CountStar,
        arguments: Vec::new(),
        filter: None,
        distinct: false,
    };
    let calls = vec![(count, "count".to_owned())];
    let ends = vec![(WindowProperty::End, "end".to_owned())];
    let window = WindowAggregate::new(schema(), kind, time, None, vec![0], calls, ends).unwrap();
    NodeKind::Operator(Arc::new(window))
}

fn by_event_time() -> NodeKind {
    window(TEN_S, TimeAttribute::Event { column: 2 })
}

fn named(name: &str, kind: NodeKind) -> Node {
    Node { operator_id: name.to_owned(), name: name.to_owned(), kind, parallelism: None }
}

fn edge(from: usize, to: usize, exchange: Exchange) -> Edge {
    Edge { from, to, input: 0, exchange }
}

/// `Source[sensor]`, a window over it, a sink.
fn windowed(steps: &Steps, strategy: Option<WatermarkStrategy>, window: NodeKind) -> StreamGraph {
    StreamGraph {
        nodes: vec![
            named("Source[sensor]", source(steps, strategy)),
            named("Window", window),
            named("Sink", NodeKind::Sink(Arc::new(Collect::default()))),
        ],
        edges: vec![edge(0, 1, Exchange::Hash(vec![0])), edge(1, 2, Exchange::Forward)],
    }
}

/// The same over two tables.
fn union(a: &Steps, b: &Steps) -> StreamGraph {
    let schema = schema();
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let column = Column { index, data_type: field.data_type().clone() };
        Arc::new(column) as Arc<dyn Expression>
    });
    let expressions = columns.collect();
    let projection = Projection { expressions, schema: Arc::clone(&schema) };
    StreamGraph {
        nodes: vec![
            named("Source[orders]", source(a, strategy(None))),
            named("Source[returns]", source(b, strategy(None))),
            named("Union", NodeKind::Operator(Arc::new(Project { projection }))),
            named("Window", by_event_time()),
            named("Sink", NodeKind::Sink(Arc::new(Collect::default()))),
        ],
        edges: vec![
            edge(0, 2, Exchange::Forward),
            edge(1, 2, Exchange::Forward),
            edge(2, 3, Exchange::Hash(vec![0])),
            edge(3, 4, Exchange::Forward),
        ],
    }
}

/// Looks until the window's state is such, and gives it.
#[track_caller]
fn look(watch: &mut Watch, now_ms: i64, what: &str, holds: impl Fn(&Waiting) -> bool) -> Waiting {
    let mut found = Waiting::default();
    let watch = std::cell::RefCell::new(watch);
    let seen = std::cell::RefCell::new(&mut found);
    eventually(what, || {
        let look = watch.borrow_mut().look(now_ms, false);
        let waiting = look.waiting["Window"].clone();
        let holds = holds(&waiting);
        **seen.borrow_mut() = waiting;
        holds
    });
    found
}

fn holder(waiting: &Waiting) -> &Holder {
    waiting.held_by.as_ref().unwrap()
}

fn end(running: Running) {
    running.execution.cancel();
    running.execution.join().unwrap();
}

#[test]
fn a_silent_split_is_named_until_it_gives_a_record() {
    let on = Arc::new(AtomicBool::new(false));
    let mut steps = Steps::of(vec![
        vec![rows(&[(1, 0, 3_000), (1, 0, 21_000)])],
        vec![rows(&[(2, 0, 12_000)])],
    ]);
    steps.splits[1].insert(0, Step::Hold(Arc::clone(&on)));
    steps.unbounded = true;
    let clock = Arc::new(ManualClock::at(1_000_000));
    let graph = windowed(&steps, strategy(None), by_event_time());
    let running = Running::with_clock(graph, Arc::clone(&clock) as Arc<dyn Clock>);
    let mut watch = running.execution.watch();

    let silent = look(&mut watch, 1_000_000, "split 1 holds", |it| {
        let records = |holder: &Holder| holder.counts.without_records == 1;
        it.next_firing.is_some() && it.held_by.as_ref().is_some_and(records)
    });
    assert_eq!((silent.processing_time, silent.tables.as_slice()), (false, &["sensor".into()][..]));
    assert_eq!((silent.watermark, silent.sources_watermark), (None, None));
    // The last millisecond of the window [0, 10 s).
    assert_eq!(silent.next_firing, Some(9_999));
    let held = holder(&silent);
    assert_eq!((held.table.as_str(), held.operator_id.as_str()), ("sensor", "Source[sensor]"));
    assert_eq!((held.reason, held.subtask, held.idle_timeout_ms), (HeldFor::Split, 0, None));
    assert_eq!(held.counts, SplitCounts { all: 2, without_records: 1, idle: 0, ended: 0 });
    let split = &held.splits[0];
    assert_eq!((split.split.as_str(), split.activity), ("split-1", Activity::Active));
    assert_eq!((split.watermark, split.last_event_time, split.last_record_at), (None, None, None));
    assert_eq!(split.found_at, 1_000_000);
    let other = &held.splits[1];
    assert_eq!((other.split.as_str(), other.watermark), ("split-0", Some(21_000)));
    assert_eq!((other.last_event_time, other.last_record_at), (Some(21_000), Some(1_000_000)));

    on.store(true, Ordering::SeqCst);
    let fired = look(&mut watch, 1_000_000, "the first window fires", |it| {
        let watermark = |holder: &Holder| holder.watermark == Some(12_000);
        it.watermark == Some(12_000) && it.held_by.as_ref().is_some_and(watermark)
    });
    assert_eq!((fired.next_firing, fired.sources_watermark), (Some(19_999), Some(12_000)));
    let split = &holder(&fired).splits[0];
    assert_eq!((split.split.as_str(), split.watermark), ("split-1", Some(12_000)));
    assert_eq!(holder(&fired).counts.without_records, 0);
    end(running);
}

#[test]
fn idle_splits_are_counted_and_hold_nothing_back() {
    let (on, clock) = (Arc::new(AtomicBool::new(false)), Arc::new(ManualClock::at(0)));
    let mut steps = Steps::of(vec![vec![rows(&[(1, 0, 3_000)]), rows(&[(1, 0, 8_000)])], vec![]]);
    steps.splits[0].insert(1, Step::Hold(Arc::clone(&on)));
    steps.unbounded = true;
    let idle = strategy(Some(Duration::from_secs(10)));
    let graph = windowed(&steps, idle, by_event_time());
    let running = Running::with_clock(graph, Arc::clone(&clock) as Arc<dyn Clock>);
    let mut watch = running.execution.watch();
    let before = look(&mut watch, 0, "a record", |it| it.next_firing.is_some());
    assert_eq!(holder(&before).idle_timeout_ms, Some(10_000));

    clock.set(10_000);
    let idle = look(&mut watch, 10_000, "all are idle", |it| {
        it.held_by.as_ref().is_some_and(|holder| holder.reason == HeldFor::AllIdle)
    });
    assert_eq!(holder(&idle).counts, SplitCounts { all: 2, without_records: 1, idle: 2, ended: 0 });
    on.store(true, Ordering::SeqCst);
    let woken = look(&mut watch, 10_000, "split 0 moves event time alone", |it| {
        it.watermark == Some(8_000) && it.held_by.as_ref().is_some_and(|it| it.counts.idle == 1)
    });
    let split = &holder(&woken).splits[0];
    assert_eq!((holder(&woken).reason, split.split.as_str()), (HeldFor::Split, "split-0"));
    assert_eq!(holder(&woken).splits[1].activity, Activity::Idle);
    assert_eq!(woken.next_firing, Some(9_999));
    end(running);
}

#[test]
fn a_table_without_watermark_holds_for_ever() {
    let mut steps = Steps::of(vec![vec![rows(&[(1, 0, 3_000)])]]);
    steps.unbounded = true;
    let graph = windowed(&steps, None, by_event_time());
    let running = Running::start(graph, options(1));
    let mut watch = running.execution.watch();
    let found = look(&mut watch, 0, "a record", |it| it.next_firing.is_some());
    assert_eq!(holder(&found).reason, HeldFor::NoWatermark);
    end(running);
}

#[test]
fn processing_time_waits_for_the_clock() {
    let mut steps = Steps::of(vec![vec![rows(&[(1, 0, 3_000)])]]);
    steps.unbounded = true;
    let clock = Arc::new(ManualClock::at(12_345));
    let graph = windowed(&steps, strategy(None), window(TEN_S, TimeAttribute::Processing));
    let running = Running::with_clock(graph, Arc::clone(&clock) as Arc<dyn Clock>);
    let mut watch = running.execution.watch();
    let found = look(&mut watch, 12_345, "a record", |it| it.next_firing.is_some());
    assert_eq!((found.processing_time, found.next_firing), (true, Some(20_000)));
    assert_eq!(found.held_by, None);
    clock.set(20_000);
    look(&mut watch, 20_000, "the window fires", |it| it.next_firing.is_none());
    end(running);
}

#[test]
fn the_slower_of_two_tables_is_named() {
    let quick = Steps { unbounded: true, ..Steps::of(vec![vec![rows(&[(1, 0, 50_000)])]]) };
    let slow = Steps { unbounded: true, ..Steps::of(vec![vec![rows(&[(1, 0, 4_000)])]]) };
    let running = Running::start(union(&quick, &slow), options(2));
    let mut watch = running.execution.watch();
    let found = look(&mut watch, 0, "both tables have been read", |it| {
        let watermark = |holder: &Holder| holder.watermark == Some(4_000);
        it.watermark == Some(4_000) && it.held_by.as_ref().is_some_and(watermark)
    });
    assert_eq!(found.tables, ["orders", "returns"]);
    assert_eq!(holder(&found).table, "returns");
    assert_eq!(found.next_firing, Some(9_999));
    end(running);
}

#[test]
fn late_records_are_told_by_table_without_their_contents() {
    let on = Arc::new(AtomicBool::new(false));
    let table = |late: &[(i64, i64, i64)]| {
        let mut steps = Steps::of(vec![vec![rows(&[(1, 0, 100_000)]), rows(late)]]);
        steps.splits[0].insert(1, Step::Hold(Arc::clone(&on)));
        Steps { unbounded: true, ..steps }
    };
    let orders = table(&[(4711, 815, 1_000), (4711, 815, 2_000), (4711, 815, 99_000)]);
    let returns = table(&[(4711, 815, 3_000), (4711, 815, 101_000)]);
    let running = Running::start(union(&orders, &returns), options(1));
    let window = || running.execution.metrics()["Window"].clone();
    eventually("the watermark of both", || window().watermark == Some(100_000));
    let mut watch = running.execution.watch();
    assert_eq!(watch.look(0, false).log, []);
    on.store(true, Ordering::SeqCst);
    eventually("late records", || window().late_records == 4 && window().records_in == 7);
    let metrics = running.execution.metrics();
    let expected = [("orders".to_owned(), 3), ("returns".to_owned(), 1)];
    assert_eq!(metrics["Window"].late_by_table, expected.into());
    assert_eq!(metrics["Window"].tables, ["orders", "returns"]);
    assert_eq!(metrics["Union"].late_by_table, [].into());

    let log = watch.look(5_000, false).log;
    assert_eq!(log.len(), 1, "{log:?}");
    let line = &log[0];
    assert_eq!((line.at_ms, line.level.as_str()), (5_000, "WARN"));
    assert_eq!(line.logger, "late-records");
    let begin = "4 late records at Window, from tables `orders` (3), `returns` (1): \
        one with event time 1970-01-01T00:0";
    assert!(line.message.starts_with(begin), "{}", line.message);
    assert!(line.message.contains("when the watermark was 1970-01-01T00:01:40.000Z"), "{log:?}");
    assert!(line.message.ends_with(" s too late"), "{log:?}");
    assert!(!line.message.contains("4711") && !line.message.contains("815"), "{log:?}");
    assert_eq!(watch.look(60_000, false).log, []);
    end(running);
}

#[test]
fn lines_about_dropped_records_are_ten_seconds_apart() {
    let steps = Steps::of(vec![vec![rows(&[(1, 0, 0)])]]);
    let running = Running::start(windowed(&steps, strategy(None), by_event_time()), options(1));
    let late = || LateRecord { origin: None, event_ms: 1_000, watermark_ms: 12_000, due_ms: 9_999 };
    let mut watch = running.execution.watch();
    let metrics = |name: &str| running.execution.node_metrics(name);
    let mut messages = |now_ms, last| -> Vec<String> {
        watch.look(now_ms, last).log.into_iter().map(|line| line.message).collect()
    };
    metrics("Window").late(None, 3, late);
    let of_late = "one with event time 1970-01-01T00:00:01.000Z (from `sensor`) came when the \
        watermark was 1970-01-01T00:00:12.000Z, 2.002 s too late";
    let first = format!("3 late records at Window, from table `sensor`: {of_late}");
    assert_eq!(messages(0, false), [first]);
    metrics("Window").late(None, 1, late);
    metrics("Source[sensor]").malformed_records.fetch_add(2, Ordering::Relaxed);
    metrics("Source[sensor]").malformed_sample.offer(|| "partition 3: no JSON".to_owned());
    let malformed = "2 malformed records skipped; one of them: partition 3: no JSON";
    assert_eq!(messages(9_999, false), [malformed]);
    metrics("Window").late(None, 1, late);
    let second =
        format!("2 late records in 10 s (5 in all) at Window, from table `sensor`: {of_late}");
    assert_eq!(messages(10_000, false), [second]);
    metrics("Window").late(None, 1, late);
    assert_eq!(messages(11_000, false), [""; 0]);
    let last = format!("1 late record in 2 s (6 in all) at Window, from table `sensor`: {of_late}");
    assert_eq!(messages(12_000, true), [last]);
    end(running);
}

#[test]
fn what_several_tables_gave_mixed_is_counted_in_all_only() {
    let late = || LateRecord { origin: None, event_ms: 0, watermark_ms: 5, due_ms: 5 };
    assert_eq!(late().late_by_ms(), 1);
    let two = NodeMetrics::fed_by([0, 3]);
    two.late(None, 2, late);
    two.late(Some(3), 1, late);
    assert_eq!(two.late_by_source().collect::<Vec<_>>(), [(0, 0), (3, 1)]);
    assert_eq!(two.late_records.load(Ordering::Relaxed), 3);
    let one = NodeMetrics::fed_by([3]);
    one.late(None, 2, late);
    assert_eq!(one.late_by_source().collect::<Vec<_>>(), [(3, 2)]);
}

#[test]
fn back_pressure_on_the_way_is_an_obstacle() {
    let (let_through, slow) = bounded::<()>(0);
    let mut steps = Steps::of(vec![vec![rows(&[(1, 0, 3_000)]); 20]]);
    steps.unbounded = true;
    let mut graph = windowed(&steps, strategy(None), by_event_time());
    let sink = Collect { slow: Some(slow), ..Collect::default() };
    graph.nodes.push(named("Slow", NodeKind::Sink(Arc::new(sink))));
    graph.edges.push(edge(0, 3, Exchange::Single));
    let options = ExecutionOptions { channel_capacity: 1, ..options(2) };
    let running = Running::start(graph, options);
    let mut watch = running.execution.watch();
    // It may have waited shorter before, until the sink had taken its first batch.
    look(&mut watch, 0, "the source has been blocked for a second", |it| {
        it.obstacles.iter().any(|obstacle| match obstacle {
            Obstacle::BackPressure { operator, for_ms, .. } => {
                operator == "Source[sensor]" && *for_ms >= 1_000
            }
            Obstacle::Barrier { .. } => false,
        })
    });
    drop(let_through);
    end(running);
}

#[test]
fn a_gate_shows_while_it_waits_for_a_barrier() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| unbounded()).unzip();
    let gauge = Arc::new(SubtaskGauge::default());
    let inlets = receivers.into_iter().enumerate();
    let inlets = inlets.map(|(at, receiver)| Inlet { receiver, input: 0, siblings: (0, at) });
    let gate = Gate::new(inlets, Arc::new(Cancellation::new(None)));
    let mut gate = gate.shown_by(Arc::clone(&gauge));
    let mut next = || gate.next(&never::<()>(), Some(Duration::ZERO)).unwrap();
    let barrier = StreamElement::Barrier(Barrier { id: 7, stop: false });
    assert!(!gauge.aligning.runs());
    senders[0].send(barrier.clone()).unwrap();
    assert!(matches!(next(), Arrival::Nothing));
    assert!(gauge.aligning.runs());
    assert_eq!(gauge.checkpoint.load(Ordering::Relaxed), 7);
    senders[1].send(barrier).unwrap();
    assert!(matches!(next(), Arrival::Barrier(_)));
    assert!(!gauge.aligning.runs());
}

impl Execution {
    /// The counters of the first subtask of the node of that name.
    fn node_metrics(&self, name: &str) -> Arc<NodeMetrics> {
        let node = self.nodes.iter().find(|node| node.name == name);
        Arc::clone(&node.expect("there is such a node").metrics[0])
    }
}
