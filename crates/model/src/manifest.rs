//! The checkpoint manifest: a checkpoint exists if and only if its manifest exists and the store
//! knows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `manifest.json` of one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// Application the checkpoint belongs to.
    pub application: String,
    /// Application version that ran.
    pub version: i64,
    /// Checkpoint number, rising within an application.
    pub checkpoint: u64,
    /// Attempt that wrote it (fencing token).
    pub attempt: u64,
    /// Parallelism at that time.
    pub parallelism: usize,
    /// Milliseconds since 1970 when the barrier was injected.
    pub started_ms: i64,
    /// Bytes of all state objects.
    pub state_bytes: u64,
    /// What each operator needs to go on, by operator id.
    pub operators: BTreeMap<String, OperatorManifest>,
}

/// One operator's part of a [`Manifest`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorManifest {
    /// For people.
    pub name: String,
    /// Version of the operator's state format.
    #[serde(default)]
    pub state_format: u16,
    /// Fingerprint of the state's meaning; empty = stateless.
    #[serde(default)]
    pub fingerprint: String,
    /// Keys of the state objects, one per subtask that had state.
    #[serde(default)]
    pub state: Vec<StateObject>,
    /// Positions of a source's splits.
    #[serde(default)]
    pub splits: BTreeMap<String, String>,
    /// Prepared output of a sink, to be committed once the checkpoint is recorded.
    #[serde(default)]
    pub committables: Vec<String>,
}

/// Where one subtask's state lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateObject {
    /// Object key, relative to the installation's bucket and prefix.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
}
