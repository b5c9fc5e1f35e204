//! The tables and views of a session.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::plan::Rel;

use super::table::Table;

/// What a name can stand for in FROM.
#[derive(Debug, Clone)]
pub(crate) enum Relation {
    Table(Arc<Table>),
    /// A view is planned when it is created.
    View(Arc<Rel>),
}

/// All tables and views by name. Names are case-sensitive, as in Flink.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog(BTreeMap<String, Relation>);

impl Catalog {
    /// What `name` stands for.
    pub(crate) fn find(&self, name: &str) -> Option<&Relation> {
        self.0.get(name)
    }

    /// Adds or replaces.
    pub(crate) fn put(&mut self, name: &str, relation: Relation) {
        self.0.insert(name.to_owned(), relation);
    }

    /// Takes away.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
