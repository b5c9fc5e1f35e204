//! Aggregation that changes, record by record.

use std::collections::BTreeMap;

use arrow::array::Int8Array;
use fastrand::Rng;

use super::harness::{Fleet, Row, batch, call, input};
use crate::aggregate::{AggregateCall, AggregateFunction as F};
use crate::batch::RowKind;
use crate::operators::group_aggregate::GroupAggregate;

fn grouped(keys: &[usize], calls: Vec<AggregateCall>, updating: bool) -> GroupAggregate {
    let calls = calls.into_iter().map(|call| (call, "a".to_owned())).collect();
    GroupAggregate::new(input(), keys.to_vec(), calls, updating).unwrap()
}

fn sum_and_max() -> Vec<AggregateCall> {
    vec![call(F::CountStar, None), call(F::Sum, Some(1)), call(F::Max, Some(1))]
}

#[test]
fn every_record_shows_its_change() {
    let factory = grouped(&[0], sum_and_max(), false);
    let mut fleet = Fleet::new(&factory, &[0]);
    let rows: [Row; 5] = [
        (Some("a"), Some(1), 0),
        (Some("b"), None, 0),
        (Some("a"), Some(5), 0),
        (Some("a"), None, 0),
        (None, Some(7), 0),
    ];
    fleet.send(&batch(&input(), &rows));
    assert_eq!(
        fleet.emitted,
        ["a|1|1|1", "b|1|-|-", "-U a|1|1|1", "+U a|2|6|5", "-U a|2|6|5", "+U a|3|6|5", "-|1|7|7",]
    );
}

#[test]
fn a_value_that_stays_is_not_sent_again() {
    let factory = grouped(&[], vec![call(F::Max, Some(1)), call(F::Collect, Some(1))], false);
    let mut fleet = Fleet::new(&factory, &[]);
    fleet.send(&batch(&input(), &[(None, Some(5), 0), (None, None, 0)]));
    assert_eq!(fleet.emitted.len(), 1);
    fleet.send(&batch(&input(), &[(None, Some(4), 0)]));
    assert_eq!(fleet.emitted.len(), 3);
}

#[test]
fn records_taken_back_lead_to_a_delete() {
    let factory = grouped(&[0], sum_and_max(), true);
    let mut fleet = Fleet::new(&factory, &[0]);
    let rows: [Row; 6] = [
        (Some("a"), Some(1), 0),
        (Some("a"), Some(5), 0),
        (Some("a"), Some(5), 0),
        (Some("a"), Some(1), 0),
        // Nothing is known of it any more.
        (Some("a"), Some(1), 0),
        (Some("a"), Some(2), 0),
    ];
    let mut changes = batch(&input(), &rows);
    changes.kinds = Some(Int8Array::from(vec![
        RowKind::Insert as i8,
        RowKind::UpdateAfter as i8,
        RowKind::UpdateBefore as i8,
        RowKind::Delete as i8,
        RowKind::Delete as i8,
        RowKind::Insert as i8,
    ]));
    fleet.send(&changes);
    assert_eq!(
        fleet.emitted,
        [
            "a|1|1|1",
            "-U a|1|1|1",
            "+U a|2|6|5",
            "-U a|2|6|5",
            "+U a|1|1|1",
            "-D a|1|1|1",
            "a|1|2|2",
        ]
    );
}

#[test]
fn nothing_in_nothing_out() {
    let factory = grouped(&[], sum_and_max(), false);
    let mut fleet = Fleet::new(&factory, &[]);
    fleet.send(&batch(&input(), &[]));
    fleet.advance(i64::MAX);
    assert!(fleet.emitted.is_empty());
}

/// Applies a changelog; every -U and -D must take back what is there.
fn apply(changes: &[String]) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for change in changes {
        let (kind, row) = match change.split_once(' ') {
            Some((kind @ ("-U" | "+U" | "-D"), row)) => (kind, row),
            _ => ("+I", change.as_str()),
        };
        let key = row.split('|').next().unwrap().to_owned();
        match kind {
            "+I" | "+U" => assert_eq!(rows.insert(key, row.to_owned()), None, "{change}"),
            _ => assert_eq!(rows.remove(&key).as_deref(), Some(row), "{change}"),
        }
    }
    rows
}

/// The groups of what is there, by their definition.
fn expected(present: &[Row]) -> BTreeMap<String, String> {
    let mut groups: BTreeMap<&str, Vec<Option<i64>>> = BTreeMap::new();
    for (key, value, _) in present {
        groups.entry(key.unwrap_or("-")).or_default().push(*value);
    }
    let show = |value: Option<i64>| value.map_or("-".to_owned(), |value| value.to_string());
    let text = |key: &str, values: &[Option<i64>]| {
        let mut seen: Vec<i64> = values.iter().flatten().copied().collect();
        seen.sort_unstable();
        let sum = (!seen.is_empty()).then(|| seen.iter().sum());
        let (low, high) = (seen.first().copied(), seen.last().copied());
        seen.dedup();
        let cells = [show(sum), show(low), show(high)].join("|");
        format!("{key}|{}|{cells}|{}", values.len(), seen.len())
    };
    groups.iter().map(|(key, values)| ((*key).to_owned(), text(key, values))).collect()
}

fn check(seed: u64, rescaled: bool) {
    const KEYS: [Option<&str>; 5] = [Some("a"), Some("b"), Some("c"), Some("d"), None];
    let mut rng = Rng::with_seed(seed);
    let calls = vec![
        call(F::CountStar, None),
        call(F::Sum, Some(1)),
        call(F::Min, Some(1)),
        call(F::Max, Some(1)),
        AggregateCall { distinct: true, ..call(F::Count, Some(1)) },
    ];
    let factory = grouped(&[0], calls, true);
    let mut fleet = Fleet::new(&factory, &[0]);
    let mut present: Vec<Row> = Vec::new();
    for _ in 0..20 {
        let (mut rows, mut kinds) = (Vec::new(), Vec::new());
        for _ in 0..rng.usize(1..30) {
            if !present.is_empty() && rng.u8(..) < 120 {
                rows.push(present.swap_remove(rng.usize(..present.len())));
                kinds.push(RowKind::Delete as i8);
            } else {
                let value = (rng.u8(..) > 40).then(|| rng.i64(-3..3));
                rows.push((KEYS[rng.usize(..KEYS.len())], value, 0));
                kinds.push(RowKind::Insert as i8);
                present.push(rows[rows.len() - 1]);
            }
        }
        let mut changes = batch(&input(), &rows);
        changes.kinds = Some(Int8Array::from(kinds));
        fleet.send(&changes);
        if rescaled {
            fleet.rescale(rng.usize(1..4));
        }
        assert_eq!(apply(&fleet.emitted), expected(&present), "seed {seed}");
    }
}

#[test]
fn the_changelog_adds_up_to_the_groups() {
    for seed in 0..30 {
        check(seed, false);
    }
}

#[test]
fn groups_move_to_other_subtasks() {
    for seed in 0..30 {
        check(seed, true);
    }
}

#[test]
fn groups_that_are_gone_are_forgotten() {
    let factory = grouped(&[1], vec![call(F::CountStar, None)], true);
    let mut fleet = Fleet::new(&factory, &[1]);
    let rows: Vec<Row> = (0..5000).map(|value| (None, Some(value), 0)).collect();
    fleet.send(&batch(&input(), &rows));
    let full = fleet.snapshot()[0].bytes.len();
    let mut back = batch(&input(), &rows[10..]);
    back.kinds = Some(Int8Array::from_value(RowKind::Delete as i8, rows.len() - 10));
    fleet.send(&back);
    assert!(fleet.snapshot()[0].bytes.len() < full / 10);
    fleet.emitted.clear();
    // A group that is left goes on, one that was gone begins anew.
    fleet.send(&batch(&input(), &[(None, Some(3), 0), (None, Some(30), 0)]));
    assert_eq!(fleet.emitted, ["-U 3|1", "+U 3|2", "30|1"]);
}
