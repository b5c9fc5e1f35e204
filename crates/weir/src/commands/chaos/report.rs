//! What is said at the end, as text and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::memory::MemoryReport;
use super::recovery::RecoveryReport;
use super::sinks::{FilesReport, Leftovers};
use super::tally::Tally;

/// Everything that is said at the end.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// Nothing was lost, doubled or wrong, and nothing happened that must not.
    pub(super) good: bool,
    pub(super) seed: u64,
    pub(super) seconds: u64,
    pub(super) applications: usize,
    pub(super) workers: usize,
    pub(super) kafka: String,
    pub(super) guarantee: String,
    pub(super) input: Input,
    /// Faults that happened, by name.
    pub(super) faults: BTreeMap<&'static str, usize>,
    /// Faults that were planned but found nobody to hit, by reason.
    pub(super) skipped: BTreeMap<&'static str, usize>,
    /// Requests to S3, and those that the proxy disturbed.
    pub(super) s3_requests: u64,
    pub(super) s3_disturbed: BTreeMap<&'static str, u64>,
    pub(super) windows: usize,
    pub(super) sinks: Vec<SinkReport>,
    pub(super) files: FilesReport,
    pub(super) leftovers: Leftovers,
    pub(super) late_records: u64,
    pub(super) recovery: Vec<RecoveryReport>,
    pub(super) memory: Vec<MemoryReport>,
    /// Processes that ended without being told to, and were started again.
    pub(super) ended: Vec<String>,
    /// What must not happen.
    pub(super) unexpected: Vec<String>,
}

/// What became of the telemetry that was written.
#[derive(Debug, Default, Serialize)]
pub(super) struct Input {
    pub(super) acknowledged: usize,
    /// The client broke before it knew.
    pub(super) uncertain: usize,
    /// In the topic: what counts.
    pub(super) in_topic: usize,
    /// Acknowledged, but not in the topic; in the topic twice.
    pub(super) lost: usize,
    pub(super) doubled: usize,
}

/// One sink of one application.
#[derive(Debug, Serialize)]
pub(super) struct SinkReport {
    pub(super) application: String,
    pub(super) sink: &'static str,
    #[serde(flatten)]
    pub(super) tally: Tally,
}

impl Report {
    /// Decides whether all is good.
    pub(super) fn judge(&mut self) {
        self.good = self.unexpected.is_empty()
            && self.files.good()
            && self.input.lost + self.input.doubled == 0
            && !self.sinks.is_empty()
            && self.sinks.iter().all(|sink| sink.tally.good());
    }

    /// For people, line by line.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            String::new(),
            format!(
                "Chaos with seed {} for {} s: {} applications, {} workers, {} Kafka, {}",
                self.seed,
                self.seconds,
                self.applications,
                self.workers,
                self.kafka,
                self.guarantee
            ),
            format!("  faults: {}", counts(&self.faults)),
            format!("  planned, but left out: {}", counts(&self.skipped)),
            format!(
                "  requests to S3: {}, disturbed: {}",
                self.s3_requests,
                counts(&self.s3_disturbed)
            ),
            format!(
                "  records: {} acknowledged, {} uncertain, {} in the topic, {} lost, {} doubled; \
                 {} late",
                self.input.acknowledged,
                self.input.uncertain,
                self.input.in_topic,
                self.input.lost,
                self.input.doubled,
                self.late_records
            ),
            format!("  windows: {}", self.windows),
        ];
        lines.extend(self.result_lines());
        if !self.recovery.is_empty() {
            lines.push("  from a kill to RUNNING again (ms): min, median, max".to_owned());
        }
        for it in &self.recovery {
            lines.push(format!(
                "    {:<44} {:>3} times {:>7} {:>7} {:>7}",
                it.cause, it.count, it.min_ms, it.median_ms, it.max_ms
            ));
        }
        lines.push("  memory (MB): median, most, growth of a process in a minute".to_owned());
        for it in &self.memory {
            let growth = it.mb_per_minute.map_or("?".to_owned(), |it| format!("{it:+.2}"));
            lines.push(format!(
                "    {:<8} {:>3} processes {:>7.1} {:>7.1} {growth:>7}",
                it.kind, it.processes, it.median_mb, it.max_mb
            ));
        }
        lines.extend(self.ended.iter().map(|text| format!("  started again: {text}")));
        lines.extend(self.unexpected.iter().map(|text| format!("  UNEXPECTED: {text}")));
        lines.push(if self.good {
            "  Nothing was lost, doubled or wrong.".to_owned()
        } else {
            "  THE PROMISE WAS BROKEN.".to_owned()
        });
        lines
    }

    fn result_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for sink in &self.sinks {
            let Tally { expected, once, lost, doubled, wrong, examples } = &sink.tally;
            lines.push(format!(
                "    {:<10} {:<18} {expected:>8} expected {once:>8} once {lost:>6} lost \
                 {doubled:>6} doubled {wrong:>6} wrong",
                sink.application, sink.sink
            ));
            lines.extend(examples.iter().map(|text| format!("      {text}")));
        }
        let files = &self.files;
        lines.push(format!(
            "  files: {}, {} vanished, {} rewritten; of {} partitions {} have no success file, \
             {} files came after it",
            files.files,
            files.vanished,
            files.rewritten,
            files.partitions,
            files.without_success,
            files.after_success
        ));
        lines.extend(files.examples.iter().map(|text| format!("      {text}")));
        let Leftovers { open_uploads, objects, bytes } = self.leftovers;
        lines.push(format!(
            "  not visible: {open_uploads} open uploads; {objects} objects of checkpoints, {:.1} MB",
            bytes as f64 / 1e6
        ));
        lines
    }
}

fn counts<N: std::fmt::Display>(counts: &BTreeMap<&'static str, N>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let texts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::tally::compare_ids;
    use super::*;

    #[test]
    fn one_lost_record_breaks_the_promise() {
        let sink = |found: &[i64]| SinkReport {
            application: "a".to_owned(),
            sink: "records in S3",
            tally: compare_ids([1, 2], found.iter().copied()),
        };
        let judged = |sinks: Vec<SinkReport>| {
            let mut report = Report { sinks, ..Report::default() };
            report.judge();
            report
        };
        let good = judged(vec![sink(&[2, 1])]);
        assert!(good.good && good.lines().join("\n").contains("Nothing was lost"));
        for found in [&[1][..], &[1, 2, 2], &[1, 2, 3]] {
            let report = judged(vec![sink(&[1, 2]), sink(found)]);
            assert!(!report.good);
            assert!(report.lines().join("\n").contains("PROMISE WAS BROKEN"));
        }
        assert!(!judged(Vec::new()).good, "nothing was compared");
        let mut report = judged(vec![sink(&[1, 2])]);
        report.unexpected.push("a window vanished".to_owned());
        report.judge();
        assert!(!report.good);
    }
}
