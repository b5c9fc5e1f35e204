//! What a worker and its job processes say to each other: one JSON object a line, orders on the
//! job's standard input, events on its standard output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::configuration::{LogLevel, MetricsLevel};
use crate::fault::Fault;
use crate::hidden::Bytes;
pub use crate::hidden::PropertyGroups;
pub use crate::metrics::{JobMetrics, OperatorKind, OperatorMetrics};
use crate::trace::Traceparent;

/// Everything a job process needs to know; its first line of input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assignment {
    /// Application name.
    pub application: String,
    /// Identity of the application, of no other one ever: goes into names that outlive the process.
    pub application_id: String,
    /// Application version to run.
    pub version: i64,
    /// Number of this process incarnation (fencing token), rising within an application.
    pub attempt: u64,
    /// The program.
    pub code: Code,
    /// Property groups, as the program sees them in `/etc/flink/application_properties.json`.
    pub properties: PropertyGroups,
    /// Number of subtasks.
    pub parallelism: usize,
    /// Checkpoint settings.
    pub checkpointing: Checkpointing,
    /// Which lines go to the application's log.
    pub log_level: LogLevel,
    /// How fine the reported metrics are: with `PARALLELISM` those of each subtask, too.
    pub metrics_level: MetricsLevel,
    /// Manifest key of the checkpoint or snapshot to start from.
    pub restore: Option<String>,
    /// Manifest keys of checkpoints that earlier attempts got recorded without a word that their
    /// output is visible, oldest first: to be committed before anything else.
    #[serde(default)]
    pub unfinished: Vec<String>,
    /// Drop state that fits no operator of the program.
    pub allow_non_restored_state: bool,
    /// Number the next checkpoint gets.
    pub next_checkpoint: u64,
    /// Where checkpoints lie.
    pub storage: Storage,
    /// Folder of this application's objects ([`crate::object_keys::application_folder`]); as all
    /// keys in this protocol and in manifests it is relative to the storage's prefix.
    pub folder: String,
    /// A folder of this attempt's own for files.
    pub scratch: String,
    /// What the start of this process is a part of, in its trace.
    #[serde(default)]
    pub traceparent: Option<Traceparent>,
}

/// The application's code.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Code {
    /// A Flink SQL script.
    Sql {
        /// The text.
        text: String,
    },
    /// A zip file with a PyFlink program, already on disk.
    Zip {
        /// Path of the zip file.
        path: String,
    },
}

/// Checkpoint settings of an application (AWS `CheckpointConfiguration`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpointing {
    /// Whether checkpoints are taken by themselves.
    pub enabled: bool,
    /// Time between the starts of two checkpoints, in ms.
    pub interval_ms: u64,
    /// Least time between the end of one and the start of the next, in ms.
    pub min_pause_ms: u64,
}

/// The installation's object store.
#[derive(Clone, Serialize, Deserialize)]
pub struct Storage {
    /// Bucket for checkpoints.
    pub bucket: String,
    /// Key prefix, without slashes at its ends; may be empty.
    pub prefix: String,
    /// How S3 is reached; also the default of `s3://` paths in programs.
    pub s3: S3Settings,
}

/// How S3 is reached.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct S3Settings {
    /// Endpoint URL; `None` = AWS itself.
    pub endpoint: Option<String>,
    /// Region; empty = `us-east-1`.
    pub region: String,
    /// Access key id; empty = none.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Session token of temporary credentials.
    pub session_token: Option<String>,
    /// Bucket in the path rather than in the host name.
    pub path_style: bool,
}

impl Storage {
    /// The whole key of what protocol and manifests call `key`.
    #[must_use]
    pub fn full_key(&self, key: &str) -> String {
        match self.prefix.trim_matches('/') {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        }
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sql { text } => f.debug_tuple("Sql").field(&Bytes(text.len())).finish(),
            Self::Zip { path } => f.debug_tuple("Zip").field(path).finish(),
        }
    }
}

impl std::fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("s3", &self.s3)
            .finish()
    }
}

/// Worker → job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// What to run; always first.
    Assign(Box<Assignment>),
    /// Take a checkpoint that is to become a snapshot; with `stop`, nothing is read after it.
    Snapshot {
        /// Snapshot name; comes back in the events.
        name: String,
        /// Stop reading after its barrier and finish.
        stop: bool,
    },
    /// The worker is about to end: take a checkpoint, read nothing after it, and finish.
    Drain,
    /// The store knows checkpoint `id`: sinks may commit.
    CheckpointRecorded {
        /// Checkpoint number.
        id: u64,
    },
    /// The store refused checkpoint `id` (an older attempt): stop without committing.
    Fenced,
    /// Stop at once, without a snapshot.
    Cancel,
}

/// Job → worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The program is planned: its stream graph as text and as JSON.
    Planned {
        /// `{"nodes": [...], "edges": [...]}`
        graph: serde_json::Value,
        /// How the program wants to be restarted, if it SETs that.
        #[serde(default)]
        restart: Option<RestartStrategy>,
    },
    /// State is restored and all subtasks run.
    Running {
        /// Checkpoint number the run goes on from, if any.
        restored: Option<u64>,
        /// Operators of the checkpoint that fit nothing and were dropped.
        dropped: Vec<String>,
    },
    /// A manifest is written; waits for [`Order::CheckpointRecorded`].
    CheckpointWritten(CheckpointWritten),
    /// The checkpoint's output is visible.
    CheckpointCommitted {
        /// Checkpoint number.
        id: u64,
    },
    /// A checkpoint or snapshot could not be taken.
    CheckpointFailed {
        /// Checkpoint number.
        id: u64,
        /// Snapshot name when it was to be one.
        snapshot: Option<String>,
        /// Why.
        message: String,
    },
    /// Counters, about once a second.
    Metrics(JobMetrics),
    /// A line for the application's log.
    Log(LogLine),
    /// The job cannot go on; the process ends after it.
    Failed(Failure),
    /// All inputs ended and all output is committed, or a stop order is fulfilled.
    Finished {
        /// Whether it ended by an order to stop (else: the bounded input is exhausted).
        stopped: bool,
    },
}

/// A written, not yet recorded checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckpointWritten {
    /// Checkpoint number.
    pub id: u64,
    /// Snapshot name when it is to become one.
    pub snapshot: Option<String>,
    /// Key of the manifest.
    pub manifest: String,
    /// Bytes of all state objects.
    pub state_bytes: u64,
    /// From barrier to manifest, in ms.
    pub duration_ms: u64,
    /// What each operator contributed, by operator id; those without state, splits and output are
    /// left out.
    #[serde(default)]
    pub operators: BTreeMap<String, OperatorCheckpoint>,
}

/// One operator's part of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorCheckpoint {
    /// For people.
    pub name: String,
    /// Bytes of its state objects.
    pub state_bytes: u64,
    /// From the barrier's start at the sources until the last of its subtasks had handed over its
    /// state, in ms: waiting for the barrier, aligning and the snapshot itself.
    pub acknowledged_ms: u64,
    /// Upload of its state objects, in ms.
    pub upload_ms: u64,
}

/// When and how often a failed job is started again (Flink's `restart-strategy.type`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RestartStrategy {
    /// Never.
    Off,
    /// So often, after the same time each.
    FixedDelay {
        /// Failures in a row after which it is given up.
        attempts: u32,
        /// Wait before each restart, in ms.
        delay_ms: u64,
    },
    /// After a wait that grows with each failure in a row.
    ExponentialDelay {
        /// Wait before the first restart, in ms.
        initial_ms: u64,
        /// Longest wait, in ms.
        max_ms: u64,
        /// What the wait is multiplied by, in hundredths.
        multiplier_percent: u32,
        /// Failures in a row after which it is given up; `None` = never.
        attempts: Option<u32>,
    },
}

/// A line of the application's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`.
    pub level: String,
    /// Who speaks: `program` (the user's prints), `engine`, a table name.
    pub logger: String,
    /// The text, one line or several.
    pub message: String,
}

/// Why a job cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Who has to act, and whether a restart can help.
    pub fault: Fault,
    /// For the customer.
    pub message: String,
    /// Python traceback, if the program raised one.
    pub traceback: Option<String>,
}
