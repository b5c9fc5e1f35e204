//! Watermarks of a source subtask.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, Int64Array, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray,
};

use crate::batch::StreamElement;
use crate::runtime::event_time::{EventTime, event_millis};

const MIN: i64 = i64::MIN;

fn splits(ids: &[&str], timeout_ms: Option<u64>) -> EventTime {
    let mut it = EventTime::new(timeout_ms.map(Duration::from_millis));
    it.found(ids.iter().map(|id| (*id).to_owned()).collect(), 0);
    it
}

fn records(it: &mut EventTime, split: &str, own: Vec<Option<i64>>, now: i64) -> Vec<i64> {
    it.records(split, &Int64Array::from(own), now).values().to_vec()
}

fn told(elements: Vec<StreamElement>) -> Vec<String> {
    elements.iter().map(|element| format!("{element:?}")).collect()
}

#[test]
fn a_record_without_a_watermark_changes_nothing() {
    let mut it = splits(&["a"], None);
    let got = records(&mut it, "a", vec![Some(5), None, Some(3), Some(9), None], 0);
    assert_eq!(got, [MIN, 5, 5, 5, 9]);
    assert_eq!(told(it.settle(0, false)), ["Watermark(Watermark(9))"]);
    assert_eq!(records(&mut it, "a", vec![None, None], 0), [9, 9]);
    assert!(it.settle(0, false).is_empty());
}

#[test]
fn the_own_split_counts_with_its_running_value() {
    let mut it = splits(&["a", "b"], None);
    assert_eq!(records(&mut it, "a", vec![Some(1), Some(50)], 0), [MIN, MIN]);
    assert!(it.settle(0, false).is_empty());
    assert_eq!(records(&mut it, "b", vec![Some(10), Some(60), Some(70)], 0), [MIN, 10, 50]);
    assert_eq!(told(it.settle(0, false)), ["Watermark(Watermark(50))"]);
    // What was emitted is in force, however slow the split.
    it.found(vec!["c".to_owned()], 0);
    assert_eq!(records(&mut it, "c", vec![Some(1), Some(2)], 0), [50, 50]);
    assert!(it.settle(0, false).is_empty());
}

#[test]
fn an_ended_split_holds_nothing_back() {
    let mut it = splits(&["a", "b"], None);
    records(&mut it, "a", vec![Some(7)], 0);
    assert!(it.settle(0, false).is_empty());
    it.ended("b");
    assert_eq!(told(it.settle(0, false)), ["Watermark(Watermark(7))"]);
    it.ended("a");
    assert_eq!(told(it.settle(0, false)), ["Idle(true)"]);
}

#[test]
fn idleness_begins_after_the_timeout_and_ends_with_a_record() {
    let mut it = splits(&["a", "b"], Some(100));
    records(&mut it, "a", vec![Some(7)], 50);
    assert!(it.settle(99, false).is_empty());
    assert_eq!(told(it.settle(100, false)), ["Watermark(Watermark(7))"]);
    assert!(it.settle(149, false).is_empty());
    assert_eq!(told(it.settle(150, false)), ["Idle(true)"]);
    assert!(it.settle(151, false).is_empty());
    assert_eq!(told(it.wake().into_iter().collect()), ["Idle(false)"]);
    assert_eq!(records(&mut it, "b", vec![Some(20), Some(30)], 160), [7, 20]);
    assert_eq!(told(it.settle(160, false)), ["Watermark(Watermark(30))"]);
}

#[test]
fn no_split_is_idle_once_that_is_known() {
    let mut it = splits(&[], None);
    assert!(it.settle(0, true).is_empty());
    assert_eq!(told(it.settle(0, false)), ["Idle(true)"]);
    it.found(vec!["a".to_owned()], 0);
    assert_eq!(told(it.settle(0, false)), ["Idle(false)"]);
}

#[test]
fn all_units_round_down_to_milliseconds() {
    let check = |column: ArrayRef, want: [i64; 2]| {
        let millis = event_millis(&column).unwrap();
        assert_eq!((millis.value(0), millis.value(1)), (want[0], want[1]));
        assert!(millis.is_null(2));
    };
    let micros = TimestampMicrosecondArray::from(vec![Some(1_999), Some(-1), None]);
    check(Arc::new(micros.clone()), [1, -1]);
    check(Arc::new(micros.with_timezone("UTC")), [1, -1]);
    let nanos = vec![Some(1_999_999), Some(-1_000_001), None];
    check(Arc::new(TimestampNanosecondArray::from(nanos)), [1, -2]);
    check(Arc::new(TimestampMillisecondArray::from(vec![Some(5), Some(-5), None])), [5, -5]);
    check(Arc::new(TimestampSecondArray::from(vec![Some(5), Some(-5), None])), [5000, -5000]);
    let other: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    assert!(event_millis(&other).unwrap_err().message.contains("Int64"));
}
