//! Checkpoints in the object store: state objects and manifests.

use connectors::s3::S3;
use engine::state::OperatorState;
use model::manifest::{Manifest, StateObject};
use model::object_keys;
use model::protocol::Storage;
use tokio::runtime::Handle;

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
    s3: S3,
    storage: Storage,
    folder: String,
}

impl CheckpointStore {
    /// `folder` is the application's folder. All keys that come and go are relative to the
    /// installation's prefix.
    pub(crate) fn open(storage: &Storage, folder: &str, runtime: Handle) -> Self {
        let s3 = S3::connect(&storage.s3, runtime);
        Self { s3, storage: storage.clone(), folder: folder.to_owned() }
    }

    fn full(&self, key: &str) -> String {
        self.storage.full_key(key)
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
        self.s3.put(&self.storage.bucket, &self.full(&key), state.bytes.clone())?;
        Ok(StateObject { key, bytes })
    }

    /// Writes the manifest, unless another one is there: a checkpoint is written once. The same
    /// text may be there already when an answer of the store was lost.
    pub(crate) fn put_manifest(&self, manifest: &Manifest) -> Result<String, Error> {
        let folder =
            object_keys::checkpoint_folder(&self.folder, manifest.checkpoint, manifest.attempt);
        let key = object_keys::manifest(&folder);
        let text = serde_json::to_vec_pretty(manifest).expect("a manifest serialises");
        let (bucket, full) = (&self.storage.bucket, self.full(&key));
        if self.s3.put_if_absent(bucket, &full, text.clone())?
            || self.s3.get(bucket, &full)? == text
        {
            Ok(key)
        } else {
            Err(Error::Taken { key })
        }
    }

    pub(crate) fn manifest(&self, key: &str) -> Result<Manifest, Error> {
        let bytes = self.s3.get(&self.storage.bucket, &self.full(key))?;
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
            let bytes = self.s3.get(&self.storage.bucket, &self.full(&object.key))?.to_vec();
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
