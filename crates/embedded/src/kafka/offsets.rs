//! Offsets that consumers have committed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::journal::Journal;

/// Below this size the journal is not worth rewriting.
const SMALL: u64 = 1 << 20;

/// What a consumer has committed for a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Committed {
    /// The next record to read.
    pub(super) offset: i64,
    /// As the consumer gave it, or -1.
    pub(super) leader_epoch: i32,
    /// Words of the consumer.
    pub(super) metadata: String,
}

/// A partition as a committed offset names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: i32,
}

/// One entry of the journal: what happened to the offsets of a group.
#[derive(Debug, Serialize, Deserialize)]
struct Change {
    group: String,
    /// None: forgotten.
    places: Vec<(Place, Option<Committed>)>,
}

/// Committed offsets of all groups.
#[derive(Debug)]
pub(super) struct Offsets {
    journal: Journal,
    groups: BTreeMap<String, BTreeMap<Place, Committed>>,
    /// Size of the journal after it was rewritten last.
    size_when_compact: u64,
}

impl Offsets {
    pub(super) fn open(path: &Path, sync: bool) -> io::Result<Self> {
        let (journal, records) = Journal::open(path, sync)?;
        let mut offsets = Self { journal, groups: BTreeMap::new(), size_when_compact: 0 };
        for record in records {
            let change = serde_json::from_slice(&record).map_err(io::Error::other)?;
            offsets.apply(change);
        }
        offsets.compact_if_worthwhile()?;
        Ok(offsets)
    }

    /// Commits offsets, all or none of them.
    pub(super) fn commit(
        &mut self,
        group: &str,
        places: Vec<(Place, Committed)>,
    ) -> io::Result<()> {
        let places = places.into_iter().map(|(place, what)| (place, Some(what))).collect();
        self.write(Change { group: group.to_owned(), places })
    }

    /// What a group has committed, by place.
    pub(super) fn of_group(&self, group: &str) -> impl Iterator<Item = (&Place, &Committed)> {
        self.groups.get(group).into_iter().flatten()
    }

    /// What a group has committed for one partition.
    pub(super) fn get(&self, group: &str, place: &Place) -> Option<&Committed> {
        self.groups.get(group)?.get(place)
    }

    /// Groups that have committed anything.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// Forgets what was committed for a topic that was deleted.
    pub(super) fn forget_topic(&mut self, topic: &str) -> io::Result<()> {
        let mut changes = Vec::new();
        for (group, places) in &self.groups {
            let places: Vec<_> = places
                .keys()
                .filter(|place| place.topic == topic)
                .map(|place| (place.clone(), None))
                .collect();
            if !places.is_empty() {
                changes.push(Change { group: group.clone(), places });
            }
        }
        changes.into_iter().try_for_each(|change| self.write(change))
    }

    fn write(&mut self, change: Change) -> io::Result<()> {
        self.journal.append(&serde_json::to_vec(&change).map_err(io::Error::other)?)?;
        self.apply(change);
        self.compact_if_worthwhile()
    }

    fn apply(&mut self, change: Change) {
        let group = self.groups.entry(change.group.clone()).or_default();
        for (place, committed) in change.places {
            match committed {
                Some(committed) => group.insert(place, committed),
                None => group.remove(&place),
            };
        }
        if group.is_empty() {
            self.groups.remove(&change.group);
        }
    }

    fn compact_if_worthwhile(&mut self) -> io::Result<()> {
        if self.journal.size() < SMALL.max(2 * self.size_when_compact) {
            return Ok(());
        }
        let mut records = Vec::new();
        for (group, places) in &self.groups {
            let places = places.iter().map(|(place, what)| (place.clone(), Some(what.clone())));
            let change = Change { group: group.clone(), places: places.collect() };
            records.push(serde_json::to_vec(&change).map_err(io::Error::other)?);
        }
        self.journal.replace(records.into_iter())?;
        self.size_when_compact = self.journal.size();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(partition: i32) -> Place {
        Place { topic: "t".into(), partition }
    }

    fn at(offset: i64) -> Committed {
        Committed { offset, leader_epoch: -1, metadata: String::new() }
    }

    #[test]
    fn the_last_commit_counts_also_after_reopening_and_compacting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("offsets");
        let mut offsets = Offsets::open(&path, false).unwrap();
        for n in 0..20_000 {
            offsets.commit("g", vec![(place(0), at(n)), (place(1), at(2 * n))]).unwrap();
        }
        assert!(path.metadata().unwrap().len() < 2 * SMALL, "compacted on the way");
        drop(offsets);

        let mut offsets = Offsets::open(&path, false).unwrap();
        assert_eq!(offsets.get("g", &place(0)), Some(&at(19_999)));
        assert_eq!(offsets.get("g", &place(1)), Some(&at(39_998)));
        assert_eq!(offsets.get("other", &place(1)), None);
        offsets.forget_topic("t").unwrap();
        assert_eq!(Offsets::open(&path, false).unwrap().groups().count(), 0);
    }
}
