//! Makes prepared output visible, after the commit point and when taking over from earlier attempts.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::clock::Clock;
use engine::graph::{NodeKind, StreamGraph};
use engine::sink::{CommitContext, Committable, Committer};
use engine::stash::Stash;
use model::manifest::Manifest;

/// The committers of a graph's sinks, by operator id.
pub(crate) struct Committers {
    by_operator: BTreeMap<String, Box<dyn Committer>>,
}

/// What every committer of this process gets to know.
pub(crate) struct Surroundings<'a> {
    pub(crate) application_id: &'a str,
    pub(crate) attempt: u64,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) stash: &'a Arc<dyn Stash>,
}

impl Committers {
    /// Opens the committer of every sink that has one.
    pub(crate) fn open(
        graph: &StreamGraph,
        surroundings: &Surroundings<'_>,
    ) -> engine::Result<Self> {
        let mut by_operator = BTreeMap::new();
        for node in &graph.nodes {
            let NodeKind::Sink(sink) = &node.kind else { continue };
            let context = CommitContext {
                operator_id: node.operator_id.clone(),
                application_id: surroundings.application_id.to_owned(),
                attempt: surroundings.attempt,
                clock: Arc::clone(surroundings.clock),
                stash: Arc::clone(surroundings.stash),
            };
            if let Some(committer) = sink.committer(context)? {
                by_operator.insert(node.operator_id.clone(), committer);
            }
        }
        Ok(Self { by_operator })
    }

    /// Takes over from earlier attempts, which have left `unfinished` (oldest first) to be committed.
    /// Returns the names of sinks that are not in this program: their output stays invisible.
    pub(crate) fn take_over(&mut self, unfinished: &[Manifest]) -> engine::Result<Vec<String>> {
        for (id, committer) in &mut self.by_operator {
            let left = |manifest: &Manifest| {
                let operator = manifest.operators.get(id)?;
                Some((manifest.checkpoint, operator.committables.clone()))
            };
            let mut left: Vec<_> = unfinished.iter().filter_map(left).collect();
            left.retain(|(_, committables)| !committables.is_empty());
            committer.take_over(&left)?;
        }
        let all = unfinished.iter().flat_map(|manifest| &manifest.operators);
        let dropped = all.filter(|(id, operator)| {
            !operator.committables.is_empty() && !self.by_operator.contains_key(*id)
        });
        Ok(dropped.map(|(id, operator)| format!("`{id}` ({})", operator.name)).collect())
    }

    /// Tells of the checkpoint that this attempt starts from.
    pub(crate) fn restored(&mut self, manifest: &Manifest) -> engine::Result<()> {
        for (id, committer) in &mut self.by_operator {
            if let Some(operator) = manifest.operators.get(id) {
                committer.restored(&operator.committables)?;
            }
        }
        Ok(())
    }

    /// Commits what checkpoint `checkpoint` has prepared; doing it again changes nothing.
    pub(crate) fn commit<'a>(
        &mut self,
        checkpoint: u64,
        committables: impl IntoIterator<Item = (&'a String, &'a Vec<Committable>)>,
    ) -> engine::Result<()> {
        for (operator, prepared) in committables {
            if let Some(committer) = self.by_operator.get_mut(operator) {
                committer.commit(checkpoint, prepared)?;
            } else if !prepared.is_empty() {
                return Err(engine::Error::internal(format!(
                    "checkpoint {checkpoint} has prepared output of `{operator}`, which is no sink of \
                     this program"
                )));
            }
        }
        Ok(())
    }

    /// Throws away what no checkpoint holds; goes on after an error and returns the first.
    pub(crate) fn abort<'a>(
        &mut self,
        committables: impl IntoIterator<Item = (&'a String, &'a Vec<Committable>)>,
    ) -> engine::Result<()> {
        let mut result = Ok(());
        for (operator, prepared) in committables {
            if let Some(committer) = self.by_operator.get_mut(operator) {
                result = result.and(committer.abort(prepared));
            }
        }
        result
    }

    /// Removes what earlier attempts left behind; goes on after an error. Returns how many things
    /// were removed, and the first error.
    pub(crate) fn sweep(&mut self) -> (usize, Option<engine::Error>) {
        let (mut removed, mut error) = (0, None);
        for committer in self.by_operator.values_mut() {
            match committer.sweep() {
                Ok(count) => removed += count,
                Err(failure) => error = error.or(Some(failure)),
            }
        }
        (removed, error)
    }
}
