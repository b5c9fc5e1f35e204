//! Memory of processes over time: flat, or growing.

use std::collections::BTreeMap;

use serde::Serialize;

/// A process that is younger still fills its caches and buffers.
const SETTLED_MS: u64 = 20_000;

/// Growth is told of processes that were watched for so long afterwards.
const WATCHED_MS: u64 = 30_000;

/// Of one process: time since the beginning in ms, and resident bytes.
type Samples = Vec<(u64, u64)>;

/// Samples of all processes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// By kind, then by process id.
    samples: BTreeMap<&'static str, BTreeMap<u32, Samples>>,
}

/// What is to be said of one kind of process.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct MemoryReport {
    pub(super) kind: &'static str,
    pub(super) processes: usize,
    /// Of processes that had settled.
    pub(super) samples: usize,
    pub(super) median_mb: f64,
    pub(super) max_mb: f64,
    /// How much one process grows in a minute; nothing if none lived long enough to tell.
    pub(super) mb_per_minute: Option<f64>,
}

impl Memory {
    pub(super) fn add(&mut self, kind: &'static str, pid: u32, at_ms: u64, bytes: u64) {
        self.samples.entry(kind).or_default().entry(pid).or_default().push((at_ms, bytes));
    }

    pub(super) fn report(&self) -> Vec<MemoryReport> {
        self.samples.iter().map(|(kind, processes)| report(kind, processes)).collect()
    }
}

fn report(kind: &'static str, processes: &BTreeMap<u32, Samples>) -> MemoryReport {
    let mut all: Vec<f64> = Vec::new();
    // Least squares with one slope and a level for each process.
    let (mut covariance, mut variance) = (0.0, 0.0);
    let mut max_mb = 0.0_f64;
    for samples in processes.values() {
        let began = samples.first().map_or(0, |(at_ms, _)| *at_ms);
        let mb = |bytes: u64| bytes as f64 / 1e6;
        max_mb = samples.iter().fold(max_mb, |max, (_, bytes)| max.max(mb(*bytes)));
        let settled: Vec<(f64, f64)> = samples
            .iter()
            .filter(|(at_ms, _)| at_ms - began >= SETTLED_MS)
            .map(|(at_ms, bytes)| (*at_ms as f64 / 60_000.0, mb(*bytes)))
            .collect();
        all.extend(settled.iter().map(|(_, mb)| mb));
        let ended = samples.last().map_or(0, |(at_ms, _)| *at_ms);
        if ended - began < SETTLED_MS + WATCHED_MS {
            continue;
        }
        let count = settled.len().max(1) as f64;
        let mean_at = settled.iter().map(|(at, _)| at).sum::<f64>() / count;
        let mean_mb = settled.iter().map(|(_, mb)| mb).sum::<f64>() / count;
        for (at, mb) in &settled {
            covariance += (at - mean_at) * (mb - mean_mb);
            variance += (at - mean_at).powi(2);
        }
    }
    all.sort_by(f64::total_cmp);
    MemoryReport {
        kind,
        processes: processes.len(),
        samples: all.len(),
        median_mb: all.get(all.len() / 2).copied().unwrap_or(max_mb),
        max_mb,
        mb_per_minute: (variance > 0.0).then(|| covariance / variance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_seen_within_each_process_and_not_between_them() {
        let mut memory = Memory::default();
        for second in 0..120 {
            // One large and one small process, both flat once settled; and one that grows.
            memory.add("flat", 1, second * 1000, if second < 20 { 5_000_000 } else { 50_000_000 });
            memory.add("flat", 2, second * 1000 + 60_000, 90_000_000);
            memory.add("grows", 3, second * 1000, 10_000_000 + second * 100_000);
        }
        memory.add("young", 4, 0, 1_000_000);
        let reports = memory.report();
        assert_eq!(
            reports.iter().map(|it| it.kind).collect::<Vec<_>>(),
            ["flat", "grows", "young"]
        );
        assert!(reports[0].mb_per_minute.unwrap().abs() < 1e-9, "{reports:?}");
        assert!((reports[1].mb_per_minute.unwrap() - 6.0).abs() < 1e-6, "{reports:?}");
        assert_eq!(reports[2].mb_per_minute, None);
        assert_eq!((reports[0].processes, reports[0].max_mb), (2, 90.0));
    }
}
