//! OVER windows against a model that looks at every frame anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::Int64Array;
use fastrand::Rng;

use super::harness::{Fleet, Row, batch, call, input, marks, texts};
use super::properties::random_rows;
use crate::aggregate::{AggregateCall, AggregateFunction as F};
use crate::operator::{OperatorFactory, Output};
use crate::operators::over_aggregate::{Frame, FrameKind, OverAggregate, Preceding};
use crate::operators::window::TimeAttribute;

const fn frame(kind: FrameKind, preceding: Preceding) -> Frame {
    Frame { kind, preceding }
}

const FRAMES: [Frame; 8] = [
    frame(FrameKind::Rows, Preceding::Unbounded),
    frame(FrameKind::Rows, Preceding::Rows(0)),
    frame(FrameKind::Rows, Preceding::Rows(1)),
    frame(FrameKind::Rows, Preceding::Rows(5)),
    frame(FrameKind::Range, Preceding::Unbounded),
    frame(FrameKind::Range, Preceding::IntervalMs(0)),
    frame(FrameKind::Range, Preceding::IntervalMs(10)),
    frame(FrameKind::Range, Preceding::IntervalMs(300)),
];
const EVENT: TimeAttribute = TimeAttribute::Event { column: 2 };

pub(super) fn over(time: TimeAttribute, frame: Frame, partition: Vec<usize>) -> OverAggregate {
    let distinct = AggregateCall { distinct: true, ..call(F::Count, Some(1)) };
    let calls = [
        call(F::CountStar, None),
        call(F::Count, Some(1)),
        call(F::Sum, Some(1)),
        call(F::Min, Some(1)),
        call(F::Max, Some(1)),
        call(F::FirstValue, Some(1)),
        call(F::LastValue, Some(1)),
        distinct,
    ];
    let calls = calls.map(|call| (call, "a".to_owned())).to_vec();
    OverAggregate::new(input(), partition, time, frame, calls).unwrap()
}

/// What comes out for `rows` in their final order.
fn expected(rows: &[Row], frame: Frame, by_key: bool) -> Vec<String> {
    let mut out = Output::default();
    out.emit(batch(&input(), rows));
    let one = |(at, text): (usize, String)| {
        let (key, _, time) = rows[at];
        let mine = |at: usize| !by_key || rows[at].0 == key;
        let last = match frame.kind {
            FrameKind::Rows => at,
            FrameKind::Range => (0..rows.len()).rfind(|&i| rows[i].2 == time).unwrap(),
        };
        let mut frame_rows: Vec<usize> = (0..=last).filter(|&i| mine(i)).collect();
        match frame.preceding {
            Preceding::Unbounded => {}
            Preceding::Rows(n) => {
                let kept = frame_rows.len().min(usize::try_from(n).unwrap() + 1);
                frame_rows.drain(..frame_rows.len() - kept);
            }
            Preceding::IntervalMs(ms) => frame_rows.retain(|&i| rows[i].2 >= time - ms),
        }
        let values: Vec<i64> = frame_rows.iter().filter_map(|&i| rows[i].1).collect();
        let show = |value: Option<i64>| value.map_or("-".to_owned(), |value| value.to_string());
        let cells = [
            frame_rows.len().to_string(),
            values.len().to_string(),
            show((!values.is_empty()).then(|| values.iter().sum())),
            show(values.iter().min().copied()),
            show(values.iter().max().copied()),
            show(values.first().copied()),
            show(values.last().copied()),
            values.iter().collect::<BTreeSet<_>>().len().to_string(),
        ];
        format!("{text}|{}", cells.join("|"))
    };
    texts(&mut out).into_iter().enumerate().map(one).collect()
}

/// The records that are not late, by time, ties in order of arrival; and how many are late.
fn sorted(rows: &[Row], marks: &[i64]) -> (Vec<Row>, u64) {
    let on_time = rows.iter().zip(marks).filter(|(row, mark)| **mark == i64::MIN || row.2 > **mark);
    let mut on_time: Vec<Row> = on_time.map(|(row, _)| *row).collect();
    on_time.sort_by_key(|row| row.2);
    let late = u64::try_from(rows.len() - on_time.len()).unwrap();
    (on_time, late)
}

#[track_caller]
fn check(seed: u64, frame: Frame, by_key: bool, rescale: usize) {
    let mut rng = Rng::with_seed(seed);
    let count = rng.usize(1..400);
    let rows = random_rows(&mut rng, count);
    let marks = marks(&rows, [0, 10, 50][rng.usize(..3)]);
    let (on_time, late) = sorted(&rows, &marks);
    let mut want = expected(&on_time, frame, by_key);

    let partition = if by_key { vec![0] } else { Vec::new() };
    let factory = over(EVENT, frame, partition.clone());
    let mut fleet = Fleet::new(&factory, &partition);
    let mut from = 0;
    while from < rows.len() {
        let to = rows.len().min(from + rng.usize(1..80));
        let mut batch = batch(&input(), &rows[from..to]);
        batch.watermarks = Some(Int64Array::from(marks[from..to].to_vec()));
        fleet.send(&batch);
        if rescale > 0 {
            fleet.rescale(rng.usize(1..=rescale));
        }
        // The watermark may be seen late, or not at all between two batches.
        if to < rows.len() && rng.bool() {
            fleet.advance(marks[to]);
        }
        from = to;
    }
    fleet.advance(i64::MAX);
    assert_eq!(fleet.late(), late, "late records, {frame:?}, seed {seed}");
    let mut found = fleet.emitted;
    if rescale > 0 {
        // Ties of different keys have no order once they were stored.
        found.sort();
        want.sort();
    }
    assert_eq!(found, want, "{frame:?}, by key {by_key}, seed {seed}");
}

fn check_all(rescale: usize) {
    for seed in 0..15 {
        for frame in FRAMES {
            check(seed, frame, true, rescale);
            if rescale < 2 {
                check(seed, frame, false, rescale);
            }
        }
    }
}

#[test]
fn records_come_in_time_order_with_the_aggregates_of_their_frames() {
    check_all(0);
}

#[test]
fn restored_frames_go_on_as_if_nothing_had_happened() {
    check_all(1);
}

#[test]
fn frames_move_to_other_subtasks() {
    check_all(3);
}

#[test]
fn by_processing_time_records_come_out_at_once() {
    let mut rng = Rng::with_seed(7);
    let rows = random_rows(&mut rng, 200);
    for frame in &FRAMES[..5] {
        // A RANGE has no peers here.
        let in_model = Frame { kind: FrameKind::Rows, ..*frame };
        let factory = over(TimeAttribute::Processing, *frame, vec![0]);
        let mut fleet = Fleet::new(&factory, &[0]);
        for rows in rows.chunks(30) {
            fleet.send(&batch(&input(), rows));
            fleet.rescale(1);
        }
        assert_eq!(fleet.emitted, expected(&rows, in_model, true), "{frame:?}");
    }
}

#[test]
fn keys_out_of_range_are_forgotten() {
    let frame = frame(FrameKind::Range, Preceding::IntervalMs(100));
    let calls = vec![(call(F::Sum, Some(0)), "a".to_owned())];
    let schema = arrow::datatypes::Schema::new(vec![
        arrow::datatypes::Field::new("k", arrow::datatypes::DataType::Int64, true),
        input().field(2).clone(),
    ]);
    let schema = Arc::new(schema);
    let time = TimeAttribute::Event { column: 1 };
    let factory = OverAggregate::new(Arc::clone(&schema), vec![0], time, frame, calls).unwrap();
    let mut fleet = Fleet::new(&factory, &[0]);
    for second in 0..20_i64 {
        let keys = Int64Array::from_iter_values(second * 1000..second * 1000 + 1000);
        let times = arrow::array::TimestampMicrosecondArray::from_value(second * 1_000_000, 1000);
        let rows = arrow::array::RecordBatch::try_new(
            Arc::clone(&schema),
            vec![Arc::new(keys), Arc::new(times)],
        );
        fleet.send(&crate::batch::Batch::of(rows.unwrap()));
        fleet.advance(second * 1000);
    }
    assert_eq!(fleet.emitted.len(), 20_000);
    // Of 20000 keys no more than those of three seconds are kept.
    assert!(fleet.snapshot()[0].bytes.len() < 3 * 1000 * 100);
    assert!(factory.fingerprint().starts_with("over Range from IntervalMs(100) by Event"));
}

#[test]
fn frames_that_cannot_be_are_refused() {
    let new = |time, frame| OverAggregate::new(input(), Vec::new(), time, frame, Vec::new());
    let backwards = frame(FrameKind::Range, Preceding::IntervalMs(-1));
    let mixed = frame(FrameKind::Rows, Preceding::IntervalMs(1));
    assert!(new(EVENT, backwards).is_err());
    assert!(new(EVENT, mixed).is_err());
    assert!(new(TimeAttribute::Processing, FRAMES[6]).is_err());
}
