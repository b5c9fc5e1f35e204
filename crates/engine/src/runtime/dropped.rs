//! Log lines about records that were dropped: how many, and one of them, without its contents.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use model::protocol::LogLine;

use super::lineage::table;
use super::node_gauge::NodeGauge;
use crate::graph::NodeIndex;
use crate::sample::LateRecord;

/// Time between two lines about the same.
const REPEAT_MS: i64 = 10_000;

/// What has been told of each node.
#[derive(Debug)]
pub(super) struct Dropped {
    late: Vec<Told>,
    malformed: Vec<Told>,
}

/// What the log knows of one counter.
#[derive(Debug, Clone, Default)]
struct Told {
    count: u64,
    by_source: BTreeMap<NodeIndex, u64>,
    last_ms: Option<i64>,
}

impl Told {
    /// How many more there are and since when, if it is time for a line.
    fn due(&mut self, count: u64, now_ms: i64, last: bool) -> Option<(u64, Option<i64>)> {
        let more = count.saturating_sub(self.count);
        let since = self.last_ms.map(|before| now_ms.saturating_sub(before));
        if more == 0 || since.is_some_and(|since| since < REPEAT_MS && !last) {
            return None;
        }
        self.count = count;
        self.last_ms = Some(now_ms);
        Some((more, since))
    }
}

impl Dropped {
    pub(super) fn new(nodes: &[NodeGauge]) -> Self {
        let none = vec![Told::default(); nodes.len()];
        Self { late: none.clone(), malformed: none }
    }

    /// The lines that are due; with `last` nothing is kept for later.
    pub(super) fn lines(&mut self, nodes: &[NodeGauge], now_ms: i64, last: bool) -> Vec<LogLine> {
        let mut lines = Vec::new();
        let line = |logger: &str, message| LogLine {
            at_ms: now_ms,
            level: "WARN".to_owned(),
            logger: logger.to_owned(),
            message,
        };
        for (index, node) in nodes.iter().enumerate() {
            let malformed = node.sum(|it| &it.malformed_records);
            if let Some((more, since)) = self.malformed[index].due(malformed, now_ms, last) {
                let one = node.sample(|it| &it.malformed_sample);
                let one = one.map(|one| format!("; one of them: {one}")).unwrap_or_default();
                let told = counted(more, since, malformed, "malformed");
                lines.push(line(table(&node.name), format!("{told} skipped{one}")));
            }
            let late = node.sum(|it| &it.late_records);
            let told = &mut self.late[index];
            if let Some((more, since)) = told.due(late, now_ms, last) {
                let from = from(nodes, node, &mut told.by_source, more);
                let one = node.sample(|it| &it.late_sample);
                let one = one.map(|one| sentence(nodes, &one)).unwrap_or_else(|| {
                    "they fell between two windows, into none of them".to_owned()
                });
                let told = counted(more, since, late, "late");
                let name = &node.name;
                lines.push(line("late-records", format!("{told} at {name}, from {from}: {one}")));
            }
        }
        lines
    }
}

/// `3 late records in 10 s (15 in all)`
fn counted(more: u64, since: Option<i64>, all: u64, what: &str) -> String {
    let records = if more == 1 { "record" } else { "records" };
    match since {
        None => format!("{more} {what} {records}"),
        Some(ms) => format!("{more} {what} {records} in {} s ({all} in all)", (ms + 500) / 1000),
    }
}

/// From which tables `more` late records came.
fn from(
    nodes: &[NodeGauge],
    node: &NodeGauge,
    told: &mut BTreeMap<NodeIndex, u64>,
    more: u64,
) -> String {
    let mut by_table: BTreeMap<&str, u64> = BTreeMap::new();
    for (source, count) in node.late_by_source() {
        let before = told.insert(source, count).unwrap_or(0);
        *by_table.entry(table(&nodes[source].name)).or_default() += count.saturating_sub(before);
    }
    let known: u64 = by_table.values().sum();
    let names = |with_count: bool| {
        let one = |(table, count): (&&str, &u64)| match with_count {
            true => format!("`{table}` ({count})"),
            false => format!("`{table}`"),
        };
        let shown = by_table.iter().filter(|(_, count)| !with_count || **count > 0);
        shown.map(one).collect::<Vec<_>>().join(", ")
    };
    match by_table.len() {
        1 => format!("table {}", names(false)),
        _ if known >= more => format!("tables {}", names(true)),
        // An operator in between has mixed them.
        _ => format!("one of the tables {}", names(false)),
    }
}

fn sentence(nodes: &[NodeGauge], one: &LateRecord) -> String {
    let origin = one.origin.map(|origin| format!(" (from `{}`)", table(&nodes[origin].name)));
    format!(
        "one with event time {}{} came when the watermark was {}, {} s too late",
        time(one.event_ms),
        origin.unwrap_or_default(),
        time(one.watermark_ms),
        one.late_by_ms() as f64 / 1000.0
    )
}

fn time(ms: i64) -> String {
    match DateTime::from_timestamp_millis(ms) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::Millis, true),
        None if ms == i64::MAX => "at its end".to_owned(),
        None => format!("{ms} ms"),
    }
}
