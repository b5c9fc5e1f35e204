//! A sparse index over the batches of a log, held in memory.

use super::batch::Header;

/// One entry for this many bytes of log: what a lookup scans at most, batch by batch.
const INTERVAL: u64 = 4096;

/// Where some of the batches start.
#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<Entry>,
    /// Newest timestamp of all batches, and where the first batch that has it starts.
    newest: Option<(i64, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: i64,
    position: u64,
    /// Newest timestamp of everything before this entry. Never falls, so it can be searched.
    newest_before: i64,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), newest: None }
    }

    /// Notes the batch that starts at `position`, after all batches noted before.
    pub(super) fn add(&mut self, batch: &Header, position: u64) {
        let is_due = self.entries.last().is_none_or(|last| position - last.position >= INTERVAL);
        let newest_before = self.newest.map_or(i64::MIN, |(timestamp, _)| timestamp);
        if is_due {
            self.entries.push(Entry { offset: batch.base_offset, position, newest_before });
        }
        if self.newest.is_none_or(|(timestamp, _)| batch.max_timestamp > timestamp) {
            self.newest = Some((batch.max_timestamp, position));
        }
    }

    /// From where to scan for the batch that holds `offset`.
    pub(super) fn before_offset(&self, offset: i64) -> u64 {
        self.last_where(|entry| entry.offset <= offset)
    }

    /// From where to scan for the first batch with a timestamp of `timestamp` or later.
    pub(super) fn before_time(&self, timestamp: i64) -> u64 {
        self.last_where(|entry| entry.newest_before < timestamp)
    }

    /// Newest timestamp and the start of the first batch that has it.
    pub(super) fn newest(&self) -> Option<(i64, u64)> {
        self.newest
    }

    fn last_where(&self, holds: impl Fn(&Entry) -> bool) -> u64 {
        let count = self.entries.partition_point(holds);
        count.checked_sub(1).map_or(0, |last| self.entries[last].position)
    }
}
