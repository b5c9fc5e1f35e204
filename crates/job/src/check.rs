//! Whether a script can be planned, and go on from kept state: the same path as a start, without
//! starting anything.

use std::sync::Arc;

use connectors::{Environment, Registry};
use engine::graph::StreamGraph;
use model::protocol::{PropertyGroups, S3Settings, Storage};
use sql::{Diagnostic, Session};

use crate::checkpoint_store::{self, CheckpointStore};
use crate::fit::{Misfit, fit, held, may_hold, needs};
use crate::objects::Bucket;
use crate::program::NO_SETTINGS;

/// Plans `script` with its properties filled in.
///
/// # Errors
/// The first thing that is wrong, with line and column. Nothing outside is asked, so a missing
/// topic or bucket is not found here.
pub fn check(
    script: &str,
    properties: &PropertyGroups,
    runtime: tokio::runtime::Handle,
) -> Result<(), Diagnostic> {
    plan(script, properties, runtime).map(drop)
}

fn plan(
    script: &str,
    properties: &PropertyGroups,
    runtime: tokio::runtime::Handle,
) -> Result<StreamGraph, Diagnostic> {
    let registry = Registry::new(Environment {
        s3: S3Settings::default(),
        log: Arc::new(|_| {}),
        print: None,
        runtime,
    });
    let mut session = Session::new(Arc::new(registry), NO_SETTINGS)?;
    session.execute_with_properties(script, properties)?;
    session.into_graph()
}

/// A program that is to go on from kept state.
#[derive(Debug, Clone, Copy)]
pub struct Restore<'a> {
    /// The script and its properties; without one only the manifest is looked at.
    pub program: Option<(&'a str, &'a PropertyGroups)>,
    /// The script that runs now and whose state is yet to be taken.
    pub running: Option<(&'a str, &'a PropertyGroups)>,
    /// Key of the manifest of state that is there.
    pub manifest: Option<&'a str>,
    /// State that fits no operator may be dropped.
    pub may_drop: bool,
}

/// Why a program cannot go on from kept state.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The state does not fit.
    #[error("{}", .0.message)]
    Misfit(Misfit),
    /// The manifest is not there, or no manifest.
    #[error("{0}")]
    Unreadable(String),
    /// The object store did not answer.
    #[error("the object store did not answer")]
    Unavailable(#[source] connectors::s3::Error),
    /// The script cannot be planned.
    #[error("{0}")]
    Refused(Diagnostic),
}

/// Compares a program with the state it is to go on from: ids of the operators and fingerprints of
/// what their state means.
///
/// # Errors
/// See [`RestoreError`]. Whether the state objects themselves can be read is not tried.
pub fn check_restore(
    question: Restore<'_>,
    storage: &Storage,
    runtime: &tokio::runtime::Handle,
) -> Result<(), RestoreError> {
    let planned = |(script, properties): (&str, &PropertyGroups)| {
        plan(script, properties, runtime.clone()).map_err(RestoreError::Refused)
    };
    let graph = question.program.map(planned).transpose()?;
    let fits = |shapes| match &graph {
        None => Ok(()),
        Some(graph) => {
            fit(&needs(graph), &shapes, question.may_drop).map(drop).map_err(RestoreError::Misfit)
        }
    };
    if let Some(running) = question.running {
        // A script that an older Weir accepted: what its state is cannot be told any more.
        if let Ok(running) = planned(running) {
            fits(may_hold(&running))?;
        }
    }
    if let Some(key) = question.manifest {
        // All keys are relative to the installation's prefix, so the folder does not matter here.
        let bucket = Arc::new(Bucket::open(storage, runtime.clone()));
        let store = CheckpointStore::open(bucket, "");
        let manifest = store.manifest(key).map_err(|error| match error {
            checkpoint_store::Error::Store(error) if !is_gone(&error) => {
                RestoreError::Unavailable(error)
            }
            other => RestoreError::Unreadable(other.to_string()),
        })?;
        fits(held(&manifest))?;
    }
    Ok(())
}

fn is_gone(error: &connectors::s3::Error) -> bool {
    use connectors::s3::Error::{NoSuchBucket, NoSuchKey, NoSuchUpload, Refused, Unavailable};
    match error {
        NoSuchBucket { .. } | NoSuchKey { .. } | Refused { .. } => true,
        NoSuchUpload { .. } | Unavailable { .. } => false,
    }
}
