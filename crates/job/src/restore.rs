//! From a manifest to the state of a program's operators, or the names of those that don't fit.

use std::collections::{BTreeMap, BTreeSet};

use engine::graph::{NodeKind, StreamGraph};
use engine::runtime::{RestoredGraph, RestoredOperator};
use model::fault::{Domain, Fault};
use model::manifest::{Manifest, OperatorManifest};
use model::protocol::Failure;

use crate::checkpoint_store::CheckpointStore;

/// What a restore gives.
pub(crate) struct Restored {
    pub(crate) manifest: Manifest,
    pub(crate) graph: RestoredGraph,
    /// Operators of the checkpoint that fit nothing, by name; only when that was allowed.
    pub(crate) dropped: Vec<String>,
}

/// Reads the checkpoint behind `key` for `graph`.
pub(crate) fn restore(
    store: &CheckpointStore,
    key: &str,
    graph: &StreamGraph,
    allow_non_restored: bool,
) -> Result<Restored, Failure> {
    let manifest = store.manifest(key).map_err(|error| external(&error))?;
    let dropped = match_operators(graph, &manifest).map_err(|misfits| user(&misfits))?;
    if !dropped.is_empty() && !allow_non_restored {
        return Err(user(&format!(
            "the snapshot has state of operators that this program does not have: {}; restore the \
             program that took it, or start with AllowNonRestoredState to drop that state",
            dropped.join(", ")
        )));
    }
    let mut operators = BTreeMap::new();
    for (id, entry) in &manifest.operators {
        if !graph.nodes.iter().any(|node| &node.operator_id == id) {
            continue;
        }
        let state = store
            .state(&entry.state, entry.state_format, &entry.fingerprint)
            .map_err(|error| external(&error))?;
        let is_source = graph
            .nodes
            .iter()
            .any(|node| &node.operator_id == id && matches!(node.kind, NodeKind::Source(_)));
        let splits = is_source.then(|| entry.splits.clone());
        operators.insert(id.clone(), RestoredOperator { state, splits });
    }
    Ok(Restored { manifest, graph: RestoredGraph { operators }, dropped })
}

/// The names of checkpointed operators that the program lacks; an error names those whose meaning
/// has changed.
fn match_operators(graph: &StreamGraph, manifest: &Manifest) -> Result<Vec<String>, String> {
    let ids: BTreeSet<&str> = graph.nodes.iter().map(|node| node.operator_id.as_str()).collect();
    let holds = |entry: &OperatorManifest| {
        !entry.state.is_empty() || !entry.splits.is_empty() || !entry.committables.is_empty()
    };
    let mut changed = Vec::new();
    for node in &graph.nodes {
        let (NodeKind::Operator(factory), Some(entry)) =
            (&node.kind, manifest.operators.get(&node.operator_id))
        else {
            continue;
        };
        if !entry.state.is_empty() && entry.fingerprint != factory.fingerprint() {
            changed.push(format!("`{}` ({})", node.operator_id, node.name));
        }
    }
    if !changed.is_empty() {
        return Err(format!(
            "the state in the snapshot does not fit these operators, whose keys, aggregates or window \
             have changed: {}; restore the program that took it, or start without the snapshot",
            changed.join(", ")
        ));
    }
    Ok(manifest
        .operators
        .iter()
        .filter(|(id, entry)| !ids.contains(id.as_str()) && holds(entry))
        .map(|(id, entry)| format!("`{id}` ({})", entry.name))
        .collect())
}

fn user(message: &str) -> Failure {
    let fault = Fault { domain: Domain::User, retry: false };
    Failure { fault, message: message.to_owned(), traceback: None }
}

pub(crate) fn external(error: &crate::checkpoint_store::Error) -> Failure {
    let fault = Fault { domain: Domain::External, retry: true };
    Failure { fault, message: format!("reading the checkpoint: {error}"), traceback: None }
}
