//! When operators say they fire next, and what they keep of late records.

use arrow::array::Int64Array;

use super::harness::{Row, batch, call, context, context_at, input};
use super::over::over;
use super::properties::aggregate;
use crate::aggregate::AggregateFunction as F;
use crate::batch::Watermark;
use crate::operator::{Firing, Operator, OperatorContext, OperatorFactory, Output};
use crate::operators::over_aggregate::{Frame, FrameKind, Preceding};
use crate::operators::window::{TimeAttribute, WindowKind};
use crate::operators::window_aggregate::WindowAggregate;
use crate::operators::window_assign::WindowAssign;
use crate::sample::LateRecord;

const FRAME: Frame = Frame { kind: FrameKind::Rows, preceding: Preceding::Unbounded };

/// One subtask, fed step by step.
struct One {
    operator: Box<dyn Operator>,
    context: OperatorContext,
}

impl One {
    fn new(factory: &dyn OperatorFactory) -> Self {
        let context = context(0, 1);
        Self { operator: factory.create(&context).unwrap(), context }
    }

    fn send(&mut self, rows: &[Row], mark: i64) -> Firing {
        let mut batch = batch(&input(), rows);
        batch.watermarks = Some(Int64Array::from(vec![mark; rows.len()]));
        batch.origin = Some(4);
        self.operator.on_batch(0, batch, &mut Output::default()).unwrap();
        self.operator.next_firing()
    }

    fn advance(&mut self, mark: i64) -> Firing {
        self.operator.on_watermark(Watermark(mark), &mut Output::default()).unwrap();
        self.operator.next_firing()
    }

    fn sample(&self) -> Option<LateRecord> {
        self.context.metrics.late_sample.take()
    }
}

fn at(ms: i64) -> Firing {
    Firing::EventTime(Some(ms))
}

const NOTHING: Firing = Firing::EventTime(None);

#[test]
fn aligned_windows_fire_at_their_last_millisecond() {
    let tumble = WindowKind::Tumble { size_ms: 100, offset_ms: 0 };
    let mut one = One::new(&aggregate(tumble));
    assert_eq!(one.operator.next_firing(), NOTHING);
    assert_eq!(one.send(&[(Some("a"), None, 250)], 0), at(299));
    assert_eq!(one.send(&[(Some("b"), None, 120)], 0), at(199));
    assert_eq!(one.advance(198), at(199));
    assert_eq!(one.advance(199), at(299));
    assert_eq!(one.advance(1_000), NOTHING);

    let hop = WindowKind::Hop { size_ms: 100, slide_ms: 50, offset_ms: 0 };
    let mut one = One::new(&aggregate(hop));
    assert_eq!(one.send(&[(Some("a"), None, 120)], 0), at(149));
    assert_eq!(one.advance(149), at(199));
    assert_eq!(one.advance(199), NOTHING);

    let cumulate = WindowKind::Cumulate { max_ms: 100, step_ms: 50, offset_ms: 0 };
    let mut one = One::new(&aggregate(cumulate));
    assert_eq!(one.send(&[(Some("a"), None, 20)], 0), at(49));
    assert_eq!(one.advance(49), at(99));
    assert_eq!(one.advance(99), NOTHING);
}

#[test]
fn a_session_that_is_extended_fires_later() {
    let mut one = One::new(&aggregate(WindowKind::Session { gap_ms: 10 }));
    assert_eq!(one.send(&[(Some("a"), None, 100)], 0), at(109));
    assert_eq!(one.send(&[(Some("b"), None, 104)], 0), at(109));
    assert_eq!(one.send(&[(Some("a"), None, 108)], 0), at(113));
    // Two sessions of a key become one.
    assert_eq!(one.send(&[(Some("b"), None, 122)], 0), at(113));
    assert_eq!(one.send(&[(Some("b"), None, 113)], 0), at(117));
    assert_eq!(one.advance(117), at(131));
    assert_eq!(one.advance(131), NOTHING);
}

#[test]
fn over_aggregates_wait_for_the_time_of_their_next_record() {
    let mut one = One::new(&over(TimeAttribute::Event { column: 2 }, FRAME, vec![0]));
    assert_eq!(one.send(&[(Some("a"), None, 250), (Some("a"), None, 120)], 0), at(120));
    assert_eq!(one.advance(120), at(250));
    assert_eq!(one.advance(250), NOTHING);
    let clock = One::new(&over(TimeAttribute::Processing, FRAME, vec![0]));
    assert_eq!(clock.operator.next_firing(), Firing::Untimed);
}

#[test]
fn windows_by_the_clock_say_so() {
    let calls = vec![(call(F::CountStar, None), "a".to_owned())];
    for (kind, due) in [
        (WindowKind::Tumble { size_ms: 100, offset_ms: 0 }, 300),
        (WindowKind::Session { gap_ms: 100 }, 350),
    ] {
        let time = TimeAttribute::Processing;
        let factory =
            WindowAggregate::new(input(), kind, time, None, vec![0], calls.clone(), vec![]);
        let (context, _clock) = context_at(0, 1, 250);
        let mut operator = factory.unwrap().create(&context).unwrap();
        assert_eq!(operator.next_firing(), Firing::ProcessingTime(None));
        let rows = batch(&input(), &[(Some("a"), None, 0)]);
        operator.on_batch(0, rows, &mut Output::default()).unwrap();
        assert_eq!(operator.next_firing(), Firing::ProcessingTime(Some(due)));
    }
    let tumble = WindowKind::Tumble { size_ms: 100, offset_ms: 0 };
    let event = TimeAttribute::Event { column: 2 };
    let assign = WindowAssign::new(input(), tumble, event, None).unwrap();
    assert_eq!(One::new(&assign).operator.next_firing(), Firing::Untimed);
}

#[test]
fn one_late_record_is_kept_with_its_times_only() {
    let tumble = WindowKind::Tumble { size_ms: 100, offset_ms: 0 };
    let late = |event_ms, watermark_ms, due_ms| {
        // The test's metrics know no sources.
        Some(LateRecord { origin: None, event_ms, watermark_ms, due_ms })
    };
    let mut one = One::new(&aggregate(tumble));
    one.send(&[(Some("a"), None, 120), (Some("a"), None, 250)], 199);
    assert_eq!(one.sample(), late(120, 199, 199));
    one.send(&[(Some("a"), None, 260)], 199);
    assert_eq!(one.sample(), None);

    let mut one = One::new(&aggregate(WindowKind::Session { gap_ms: 10 }));
    one.send(&[(Some("a"), None, 100), (Some("a"), None, 90)], 150);
    assert_eq!(one.sample(), late(100, 150, 109));

    let mut one = One::new(&over(TimeAttribute::Event { column: 2 }, FRAME, vec![0]));
    one.send(&[(Some("a"), None, 151), (Some("a"), None, 150)], 150);
    assert_eq!(one.sample(), late(150, 150, 150));
    assert_eq!(late(150, 150, 150).unwrap().late_by_ms(), 1);
}
