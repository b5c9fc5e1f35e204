//! What a sink puts into a checkpoint, and partitions that wait for their success file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::sink::Committable;
use engine::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::s3::Part;

/// One entry of a checkpoint; stored as JSON, so members may be added but not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Prepared {
    /// All parts of an object are uploaded; completing the upload makes it visible.
    S3(Upload),
    /// A file is written under a hidden name; renaming it makes it visible.
    Local(HiddenFile),
    /// How far a subtask is, for partitions that are not complete with their first file.
    Progress(Progress),
}

/// A multipart upload without its completion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Where the object is to be.
    pub bucket: String,
    /// Key of the object to be.
    pub key: String,
    /// The upload's id.
    pub upload: String,
    /// What was sent.
    pub parts: Vec<Part>,
    /// Size of the object to be.
    pub bytes: u64,
    /// Partition folder, `k=v/k2=v2`; empty in a table without partitions.
    pub partition: String,
}

/// A file without its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenFile {
    /// Path it has now.
    pub hidden: String,
    /// Path it is to have.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Partition folder, as in [`Upload`].
    pub partition: String,
}

/// What decides on success files, as one subtask knew it at the barrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Watermark in ms; `i64::MIN` = none, `i64::MAX` = the input has ended.
    pub watermark: i64,
    /// Processing time in ms.
    pub now_ms: i64,
    /// Partitions of earlier checkpoints that wait, with the time of their first record.
    pub waiting: BTreeMap<String, i64>,
}

impl Prepared {
    /// As it stands in a checkpoint.
    ///
    /// # Errors
    /// None that is known.
    pub fn write(&self) -> Result<Committable> {
        serde_json::to_string(self)
            .map_err(|error| Error::internal("prepared output cannot be written").because(error))
    }

    pub(super) fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| {
            Error::internal("the checkpoint's prepared output cannot be read").because(error)
        })
    }
}

/// Partitions that wait for their success file, by the time of their first record in ms. Shared by
/// the writers and the committer of a sink; a checkpoint carries it over restarts.
#[derive(Debug, Clone, Default)]
pub struct Waiting(Arc<Mutex<BTreeMap<String, i64>>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, i64>> {
        // The map is whole after every statement below, whatever happened to another thread.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a partition unless it waits already.
    pub(super) fn add(&self, partition: &str, first_ms: i64) {
        self.lock().entry(partition.to_owned()).or_insert(first_ms);
    }

    pub(super) fn remove(&self, partition: &str) {
        self.lock().remove(partition);
    }

    pub(super) fn all(&self) -> BTreeMap<String, i64> {
        self.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checkpoints of earlier versions must stay readable.
    #[test]
    fn the_stored_form_is_fixed() {
        for text in [
            r#"{"kind":"s3","bucket":"b","key":"t/d=1/part-a-0-0","upload":"u","parts":[{"number":1,"etag":"\"e\""}],"bytes":3,"partition":"d=1"}"#,
            r#"{"kind":"local","hidden":"/t/.part-a-0-0.inprogress","path":"/t/part-a-0-0","bytes":3,"partition":""}"#,
            r#"{"kind":"progress","watermark":-9223372036854775808,"now_ms":1,"waiting":{"d=1":7}}"#,
        ] {
            assert_eq!(Prepared::read(text).unwrap().write().unwrap(), text);
        }
        Prepared::read("{}").unwrap_err();
    }
}
