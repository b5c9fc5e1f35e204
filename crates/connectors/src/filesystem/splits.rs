//! Splits of a file source and their positions.
//!
//! A split is a whole file, named by its path. With several subtasks, large files of line formats
//! are cut into ranges of a fixed size, named `path#first byte`; a reader takes its ranges in
//! rising order, so that event time rises in all subtasks alike. A checkpoint of the one form can be
//! restored into the other.

use std::collections::BTreeMap;

use engine::source::{Position, SplitId};
use engine::{Error, Result};
use serde::{Deserialize, Serialize};

use super::listing::FileEntry;

/// Size of a range. Part of the checkpoint format: ids name multiples of it.
pub(super) const RANGE_BYTES: u64 = 32 << 20;

/// A piece of work: records that begin in `start..end` of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) id: SplitId,
    pub(super) file: FileEntry,
    pub(super) start: u64,
    /// `None` = up to the end of the file.
    pub(super) end: Option<u64>,
    /// Where to go on.
    pub(super) at: Place,
}

/// Where reading a split stands; its position in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Byte of the file at which the next record begins.
    pub(super) offset: u64,
    /// Whether the split is read to its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) done: bool,
    /// Whether `offset` is where a record begins, rather than the first byte of a range.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) aligned: bool,
}

impl Place {
    pub(super) fn write(&self) -> Position {
        serde_json::to_string(self).expect("three plain fields can be written")
    }
}

/// All splits of all subtasks, in reading order. `cut` allows ranges.
pub(super) fn plan(
    files: Vec<FileEntry>,
    restored: Option<&BTreeMap<SplitId, Position>>,
    cut: bool,
) -> Result<Vec<Split>> {
    let nothing = BTreeMap::new();
    let restored = restored.unwrap_or(&nothing);
    let places = restored
        .iter()
        .map(|(id, position)| Ok((id.as_str(), place(id, position)?)))
        .collect::<Result<BTreeMap<&str, Place>>>()?;
    let mut splits = Vec::new();
    for file in files {
        let whole = places.get(file.path.as_str()).copied();
        let ranged = places.keys().any(|id| range_of(id, &file.path).is_some());
        if whole.is_none() && (ranged || (cut && file.bytes > RANGE_BYTES))
            || (cut && whole.is_some_and(|p| !p.done && file.bytes > RANGE_BYTES))
        {
            splits.extend(ranges(&file, &places, whole));
        } else {
            let fresh = Place { offset: 0, done: false, aligned: true };
            let at = whole.unwrap_or(fresh);
            splits.push(Split { id: file.path.clone(), file, start: 0, end: None, at });
        }
    }
    gone(&places, &splits)?;
    Ok(splits)
}

fn place(id: &str, position: &str) -> Result<Place> {
    serde_json::from_str(position).map_err(|error| {
        Error::internal(format!("the checkpoint's position of file `{id}` cannot be read"))
            .because(error)
    })
}

/// First byte of the range `id` of `path`.
fn range_of(id: &str, path: &str) -> Option<u64> {
    id.strip_prefix(path)?.strip_prefix('#')?.parse().ok()
}

/// The ranges of a file; `whole` = how far it was read when it was not cut.
fn ranges(file: &FileEntry, places: &BTreeMap<&str, Place>, whole: Option<Place>) -> Vec<Split> {
    let count = file.bytes.div_ceil(RANGE_BYTES).max(1);
    let one = |index: u64| {
        let start = index * RANGE_BYTES;
        let end = (index + 1 < count).then_some(start + RANGE_BYTES);
        let id = format!("{}#{start}", file.path);
        let known = places.get(id.as_str()).copied();
        let at = known.unwrap_or_else(|| match whole {
            Some(at) if end.is_some_and(|end| at.offset >= end) => Place { done: true, ..at },
            Some(at) if at.offset >= start => at,
            _ => Place { offset: start, done: false, aligned: start == 0 },
        });
        Split { id, file: file.clone(), start, end, at }
    };
    (0..count).map(one).collect()
}

/// A file that was begun and has vanished cannot be read to its end.
fn gone(places: &BTreeMap<&str, Place>, splits: &[Split]) -> Result<()> {
    let lost = places.iter().find(|(id, place)| {
        !place.done && !splits.iter().any(|split| split.id == **id || split.file.path == **id)
    });
    match lost {
        None => Ok(()),
        Some((id, place)) => Err(Error::user(format!(
            "file `{id}`, of which the checkpoint has read {} bytes, does not exist any more; put \
             it back, or start without the snapshot",
            place.offset
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: u64) -> FileEntry {
        FileEntry { path: path.to_owned(), relative: path.to_owned(), bytes, modified_ms: 0 }
    }

    fn restored(pairs: &[(&str, &str)]) -> BTreeMap<SplitId, Position> {
        pairs.iter().map(|(id, at)| ((*id).to_owned(), (*at).to_owned())).collect()
    }

    fn told(splits: &[Split]) -> Vec<(&str, u64, bool)> {
        splits.iter().map(|s| (s.id.as_str(), s.at.offset, s.at.done)).collect()
    }

    #[test]
    fn files_are_whole_or_cut_and_go_on_where_they_were() {
        let big = 2 * RANGE_BYTES + 5;
        let files = || vec![file("a", 10), file("b", big)];
        let whole = plan(files(), None, false).unwrap();
        assert_eq!(told(&whole), [("a", 0, false), ("b", 0, false)]);
        let b1 = format!("b#{RANGE_BYTES}");
        let b2 = format!("b#{}", 2 * RANGE_BYTES);
        let cut = plan(files(), None, true).unwrap();
        assert_eq!(
            told(&cut),
            [
                ("a", 0, false),
                ("b#0", 0, false),
                (&*b1, RANGE_BYTES, false),
                (&*b2, 2 * RANGE_BYTES, false)
            ]
        );
        assert_eq!((cut[1].end, cut[3].end), (Some(RANGE_BYTES), None));

        // From one subtask to several: what the whole file had read is done in its ranges.
        let offset = RANGE_BYTES + 7;
        let at = format!(r#"{{"offset":{offset},"aligned":true}}"#);
        let from = restored(&[("a", r#"{"offset":10,"done":true}"#), ("b", &at)]);
        let cut = plan(files(), Some(&from), true).unwrap();
        assert_eq!(
            told(&cut),
            [
                ("a", 10, true),
                ("b#0", offset, true),
                (&*b1, offset, false),
                (&*b2, 2 * RANGE_BYTES, false)
            ]
        );

        // And back: ranges stay ranges.
        let from = restored(&[("b#0", r#"{"offset":4,"aligned":true}"#)]);
        let back = plan(files(), Some(&from), false).unwrap();
        assert_eq!(
            told(&back),
            [
                ("a", 0, false),
                ("b#0", 4, false),
                (&*b1, RANGE_BYTES, false),
                (&*b2, 2 * RANGE_BYTES, false)
            ]
        );
    }

    #[test]
    fn a_vanished_file_is_an_error_unless_it_was_done() {
        let from = restored(&[("x", r#"{"offset":10,"done":true}"#)]);
        assert!(plan(vec![], Some(&from), false).unwrap().is_empty());
        let from = restored(&[("x", r#"{"offset":10}"#)]);
        plan(vec![], Some(&from), false).unwrap_err();
    }
}
