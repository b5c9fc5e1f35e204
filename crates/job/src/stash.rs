//! Prepared output in the object store, beside the application's checkpoints.

use connectors::s3::S3;
use engine::stash::{Stash, attempt_of};
use engine::{Error, Result};
use model::object_keys;
use model::protocol::Storage;
use tokio::runtime::Handle;

/// Keeps prepared output in the application's folder.
#[derive(Debug)]
pub(crate) struct ObjectStash {
    s3: S3,
    bucket: String,
    /// Ends with a slash.
    folder: String,
}

impl ObjectStash {
    /// `folder` is the application's folder, relative to the installation's prefix.
    pub(crate) fn open(storage: &Storage, folder: &str, runtime: Handle) -> Self {
        let s3 = S3::connect(&storage.s3, runtime);
        let folder = storage.full_key(&object_keys::output_folder(folder));
        Self { s3, bucket: storage.bucket.clone(), folder: format!("{folder}/") }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }
}

impl Stash for ObjectStash {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        debug_assert!(attempt_of(name).is_some(), "{name}");
        Ok(self.s3.put(&self.bucket, &self.key(name), bytes)?)
    }

    fn get(&self, name: &str) -> Result<Vec<u8>> {
        match self.s3.get(&self.bucket, &self.key(name)) {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(error @ connectors::s3::Error::NoSuchKey { .. }) => Err(Error::internal(
                "output that a checkpoint has prepared is gone from the object store",
            )
            .because(error)),
            Err(error) => Err(error.into()),
        }
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        let keys: Vec<String> = names.iter().map(|name| self.key(name)).collect();
        Ok(self.s3.delete_all(&self.bucket, &keys)?)
    }

    fn list(&self) -> Result<Vec<String>> {
        let objects = self.s3.list(&self.bucket, &self.folder)?;
        let name = |key: &str| key.strip_prefix(&self.folder).map(str::to_owned);
        Ok(objects.iter().filter_map(|object| name(&object.key)).collect())
    }
}
