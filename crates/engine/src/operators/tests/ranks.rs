//! Top-N and deduplication per window.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::harness::Fleet;
use crate::batch::Batch;
use crate::operators::window::TimeAttribute;
use crate::operators::window_rank::{OrderKey, WindowRank};
use crate::operators::windowed_aggregate::AttachedWindow;

/// Columns: window end, key, value, time.
type Row = (i64, i64, Option<i64>, i64);

fn schema() -> Arc<Schema> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    Arc::new(Schema::new(vec![
        Field::new("e", time.clone(), true),
        Field::new("k", DataType::Int64, true),
        Field::new("v", DataType::Int64, true),
        Field::new("t", time, true),
    ]))
}

fn batch(rows: &[Row]) -> Batch {
    let times = |of: fn(&Row) -> i64| -> ArrayRef {
        let values = rows.iter().map(|row| of(row) * 1000);
        Arc::new(TimestampMicrosecondArray::from_iter_values(values))
    };
    let keys = Int64Array::from_iter_values(rows.iter().map(|row| row.1));
    let values: Int64Array = rows.iter().map(|row| row.2).collect();
    let columns = vec![times(|row| row.0), Arc::new(keys), Arc::new(values), times(|row| row.3)];
    Batch::of(RecordBatch::try_new(schema(), columns).unwrap())
}

fn factory(order: OrderKey, ranks: std::ops::RangeInclusive<u64>, rank: bool) -> WindowRank {
    let window = AttachedWindow { end: 0, time: TimeAttribute::Event { column: 3 }, zone: None };
    let rank = rank.then(|| "rn".to_owned());
    WindowRank::new(schema(), window, vec![0, 1], vec![order], ranks, rank).unwrap()
}

const DOWN: OrderKey = OrderKey { column: 2, descending: true, nulls_first: false };
const LATEST: OrderKey = OrderKey { column: 3, descending: true, nulls_first: false };
const EARLIEST: OrderKey = OrderKey { column: 3, descending: false, nulls_first: true };

/// The emitted rows without the date and the time column.
fn short(emitted: &[String]) -> Vec<String> {
    let row = |text: &String| {
        let cells: Vec<&str> = text.split('|').collect();
        let rank = cells.get(4).map_or(String::new(), |rank| format!(" #{rank}"));
        format!("{} {} {}{rank}", &cells[0][17..], cells[1], cells[2])
    };
    emitted.iter().map(row).collect()
}

#[track_caller]
fn check(factory: &WindowRank, rows: &[Row], want: &[&str]) {
    for restored in [false, true] {
        for size in [1, 2, rows.len()] {
            let mut fleet = Fleet::new(factory, &[0, 1]);
            for rows in rows.chunks(size) {
                fleet.send(&batch(rows));
                if restored {
                    fleet.rescale(1);
                }
            }
            fleet.advance(i64::MAX);
            assert_eq!(short(&fleet.emitted), want, "restored {restored}, batches of {size}");
        }
    }
}

#[test]
fn the_first_of_each_window_and_key() {
    let rows = [
        (2000, 1, Some(9), 0),
        (1000, 1, Some(3), 0),
        (1000, 2, None, 0),
        (1000, 1, Some(5), 0),
        (1000, 1, None, 0),
        (1000, 2, Some(1), 0),
        (1000, 1, Some(4), 0),
    ];
    check(
        &factory(DOWN, 1..=2, true),
        &rows,
        &["01 1 5 #1", "01 1 4 #2", "01 2 1 #1", "01 2 - #2", "02 1 9 #1"],
    );
    check(&factory(DOWN, 2..=3, false), &rows, &["01 1 4", "01 1 3", "01 2 -"]);
}

#[test]
fn of_equal_times_the_earlier_is_first_and_the_later_last() {
    let rows = [
        (1000, 1, Some(1), 5),
        (1000, 1, Some(2), 5),
        (1000, 1, Some(3), 4),
        (1000, 1, Some(4), 4),
    ];
    check(&factory(EARLIEST, 1..=1, false), &rows, &["01 1 3"]);
    check(&factory(LATEST, 1..=1, false), &rows, &["01 1 2"]);
    // Top-N is not a deduplication.
    check(&factory(LATEST, 1..=2, false), &rows, &["01 1 1", "01 1 2"]);
}

#[test]
fn late_records_are_dropped_and_counted() {
    let factory = factory(DOWN, 1..=1, false);
    let mut fleet = Fleet::new(&factory, &[0, 1]);
    fleet.send(&batch(&[(1000, 1, Some(1), 0)]));
    fleet.advance(999);
    let mut late = batch(&[(1000, 1, Some(2), 0), (2000, 1, Some(3), 0), (2000, 1, Some(4), 0)]);
    late.watermarks = Some(Int64Array::from(vec![999, 1998, 1999]));
    fleet.send(&late);
    fleet.advance(i64::MAX);
    assert_eq!(short(&fleet.emitted), ["01 1 1", "02 1 3"]);
    assert_eq!(fleet.late(), 2);
}

#[test]
fn a_window_keeps_no_more_than_it_needs() {
    let factory = factory(DOWN, 1..=3, false);
    let mut fleet = Fleet::new(&factory, &[0, 1]);
    let mut all = Vec::new();
    for from in 0..10 {
        let rows: Vec<Row> =
            (0..4096).map(|row| (1000, 7, Some((row * 7919 + from) % 100_003), 0)).collect();
        all.extend(rows.iter().filter_map(|row| row.2));
        fleet.send(&batch(&rows));
    }
    // Of 40960 records no more than two batches wait to be cleared out.
    assert!(fleet.snapshot()[0].bytes.len() < 2 * 4096 * 40);
    fleet.advance(i64::MAX);
    all.sort_unstable();
    let want: Vec<String> = all.iter().rev().take(3).map(|top| format!("01 7 {top}")).collect();
    assert_eq!(short(&fleet.emitted), want);
}
