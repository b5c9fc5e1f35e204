//! Checkpoints in the object store: state objects and manifests.

use std::sync::Arc;

use engine::state::OperatorState;
use model::manifest::{Manifest, StateObject};
use model::object_keys;

use crate::objects::Objects;

/// Version of the manifest format that is written.
pub(crate) const MANIFEST_FORMAT: u32 = 1;

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the object store refused or did not answer: {0}")]
    Store(#[from] connectors::s3::Error),
    #[error("checkpoint manifest `{key}` exists already")]
    Taken { key: String },
    #[error("checkpoint object `{key}` is not readable: {reason}")]
    Unreadable { key: String, reason: String },
}

/// The installation's bucket, seen from one application.
pub(crate) struct CheckpointStore {
    objects: Arc<dyn Objects>,
    folder: String,
}

impl CheckpointStore {
    /// `folder` is the application's folder.
    pub(crate) fn open(objects: Arc<dyn Objects>, folder: &str) -> Self {
        Self { objects, folder: folder.to_owned() }
    }

    /// Uploads the state of one subtask's operator.
    pub(crate) fn put_state(
        &self,
        checkpoint: u64,
        attempt: u64,
        part: usize,
        state: &OperatorState,
    ) -> Result<StateObject, Error> {
        let folder = object_keys::checkpoint_folder(&self.folder, checkpoint, attempt);
        let key = format!("{folder}/{part}.state");
        let bytes = state.bytes.len() as u64;
        self.objects.put(&key, state.bytes.clone())?;
        Ok(StateObject { key, bytes })
    }

    /// Writes the manifest, unless another one is there: a checkpoint is written once. The same
    /// text may be there already when an answer of the store was lost.
    pub(crate) fn put_manifest(&self, manifest: &Manifest) -> Result<String, Error> {
        let folder =
            object_keys::checkpoint_folder(&self.folder, manifest.checkpoint, manifest.attempt);
        let key = object_keys::manifest(&folder);
        let text = serde_json::to_vec_pretty(manifest).expect("a manifest serialises");
        if self.objects.put_if_absent(&key, text.clone())? || self.objects.get(&key)? == text {
            Ok(key)
        } else {
            Err(Error::Taken { key })
        }
    }

    pub(crate) fn manifest(&self, key: &str) -> Result<Manifest, Error> {
        let bytes = self.objects.get(key)?;
        let unreadable = |reason: String| Error::Unreadable { key: key.to_owned(), reason };
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if manifest.format != MANIFEST_FORMAT {
            return Err(unreadable(format!(
                "it has format {}, this Weir reads {MANIFEST_FORMAT}",
                manifest.format
            )));
        }
        Ok(manifest)
    }

    /// The state objects of one operator.
    pub(crate) fn state(
        &self,
        objects: &[StateObject],
        format: u16,
        fingerprint: &str,
    ) -> Result<Vec<OperatorState>, Error> {
        let mut parts = Vec::with_capacity(objects.len());
        for object in objects {
            let bytes = self.objects.get(&object.key)?;
            if bytes.len() as u64 != object.bytes {
                return Err(Error::Unreadable {
                    key: object.key.clone(),
                    reason: format!("{} bytes instead of {}", bytes.len(), object.bytes),
                });
            }
            parts.push(OperatorState { format, fingerprint: fingerprint.to_owned(), bytes });
        }
        Ok(parts)
    }
}
