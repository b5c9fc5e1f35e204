//! Copies of checkpoints that stand on their own: enhanced snapshots, their exports and imports.
//!
//! A copy's manifest is written after everything it names, and an export's card after that: what
//! can be read is complete. Copies are made again from the start after a crash, over what is there.

use connectors::s3::{Error, S3};
use model::exported::{About, CARD_FILE, CARD_FORMAT, CARD_VERSION, Card, CardObject};
use model::manifest::Manifest;
use model::object_keys;
use model::protocol::Storage;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::checkpoint_store::MANIFEST_FORMAT;

/// Name of the manifest in a folder that stands on its own.
const MANIFEST_FILE: &str = "manifest.json";

/// Where Flink keeps what a savepoint is.
const FLINK_METADATA: &str = "_metadata";

/// A folder in some bucket, without slashes at its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// The folder; may be empty.
    pub folder: String,
}

impl Place {
    fn key(&self, name: &str) -> String {
        match self.folder.as_str() {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        }
    }

    fn url(&self, name: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(name))
    }
}

/// What a copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Key of its manifest.
    pub manifest: String,
    /// Number of the checkpoint that it was.
    pub checkpoint: u64,
    /// Bytes of its state.
    pub state_bytes: u64,
    /// Runtime that its card tells.
    pub runtime: Option<String>,
}

/// Why a copy could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// S3 refused, or did not answer.
    #[error(transparent)]
    S3(#[from] Error),
    /// There is nothing that an export wrote.
    #[error("{0}")]
    NotASnapshot(String),
    /// Something is not as the export wrote it.
    #[error("{0}")]
    Damaged(String),
}

impl Problem {
    /// One word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::S3(Error::NoSuchBucket { .. }) => "NoSuchBucket",
            Self::S3(Error::NoSuchKey { .. } | Error::NoSuchUpload { .. }) => "NoSuchKey",
            Self::S3(Error::Refused { .. }) => "AccessDenied",
            Self::S3(Error::Unavailable { .. }) => "ServiceUnavailable",
            Self::NotASnapshot(_) => "NotASnapshot",
            Self::Damaged(_) => "Damaged",
        }
    }

    /// Whether trying again may help.
    pub fn passes(&self) -> bool {
        matches!(self, Self::S3(Error::Unavailable { .. }))
    }
}

/// Copies between the installation's bucket and others.
#[derive(Debug, Clone)]
pub struct Copies {
    s3: S3,
    storage: Storage,
}

impl Copies {
    /// With the installation's credentials.
    #[must_use]
    pub fn open(storage: &Storage, runtime: Handle) -> Self {
        Self { s3: S3::connect(&storage.s3, runtime), storage: storage.clone() }
    }

    /// Copies the checkpoint behind a manifest to a folder of the installation's. Keys are relative
    /// to its prefix.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn keep(&self, manifest: &str, folder: &str) -> Result<Kept, Problem> {
        let mut copy = self.manifest(manifest)?;
        for (number, object) in objects(&mut copy).enumerate() {
            let bytes = self.get(&object.key)?;
            check_size(&object.key, bytes.len(), object.bytes)?;
            object.key = format!("{folder}/{}", state_file(number));
            self.put(&object.key, bytes)?;
        }
        self.put_manifest(&copy, folder, None)
    }

    /// Writes the snapshot behind a manifest to a place, with checksums of everything.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn export(&self, manifest: &str, about: &About, to: &Place) -> Result<Kept, Problem> {
        let mut copy = self.manifest(manifest)?;
        let mut card = Vec::new();
        for (number, object) in objects(&mut copy).enumerate() {
            let bytes = self.get(&object.key)?;
            check_size(&object.key, bytes.len(), object.bytes)?;
            object.key = state_file(number);
            card.push(card_object(&object.key, &bytes));
            self.s3.put(&to.bucket, &to.key(&object.key), bytes)?;
        }
        let text = json(&copy);
        card.insert(0, card_object(MANIFEST_FILE, &text));
        self.s3.put(&to.bucket, &to.key(MANIFEST_FILE), text)?;
        let card = Card {
            format: CARD_FORMAT.to_owned(),
            version: CARD_VERSION,
            about: about.clone(),
            objects: card,
        };
        self.s3.put(&to.bucket, &to.key(CARD_FILE), json(&card))?;
        Ok(Kept {
            manifest: to.key(MANIFEST_FILE),
            checkpoint: copy.checkpoint,
            state_bytes: copy.state_bytes,
            runtime: about.runtime.clone(),
        })
    }

    /// Reads what an export wrote to a folder of the installation's. Nothing that is not as the card
    /// says is taken over.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn import(&self, from: &Place, folder: &str) -> Result<Kept, Problem> {
        let card = self.card(from)?;
        let listed = |key: &str| card.objects.iter().find(|object| object.key == key);
        let text = self.checked(from, listed(MANIFEST_FILE), MANIFEST_FILE)?;
        let mut copy = read_manifest(&from.url(MANIFEST_FILE), &text)?;
        for (number, object) in objects(&mut copy).enumerate() {
            // A key of somebody's making must not lead out of the folder.
            if object.key.contains('/') || object.key.is_empty() {
                let url = from.url(MANIFEST_FILE);
                let name = object.key.escape_debug();
                return Err(Problem::Damaged(format!("`{url}` names a state object `{name}`")));
            }
            let bytes = self.checked(from, listed(&object.key), &object.key)?;
            check_size(&from.url(&object.key), bytes.len(), object.bytes)?;
            object.key = format!("{folder}/{}", state_file(number));
            self.put(&object.key, bytes)?;
        }
        self.put_manifest(&copy, folder, card.about.runtime)
    }

    /// The card of an export, or what there is instead.
    fn card(&self, from: &Place) -> Result<Card, Problem> {
        let url = from.url(CARD_FILE);
        let bytes = match self.s3.get(&from.bucket, &from.key(CARD_FILE)) {
            Ok(bytes) => bytes,
            Err(Error::NoSuchKey { .. }) => {
                let flink = self.s3.head(&from.bucket, &from.key(FLINK_METADATA))?.is_some();
                let words = if flink {
                    let savepoint = from.url(FLINK_METADATA);
                    format!(
                        "`{savepoint}` is a savepoint of Apache Flink; Weir imports what its own \
                         ExportSnapshot wrote, not state of Flink"
                    )
                } else {
                    format!("`{url}` does not exist: no export has been completed there")
                };
                return Err(Problem::NotASnapshot(words));
            }
            Err(error) => return Err(error.into()),
        };
        let foreign =
            |why: String| Problem::NotASnapshot(format!("`{url}` is no card of an export: {why}"));
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| foreign(error.to_string()))?;
        if value["format"] != CARD_FORMAT {
            return Err(foreign(format!("its `format` is not `{CARD_FORMAT}`")));
        }
        if value["version"] != CARD_VERSION {
            return Err(foreign(format!(
                "it has version {}, this Weir reads {CARD_VERSION}",
                value["version"]
            )));
        }
        serde_json::from_value(value).map_err(|error| foreign(error.to_string()))
    }

    /// An object of an export, if it is what the card says.
    fn checked(
        &self,
        from: &Place,
        listed: Option<&CardObject>,
        name: &str,
    ) -> Result<Vec<u8>, Problem> {
        let url = from.url(name);
        let Some(listed) = listed else {
            return Err(Problem::Damaged(format!(
                "`{}` does not list `{name}`",
                from.url(CARD_FILE)
            )));
        };
        let bytes = match self.s3.get(&from.bucket, &from.key(name)) {
            Ok(bytes) => bytes.to_vec(),
            Err(Error::NoSuchKey { .. }) => {
                return Err(Problem::Damaged(format!("`{url}` is missing")));
            }
            Err(error) => return Err(error.into()),
        };
        check_size(&url, bytes.len(), listed.bytes)?;
        if !digest(&bytes).eq_ignore_ascii_case(&listed.sha256) {
            return Err(Problem::Damaged(format!(
                "`{url}` is not what was exported: its SHA-256 differs"
            )));
        }
        Ok(bytes)
    }

    fn manifest(&self, key: &str) -> Result<Manifest, Problem> {
        read_manifest(key, &self.get(key)?)
    }

    fn put_manifest(
        &self,
        manifest: &Manifest,
        folder: &str,
        runtime: Option<String>,
    ) -> Result<Kept, Problem> {
        let key = object_keys::manifest(folder);
        self.put(&key, json(manifest))?;
        let Manifest { checkpoint, state_bytes, .. } = *manifest;
        Ok(Kept { manifest: key, checkpoint, state_bytes, runtime })
    }

    fn get(&self, key: &str) -> Result<Vec<u8>, Problem> {
        Ok(self.s3.get(&self.storage.bucket, &self.storage.full_key(key))?.to_vec())
    }

    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Problem> {
        Ok(self.s3.put(&self.storage.bucket, &self.storage.full_key(key), bytes)?)
    }
}

/// All state objects, in an order that does not change.
fn objects(manifest: &mut Manifest) -> impl Iterator<Item = &mut model::manifest::StateObject> {
    manifest.operators.values_mut().flat_map(|operator| operator.state.iter_mut())
}

fn state_file(number: usize) -> String {
    format!("{number}.state")
}

fn card_object(key: &str, bytes: &[u8]) -> CardObject {
    CardObject { key: key.to_owned(), bytes: bytes.len() as u64, sha256: digest(bytes) }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_size(what: &str, found: usize, expected: u64) -> Result<(), Problem> {
    if found as u64 == expected {
        return Ok(());
    }
    Err(Problem::Damaged(format!("`{what}` has {found} bytes instead of {expected}")))
}

fn read_manifest(what: &str, text: &[u8]) -> Result<Manifest, Problem> {
    let manifest: Manifest = serde_json::from_slice(text)
        .map_err(|error| Problem::Damaged(format!("`{what}` is no manifest: {error}")))?;
    if manifest.format != MANIFEST_FORMAT {
        let words =
            format!("`{what}` has format {}, this Weir reads {MANIFEST_FORMAT}", manifest.format);
        return Err(Problem::NotASnapshot(words));
    }
    Ok(manifest)
}

fn json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("names, numbers and texts serialise")
}
