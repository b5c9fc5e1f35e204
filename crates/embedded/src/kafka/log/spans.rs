//! Transactions as one partition sees them: from where to where, and which were aborted.

use std::collections::BTreeMap;

use crate::kafka::transaction::Outcome;

/// Where a batch starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) offset: i64,
    /// In the file.
    pub(super) position: u64,
}

/// A transaction whose records are not for readers of committed records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kafka) struct Aborted {
    pub(in crate::kafka) producer: i64,
    /// Offset of its first record.
    pub(in crate::kafka) first: i64,
    /// Offset of its marker.
    last: i64,
}

/// The transactions of a partition.
#[derive(Debug, Default)]
pub(super) struct Spans {
    /// First batches of those that are open, by producer.
    open: BTreeMap<i64, Start>,
    /// In the order of their markers.
    aborted: Vec<Aborted>,
}

impl Spans {
    /// Notes a batch of a transaction.
    pub(super) fn note(&mut self, producer: i64, start: Start) {
        self.open.entry(producer).or_insert(start);
    }

    /// Notes a marker at `offset`.
    pub(super) fn end(&mut self, producer: i64, outcome: Outcome, offset: i64) {
        let first = self.open.remove(&producer).map(|start| start.offset);
        if let (Some(first), Outcome::Abort) = (first, outcome) {
            self.aborted.push(Aborted { producer, first, last: offset });
        }
    }

    pub(super) fn is_open(&self, producer: i64) -> bool {
        self.open.contains_key(&producer)
    }

    /// The first batch whose fate is not decided.
    pub(super) fn first_open(&self) -> Option<Start> {
        self.open.values().min_by_key(|start| start.offset).copied()
    }

    /// Aborted transactions that reach into these offsets, `to` not included.
    pub(super) fn aborted(&self, from: i64, to: i64) -> Vec<Aborted> {
        let begin = self.aborted.partition_point(|aborted| aborted.last < from);
        self.aborted[begin..].iter().filter(|aborted| aborted.first < to).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_and_aborted_transactions_are_known() {
        let mut spans = Spans::default();
        let at = |offset: i64| Start { offset, position: 100 * offset.unsigned_abs() };
        for (producer, offset) in [(1, 0), (2, 1), (1, 2), (3, 3)] {
            spans.note(producer, at(offset));
        }
        assert_eq!(spans.first_open(), Some(at(0)));
        spans.end(1, Outcome::Abort, 4);
        assert_eq!(spans.first_open(), Some(at(1)));
        assert!(spans.is_open(2) && !spans.is_open(1));
        spans.end(2, Outcome::Commit, 5);
        spans.end(3, Outcome::Abort, 6);
        // A transaction that has written nothing here.
        spans.end(4, Outcome::Abort, 7);
        assert_eq!(spans.first_open(), None);
        let found = |from, to| {
            let aborted = spans.aborted(from, to).into_iter();
            aborted.map(|aborted| (aborted.producer, aborted.first)).collect::<Vec<_>>()
        };
        assert_eq!(found(0, 8), [(1, 0), (3, 3)]);
        assert_eq!(found(0, 3), [(1, 0)]);
        assert_eq!(found(4, 8), [(1, 0), (3, 3)]);
        assert_eq!(found(5, 8), [(3, 3)]);
        assert_eq!(found(7, 8), []);
    }
}
