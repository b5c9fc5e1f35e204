//! A straightforward window aggregation to compare with: record by record, firing after each.

use std::collections::{BTreeMap, BTreeSet};

use crate::operators::window::WindowKind;

use super::harness::Row;

/// The values that a window (start, end) of a key has seen.
type Window = (Option<&'static str>, i64, i64);

/// Computes `key|count(*)|count(v)|sum(v)|min(v)|max(v)|avg(v)|count(distinct v)|start|end` of all
/// windows, and the number of late records.
pub(super) fn expected(kind: WindowKind, rows: &[Row], marks: &[i64]) -> (Vec<String>, u64) {
    let mut open: BTreeMap<Window, Vec<Option<i64>>> = BTreeMap::new();
    let (mut results, mut late) = (Vec::new(), 0);
    for (&(key, value, time), &mark) in rows.iter().zip(marks) {
        fire(&mut open, mark, &mut results);
        let mut windows = assigned(kind, time);
        if let WindowKind::Session { .. } = kind {
            windows = merged(&mut open, key, windows[0]);
        }
        windows.retain(|(_, end)| end - 1 > mark);
        late += u64::from(windows.is_empty());
        for (start, end) in windows {
            open.entry((key, start, end)).or_default().push(value);
        }
    }
    fire(&mut open, i64::MAX, &mut results);
    (results, late)
}

/// All windows of a time, by their definition.
fn assigned(kind: WindowKind, time: i64) -> Vec<(i64, i64)> {
    match kind {
        WindowKind::Tumble { size_ms, offset_ms } => {
            let start = time - (time - offset_ms).rem_euclid(size_ms);
            vec![(start, start + size_ms)]
        }
        WindowKind::Hop { size_ms, slide_ms, offset_ms } => {
            let mut start = time - (time - offset_ms).rem_euclid(slide_ms);
            let mut windows = Vec::new();
            while start + size_ms > time {
                windows.push((start, start + size_ms));
                start -= slide_ms;
            }
            windows
        }
        WindowKind::Cumulate { max_ms, step_ms, offset_ms } => {
            let start = time - (time - offset_ms).rem_euclid(max_ms);
            let ends = (1..=max_ms / step_ms).map(|steps| start + steps * step_ms);
            ends.filter(|end| *end > time).map(|end| (start, end)).collect()
        }
        WindowKind::Session { gap_ms } => vec![(time, time + gap_ms)],
    }
}

/// Merges a new session with those it meets; the values move to the merged one.
fn merged(
    open: &mut BTreeMap<Window, Vec<Option<i64>>>,
    key: Option<&'static str>,
    (mut start, mut end): (i64, i64),
) -> Vec<(i64, i64)> {
    let met: Vec<Window> = open
        .keys()
        .filter(|window| window.0 == key && window.1 <= end && start <= window.2)
        .copied()
        .collect();
    let mut values = Vec::new();
    for window in met {
        values.extend(open.remove(&window).unwrap_or_default());
        start = start.min(window.1);
        end = end.max(window.2);
    }
    if !values.is_empty() {
        open.insert((key, start, end), values);
    }
    vec![(start, end)]
}

fn fire(open: &mut BTreeMap<Window, Vec<Option<i64>>>, mark: i64, results: &mut Vec<String>) {
    let mut due: Vec<Window> = open.keys().filter(|window| window.2 - 1 <= mark).copied().collect();
    due.sort_by_key(|window| window.2);
    for window in due {
        let values = open.remove(&window).unwrap_or_default();
        results.push(text(window, &values));
    }
}

fn text((key, start, end): Window, values: &[Option<i64>]) -> String {
    let present: Vec<i64> = values.iter().flatten().copied().collect();
    let distinct: BTreeSet<i64> = present.iter().copied().collect();
    let sum = (!present.is_empty()).then(|| present.iter().sum::<i64>());
    let average = sum.map(|sum| sum / i64::try_from(present.len()).unwrap());
    let show = |value: Option<i64>| value.map_or("-".to_owned(), |value| value.to_string());
    let bounds = [start, end].map(|ms| {
        let time = chrono::DateTime::from_timestamp_millis(ms).unwrap().naive_utc();
        time.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
    });
    [
        key.unwrap_or("-").to_owned(),
        values.len().to_string(),
        present.len().to_string(),
        show(sum),
        show(distinct.first().copied()),
        show(distinct.last().copied()),
        show(average),
        distinct.len().to_string(),
        bounds[0].clone(),
        bounds[1].clone(),
    ]
    .join("|")
}
