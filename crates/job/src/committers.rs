//! Makes prepared output visible, after the commit point and on recovery.

use std::collections::BTreeMap;

use engine::graph::{NodeKind, StreamGraph};
use engine::sink::{Committable, Committer};

/// The committers of a graph's sinks, by operator id.
pub(crate) struct Committers {
    by_operator: BTreeMap<String, Box<dyn Committer>>,
}

impl Committers {
    /// Opens the committer of every sink that has one.
    pub(crate) fn open(graph: &StreamGraph, attempt: u64) -> engine::Result<Self> {
        let mut by_operator = BTreeMap::new();
        for node in &graph.nodes {
            if let NodeKind::Sink(sink) = &node.kind
                && let Some(committer) = sink.committer(attempt)?
            {
                by_operator.insert(node.operator_id.clone(), committer);
            }
        }
        Ok(Self { by_operator })
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
}
