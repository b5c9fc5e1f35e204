//! What must be in the sinks, computed from the topic alone, and how it compares with what is.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Serialize;

/// Sensor whose records only push the watermark; its windows never fire.
pub(super) const MARK: &str = "mark";

/// Longest list of examples.
const EXAMPLES: usize = 10;

/// A record of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) id: i64,
    pub(super) sensor: String,
    /// Event time in ms.
    pub(super) at_ms: i64,
}

/// Sensor and start of the window in ms.
pub(super) type Key = (String, i64);

/// A window's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) records: i64,
    pub(super) id_sum: i64,
    pub(super) id_min: i64,
    pub(super) id_max: i64,
    /// In order.
    pub(super) ids: Vec<i64>,
}

impl Window {
    fn of(mut ids: Vec<i64>) -> Self {
        ids.sort_unstable();
        Self {
            records: ids.len() as i64,
            id_sum: ids.iter().sum(),
            id_min: ids.first().copied().unwrap_or_default(),
            id_max: ids.last().copied().unwrap_or_default(),
            ids,
        }
    }
}

/// The window of every sensor and time in which there are records.
pub(super) fn windows(readings: &[Reading], size_ms: i64) -> BTreeMap<Key, Window> {
    let mut ids = BTreeMap::<Key, Vec<i64>>::new();
    for reading in readings.iter().filter(|reading| reading.sensor != MARK) {
        let start = reading.at_ms.div_euclid(size_ms) * size_ms;
        ids.entry((reading.sensor.clone(), start)).or_default().push(reading.id);
    }
    ids.into_iter().map(|(key, ids)| (key, Window::of(ids))).collect()
}

/// How a sink compares with what is expected of it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) expected: usize,
    /// There exactly once, and right.
    pub(super) once: usize,
    pub(super) lost: usize,
    pub(super) doubled: usize,
    /// There once, but with another value, or not expected at all.
    pub(super) wrong: usize,
    /// Some of the lost, doubled and wrong ones.
    pub(super) examples: Vec<String>,
}

impl Tally {
    pub(super) fn good(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.wrong == 0
    }

    fn example(&mut self, text: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(text());
        }
    }

    fn lose(&mut self, key: &impl Debug) {
        self.lost += 1;
        self.example(|| format!("lost: {key:?}"));
    }

    fn double(&mut self, key: &impl Debug, times: usize) {
        self.doubled += 1;
        self.example(|| format!("{times} times: {key:?}"));
    }
}

/// Compares each expected window with all rows found for its key.
pub(super) fn compare_windows(
    expected: &BTreeMap<Key, Window>,
    found: impl IntoIterator<Item = (Key, Window)>,
) -> Tally {
    let mut tally = Tally { expected: expected.len(), ..Tally::default() };
    let mut by_key = BTreeMap::<Key, Vec<Window>>::new();
    for (key, window) in found {
        by_key.entry(key).or_default().push(window);
    }
    for (key, want) in expected {
        match by_key.remove(key).as_deref() {
            None => tally.lose(key),
            Some([one]) if one == want => tally.once += 1,
            Some([one]) => {
                tally.wrong += 1;
                tally.example(|| format!("wrong: {key:?}: {}", difference(want, one)));
            }
            Some(many) => tally.double(key, many.len()),
        }
    }
    for (key, rows) in by_key {
        tally.wrong += rows.len();
        tally.example(|| format!("not expected: {key:?}: {rows:?}"));
    }
    tally
}

/// Which records a window lacks or has too often.
fn difference(want: &Window, have: &Window) -> String {
    let mut count = BTreeMap::<i64, i64>::new();
    want.ids.iter().for_each(|id| *count.entry(*id).or_default() -= 1);
    have.ids.iter().for_each(|id| *count.entry(*id).or_default() += 1);
    let some = |keep: &dyn Fn(i64) -> bool| {
        let ids = count.iter().filter(|(_, times)| keep(**times)).map(|(id, _)| *id);
        ids.take(EXAMPLES).collect::<Vec<_>>()
    };
    let (missing, extra) = (some(&|times| times < 0), some(&|times| times > 0));
    if missing.is_empty() && extra.is_empty() {
        let numbers = |it: &Window| (it.records, it.id_sum, it.id_min, it.id_max);
        return format!("{:?}, not {:?}", numbers(have), numbers(want));
    }
    format!("{} of {} records; missing {missing:?}, too many {extra:?}", have.records, want.records)
}

/// Compares ids; each must be there as often as it is expected, which is once unless the input
/// has it more often.
pub(super) fn compare_ids(
    expected: impl IntoIterator<Item = i64>,
    found: impl IntoIterator<Item = i64>,
) -> Tally {
    let mut count = BTreeMap::<i64, (usize, usize)>::new();
    expected.into_iter().for_each(|id| count.entry(id).or_default().0 += 1);
    let mut tally = Tally { expected: count.len(), ..Tally::default() };
    found.into_iter().for_each(|id| count.entry(id).or_default().1 += 1);
    for (id, (want, have)) in count {
        if want == 0 {
            tally.wrong += 1;
            tally.example(|| format!("not expected: id {id}"));
        } else if have < want {
            tally.lose(&id);
        } else if have > want {
            tally.double(&id, have);
        } else {
            tally.once += 1;
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(id: i64, sensor: &str, at_ms: i64) -> Reading {
        Reading { id, sensor: sensor.to_owned(), at_ms }
    }

    fn input() -> Vec<Reading> {
        let mut all: Vec<Reading> = (0..8).map(|id| reading(id, "a", id * 1000)).collect();
        all.push(reading(8, "b", -1));
        all.push(reading(9, MARK, 0));
        all
    }

    fn found() -> Vec<(Key, Window)> {
        windows(&input(), 4000).into_iter().collect()
    }

    #[test]
    fn windows_are_computed_from_the_input() {
        let windows = windows(&input(), 4000);
        let keys: Vec<_> =
            windows.keys().map(|(sensor, start)| (sensor.as_str(), *start)).collect();
        assert_eq!(keys, [("a", 0), ("a", 4000), ("b", -4000)]);
        let second = &windows[&("a".to_owned(), 4000)];
        assert_eq!((second.records, second.id_sum, second.id_min, second.id_max), (4, 22, 4, 7));
        assert_eq!(second.ids, [4, 5, 6, 7]);
        let tally = compare_windows(&windows, found());
        assert_eq!((tally.once, tally.good()), (3, true));
    }

    #[test]
    fn lost_doubled_and_wrong_windows_are_found() {
        let expected = windows(&input(), 4000);
        let check = |found: Vec<(Key, Window)>, want: (usize, usize, usize, usize)| {
            let tally = compare_windows(&expected, found);
            assert_eq!((tally.once, tally.lost, tally.doubled, tally.wrong), want, "{tally:?}");
            assert!(!tally.good());
            tally.examples.join("\n")
        };
        check(found().into_iter().skip(1).collect(), (2, 1, 0, 0));
        check(found().into_iter().chain(found().into_iter().take(1)).collect(), (2, 0, 1, 0));

        let mut a_record_lost = found();
        a_record_lost[0].1 = Window::of(vec![0, 1, 3]);
        assert!(check(a_record_lost, (2, 0, 0, 1)).contains("missing [2]"));
        let mut a_record_doubled = found();
        a_record_doubled[0].1 = Window::of(vec![0, 1, 1, 2, 3]);
        assert!(check(a_record_doubled, (2, 0, 0, 1)).contains("too many [1]"));

        let mut never_there = found();
        never_there.push((("c".to_owned(), 0), Window::of(vec![1])));
        check(never_there, (3, 0, 0, 1));
    }

    #[test]
    fn lost_doubled_and_unknown_ids_are_found() {
        let tally = compare_ids([1, 2, 3, 4], [4, 1, 2, 2, 5]);
        assert_eq!((tally.once, tally.lost, tally.doubled, tally.wrong), (2, 1, 1, 1), "{tally:?}");
        assert!(compare_ids([1, 1, 2], [1, 2, 1]).good());
        assert_eq!(compare_ids([1, 1, 2], [1, 2]).lost, 1);
    }
}
