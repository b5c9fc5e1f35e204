//! Prepared output in the object store, beside the application's checkpoints.

use std::sync::Arc;

use engine::stash::{Stash, attempt_of};
use engine::{Error, Result};
use model::object_keys;

use crate::objects::Objects;

/// Keeps prepared output in the application's folder.
#[derive(Debug)]
pub(crate) struct ObjectStash {
    objects: Arc<dyn Objects>,
    /// Ends with a slash.
    folder: String,
}

impl ObjectStash {
    /// `folder` is the application's folder.
    pub(crate) fn open(objects: Arc<dyn Objects>, folder: &str) -> Self {
        Self { objects, folder: format!("{}/", object_keys::output_folder(folder)) }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }
}

impl Stash for ObjectStash {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        debug_assert!(attempt_of(name).is_some(), "{name}");
        Ok(self.objects.put(&self.key(name), bytes)?)
    }

    fn get(&self, name: &str) -> Result<Vec<u8>> {
        match self.objects.get(&self.key(name)) {
            Ok(bytes) => Ok(bytes),
            Err(error @ connectors::s3::Error::NoSuchKey { .. }) => Err(Error::internal(
                "output that a checkpoint has prepared is gone from the object store",
            )
            .because(error)),
            Err(error) => Err(error.into()),
        }
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        let keys: Vec<String> = names.iter().map(|name| self.key(name)).collect();
        Ok(self.objects.delete_all(&keys)?)
    }

    fn list(&self) -> Result<Vec<String>> {
        let keys = self.objects.list(&self.folder)?;
        let name = |key: &String| key.strip_prefix(&self.folder).map(str::to_owned);
        Ok(keys.iter().filter_map(name).collect())
    }
}
