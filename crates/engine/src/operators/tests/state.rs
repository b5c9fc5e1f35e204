//! Stored state: fixtures of every format, refusals, late records after a restore.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Int8Array, Int64Array, RecordBatch, TimestampMicrosecondArray};

use super::harness::{Fleet, Row, batch, call, context, input, texts};
use super::over::over;
use super::properties::aggregate;
use crate::aggregate::AggregateFunction as F;
use crate::batch::{Batch, RowKind, Watermark};
use crate::operator::{OperatorFactory, Output};
use crate::operators::group_aggregate::GroupAggregate;
use crate::operators::over_aggregate::{Frame, FrameKind, Preceding};
use crate::operators::window::{TimeAttribute, WindowKind};
use crate::operators::window_rank::{OrderKey, WindowRank};
use crate::operators::windowed_aggregate::AttachedWindow;
use crate::state::{KEY_GROUPS, OperatorState, RestoredState};

pub(super) const ROWS: [Row; 5] = [
    (Some("a"), Some(1), 100),
    (Some("b"), Some(2), 250),
    (None, None, 300),
    (Some("a"), Some(4), 1100),
    (Some("a"), Some(-4), 2050),
];

/// The state behind [`ROWS`] as this version writes it, from the fixture. `UPDATE_FIXTURES` in the
/// build environment writes a missing one.
pub(super) fn fixture(name: &str, factory: &dyn OperatorFactory, batch: &Batch) -> OperatorState {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "state", name].iter().collect();
    if option_env!("UPDATE_FIXTURES").is_some() && !path.exists() {
        let mut fleet = Fleet::new(factory, &[0]);
        fleet.send(batch);
        fleet.advance(1000);
        std::fs::write(&path, &fleet.snapshot()[0].bytes).unwrap();
    }
    let bytes = std::fs::read(&path).unwrap();
    OperatorState { format: 1, fingerprint: factory.fingerprint(), bytes }
}

#[track_caller]
fn check(name: &str, kind: WindowKind, fingerprint: &str, want: &[&str]) {
    let factory = aggregate(kind);
    assert_eq!(factory.fingerprint(), fingerprint);
    let state = fixture(name, &factory, &batch(&input(), &ROWS));
    let mut operator = factory.create(&context(0, 1)).unwrap();
    operator.restore(RestoredState { parts: vec![state], groups: 0..KEY_GROUPS }).unwrap();
    let mut out = Output::default();
    operator.on_watermark(Watermark::MAX, &mut out).unwrap();
    assert_eq!(texts(&mut out), want);
}

const AGGREGATES: &str = "keys [Utf8] aggregates [CountStar(), Count(Int64), Sum(Int64), \
                          Min(Int64), Max(Int64), Avg(Int64), Count(distinct Int64)]";

#[test]
fn slices_of_format_1_are_restored() {
    check(
        "slice-windows-v1.arrow",
        WindowKind::Hop { size_ms: 2000, slide_ms: 1000, offset_ms: 0 },
        &format!(
            "window Hop {{ size_ms: 2000, slide_ms: 1000, offset_ms: 0 }} over event time in UTC, \
             {AGGREGATES}"
        ),
        &[
            "a|2|2|5|1|4|2|2|1970-01-01T00:00:00|1970-01-01T00:00:02",
            "b|1|1|2|2|2|2|1|1970-01-01T00:00:00|1970-01-01T00:00:02",
            "-|1|0|-|-|-|-|0|1970-01-01T00:00:00|1970-01-01T00:00:02",
            "a|2|2|0|-4|4|0|2|1970-01-01T00:00:01|1970-01-01T00:00:03",
            "a|1|1|-4|-4|-4|-4|1|1970-01-01T00:00:02|1970-01-01T00:00:04",
        ],
    );
}

#[test]
fn sessions_of_format_1_are_restored() {
    check(
        "session-windows-v1.arrow",
        WindowKind::Session { gap_ms: 1000 },
        &format!("window Session {{ gap_ms: 1000 }} over event time in UTC, {AGGREGATES}"),
        &[
            "b|1|1|2|2|2|2|1|1970-01-01T00:00:00.250|1970-01-01T00:00:01.250",
            "-|1|0|-|-|-|-|0|1970-01-01T00:00:00.300|1970-01-01T00:00:01.300",
            "a|3|3|1|-4|4|0|3|1970-01-01T00:00:00.100|1970-01-01T00:00:03.050",
        ],
    );
}

#[test]
fn groups_of_format_1_are_restored() {
    let calls = [call(F::Sum, Some(1)), call(F::Min, Some(1)), call(F::LastValue, Some(1))];
    let calls = calls.map(|call| (call, "a".to_owned())).to_vec();
    let factory = GroupAggregate::new(input(), vec![0], calls, true).unwrap();
    assert_eq!(
        factory.fingerprint(),
        "group keys [Utf8] aggregates [Sum(Int64), Min(Int64), LastValue(Int64)] retractable"
    );
    let state = fixture("group-aggregate-v1.arrow", &factory, &batch(&input(), &ROWS));
    let mut operator = factory.create(&context(0, 1)).unwrap();
    operator.restore(RestoredState { parts: vec![state], groups: 0..KEY_GROUPS }).unwrap();
    let mut changes = batch(&input(), &[(Some("a"), Some(-4), 0), (Some("b"), Some(2), 0)]);
    changes.kinds = Some(Int8Array::from_value(RowKind::Delete as i8, 2));
    let mut out = Output::default();
    operator.on_batch(0, changes, &mut out).unwrap();
    assert_eq!(texts(&mut out), ["-U a|1|-4|-4", "+U a|5|1|4", "-D b|2|2|2"]);
}

#[test]
fn ranks_of_format_1_are_restored() {
    // The time column stands for the window's end, too.
    let window = AttachedWindow { end: 2, time: TimeAttribute::Event { column: 2 }, zone: None };
    let order = OrderKey { column: 1, descending: true, nulls_first: false };
    let rank = Some("rn".to_owned());
    let factory = WindowRank::new(input(), window, vec![2], vec![order], 1..=2, rank).unwrap();
    let rows = [(Some("a"), Some(1), 2000), (Some("b"), Some(7), 2000), (Some("c"), Some(5), 2000)];
    let mut rows = batch(&input(), &rows);
    let mut columns = rows.rows.columns().to_vec();
    columns[2] = Arc::new(TimestampMicrosecondArray::from_value(2_000_000, 3));
    rows.rows = RecordBatch::try_new(input(), columns).unwrap();
    let state = fixture("window-rank-v1.arrow", &factory, &rows);
    let mut operator = factory.create(&context(0, 1)).unwrap();
    operator.restore(RestoredState { parts: vec![state], groups: 0..KEY_GROUPS }).unwrap();
    let mut out = Output::default();
    operator.on_watermark(Watermark(1999), &mut out).unwrap();
    assert_eq!(texts(&mut out), ["b|7|1970-01-01T00:00:02|1", "c|5|1970-01-01T00:00:02|2"]);
}

#[test]
fn frames_of_format_1_are_restored() {
    let frame = Frame { kind: FrameKind::Rows, preceding: Preceding::Rows(1) };
    let factory = over(TimeAttribute::Event { column: 2 }, frame, vec![0]);
    assert_eq!(
        factory.fingerprint(),
        "over Rows from Rows(1) by Event { column: 2 } of columns [Utf8, Int64, Timestamp(µs)], \
         kept [0, 1, 2] by [0], keys [Utf8] aggregates [CountStar(), Count(Int64), Sum(Int64), \
         Min(Int64), Max(Int64), FirstValue(Int64), LastValue(Int64), Count(distinct Int64)] \
         retractable"
    );
    let state = fixture("over-aggregate-v1.arrow", &factory, &batch(&input(), &ROWS));
    let mut operator = factory.create(&context(0, 1)).unwrap();
    operator.restore(RestoredState { parts: vec![state], groups: 0..KEY_GROUPS }).unwrap();
    let mut out = Output::default();
    operator.on_watermark(Watermark::MAX, &mut out).unwrap();
    assert_eq!(
        texts(&mut out),
        [
            "a|4|1970-01-01T00:00:01.100999|2|2|5|1|4|1|4|2",
            "a|-4|1970-01-01T00:00:02.050999|2|2|0|-4|4|4|-4|2",
        ]
    );
}

#[test]
fn a_restored_operator_knows_which_windows_have_fired() {
    for kind in [
        WindowKind::Tumble { size_ms: 1000, offset_ms: 0 },
        WindowKind::Cumulate { max_ms: 2000, step_ms: 1000, offset_ms: 0 },
        WindowKind::Session { gap_ms: 100 },
    ] {
        let factory = aggregate(kind);
        let mut fleet = Fleet::new(&factory, &[0]);
        fleet.send(&batch(&input(), &[(Some("a"), Some(1), 100)]));
        fleet.advance(1999);
        let fired = fleet.emitted.len();
        assert!(fired >= 1);
        fleet.rescale(2);
        // The sources' watermarks begin anew, the operator's does not.
        let mut late = batch(&input(), &[(Some("a"), Some(1), 150), (Some("b"), None, 160)]);
        late.watermarks = Some(Int64Array::from(vec![i64::MIN, i64::MIN]));
        fleet.send(&late);
        fleet.advance(i64::MAX);
        assert_eq!((fleet.emitted.len(), fleet.late()), (fired, 2), "{kind:?}");
    }
}

#[test]
fn state_of_another_computation_is_refused() {
    let one = aggregate(WindowKind::Tumble { size_ms: 1000, offset_ms: 0 });
    let other = aggregate(WindowKind::Tumble { size_ms: 2000, offset_ms: 0 });
    let parts = Fleet::new(&one, &[0]).snapshot();
    let mut operator = other.create(&context(0, 1)).unwrap();
    let error = operator.restore(RestoredState { parts, groups: 0..KEY_GROUPS }).unwrap_err();
    assert!(error.to_string().contains("size_ms: 1000"), "{error}");
}
