//! Stored state: fixtures of every format, refusals, late records after a restore.

use std::path::PathBuf;

use arrow::array::Int64Array;

use super::harness::{Fleet, Row, batch, context, input};
use super::properties::aggregate;
use crate::batch::Watermark;
use crate::operator::{OperatorFactory, Output};
use crate::operators::window::WindowKind;
use crate::state::{KEY_GROUPS, OperatorState, RestoredState};

const ROWS: [Row; 5] = [
    (Some("a"), Some(1), 100),
    (Some("b"), Some(2), 250),
    (None, None, 300),
    (Some("a"), Some(4), 1100),
    (Some("a"), Some(-4), 2050),
];

/// The state behind [`ROWS`] as this version writes it, from the fixture. `UPDATE_FIXTURES` in the
/// build environment writes a missing one.
fn fixture(name: &str, factory: &dyn OperatorFactory) -> OperatorState {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "state", name].iter().collect();
    if option_env!("UPDATE_FIXTURES").is_some() && !path.exists() {
        let mut fleet = Fleet::new(factory, &[0]);
        fleet.send(&batch(&input(), &ROWS));
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
    let state = fixture(name, &factory);
    let mut operator = factory.create(&context(0, 1)).unwrap();
    operator.restore(RestoredState { parts: vec![state], groups: 0..KEY_GROUPS }).unwrap();
    let mut out = Output::default();
    operator.on_watermark(Watermark::MAX, &mut out).unwrap();
    assert_eq!(super::harness::texts(&mut out), want);
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
