//! An exported snapshot: what lies beside its objects and tells what they are.
//!
//! ```text
//! {prefix}/{operation id}/manifest.json    the checkpoint's manifest; keys relative to this folder
//! {prefix}/{operation id}/{part}.state     state objects
//! {prefix}/{operation id}/snapshot.json    this; written last
//! ```
//!
//! It is Weir's own format: Flink cannot read it, and Weir cannot read Flink's savepoints.

use serde::{Deserialize, Serialize};

/// Name of the file that this module describes.
pub const CARD_FILE: &str = "snapshot.json";

/// The word that tells the format from everything else.
pub const CARD_FORMAT: &str = "weir-snapshot";

/// Version of the format that is written.
pub const CARD_VERSION: u32 = 1;

/// `snapshot.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// [`CARD_FORMAT`].
    pub format: String,
    /// [`CARD_VERSION`].
    pub version: u32,
    /// What the snapshot is and where it is from.
    #[serde(flatten)]
    pub about: About,
    /// All objects beside this one; the first is the manifest.
    pub objects: Vec<CardObject>,
}

/// What a snapshot is and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Name of the snapshot where it was exported.
    pub snapshot: String,
    /// Application it was taken of.
    pub application: Option<String>,
    /// Version of that application.
    pub application_version: Option<i64>,
    /// Runtime of that version.
    pub runtime: Option<String>,
    /// When it was taken, in ms since 1970.
    pub created_ms: i64,
}

/// One object of an exported snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardObject {
    /// Its key, relative to the folder of the export.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}
