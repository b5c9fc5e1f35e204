//! From counters that only rise to what happened within the last minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::protocol::{JobMetrics, OperatorMetrics};

/// Time that rates and shares are of.
const WINDOW: Duration = Duration::from_secs(60);

/// Time between two sets of counters that are remembered.
const SPACING: Duration = Duration::from_secs(5);

/// Remembers counters of the last minute.
#[derive(Debug)]
pub(crate) struct Rates {
    /// Oldest first; the first one is the newest of those that are a minute old, if one is.
    seen: VecDeque<Seen>,
}

/// Counters at a moment.
#[derive(Debug, Default)]
struct Seen {
    /// Time since the job runs.
    at: Duration,
    cpu_ms: u64,
    /// By operator id, and subtask where it is of one.
    operators: BTreeMap<(String, Option<usize>), Counters>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counters {
    records_in: u64,
    records_out: u64,
    bytes: u64,
    busy_ms: u64,
    backpressured_ms: u64,
}

impl Rates {
    /// Begins with a job that has used `cpu_ms` before it runs.
    pub(crate) fn new(cpu_ms: u64) -> Self {
        Self { seen: VecDeque::from([Seen { cpu_ms, ..Seen::default() }]) }
    }

    /// Fills in rates and shares; `at` is the time since the job runs.
    pub(crate) fn fill(&mut self, at: Duration, metrics: &mut JobMetrics) {
        let old = |seen: &Seen| at.saturating_sub(seen.at) >= WINDOW;
        while self.seen.get(1).is_some_and(old) {
            self.seen.pop_front();
        }
        let first = self.seen.front().expect("the first one is only replaced");
        let elapsed = at.saturating_sub(first.at);
        metrics.cpu_permille = permille(metrics.cpu_ms.saturating_sub(first.cpu_ms), elapsed);
        for (id, operator) in &mut metrics.operators {
            let before = |subtask: Option<usize>| {
                first.operators.get(&(id.clone(), subtask)).copied().unwrap_or_default()
            };
            for (index, subtask) in operator.subtasks.iter_mut().enumerate() {
                before(Some(index)).fill(elapsed, subtask);
            }
            before(None).fill(elapsed, operator);
        }
        let newest = self.seen.back().map_or(Duration::ZERO, |seen| seen.at);
        if at.saturating_sub(newest) >= SPACING {
            self.seen.push_back(Seen::of(at, metrics));
        }
    }
}

impl Seen {
    fn of(at: Duration, metrics: &JobMetrics) -> Self {
        let operators = metrics.operators.iter().flat_map(|(id, it)| {
            let subtasks = it.subtasks.iter().enumerate().map(|(index, it)| (Some(index), it));
            let all = std::iter::once((None, it)).chain(subtasks);
            all.map(|(subtask, it)| ((id.clone(), subtask), Counters::of(it)))
        });
        Self { at, cpu_ms: metrics.cpu_ms, operators: operators.collect() }
    }
}

impl Counters {
    fn of(it: &OperatorMetrics) -> Self {
        Self {
            records_in: it.records_in,
            records_out: it.records_out,
            bytes: it.bytes,
            busy_ms: it.busy_ms,
            backpressured_ms: it.backpressured_ms,
        }
    }

    /// Fills in what happened since these, within `elapsed`.
    fn fill(self, elapsed: Duration, now: &mut OperatorMetrics) {
        let rate = |now: u64, before: u64| per_second(now.saturating_sub(before), elapsed);
        now.records_in_per_second = rate(now.records_in, self.records_in);
        now.records_out_per_second = rate(now.records_out, self.records_out);
        now.bytes_per_second = rate(now.bytes, self.bytes);
        // Of the time that all of its subtasks had together.
        let all = elapsed * now.parallelism.max(1);
        let share = |now: u64, before: u64| permille(now.saturating_sub(before), all).min(1000);
        now.busy_permille = share(now.busy_ms, self.busy_ms);
        now.backpressured_permille = share(now.backpressured_ms, self.backpressured_ms);
    }
}

/// A share of a time, in thousandths.
fn permille(ms: u64, of: Duration) -> u32 {
    let all = of.as_millis().max(1);
    u32::try_from(u128::from(ms) * 1000 / all).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with few digits")]
fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() {
        return 0.0;
    }
    // Three digits are enough, and short in a report.
    (count as f64 / time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use model::protocol::OperatorMetrics;

    use super::*;

    fn at(rates: &mut Rates, seconds: u64, records: u64, cpu_ms: u64) -> JobMetrics {
        let operator = OperatorMetrics {
            records_in: records,
            records_out: records / 2,
            bytes: records * 10,
            parallelism: 2,
            busy_ms: cpu_ms,
            backpressured_ms: cpu_ms / 2,
            subtasks: vec![
                OperatorMetrics { parallelism: 1, ..OperatorMetrics::default() },
                OperatorMetrics {
                    records_in: records,
                    busy_ms: cpu_ms,
                    parallelism: 1,
                    ..OperatorMetrics::default()
                },
            ],
            ..OperatorMetrics::default()
        };
        let operators = BTreeMap::from([("a".to_owned(), operator)]);
        let mut metrics = JobMetrics { cpu_ms, operators, ..JobMetrics::default() };
        rates.fill(Duration::from_secs(seconds), &mut metrics);
        metrics
    }

    #[test]
    fn at_first_rates_are_of_the_time_since_the_job_runs() {
        let mut rates = Rates::new(400);
        let metrics = at(&mut rates, 0, 0, 400);
        assert_eq!((metrics.cpu_permille, metrics.operators["a"].records_in_per_second), (0, 0.0));
        let metrics = at(&mut rates, 2, 100, 1400);
        let operator = &metrics.operators["a"];
        assert_eq!(metrics.cpu_permille, 500);
        assert_eq!((operator.records_in_per_second, operator.records_out_per_second), (50.0, 25.0));
        assert_eq!(operator.bytes_per_second, 500.0);
        // Two subtasks had four seconds.
        assert_eq!((operator.busy_permille, operator.backpressured_permille), (350, 175));
        let of_subtask = |it: &OperatorMetrics| (it.records_in_per_second, it.busy_permille);
        assert_eq!(of_subtask(&operator.subtasks[0]), (0.0, 0));
        assert_eq!(of_subtask(&operator.subtasks[1]), (50.0, 700));
    }

    #[test]
    fn what_was_a_minute_ago_is_forgotten() {
        let mut rates = Rates::new(0);
        // Busy for a minute, then idle.
        for second in 1..=60 {
            let metrics = at(&mut rates, second, second * 10, second * 900);
            assert_eq!(metrics.cpu_permille, 900);
            assert_eq!(metrics.operators["a"].records_in_per_second, 10.0);
        }
        let mut before = 900;
        for second in 61..=119 {
            let metrics = at(&mut rates, second, 600, 54_000);
            assert!(metrics.cpu_permille <= before);
            before = metrics.cpu_permille;
        }
        let metrics = at(&mut rates, 125, 600, 54_000);
        assert_eq!((metrics.cpu_permille, metrics.operators["a"].records_in_per_second), (0, 0.0));
        assert!(rates.seen.len() <= 15, "{}", rates.seen.len());
    }
}
