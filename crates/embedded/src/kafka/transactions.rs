//! All transactional ids, and the journal that remembers them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::offsets::Place;
use super::transaction::Transaction;

/// Below this size the journal is not worth rewriting.
const SMALL: u64 = 1 << 20;

/// One entry of the journal: what a transactional id is from now on.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    id: String,
    transaction: Transaction,
}

/// All transactional ids. None is ever forgotten.
#[derive(Debug)]
pub(super) struct Transactions {
    journal: Journal,
    by_id: BTreeMap<String, Transaction>,
    /// Size of the journal after it was rewritten last.
    size_when_compact: u64,
}

impl Transactions {
    pub(super) fn open(path: &Path, sync: bool) -> io::Result<Self> {
        let (journal, records) = Journal::open(path, sync)?;
        let mut transactions = Self { journal, by_id: BTreeMap::new(), size_when_compact: 0 };
        for record in records {
            let Entry { id, transaction } =
                serde_json::from_slice(&record).map_err(io::Error::other)?;
            transactions.by_id.insert(id, transaction);
        }
        transactions.compact_if_worthwhile()?;
        Ok(transactions)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Transaction> {
        self.by_id.get(id)
    }

    /// Writes down what a transactional id is now.
    pub(super) fn put(&mut self, id: &str, transaction: Transaction) -> io::Result<()> {
        if self.by_id.get(id) == Some(&transaction) {
            return Ok(());
        }
        let entry = Entry { id: id.to_owned(), transaction };
        self.journal.append(&serde_json::to_vec(&entry).map_err(io::Error::other)?)?;
        self.by_id.insert(entry.id, entry.transaction);
        self.compact_if_worthwhile()
    }

    /// Those of which this holds.
    pub(super) fn ids_where(&self, holds: impl Fn(&Transaction) -> bool) -> Vec<String> {
        let matching = self.by_id.iter().filter(|(_, transaction)| holds(transaction));
        matching.map(|(id, _)| id.clone()).collect()
    }

    /// When the first open transaction must have ended, milliseconds since 1970.
    pub(super) fn next_deadline(&self) -> Option<i64> {
        self.by_id.values().filter_map(Transaction::deadline).min()
    }

    /// Is it undecided what this group has committed for this partition?
    pub(super) fn hold(&self, group: &str, place: &Place) -> bool {
        self.by_id.values().any(|transaction| transaction.holds(group, place))
    }

    fn compact_if_worthwhile(&mut self) -> io::Result<()> {
        if self.journal.size() < SMALL.max(2 * self.size_when_compact) {
            return Ok(());
        }
        let mut records = Vec::with_capacity(self.by_id.len());
        for (id, transaction) in &self.by_id {
            let entry = Entry { id: id.clone(), transaction: transaction.clone() };
            records.push(serde_json::to_vec(&entry).map_err(io::Error::other)?);
        }
        self.journal.replace(records.into_iter())?;
        self.size_when_compact = self.journal.size();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::transaction::{Admission, Outcome};
    use super::*;

    #[test]
    fn the_last_entry_counts_also_after_reopening_and_compacting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("transactions");
        let mut transactions = Transactions::open(&path, false).unwrap();
        let mut mine = Transaction::new(5);
        let admitted = mine.admit(None, 1_000, None).unwrap();
        let Admission::Admitted(who) = admitted else { panic!("{admitted:?}") };
        for n in 0..5_000 {
            let place = Place { topic: "t".into(), partition: n % 7 };
            mine.add_partitions(who, 10, [place]).unwrap();
            transactions.put("a", mine.clone()).unwrap();
            mine.end(who, Outcome::Commit).unwrap();
            transactions.put("a", mine.clone()).unwrap();
            mine.ended();
            transactions.put("a", mine.clone()).unwrap();
        }
        mine.add_group(who, 20, "g").unwrap();
        transactions.put("a", mine.clone()).unwrap();
        transactions.put("b", Transaction::new(6)).unwrap();
        assert!(path.metadata().unwrap().len() < 2 * SMALL, "compacted on the way");
        drop(transactions);

        let transactions = Transactions::open(&path, false).unwrap();
        assert_eq!(transactions.get("a"), Some(&mine));
        assert_eq!(transactions.get("b"), Some(&Transaction::new(6)));
        assert_eq!(transactions.next_deadline(), Some(1_020));
        assert_eq!(transactions.ids_where(|known| known.deadline().is_none()), ["b"]);
    }
}
