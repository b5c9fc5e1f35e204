//! Which names a query's expressions can use, and what they stand for.

use std::sync::Arc;

use sqlparser::ast::Ident;

use crate::diagnostic::{Diagnostic, Place, Result};

use super::rel::{Column, Rel};

/// The columns of a FROM clause, by relation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub(crate) columns: Vec<ScopeColumn>,
}

/// One column that can be named; its position is its index in the plan's output.
#[derive(Debug, Clone)]
pub(crate) struct ScopeColumn {
    /// Alias or table name it can be qualified with.
    pub(crate) relation: Option<String>,
    pub(crate) column: Column,
}

/// A name that was found: the column, and how many parts of the name it took (what is left are
/// fields of a row).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) index: usize,
    pub(crate) parts: usize,
}

impl Scope {
    /// The columns of one relation.
    pub(crate) fn of(relation: Option<&str>, rel: &Arc<Rel>) -> Self {
        let columns = rel.columns.iter().map(|column| ScopeColumn {
            relation: relation.map(str::to_owned),
            column: column.clone(),
        });
        Self { columns: columns.collect() }
    }

    /// Both scopes side by side (a join).
    pub(crate) fn beside(mut self, right: Self) -> Self {
        self.columns.extend(right.columns);
        self
    }

    /// Looks a (qualified) name up. Names are case-sensitive.
    pub(crate) fn find(&self, name: &[Ident], place: Place) -> Result<Found> {
        let first = &name[0].value;
        if let Some(second) = name.get(1) {
            let qualified = self.matching(Some(first), &second.value);
            if let Some(found) = one(&qualified, place, &second.value)? {
                return Ok(Found { index: found, parts: 2 });
            }
        }
        if let Some(found) = one(&self.matching(None, first), place, first)? {
            return Ok(Found { index: found, parts: 1 });
        }
        Err(self.unknown(name, place))
    }

    /// Indices of the columns of a relation (of all without one).
    pub(crate) fn of_relation(&self, relation: Option<&str>) -> Vec<usize> {
        let belongs = |column: &ScopeColumn| {
            relation.is_none_or(|relation| column.relation.as_deref() == Some(relation))
        };
        (0..self.columns.len()).filter(|&index| belongs(&self.columns[index])).collect()
    }

    fn matching(&self, relation: Option<&str>, name: &str) -> Vec<usize> {
        let mut found = self.of_relation(relation);
        found.retain(|&index| self.columns[index].column.name == name);
        found
    }

    fn unknown(&self, name: &[Ident], place: Place) -> Diagnostic {
        let known_relation = self.of_relation(Some(&name[0].value));
        if let (Some(column), false) = (name.get(1), known_relation.is_empty()) {
            let message = format!("`{}` has no column `{}`", name[0].value, column.value);
            let names = known_relation.iter().map(|&i| self.columns[i].column.name.as_str());
            return Diagnostic::new(place, message).did_you_mean(&column.value, names);
        }
        let names = self.columns.iter().map(|column| column.column.name.as_str());
        let relations = self.columns.iter().filter_map(|column| column.relation.as_deref());
        let first = &name[0].value;
        match name.get(1) {
            None => Diagnostic::new(place, format!("unknown column `{first}`"))
                .did_you_mean(first, names),
            Some(_) => Diagnostic::new(place, format!("unknown table or column `{first}`"))
                .did_you_mean(first, relations.chain(names)),
        }
    }
}

/// The only index, if there is one; more are ambiguous.
fn one(found: &[usize], place: Place, name: &str) -> Result<Option<usize>> {
    match found {
        [] => Ok(None),
        [index] => Ok(Some(*index)),
        _ => Err(Diagnostic::new(place, format!("column `{name}` is ambiguous"))
            .hint("write the table's name or alias in front of it")),
    }
}
