//! Window operators, case by case.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use chrono_tz::Tz;

use super::harness::{Fleet, Row, batch, call, context_at, input, input_in, run, texts};
use crate::aggregate::AggregateFunction as F;
use crate::batch::{Batch, Watermark};
use crate::operator::{OperatorFactory, Output};
use crate::operators::window::{TimeAttribute, WindowKind, WindowProperty};
use crate::operators::window_aggregate::WindowAggregate;
use crate::operators::window_assign::WindowAssign;
use crate::operators::windowed_aggregate::{AttachedWindow, WindowedAggregate};

const EVENT: TimeAttribute = TimeAttribute::Event { column: 2 };

fn bounds() -> Vec<(WindowProperty, String)> {
    vec![(WindowProperty::Start, "s".to_owned()), (WindowProperty::End, "e".to_owned())]
}

/// Counts per key and window.
fn counted(kind: WindowKind, time: TimeAttribute, zone: Option<Tz>) -> WindowAggregate {
    let calls = vec![(call(F::CountStar, None), "n".to_owned())];
    let schema = input_in(zone.map(|_| "UTC"));
    let mut properties = bounds();
    properties.push((WindowProperty::Time, "t".to_owned()));
    WindowAggregate::new(schema, kind, time, zone, vec![0], calls, properties).unwrap()
}

#[track_caller]
fn check(kind: WindowKind, delay_ms: i64, rows: &[Row], want: &[&str]) {
    assert_eq!(run(&counted(kind, EVENT, None), rows, delay_ms), want);
}

#[test]
fn a_row_is_late_once_its_window_has_fired() {
    let rows = [
        (Some("a"), None, 0),
        (Some("a"), None, 1000),
        // The watermark is 1000: the first window is closed, though not yet emitted.
        (Some("a"), None, 999),
        (Some("a"), None, 1500),
    ];
    check(
        WindowKind::Tumble { size_ms: 1000, offset_ms: 0 },
        0,
        &rows,
        &[
            "a|1|1970-01-01T00:00:00|1970-01-01T00:00:01|1970-01-01T00:00:00.999",
            "a|2|1970-01-01T00:00:01|1970-01-01T00:00:02|1970-01-01T00:00:01.999",
        ],
    );
}

#[test]
fn a_late_row_still_counts_in_the_hopping_windows_that_are_open() {
    let rows = [(Some("a"), None, 0), (Some("a"), None, 1000), (Some("a"), None, 999)];
    check(
        WindowKind::Hop { size_ms: 2000, slide_ms: 1000, offset_ms: 0 },
        0,
        &rows,
        &[
            "a|1|1969-12-31T23:59:59|1970-01-01T00:00:01|1970-01-01T00:00:00.999",
            "a|3|1970-01-01T00:00:00|1970-01-01T00:00:02|1970-01-01T00:00:01.999",
            "a|1|1970-01-01T00:00:01|1970-01-01T00:00:03|1970-01-01T00:00:02.999",
        ],
    );
}

#[test]
fn a_row_between_two_sessions_makes_them_one() {
    let rows = [
        (Some("x"), None, 0),
        (Some("x"), None, 18_000),
        (Some("x"), None, 9_000),
        (Some("x"), None, 40_000),
        (None, None, 41_000),
        (None, None, 51_000),
        (None, None, 61_001),
    ];
    check(
        WindowKind::Session { gap_ms: 10_000 },
        60_000,
        &rows,
        &[
            "x|3|1970-01-01T00:00:00|1970-01-01T00:00:28|1970-01-01T00:00:27.999",
            "x|1|1970-01-01T00:00:40|1970-01-01T00:00:50|1970-01-01T00:00:49.999",
            "-|2|1970-01-01T00:00:41|1970-01-01T00:01:01|1970-01-01T00:01:00.999",
            "-|1|1970-01-01T00:01:01.001|1970-01-01T00:01:11.001|1970-01-01T00:01:11",
        ],
    );
}

#[test]
fn cumulative_windows_fire_at_every_step_from_their_first_row_on() {
    let rows = [(Some("a"), None, 1500), (Some("a"), None, 3000)];
    check(
        WindowKind::Cumulate { max_ms: 3000, step_ms: 1000, offset_ms: 0 },
        0,
        &rows,
        &[
            "a|1|1970-01-01T00:00:00|1970-01-01T00:00:02|1970-01-01T00:00:01.999",
            "a|1|1970-01-01T00:00:00|1970-01-01T00:00:03|1970-01-01T00:00:02.999",
            "a|1|1970-01-01T00:00:03|1970-01-01T00:00:04|1970-01-01T00:00:03.999",
            "a|1|1970-01-01T00:00:03|1970-01-01T00:00:05|1970-01-01T00:00:04.999",
            "a|1|1970-01-01T00:00:03|1970-01-01T00:00:06|1970-01-01T00:00:05.999",
        ],
    );
}

#[test]
fn windows_follow_local_time_through_changes_of_the_clock() {
    // Paris: 23 hours on 2024-03-31, 25 hours on 2024-10-27.
    let zone = Some(Tz::Europe__Paris);
    let kind = WindowKind::Tumble { size_ms: 86_400_000, offset_ms: 0 };
    let factory = counted(kind, EVENT, zone);
    let hour = 3_600_000;
    let spring = 1_711_839_600_000; // 2024-03-30T23:00Z = midnight in Paris
    let autumn = 1_729_980_000_000; // 2024-10-26T22:00Z = midnight in Paris
    let rows: Vec<Row> = (0..24)
        .map(|n| (Some("s"), None, spring + n * hour))
        .chain((0..26).map(|n| (Some("a"), None, autumn + n * hour)))
        .collect();
    let mut fleet = Fleet::new(&factory, &[0]);
    fleet.send(&batch(&input_in(Some("UTC")), &rows));
    fleet.advance(i64::MAX);
    assert_eq!(
        fleet.emitted,
        [
            "s|23|2024-03-31T00:00:00|2024-04-01T00:00:00|2024-03-31T21:59:59.999Z",
            "s|1|2024-04-01T00:00:00|2024-04-02T00:00:00|2024-04-01T21:59:59.999Z",
            "a|25|2024-10-27T00:00:00|2024-10-28T00:00:00|2024-10-27T22:59:59.999Z",
            "a|1|2024-10-28T00:00:00|2024-10-29T00:00:00|2024-10-28T22:59:59.999Z",
        ]
    );
}

#[test]
fn an_hour_that_comes_twice_fires_the_second_time() {
    let zone = Some(Tz::Europe__Paris);
    let kind = WindowKind::Tumble { size_ms: 3_600_000, offset_ms: 0 };
    let factory = counted(kind, EVENT, zone);
    let (context, _) = context_at(0, 1, 0);
    let mut operator = factory.create(&context).unwrap();
    let first = 1_729_987_200_000; // 2024-10-27T00:00Z = 02:00 in Paris, the first time
    let rows = [(Some("a"), None, first), (Some("a"), None, first + 3_600_000)];
    let mut out = Output::default();
    operator.on_batch(0, batch(&input_in(Some("UTC")), &rows), &mut out).unwrap();
    operator.on_watermark(Watermark(first + 7_199_998), &mut out).unwrap();
    assert!(out.is_empty());
    operator.on_watermark(Watermark(first + 7_199_999), &mut out).unwrap();
    let bounds = "2024-10-27T02:00:00|2024-10-27T03:00:00";
    assert_eq!(texts(&mut out), [format!("a|2|{bounds}|2024-10-27T00:59:59.999Z")]);
}

#[test]
fn processing_time_windows_fire_by_the_clock_and_not_at_the_end() {
    for (kind, timer, want) in [
        (WindowKind::Tumble { size_ms: 1000, offset_ms: 0 }, 1000, "a|2|0|1|0.999Z"),
        (WindowKind::Session { gap_ms: 2000 }, 2400, "a|2|0.400|2.400"),
    ] {
        let factory = counted(kind, TimeAttribute::Processing, None);
        let (context, clock) = context_at(0, 1, 400);
        let mut operator = factory.create(&context).unwrap();
        assert_eq!(operator.next_timer(), None);
        let mut out = Output::default();
        let rows = [(Some("a"), None, 0), (Some("a"), None, 99_999)];
        operator.on_batch(0, batch(&input(), &rows), &mut out).unwrap();
        operator.on_watermark(Watermark::MAX, &mut out).unwrap();
        operator.on_end(&mut out).unwrap();
        assert!(out.is_empty());
        assert_eq!(operator.next_timer(), Some(timer));
        clock.set(timer);
        operator.on_timer(timer, &mut out).unwrap();
        let found = texts(&mut out).join(",");
        let found = found.replace("1970-01-01T00:00:0", "");
        assert!(found.starts_with(want), "{found}");
        assert_eq!(operator.next_timer(), None);
    }
}

#[test]
fn a_null_time_ends_the_program() {
    let factory = counted(WindowKind::Tumble { size_ms: 1000, offset_ms: 0 }, EVENT, None);
    let mut operator = factory.create(&context_at(0, 1, 0).0).unwrap();
    let mut broken = batch(&input(), &[(None, None, 0)]).rows.columns().to_vec();
    broken[2] = Arc::new(TimestampMicrosecondArray::new_null(1));
    let rows = Batch::of(RecordBatch::try_new(input(), broken).unwrap());
    let error = operator.on_batch(0, rows, &mut Output::default()).unwrap_err();
    assert!(error.to_string().starts_with("RowTime field should not be null"), "{error}");
}

#[test]
fn a_time_that_is_not_possible_is_refused() {
    for kind in [
        WindowKind::Tumble { size_ms: 0, offset_ms: 0 },
        WindowKind::Hop { size_ms: 10, slide_ms: -1, offset_ms: 0 },
        WindowKind::Session { gap_ms: 0 },
        WindowKind::Cumulate { max_ms: 10, step_ms: 3, offset_ms: 0 },
    ] {
        let made = WindowAggregate::new(input(), kind, EVENT, None, vec![], vec![], vec![]);
        assert!(made.is_err(), "{kind:?}");
    }
}

/// Columns: start, end, key, value.
fn windowed(rows: &[(i64, i64, i64, i64)]) -> Batch {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    let schema = Schema::new(vec![
        Field::new("s", time.clone(), true),
        Field::new("e", time, true),
        Field::new("k", DataType::Int64, true),
        Field::new("v", DataType::Int64, true),
    ]);
    let times = |of: fn(&(i64, i64, i64, i64)) -> i64| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| of(r) * 1000)))
    };
    let numbers = |of: fn(&(i64, i64, i64, i64)) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(of)))
    };
    let columns = vec![times(|r| r.0), times(|r| r.1), numbers(|r| r.2), numbers(|r| r.3)];
    Batch::of(RecordBatch::try_new(Arc::new(schema), columns).unwrap())
}

#[test]
fn windows_that_came_along_fire_at_their_end() {
    let mut rows = windowed(&[
        (0, 1000, 1, 5),
        (1000, 2000, 1, 7),
        (0, 1000, 2, 6),
        // A session of the same end.
        (500, 1000, 1, 9),
        // Late: the watermark has passed its end.
        (0, 1000, 1, 100),
    ]);
    rows.watermarks = Some(Int64Array::from(vec![0, 0, 998, 998, 999]));
    let window = AttachedWindow { end: 1, time: TimeAttribute::Event { column: 1 }, zone: None };
    let calls = vec![(call(F::Max, Some(3)), "m".to_owned())];
    let time = vec![(WindowProperty::Time, "t".to_owned())];
    let factory =
        WindowedAggregate::new(rows.rows.schema(), window, vec![0, 1], calls, time).unwrap();
    let mut fleet = Fleet::new(&factory, &[]);
    fleet.send(&rows);
    fleet.rescale(1);
    fleet.advance(1000);
    let first: Vec<String> = std::mem::take(&mut fleet.emitted);
    assert_eq!(
        first,
        [
            "1970-01-01T00:00:00|1970-01-01T00:00:01|6|1970-01-01T00:00:00.999",
            "1970-01-01T00:00:00.500|1970-01-01T00:00:01|9|1970-01-01T00:00:00.999",
        ]
    );
    fleet.advance(i64::MAX);
    assert_eq!(
        fleet.emitted,
        ["1970-01-01T00:00:01|1970-01-01T00:00:02|7|1970-01-01T00:00:01.999"]
    );
    assert_eq!(fleet.late(), 1);
}

#[test]
fn a_window_tvf_gives_a_row_per_window() {
    let rows = [(Some("a"), Some(1), 1500), (Some("b"), Some(2), -1)];
    for (kind, want) in [
        (
            WindowKind::Tumble { size_ms: 1000, offset_ms: 0 },
            vec!["a 00:00:01 00:00:02", "b 23:59:59 00:00:00"],
        ),
        (
            WindowKind::Hop { size_ms: 2000, slide_ms: 1000, offset_ms: 0 },
            vec![
                "a 00:00:00 00:00:02",
                "a 00:00:01 00:00:03",
                "b 23:59:58 00:00:00",
                "b 23:59:59 00:00:01",
            ],
        ),
    ] {
        let factory = WindowAssign::new(input(), kind, EVENT, None).unwrap();
        let mut operator = factory.create(&context_at(0, 1, 0).0).unwrap();
        let mut out = Output::default();
        operator.on_batch(0, batch(&input(), &rows), &mut out).unwrap();
        let found: Vec<String> = texts(&mut out)
            .iter()
            .map(|text| {
                let cells: Vec<&str> = text.split('|').collect();
                assert_eq!(cells.len(), 6);
                format!("{} {} {}", cells[0], &cells[3][11..], &cells[4][11..])
            })
            .collect();
        assert_eq!(found, want);
        let time = factory.schema().field(5).data_type().clone();
        assert_eq!(time, DataType::Timestamp(TimeUnit::Microsecond, None));
    }
    let session = WindowKind::Session { gap_ms: 1 };
    assert!(WindowAssign::new(input(), session, EVENT, None).is_err());
}
