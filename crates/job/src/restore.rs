//! From a manifest to the state of a program's operators, or the names of those that don't fit.

use std::collections::BTreeMap;

use engine::graph::{NodeKind, StreamGraph};
use engine::runtime::{RestoredGraph, RestoredOperator};
use model::fault::{Domain, Fault};
use model::manifest::Manifest;
use model::protocol::Failure;

use crate::checkpoint_store::CheckpointStore;
use crate::fit;

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
    let dropped = fit::fit(&fit::needs(graph), &fit::held(&manifest), allow_non_restored)
        .map_err(|misfit| user(&misfit.message))?;
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

fn user(message: &str) -> Failure {
    let fault = Fault { domain: Domain::User, retry: false };
    Failure { fault, message: message.to_owned(), traceback: None }
}

pub(crate) fn external(error: &crate::checkpoint_store::Error) -> Failure {
    let fault = Fault { domain: Domain::External, retry: true };
    Failure { fault, message: format!("reading the checkpoint: {error}"), traceback: None }
}
