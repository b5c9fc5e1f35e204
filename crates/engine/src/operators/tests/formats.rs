//! Fixtures of what state looks like: every kind of aggregate, every operator that has state.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int8Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::harness::{Row, batch, call, context, input, texts};
use super::over::over;
use super::properties::aggregate;
use super::state::{ROWS, fixture};
use crate::aggregate::{AggregateCall, AggregateFunction as F};
use crate::batch::{Batch, RowKind, SchemaRef, Watermark};
use crate::operator::{Operator, OperatorFactory, Output};
use crate::operators::group_aggregate::GroupAggregate;
use crate::operators::over_aggregate::{Frame, FrameKind, Preceding};
use crate::operators::window::{TimeAttribute, WindowKind, WindowProperty};
use crate::operators::window_aggregate::WindowAggregate;
use crate::operators::window_rank::{OrderKey, WindowRank};
use crate::operators::windowed_aggregate::{AttachedWindow, WindowedAggregate};
use crate::state::{KEY_GROUPS, OperatorState, RestoredState};

/// `k STRING, t TIMESTAMP(3), i BIGINT, f DOUBLE, d DECIMAL(10, 2), s STRING, c BOOLEAN`
fn wide() -> SchemaRef {
    let field = |name, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("k", DataType::Utf8),
        field("t", DataType::Timestamp(TimeUnit::Microsecond, None)),
        field("i", DataType::Int64),
        field("f", DataType::Float64),
        field("d", DataType::Decimal128(10, 2)),
        field("s", DataType::Utf8),
        field("c", DataType::Boolean),
    ]))
}

/// Key, time in ms, number (in all numeric columns), text.
type Wide = (&'static str, i64, Option<i64>, Option<&'static str>);

const BEFORE: [Wide; 5] = [
    ("a", 100, Some(3), Some("x")),
    ("a", 200, None, None),
    ("b", 300, Some(-2), Some("z")),
    ("a", 400, Some(8), Some("x")),
    ("c", 500, None, None),
];
const AFTER: [Wide; 3] =
    [("a", 600, Some(3), Some("x")), ("b", 700, Some(5), Some("z")), ("d", 800, Some(1), None)];

fn wide_batch(rows: &[Wide]) -> Batch {
    let numbers = || rows.iter().map(|row| row.2);
    let keys = StringArray::from_iter_values(rows.iter().map(|row| row.0));
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1 * 1000));
    let floats: Float64Array = numbers().map(|n| n.map(|n| n as f64 / 2.0)).collect();
    let decimals: Decimal128Array = numbers().map(|n| n.map(|n| i128::from(n) * 25)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(keys),
        Arc::new(times),
        Arc::new(numbers().collect::<Int64Array>()),
        Arc::new(floats),
        Arc::new(decimals.with_precision_and_scale(10, 2).unwrap()),
        Arc::new(rows.iter().map(|row| row.3).collect::<StringArray>()),
        Arc::new(numbers().map(|n| n.map(|n| n > 2)).collect::<BooleanArray>()),
    ];
    Batch::of(RecordBatch::try_new(wide(), columns).unwrap())
}

/// Every function, over each family of types it has.
fn calls() -> Vec<(AggregateCall, String)> {
    let (i, f, d, s, c) = (2, 3, 4, 5, 6);
    let distinct = |call| AggregateCall { distinct: true, ..call };
    let list = || F::ListAgg("+".to_owned());
    let calls = vec![
        call(F::CountStar, None),
        call(F::Count, Some(s)),
        call(F::Sum, Some(i)),
        call(F::Sum, Some(f)),
        call(F::Sum, Some(d)),
        call(F::Avg, Some(i)),
        call(F::Avg, Some(f)),
        call(F::Avg, Some(d)),
        call(F::Min, Some(i)),
        call(F::Min, Some(s)),
        call(F::Min, Some(c)),
        call(F::Max, Some(d)),
        call(F::Max, Some(s)),
        call(F::FirstValue, Some(i)),
        call(F::LastValue, Some(s)),
        call(list(), Some(s)),
        call(F::Collect, Some(s)),
        call(F::StddevPop, Some(i)),
        call(F::StddevSamp, Some(f)),
        call(F::VarPop, Some(f)),
        call(F::VarSamp, Some(i)),
        distinct(call(F::Count, Some(s))),
        distinct(call(F::Sum, Some(i))),
        distinct(call(list(), Some(s))),
        AggregateCall { filter: Some(c), ..call(F::Sum, Some(i)) },
    ];
    calls.into_iter().map(|call| (call, "a".to_owned())).collect()
}

fn window_of_all() -> WindowAggregate {
    let window = WindowKind::Tumble { size_ms: 5000, offset_ms: 0 };
    let time = TimeAttribute::Event { column: 1 };
    WindowAggregate::new(wide(), window, time, None, vec![0], calls(), Vec::new()).unwrap()
}

fn groups_of_all() -> GroupAggregate {
    GroupAggregate::new(wide(), vec![0], calls(), true).unwrap()
}

const AGGREGATES: &str = "keys [Utf8] aggregates [CountStar(), Count(Utf8), Sum(Int64), \
                          Sum(Float64), Sum(Decimal128(10, 2)), Avg(Int64), Avg(Float64), \
                          Avg(Decimal128(10, 2)), Min(Int64), Min(Utf8), Min(Boolean), \
                          Max(Decimal128(10, 2)), Max(Utf8), FirstValue(Int64), LastValue(Utf8), \
                          ListAgg(\"+\")(Utf8), Collect(Utf8), StddevPop(Int64), \
                          StddevSamp(Float64), VarPop(Float64), VarSamp(Int64), \
                          Count(distinct Utf8), Sum(distinct Int64), \
                          ListAgg(\"+\")(distinct Utf8), Sum(Int64) filtered]";

/// `window_end` for a window of the upstream: the time column stands for it.
fn attached() -> WindowedAggregate {
    let window = AttachedWindow { end: 2, time: TimeAttribute::Event { column: 2 }, zone: None };
    let calls = vec![(call(F::Sum, Some(1)), "a".to_owned())];
    let properties = vec![(WindowProperty::End, "e".to_owned())];
    WindowedAggregate::new(input(), window, vec![0], calls, properties).unwrap()
}

fn ranks() -> WindowRank {
    let window = AttachedWindow { end: 2, time: TimeAttribute::Event { column: 2 }, zone: None };
    let order = OrderKey { column: 1, descending: true, nulls_first: false };
    WindowRank::new(input(), window, vec![2], vec![order], 1..=2, None).unwrap()
}

fn restored(factory: &dyn OperatorFactory, state: OperatorState) -> Box<dyn Operator> {
    let mut operator = factory.create(&context(0, 1)).unwrap();
    operator.restore(RestoredState { parts: vec![state], groups: 0..KEY_GROUPS }).unwrap();
    operator
}

fn sent(operator: &mut dyn Operator, batch: Batch) -> Vec<String> {
    let mut out = Output::default();
    operator.on_batch(0, batch, &mut out).unwrap();
    texts(&mut out)
}

fn ended(operator: &mut dyn Operator) -> Vec<String> {
    let mut out = Output::default();
    operator.on_watermark(Watermark::MAX, &mut out).unwrap();
    let mut texts = texts(&mut out);
    texts.sort();
    texts
}

#[test]
fn every_aggregate_of_format_1_is_restored() {
    let factory = window_of_all();
    let window = "window Tumble { size_ms: 5000, offset_ms: 0 } over event time in UTC";
    assert_eq!(factory.fingerprint(), format!("{window}, {AGGREGATES}"));
    let state = fixture("aggregates-v1.arrow", &factory, &wide_batch(&BEFORE));
    let mut operator = restored(&factory, state);
    assert_eq!(sent(operator.as_mut(), wide_batch(&AFTER)), [""; 0]);
    assert_eq!(
        ended(operator.as_mut()),
        [
            "a|4|3|14|7.0|3.50|4|2.3333333333333335|1.166667|3|x|true|2.00|x|3|x|x+x+x|{x: 3}|2|\
             1.4433756729740645|1.3888888888888893|8|1|11|x|14",
            "b|2|2|3|1.5|0.75|1|0.75|0.375000|-2|z|false|1.25|z|-2|z|z+z|{z: 2}|3|\
             2.4748737341529163|3.0625|25|1|3|z|5",
            "c|1|0|-|-|-|-|-|-|-|-|-|-|-|-|-|-|{}|-|-|-|-|0|-|-|-",
            "d|1|0|1|0.5|0.25|1|0.5|0.250000|1|-|false|0.25|-|1|-|-|{}|0|-|0.0|-|0|1|-|-",
        ]
    );
}

#[test]
fn every_retractable_aggregate_of_format_1_is_restored() {
    let factory = groups_of_all();
    assert_eq!(factory.fingerprint(), format!("group {AGGREGATES} retractable"));
    let state = fixture("aggregates-retractable-v1.arrow", &factory, &wide_batch(&BEFORE));
    let mut operator = restored(&factory, state);
    // Takes the first record of `a` and the only one of `b` back.
    let mut changes = wide_batch(&[BEFORE[0], BEFORE[2]]);
    changes.kinds = Some(Int8Array::from_value(RowKind::Delete as i8, 2));
    assert_eq!(
        sent(operator.as_mut(), changes),
        [
            "-U a|3|2|11|5.5|2.75|5|2.75|1.375000|3|x|true|2.00|x|3|x|x+x|{x: 2}|2|\
             1.7677669529663689|1.5625|13|1|11|x|11",
            "+U a|2|1|8|4.0|2.00|8|4.0|2.000000|8|x|true|2.00|x|8|x|x|{x: 1}|0|-|0.0|-|1|8|x|8",
            "-D b|1|1|-2|-1.0|-0.50|-2|-1.0|-0.500000|-2|z|false|-0.50|z|-2|z|z|{z: 1}|0|-|0.0|-|\
             1|-2|z|-",
        ]
    );
}

#[test]
fn cumulating_windows_of_format_1_are_restored() {
    let factory = aggregate(WindowKind::Cumulate { max_ms: 2000, step_ms: 500, offset_ms: 0 });
    let state = fixture("cumulate-windows-v1.arrow", &factory, &batch(&input(), &ROWS));
    assert_eq!(
        ended(restored(&factory, state).as_mut()),
        [
            // What ends at 500 and 1000 had fired.
            "-|1|0|-|-|-|-|0|1970-01-01T00:00:00|1970-01-01T00:00:01.500",
            "-|1|0|-|-|-|-|0|1970-01-01T00:00:00|1970-01-01T00:00:02",
            "a|1|1|-4|-4|-4|-4|1|1970-01-01T00:00:02|1970-01-01T00:00:02.500",
            "a|1|1|-4|-4|-4|-4|1|1970-01-01T00:00:02|1970-01-01T00:00:03",
            "a|1|1|-4|-4|-4|-4|1|1970-01-01T00:00:02|1970-01-01T00:00:03.500",
            "a|1|1|-4|-4|-4|-4|1|1970-01-01T00:00:02|1970-01-01T00:00:04",
            "a|2|2|5|1|4|2|2|1970-01-01T00:00:00|1970-01-01T00:00:01.500",
            "a|2|2|5|1|4|2|2|1970-01-01T00:00:00|1970-01-01T00:00:02",
            "b|1|1|2|2|2|2|1|1970-01-01T00:00:00|1970-01-01T00:00:01.500",
            "b|1|1|2|2|2|2|1|1970-01-01T00:00:00|1970-01-01T00:00:02",
        ]
    );
}

#[test]
fn attached_windows_of_format_1_are_restored() {
    let factory = attached();
    assert_eq!(
        factory.fingerprint(),
        "attached window over event time in UTC, keys [Utf8] aggregates [Sum(Int64)]"
    );
    let rows: [Row; 3] =
        [(Some("a"), Some(1), 2000), (Some("a"), Some(2), 2000), (None, None, 3000)];
    let state = fixture("attached-windows-v1.arrow", &factory, &batch(&input(), &rows));
    assert_eq!(
        ended(restored(&factory, state).as_mut()),
        ["-|-|1970-01-01T00:00:03", "a|3|1970-01-01T00:00:02"]
    );
}

#[test]
fn ranges_of_format_1_are_restored() {
    for (name, preceding, second) in [
        ("over-interval-v1.arrow", Preceding::IntervalMs(1500), "2|2|0|-4|4|4|-4|2"),
        ("over-unbounded-v1.arrow", Preceding::Unbounded, "3|3|1|-4|4|1|-4|3"),
    ] {
        let frame = Frame { kind: FrameKind::Range, preceding };
        let factory = over(TimeAttribute::Event { column: 2 }, frame, vec![0]);
        let state = fixture(name, &factory, &batch(&input(), &ROWS));
        let want = [
            format!("a|-4|1970-01-01T00:00:02.050999|{second}"),
            "a|4|1970-01-01T00:00:01.100999|2|2|5|1|4|1|4|2".to_owned(),
        ];
        assert_eq!(ended(restored(&factory, state).as_mut()), want);
    }
}

#[test]
fn an_unknown_format_is_refused_by_every_operator() {
    let frame = Frame { kind: FrameKind::Rows, preceding: Preceding::Rows(1) };
    let factories: [Box<dyn OperatorFactory>; 7] = [
        Box::new(window_of_all()),
        Box::new(groups_of_all()),
        Box::new(aggregate(WindowKind::Cumulate { max_ms: 20, step_ms: 5, offset_ms: 0 })),
        Box::new(aggregate(WindowKind::Session { gap_ms: 10 })),
        Box::new(attached()),
        Box::new(ranks()),
        Box::new(over(TimeAttribute::Event { column: 2 }, frame, vec![0])),
    ];
    for factory in factories {
        let mut state = factory.create(&context(0, 1)).unwrap().snapshot().unwrap().unwrap();
        assert_eq!(state.format, 1, "a new format needs fixtures of its own");
        state.format = 2;
        let mut operator = factory.create(&context(0, 1)).unwrap();
        let parts = RestoredState { parts: vec![state], groups: 0..KEY_GROUPS };
        let error = operator.restore(parts).unwrap_err();
        assert_eq!(error.message, "the state has format 2, this version reads format 1");
        assert!(!error.fault.retry);
    }
}
