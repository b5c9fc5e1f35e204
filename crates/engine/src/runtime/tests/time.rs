//! Watermarks, idleness and timers through a whole execution.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};

use super::harness::*;
use crate::Result;
use crate::batch::{Batch, SchemaRef};
use crate::clock::ManualClock;
use crate::graph::{Exchange, NodeKind, StreamGraph};
use crate::operator::{Operator, OperatorContext, OperatorFactory, Output};
use crate::runtime::{ExecutionEvent, run_to_end};

fn straight(steps: &Steps, sink: &Collect, idle: Option<Duration>) -> StreamGraph {
    let kinds = vec![source(steps, strategy(idle)), NodeKind::Sink(Arc::new(sink.clone()))];
    line(kinds, vec![Exchange::Forward])
}

#[test]
fn each_record_knows_the_watermark_before_it() {
    let batches = vec![
        rows(&[(1, 0, 10), (2, 0, 30), (3, 0, 20), (4, 0, 25)]),
        rows(&[(5, 0, 29), (6, 0, 40)]),
    ];
    let sink = Collect::default();
    run_to_end(straight(&Steps::of(vec![batches]), &sink, None), options(1)).unwrap();
    assert_eq!(
        sink.seen(),
        [
            Seen::Records(vec![1, 2, 3, 4], Some(vec![i64::MIN, 10, 30, 30])),
            Seen::Watermark(30),
            Seen::Records(vec![5, 6], Some(vec![30, 30])),
            Seen::Watermark(40),
            Seen::Watermark(i64::MAX),
            Seen::Committed(1),
        ]
    );
}

#[test]
fn the_slowest_split_decides() {
    let on = Arc::new(AtomicBool::new(false));
    let mut steps = Steps::of(vec![
        vec![rows(&[(2, 0, 5)]), rows(&[(4, 0, 50)])],
        vec![rows(&[(1, 0, 100), (1, 0, 200)]), rows(&[(3, 0, 300)])],
    ]);
    // Splits are polled in turn, the second one first; it ends before the first goes on.
    steps.splits[0].insert(1, Step::Hold(Arc::clone(&on)));
    let sink = Collect::default();
    let running = Running::start(straight(&steps, &sink, None), options(1));
    eventually("the end of split 1", || {
        sink.seen().contains(&Seen::Records(vec![3], Some(vec![5])))
    });
    on.store(true, Ordering::SeqCst);
    running.until_all_ended();
    running.execution.join().unwrap();
    let min = i64::MIN;
    assert_eq!(
        sink.seen(),
        [
            Seen::Records(vec![1, 1], Some(vec![min, min])),
            Seen::Records(vec![2], Some(vec![min])),
            Seen::Watermark(5),
            Seen::Records(vec![3], Some(vec![5])),
            Seen::Records(vec![4], Some(vec![5])),
            Seen::Watermark(50),
            Seen::Watermark(i64::MAX),
        ]
    );
}

#[test]
fn an_idle_split_holds_nothing_back_until_it_wakes() {
    let (late, clock) = (Arc::new(AtomicBool::new(false)), Arc::new(ManualClock::at(0)));
    let mut steps = Steps::of(vec![vec![rows(&[(1, 0, 100)])], vec![rows(&[(2, 0, 60)])]]);
    steps.splits[1].insert(0, Step::Hold(Arc::clone(&late)));
    steps.unbounded = true;
    let sink = Collect::default();
    let idle = Some(Duration::from_secs(10));
    let running = Running::with_clock(straight(&steps, &sink, idle), Arc::clone(&clock) as _);
    eventually("the first record", || sink.seen().len() == 1);
    clock.set(9_000);
    assert_eq!(sink.seen().len(), 1);
    // Both become idle at once: a watermark needs a split that is active.
    clock.set(10_000);
    late.store(true, Ordering::SeqCst);
    eventually("the second record", || sink.seen().len() > 1);
    running.execution.cancel();
    running.execution.join().unwrap();
    let min = i64::MIN;
    let first = Seen::Records(vec![1], Some(vec![min]));
    // Whether split 0 is idle already when record 2 comes decides if 60 is held back by it: it
    // is below 100 anyway.
    let second = [Seen::Records(vec![2], Some(vec![min])), Seen::Watermark(60)];
    assert_eq!(sink.seen(), [vec![first], second.to_vec()].concat());
}

#[test]
fn event_time_goes_on_without_an_idle_split() {
    let (go, clock) = (Arc::new(AtomicBool::new(false)), Arc::new(ManualClock::at(0)));
    let mut steps = Steps::of(vec![vec![rows(&[(1, 0, 100)]), rows(&[(2, 0, 110)])], vec![]]);
    steps.splits[0].insert(1, Step::Hold(Arc::clone(&go)));
    steps.unbounded = true;
    let sink = Collect::default();
    let idle = Some(Duration::from_secs(10));
    let running = Running::with_clock(straight(&steps, &sink, idle), Arc::clone(&clock) as _);
    eventually("the first record", || sink.seen().len() == 1);
    clock.set(20_000);
    go.store(true, Ordering::SeqCst);
    eventually("a watermark", || sink.seen().contains(&Seen::Watermark(110)));
    running.execution.cancel();
    running.execution.join().unwrap();
}

#[test]
fn a_subtask_without_splits_holds_nothing_back() {
    let batches = vec![rows(&[(1, 0, 100)]), rows(&[(2, 0, 200)])];
    let mut steps = Steps::of(vec![batches]);
    steps.unbounded = true;
    let sink = Collect::default();
    let kinds = vec![source(&steps, strategy(None)), NodeKind::Sink(Arc::new(sink.clone()))];
    let running = Running::start(line(kinds, vec![Exchange::Hash(vec![0])]), options(4));
    eventually("watermark 200 everywhere", || {
        let reached = |seen: &Vec<Seen>| seen.last() == Some(&Seen::Watermark(200));
        let seen = sink.seen.lock().unwrap();
        seen.len() == 4 && seen.values().all(reached)
    });
    running.execution.cancel();
    running.execution.join().unwrap();
}

#[test]
fn null_as_event_time_fails_the_job() {
    let good = rows(&[(1, 0, 10), (2, 0, 20)]);
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None]));
    let columns = vec![good.column(0).clone(), good.column(1).clone(), times];
    let bad = RecordBatch::try_new(schema(), columns).unwrap();
    let steps = Steps::of(vec![vec![good, bad]]);
    let graph = straight(&steps, &Collect::default(), None);
    let error = run_to_end(graph, options(1)).unwrap_err();
    assert!(error.message.starts_with("RowTime field should not be null"), "{error}");
    assert!(error.message.contains("`time`"), "{error}");
    assert!(!error.fault.retry);
}

/// Emits its time whenever its timer fires; the timer is set by records (`value` = due).
#[derive(Debug)]
struct Alarm(Option<i64>);

impl OperatorFactory for Alarm {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn create(&self, _: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Self(None)))
    }
}

impl Operator for Alarm {
    fn on_batch(&mut self, _: usize, batch: Batch, _: &mut Output) -> Result<()> {
        self.0 = pairs(&batch.rows).last().map(|pair| pair.1);
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.0
    }

    fn on_timer(&mut self, now_ms: i64, out: &mut Output) -> Result<()> {
        self.0 = None;
        out.emit(Batch::of(rows(&[(now_ms, 0, 0)])));
        Ok(())
    }
}

#[test]
fn timers_fire_by_the_clock_also_when_nothing_comes() {
    for exchange in [Exchange::Forward, Exchange::Single] {
        let clock = Arc::new(ManualClock::at(0));
        let mut steps = Steps::of(vec![vec![rows(&[(1, 500, 0)])]]);
        steps.unbounded = true;
        let sink = Collect::default();
        let kinds = vec![
            source(&steps, None),
            NodeKind::Operator(Arc::new(Alarm(None))),
            NodeKind::Sink(Arc::new(sink.clone())),
        ];
        let mut graph = line(kinds, vec![exchange, Exchange::Forward]);
        // Two subtasks of the source, so that the single exchange is a real one.
        graph.nodes[0].parallelism = (graph.edges[0].exchange == Exchange::Single).then_some(2);
        let running = Running::with_clock(graph, Arc::clone(&clock) as _);
        eventually("the record", || running.execution.metrics()["operator-1"].records_in == 1);
        assert!(sink.seen().is_empty());
        clock.set(500);
        eventually("the timer", || sink.seen() == [Seen::Records(vec![500], None)]);
        running.execution.cancel();
        running.execution.join().unwrap();
    }
}

#[test]
fn without_a_strategy_there_is_only_the_last_watermark() {
    let steps = Steps::of(vec![vec![rows(&[(1, 0, 10)])]]);
    let sink = Collect::default();
    let kinds = vec![source(&steps, None), NodeKind::Sink(Arc::new(sink.clone()))];
    let running = Running::start(line(kinds, vec![Exchange::Forward]), options(1));
    let ended = loop {
        if let ExecutionEvent::Ended(ended) = running.next() {
            break ended;
        }
    };
    assert_eq!(ended.last.checkpoint, 1);
    running.until_all_ended();
    running.execution.join().unwrap();
    assert_eq!(sink.seen(), [Seen::Records(vec![1], None), Seen::Watermark(i64::MAX)]);
}
