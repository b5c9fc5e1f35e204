//! Whether a program's operators fit the state of another run of it.

use std::collections::BTreeMap;

use engine::graph::{NodeKind, StreamGraph};
use model::manifest::{Manifest, OperatorManifest};

/// An operator as far as its state goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// For people.
    pub(crate) name: String,
    /// Fingerprint of what its state means; `None` = it has no state that a fingerprint is of.
    pub(crate) fingerprint: Option<String>,
}

/// Operators by id.
pub(crate) type Shapes = BTreeMap<String, Shape>;

/// State that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// For the customer.
    pub message: String,
    /// Ids of the operators it is about.
    pub operators: Vec<String>,
}

/// The operators of a program.
pub(crate) fn needs(graph: &StreamGraph) -> Shapes {
    let shape = |node: &engine::graph::Node| {
        let fingerprint = match &node.kind {
            NodeKind::Operator(factory) => Some(factory.fingerprint()),
            NodeKind::Source(_) | NodeKind::Sink(_) => None,
        };
        (node.operator_id.clone(), Shape { name: node.name.clone(), fingerprint })
    };
    graph.nodes.iter().map(shape).collect()
}

/// The operators that a checkpoint holds something of.
pub(crate) fn held(manifest: &Manifest) -> Shapes {
    let holds = |entry: &OperatorManifest| {
        !entry.state.is_empty() || !entry.splits.is_empty() || !entry.committables.is_empty()
    };
    let shape = |(id, entry): (&String, &OperatorManifest)| {
        let fingerprint = (!entry.state.is_empty()).then(|| entry.fingerprint.clone());
        (id.clone(), Shape { name: entry.name.clone(), fingerprint })
    };
    manifest.operators.iter().filter(|(_, entry)| holds(entry)).map(shape).collect()
}

/// The operators that a checkpoint of a program may hold something of: sources, operators with state,
/// and sinks that prepare output before it becomes visible.
pub(crate) fn may_hold(graph: &StreamGraph) -> Shapes {
    let mut shapes = needs(graph);
    for node in &graph.nodes {
        let holds = match &node.kind {
            NodeKind::Source(_) => true,
            NodeKind::Operator(factory) => !factory.fingerprint().is_empty(),
            NodeKind::Sink(sink) => sink.prepares(),
        };
        if !holds {
            shapes.remove(&node.operator_id);
        }
    }
    shapes
}

/// The names of operators whose state is dropped because the program lacks them.
///
/// # Errors
/// State that means something else in the program, or that it lacks when nothing may be dropped.
pub(crate) fn fit(needs: &Shapes, held: &Shapes, may_drop: bool) -> Result<Vec<String>, Misfit> {
    let words = |(id, shape): (&String, &Shape)| format!("`{id}` ({})", shape.name);
    let changed = |(id, shape): &(&String, &Shape)| {
        held.get(*id).and_then(|held| held.fingerprint.as_ref()).is_some_and(|fingerprint| {
            shape.fingerprint.as_ref().is_some_and(|own| own != fingerprint)
        })
    };
    let changed: Vec<(&String, &Shape)> = needs.iter().filter(changed).collect();
    if !changed.is_empty() {
        let names: Vec<String> = changed.iter().copied().map(words).collect();
        return Err(Misfit {
            message: format!(
                "the state in the snapshot does not fit these operators, whose keys, aggregates or \
                 window have changed: {}; restore the program that took it, or start without the \
                 snapshot",
                names.join(", ")
            ),
            operators: changed.into_iter().map(|(id, _)| id.clone()).collect(),
        });
    }
    let missing: Vec<(&String, &Shape)> =
        held.iter().filter(|(id, _)| !needs.contains_key(*id)).collect();
    let names: Vec<String> = missing.iter().copied().map(words).collect();
    if !missing.is_empty() && !may_drop {
        return Err(Misfit {
            message: format!(
                "the snapshot has state of operators that this program does not have: {}; restore \
                 the program that took it, or start with AllowNonRestoredState to drop that state",
                names.join(", ")
            ),
            operators: missing.into_iter().map(|(id, _)| id.clone()).collect(),
        });
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(of: &[(&str, Option<&str>)]) -> Shapes {
        let shape = |(id, fingerprint): &(&str, Option<&str>)| {
            let fingerprint = fingerprint.map(str::to_owned);
            ((*id).to_owned(), Shape { name: id.to_uppercase(), fingerprint })
        };
        of.iter().map(shape).collect()
    }

    const PROGRAM: &[(&str, Option<&str>)] =
        &[("source", None), ("window", Some("count")), ("map", Some("")), ("sink", None)];

    #[track_caller]
    fn check(held: &[(&str, Option<&str>)], may_drop: bool, want: Result<&[&str], &[&str]>) {
        let found = fit(&shapes(PROGRAM), &shapes(held), may_drop);
        let found = match &found {
            Ok(dropped) => Ok(dropped.clone()),
            Err(misfit) => {
                for id in &misfit.operators {
                    let named = format!("`{id}` ({})", id.to_uppercase());
                    assert!(misfit.message.contains(&named), "{}", misfit.message);
                }
                Err(misfit.operators.clone())
            }
        };
        let owned = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(found, want.map(owned).map_err(owned));
    }

    #[test]
    fn what_is_there_and_means_the_same_fits() {
        check(PROGRAM, false, Ok(&[]));
        check(&[], false, Ok(&[]));
        // Nothing of the window was there to keep.
        check(&[("window", None), ("source", None)], false, Ok(&[]));
    }

    #[test]
    fn what_means_something_else_never_fits() {
        check(&[("window", Some("sum"))], false, Err(&["window"]));
        check(&[("window", Some("sum"))], true, Err(&["window"]));
    }

    #[test]
    fn what_the_program_lacks_is_dropped_only_when_that_is_allowed() {
        let held = [("window", Some("count")), ("other", Some("x")), ("old sink", None)];
        check(&held, false, Err(&["old sink", "other"]));
        check(&held, true, Ok(&["`old sink` (OLD SINK)", "`other` (OTHER)"]));
    }
}
