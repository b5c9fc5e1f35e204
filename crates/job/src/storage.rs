//! Writes checkpoints and commits output on a thread of its own, in order, while the program
//! goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use engine::runtime::coordinator::{Collected, Committables};
use engine::stash::Stash;
use model::manifest::{Manifest, OperatorManifest};
use model::protocol::{CheckpointWritten, OperatorCheckpoint};

use crate::checkpoint_store::{CheckpointStore, Error, MANIFEST_FORMAT};
use crate::committers::Committers;

/// What the thread is asked to do.
pub(crate) enum Task {
    Write(Box<Collected>),
    Commit {
        checkpoint: u64,
        committables: Committables,
    },
    /// Remove what earlier attempts left behind.
    Sweep,
    /// Throw prepared output away that no checkpoint holds; the last task of a job that ends.
    Abort(Committables),
}

/// What has become of a [`Task`].
pub(crate) enum Outcome {
    Written(CheckpointWritten),
    NotWritten {
        checkpoint: u64,
        message: String,
    },
    Committed {
        checkpoint: u64,
    },
    NotCommitted(engine::Error),
    /// What earlier attempts left behind, or some of it, is removed.
    Swept {
        removed: usize,
        error: Option<engine::Error>,
    },
    Aborted(engine::Result<()>),
}

/// What every manifest of this process says.
pub(crate) struct Identity {
    pub(crate) application: String,
    pub(crate) version: i64,
    pub(crate) attempt: u64,
    pub(crate) parallelism: usize,
    /// Names of the operators, by id.
    pub(crate) names: BTreeMap<String, String>,
}

/// What the thread works with.
pub(crate) struct Storage {
    pub(crate) store: CheckpointStore,
    pub(crate) committers: Committers,
    pub(crate) stash: Arc<dyn Stash>,
    pub(crate) identity: Identity,
}

/// Starts the thread.
pub(crate) fn start(mut storage: Storage) -> (Sender<Task>, Receiver<Outcome>) {
    let (tasks, todo) = unbounded();
    let (done, outcomes) = unbounded();
    std::thread::Builder::new()
        .name("storage".to_owned())
        .spawn(move || {
            for task in todo {
                if done.send(storage.perform(task)).is_err() {
                    return;
                }
            }
        })
        .expect("the system starts a thread");
    (tasks, outcomes)
}

impl Storage {
    /// Does what it is asked, and says what has become of it.
    pub(crate) fn perform(&mut self, task: Task) -> Outcome {
        match task {
            Task::Write(collected) => match write(&self.store, &self.identity, &collected) {
                Ok(written) => Outcome::Written(written),
                Err(error) => Outcome::NotWritten {
                    checkpoint: collected.checkpoint,
                    message: error.to_string(),
                },
            },
            Task::Commit { checkpoint, committables } => {
                match self.committers.commit(checkpoint, &committables) {
                    Ok(()) => Outcome::Committed { checkpoint },
                    Err(error) => Outcome::NotCommitted(error),
                }
            }
            Task::Sweep => {
                let (mut removed, mut error) = self.committers.sweep();
                match engine::stash::sweep(&*self.stash, self.identity.attempt) {
                    Ok(count) => removed += count,
                    Err(failure) => error = error.or(Some(failure)),
                }
                Outcome::Swept { removed, error }
            }
            Task::Abort(committables) => Outcome::Aborted(self.committers.abort(&committables)),
        }
    }
}

/// States first, the manifest last: a checkpoint without a manifest does not exist.
fn write(
    store: &CheckpointStore,
    identity: &Identity,
    collected: &Collected,
) -> Result<CheckpointWritten, Error> {
    let began = std::time::Instant::now();
    let (mut operators, mut parts) = (BTreeMap::new(), BTreeMap::new());
    let (mut state_bytes, mut part) = (0, 0);
    for (id, operator) in &collected.operators {
        let mut entry = OperatorManifest {
            name: identity.names.get(id).cloned().unwrap_or_default(),
            splits: operator.splits.clone(),
            committables: operator.committables.clone(),
            ..OperatorManifest::default()
        };
        let upload = std::time::Instant::now();
        for (_, state) in &operator.states {
            let object = store.put_state(collected.checkpoint, identity.attempt, part, state)?;
            part += 1;
            state_bytes += object.bytes;
            entry.state_format = state.format;
            entry.fingerprint.clone_from(&state.fingerprint);
            entry.state.push(object);
        }
        let shape = OperatorCheckpoint {
            name: entry.name.clone(),
            state_bytes: entry.state.iter().map(|object| object.bytes).sum(),
            acknowledged_ms: u64::try_from(operator.acknowledged_ms - collected.started_ms)
                .unwrap_or(0),
            upload_ms: u64::try_from(upload.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        parts.insert(id.clone(), shape);
        operators.insert(id.clone(), entry);
    }
    let manifest = store.put_manifest(&Manifest {
        format: MANIFEST_FORMAT,
        application: identity.application.clone(),
        version: identity.version,
        checkpoint: collected.checkpoint,
        attempt: identity.attempt,
        parallelism: identity.parallelism,
        started_ms: collected.started_ms,
        state_bytes,
        operators,
    })?;
    let aligned_ms = u64::try_from(collected.collected_ms - collected.started_ms).unwrap_or(0);
    let written_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(CheckpointWritten {
        id: collected.checkpoint,
        snapshot: collected.snapshot.clone(),
        manifest,
        state_bytes,
        duration_ms: aligned_ms.saturating_add(written_ms),
        operators: parts,
    })
}
