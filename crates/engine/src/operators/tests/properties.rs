//! Random out-of-order input against the model: straight, restored, restored at another
//! parallelism.

use arrow::array::Int64Array;
use fastrand::Rng;

use super::harness::{Fleet, Row, batch, call, input, marks};
use super::model::expected;
use crate::aggregate::{AggregateCall, AggregateFunction as F};
use crate::operators::window::{TimeAttribute, WindowKind, WindowProperty};
use crate::operators::window_aggregate::WindowAggregate;

const KINDS: [WindowKind; 10] = [
    WindowKind::Tumble { size_ms: 100, offset_ms: 0 },
    WindowKind::Tumble { size_ms: 7, offset_ms: 3 },
    WindowKind::Hop { size_ms: 100, slide_ms: 20, offset_ms: 0 },
    WindowKind::Hop { size_ms: 60, slide_ms: 40, offset_ms: -5 },
    WindowKind::Hop { size_ms: 20, slide_ms: 50, offset_ms: 0 },
    WindowKind::Hop { size_ms: 30, slide_ms: 45, offset_ms: 1 },
    WindowKind::Cumulate { max_ms: 120, step_ms: 30, offset_ms: 0 },
    WindowKind::Cumulate { max_ms: 40, step_ms: 10, offset_ms: 7 },
    WindowKind::Session { gap_ms: 15 },
    WindowKind::Session { gap_ms: 3 },
];

pub(super) fn aggregate(kind: WindowKind) -> WindowAggregate {
    let distinct = AggregateCall { distinct: true, ..call(F::Count, Some(1)) };
    let calls = [
        call(F::CountStar, None),
        call(F::Count, Some(1)),
        call(F::Sum, Some(1)),
        call(F::Min, Some(1)),
        call(F::Max, Some(1)),
        call(F::Avg, Some(1)),
        distinct,
    ];
    let named = |call: AggregateCall| (call, "a".to_owned());
    let properties =
        vec![(WindowProperty::Start, "s".to_owned()), (WindowProperty::End, "e".to_owned())];
    let time = TimeAttribute::Event { column: 2 };
    let calls = calls.into_iter().map(named).collect();
    WindowAggregate::new(input(), kind, time, None, vec![0], calls, properties).unwrap()
}

pub(super) fn random_rows(rng: &mut Rng, rows: usize) -> Vec<Row> {
    const KEYS: [Option<&str>; 6] = [Some("a"), Some("b"), Some("c"), Some(""), None, Some("long")];
    let mut now = rng.i64(-300..300);
    (0..rows)
        .map(|_| {
            now += if rng.u8(..) < 8 { rng.i64(0..400) } else { rng.i64(0..6) };
            let time = now - rng.i64(0..60) * i64::from(rng.u8(..) < 100);
            let value = (rng.u8(..) > 30).then(|| rng.i64(-9..9));
            (KEYS[rng.usize(..KEYS.len())], value, time)
        })
        .collect()
}

/// What may happen between two batches.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Restore,
    Rescale,
}

#[track_caller]
fn check(seed: u64, kind: WindowKind, between: Between) {
    let mut rng = Rng::with_seed(seed);
    let count = rng.usize(1..400);
    let rows = random_rows(&mut rng, count);
    let delay_ms = [0, 10, 50][rng.usize(..3)];
    let marks = marks(&rows, delay_ms);
    let (mut want, late) = expected(kind, &rows, &marks);

    let factory = aggregate(kind);
    let schema = input();
    let mut fleet = Fleet::new(&factory, &[0]);
    let mut from = 0;
    while from < rows.len() {
        let to = rows.len().min(from + rng.usize(1..80));
        let mut batch = batch(&schema, &rows[from..to]);
        batch.watermarks = Some(Int64Array::from(marks[from..to].to_vec()));
        fleet.send(&batch);
        match between {
            Between::Nothing => {}
            Between::Restore => fleet.rescale(1),
            Between::Rescale => fleet.rescale(rng.usize(1..4)),
        }
        // The watermark may be seen late, or not at all between two batches.
        if to < rows.len() && rng.bool() {
            fleet.advance(marks[to]);
        }
        from = to;
    }
    fleet.advance(i64::MAX);
    assert_eq!(fleet.late(), late, "late records of {kind:?}, seed {seed}, {between:?}");
    let ends = |texts: &[String]| -> Vec<String> {
        texts.iter().map(|text| text.rsplit('|').next().unwrap().to_owned()).collect()
    };
    let mut found = fleet.emitted;
    if let Between::Nothing = between {
        assert_eq!(ends(&found), ends(&want), "order of {kind:?}, seed {seed}");
    }
    found.sort();
    want.sort();
    assert_eq!(found, want, "{kind:?}, seed {seed}, {between:?}");
}

fn check_all(between: Between) {
    for seed in 0..15 {
        for kind in KINDS {
            check(seed, kind, between);
        }
    }
}

#[test]
fn windows_equal_firing_after_every_record() {
    check_all(Between::Nothing);
}

#[test]
fn restored_windows_go_on_as_if_nothing_had_happened() {
    check_all(Between::Restore);
}

#[test]
fn windows_move_to_other_subtasks() {
    check_all(Between::Rescale);
}
