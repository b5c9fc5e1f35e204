//! Queries: WITH, set operations, VALUES; the tables and views they read.

use std::cell::RefCell;
use std::sync::Arc;

use engine::connector::Connectors;
use sqlparser::ast::{self, Ident, SetExpr, SetOperator, SetQuantifier};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{self, Expr};
use crate::parse::Hints;
use crate::session::{Catalog, Relation as CatalogEntry, Settings};
use crate::types::{SqlType, common_of};

use super::aggregate::condition;
use super::bind::{Binder, placed};
use super::from::rename;
use super::rel::{Aggregation, Column, Op, Rel};
use super::scope::Scope;

/// Plans the queries of one statement.
#[derive(Debug)]
pub(crate) struct Planner<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) settings: &'a Settings,
    pub(crate) session: expr::Session,
    pub(crate) hints: &'a Hints,
    pub(crate) connectors: &'a dyn Connectors,
    /// Named sub-queries in sight, innermost last.
    named: RefCell<Vec<(String, Arc<Rel>)>>,
}

impl<'a> Planner<'a> {
    /// A planner for one statement.
    pub(crate) fn new(
        catalog: &'a Catalog,
        settings: &'a Settings,
        hints: &'a Hints,
        connectors: &'a dyn Connectors,
    ) -> Self {
        let session = settings.expression_session();
        Self { catalog, settings, session, hints, connectors, named: RefCell::default() }
    }

    /// Plans a query.
    pub(crate) fn query(&self, query: &ast::Query, outer: Place) -> Result<Arc<Rel>> {
        let place = Place::of(query, outer);
        refuse_clauses(query, place)?;
        let in_sight = self.named.borrow().len();
        if let Some(with) = &query.with {
            if with.recursive {
                return Err(Diagnostic::new(place, "WITH RECURSIVE is not supported"));
            }
            for cte in &with.cte_tables {
                let name = &cte.alias.name;
                let place = Place::of_name(name, place);
                let rel = self.query(&cte.query, place)?;
                let columns: Vec<Ident> =
                    cte.alias.columns.iter().map(|column| column.name.clone()).collect();
                let rel = rename(Rel::named(&name.value, rel), &columns, place)?;
                self.named.borrow_mut().push((name.value.clone(), rel));
            }
        }
        let planned = self.body(&query.body, place);
        self.named.borrow_mut().truncate(in_sight);
        planned
    }

    fn body(&self, body: &SetExpr, outer: Place) -> Result<Arc<Rel>> {
        let place = Place::of(body, outer);
        match body {
            SetExpr::Select(select) => self.select(select, place),
            SetExpr::Query(query) => self.query(query, place),
            SetExpr::Values(values) => self.values(values, place),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let all = match (op, set_quantifier) {
                    (SetOperator::Union, SetQuantifier::All) => true,
                    (SetOperator::Union, SetQuantifier::None | SetQuantifier::Distinct) => false,
                    _ => {
                        let message = format!("{op} is not supported in this form");
                        return Err(Diagnostic::new(place, message)
                            .hint("UNION and UNION ALL are supported"));
                    }
                };
                let inputs = vec![self.body(left, place)?, self.body(right, place)?];
                let rel = union(&self.session, inputs, place)?;
                Ok(if all { rel } else { distinct(rel) })
            }
            _ => Err(Diagnostic::new(place, format!("`{body}` is not supported as a query"))),
        }
    }

    /// `VALUES (1, 'a'), (2, NULL)`
    fn values(&self, values: &ast::Values, place: Place) -> Result<Arc<Rel>> {
        let nothing = Scope::default();
        let binder = Binder::new(&self.session, &nothing);
        let mut rows = Vec::new();
        for row in &values.rows {
            rows.push(binder.bind_all(&row.content, place)?);
        }
        let width = rows.first().map_or(0, Vec::len);
        if let Some(row) = rows.iter().find(|row| row.len() != width) {
            let message = format!("rows of {width} and of {} values in one VALUES", row.len());
            return Err(Diagnostic::new(place, message));
        }
        let mut columns = Vec::new();
        for index in 0..width {
            let Some(common) = common_of(rows.iter().map(|row| row[index].sql_type())) else {
                let message = format!("the values of column {} have no common type", index + 1);
                return Err(Diagnostic::new(place, message));
            };
            for row in &mut rows {
                row[index] = convert(&self.session, row[index].clone(), &common, place)?.fold();
            }
            columns.push(Column::plain(&format!("EXPR${index}"), common));
        }
        Ok(Arc::new(Rel { op: Op::Values(rows), columns, updating: false }))
    }

    /// A table, view or named sub-query.
    pub(super) fn table(&self, name: &[Ident], place: Place) -> Result<Arc<Rel>> {
        let parts: Vec<&str> = name.iter().map(|part| part.value.as_str()).collect();
        let simple = match parts.as_slice() {
            [name] => {
                let named = self.named.borrow();
                if let Some((_, rel)) = named.iter().rev().find(|(known, _)| known == name) {
                    return Ok(Arc::clone(rel));
                }
                *name
            }
            ["default_database", name] | ["default_catalog", "default_database", name] => *name,
            _ => {
                let message = format!("unknown catalog or database in `{}`", parts.join("."));
                return Err(Diagnostic::new(place, message)
                    .hint("only `default_catalog`.`default_database` is known"));
            }
        };
        let hint = self.hints.at(name.last().and_then(|part| Place::from_span(part.span)));
        match self.catalog.find(simple) {
            Some(CatalogEntry::Table(table)) => table.scan(self.settings, self.connectors, hint),
            Some(CatalogEntry::View(rel)) => match hint {
                None => Ok(Rel::named(simple, Arc::clone(rel))),
                Some(_) => {
                    let message = format!("`{simple}` is a view, which takes no OPTIONS");
                    Err(Diagnostic::new(place, message))
                }
            },
            None => {
                let named = self.named.borrow();
                let names = self.catalog.names().chain(named.iter().map(|(name, _)| name.as_str()));
                Err(Diagnostic::new(place, format!("unknown table `{simple}`"))
                    .did_you_mean(simple, names))
            }
        }
    }

    /// A condition of WHERE.
    pub(super) fn where_condition(
        &self,
        scope: &Scope,
        ast: &ast::Expr,
        place: Place,
    ) -> Result<Expr> {
        condition(&Binder::new(&self.session, scope), ast, place)
    }
}

/// What a SELECT without FROM reads.
pub(super) fn one_row() -> Arc<Rel> {
    Arc::new(Rel { op: Op::Values(vec![Vec::new()]), columns: Vec::new(), updating: false })
}

/// `expression` as `to`: a cast where the kinds differ.
pub(super) fn convert(
    session: &expr::Session,
    expression: Expr,
    to: &SqlType,
    place: Place,
) -> Result<Expr> {
    if expression.sql_type().kind == to.kind {
        return Ok(expression);
    }
    let nullable = expression.sql_type().nullable;
    let target = to.clone().with_nullable(nullable);
    placed(expr::cast(session, expression, &target), place)
}

/// `UNION ALL`: columns by position, widened to their common types.
pub(super) fn union(
    session: &expr::Session,
    inputs: Vec<Arc<Rel>>,
    place: Place,
) -> Result<Arc<Rel>> {
    let width = inputs[0].columns.len();
    if inputs.iter().any(|input| input.columns.len() != width) {
        let counts: Vec<_> = inputs.iter().map(|input| input.columns.len().to_string()).collect();
        let message = format!("UNION of queries with {} columns", counts.join(" and "));
        return Err(Diagnostic::new(place, message));
    }
    let mut columns = Vec::new();
    for index in 0..width {
        let all = || inputs.iter().map(|input| &input.columns[index]);
        let Some(common) = common_of(all().map(|column| &column.sql_type)) else {
            let types: Vec<_> = all().map(|column| column.sql_type.kind.to_string()).collect();
            let message = format!(
                "column {} of the UNION has no common type: {}",
                index + 1,
                types.join(" and ")
            );
            return Err(Diagnostic::new(place, message));
        };
        let first = &inputs[0].columns[index];
        let time = first.time.filter(|time| all().all(|column| column.time == Some(*time)));
        let window =
            first.window.filter(|window| all().all(|column| column.window == Some(*window)));
        columns.push(Column { name: first.name.clone(), sql_type: common, time, window });
    }
    let inputs = inputs.into_iter().map(|input| {
        let expressions = columns
            .iter()
            .enumerate()
            .map(|(index, to)| convert(session, input.column(index), &to.sql_type, place))
            .collect::<Result<Vec<_>>>()?;
        Ok(Rel::project(input, expressions, columns.clone()))
    });
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    let updating = inputs.iter().any(|input| input.updating);
    Ok(Arc::new(Rel { op: Op::Union(inputs), columns, updating }))
}

/// `DISTINCT`: groups by all columns.
pub(super) fn distinct(input: Arc<Rel>) -> Arc<Rel> {
    let columns: Vec<Column> = input
        .columns
        .iter()
        .map(|column| Column::plain(&column.name, column.sql_type.clone()))
        .collect();
    let aggregation = Aggregation { keys: (0..columns.len()).collect(), calls: Vec::new() };
    Arc::new(Rel { op: Op::GroupAggregate { input, aggregation }, columns, updating: true })
}

fn refuse_clauses(query: &ast::Query, place: Place) -> Result<()> {
    let refused = |what: &str, hint: &str| {
        Err(Diagnostic::new(place, format!("{what} is not supported in a stream")).hint(hint))
    };
    if query.order_by.is_some() {
        return refused(
            "ORDER BY",
            "a stream has no end; for the first rows of each group filter ROW_NUMBER() OVER (…)",
        );
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return refused("LIMIT", "filter the result of ROW_NUMBER() OVER (…) instead");
    }
    if !query.locks.is_empty()
        || query.for_clause.is_some()
        || query.settings.is_some()
        || query.format_clause.is_some()
        || !query.pipe_operators.is_empty()
    {
        return refused("this clause", "leave it out");
    }
    Ok(())
}
