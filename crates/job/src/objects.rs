//! The installation's bucket: where checkpoints and prepared output are kept.

use std::fmt::Debug;

use connectors::s3::{Result, S3};
use model::protocol::Storage;
use tokio::runtime::Handle;

/// What is asked of the object store. Every call may take effect although it fails. Keys are
/// relative to the installation's prefix.
pub(crate) trait Objects: Debug + Send + Sync {
    /// Writes an object, over any older one.
    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<()>;

    /// Writes an object unless its key is taken. Tells whether it wrote; if not, its own object
    /// may be the one that is there.
    fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> Result<bool>;

    /// The whole object.
    fn get(&self, key: &str) -> Result<Vec<u8>>;

    /// Keys that begin with `prefix`.
    fn list(&self, prefix: &str) -> Result<Vec<String>>;

    /// Deletes objects; those that do not exist are no error.
    fn delete_all(&self, keys: &[String]) -> Result<()>;
}

/// By S3.
pub(crate) struct Bucket {
    s3: S3,
    storage: Storage,
}

impl Bucket {
    pub(crate) fn open(storage: &Storage, runtime: Handle) -> Self {
        Self { s3: S3::connect(&storage.s3, runtime), storage: storage.clone() }
    }

    fn full(&self, key: &str) -> String {
        self.storage.full_key(key)
    }
}

impl Objects for Bucket {
    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        self.s3.put(&self.storage.bucket, &self.full(key), bytes)
    }

    fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> Result<bool> {
        self.s3.put_if_absent(&self.storage.bucket, &self.full(key), bytes)
    }

    fn get(&self, key: &str) -> Result<Vec<u8>> {
        Ok(self.s3.get(&self.storage.bucket, &self.full(key))?.to_vec())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let full = self.full(prefix);
        let objects = self.s3.list(&self.storage.bucket, &full)?;
        let relative = |key: &str| Some(format!("{prefix}{}", key.strip_prefix(&full)?));
        Ok(objects.iter().filter_map(|object| relative(&object.key)).collect())
    }

    fn delete_all(&self, keys: &[String]) -> Result<()> {
        let keys: Vec<String> = keys.iter().map(|key| self.full(key)).collect();
        self.s3.delete_all(&self.storage.bucket, &keys)
    }
}

impl Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").field("name", &self.storage.bucket).finish_non_exhaustive()
    }
}
