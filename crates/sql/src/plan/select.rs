//! SELECT: projections, and which SELECT is an aggregation.

use std::cell::Cell;
use std::sync::Arc;

use sqlparser::ast::{self, SelectItem, SelectItemQualifiedWildcardKind};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::Expr;

use super::bind::{Binder, same_column, time_of};
use super::over;
use super::query::{Planner, distinct};
use super::rank;
use super::rel::{Column, Rel};
use super::scope::Scope;

/// One output column of a SELECT: its name and what it is.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) name: String,
    pub(super) kind: ItemKind<'a>,
}

/// What an output column is.
#[derive(Debug, Clone, Copy)]
pub(super) enum ItemKind<'a> {
    /// An expression as written.
    Expression(&'a ast::Expr),
    /// A column that `*` stands for.
    Column(usize),
}

impl Planner<'_> {
    /// Plans one SELECT.
    pub(super) fn select(&self, select: &ast::Select, place: Place) -> Result<Arc<Rel>> {
        refuse_clauses(select, place)?;
        let (mut rel, scope) = self.from(&select.from, place)?;
        if let Some(condition) = &select.selection {
            rel = rank::filter(rel, self.where_condition(&scope, condition, place)?);
        }
        let groups = match &select.group_by {
            ast::GroupByExpr::Expressions(groups, modifiers) if modifiers.is_empty() => groups,
            _ => return Err(Diagnostic::new(place, "this form of GROUP BY is not supported")),
        };
        let items = items(select, &scope, place)?;
        let selected = if groups.is_empty() && select.having.is_none() {
            let met = Cell::new(false);
            match self.plain(select, &items, Arc::clone(&rel), &scope, &met, place) {
                // An aggregate without GROUP BY: one group of everything.
                Err(_) if met.get() => self.aggregation(select, groups, &items, rel, &scope, place),
                done => done,
            }
        } else {
            self.aggregation(select, groups, &items, rel, &scope, place)
        }?;
        match &select.distinct {
            None | Some(ast::Distinct::All) => Ok(selected),
            Some(ast::Distinct::Distinct) => Ok(distinct(selected)),
            Some(_) => Err(Diagnostic::new(place, "DISTINCT ON is not supported")),
        }
    }

    /// A SELECT that gives one record for each.
    fn plain(
        &self,
        select: &ast::Select,
        items: &[Item<'_>],
        rel: Arc<Rel>,
        scope: &Scope,
        met: &Cell<bool>,
        place: Place,
    ) -> Result<Arc<Rel>> {
        let binder = Binder { aggregate_met: Some(met), ..Binder::new(&self.session, scope) };
        let calls: Vec<(&ast::Function, Place)> = items
            .iter()
            .filter_map(|item| match item.kind {
                ItemKind::Expression(ast::Expr::Function(call)) if call.over.is_some() => {
                    Some((call, Place::of(call, place)))
                }
                _ => None,
            })
            .collect();
        let rel = match calls.as_slice() {
            [] => rel,
            &[(call, place)] if rank::is_rank(call) => {
                rank::append(&binder, rel, call, &select.named_window, place)?
            }
            calls => {
                if let Some((_, place)) = calls.iter().find(|(call, _)| rank::is_rank(call)) {
                    let message =
                        "ROW_NUMBER beside other functions OVER a window is not supported";
                    return Err(Diagnostic::new(*place, message)
                        .hint("put the other calls into a query of their own"));
                }
                over::append(&binder, rel, calls, &select.named_window)?
            }
        };
        // What the calls made are the last columns, in their order.
        let first = rel.columns.len() - calls.len();
        let mut made = first..;
        let bound = items.iter().map(|item| match item.kind {
            ItemKind::Column(index) => Ok(rel.column(index)),
            ItemKind::Expression(ast::Expr::Function(call)) if call.over.is_some() => {
                Ok(rel.column(made.next().unwrap_or(first)))
            }
            ItemKind::Expression(ast) => binder.bind(ast, place),
        });
        let bound = bound.collect::<Result<Vec<_>>>()?;
        Ok(output(rel, bound, items))
    }
}

/// The SELECT's columns over `rel`; time attributes and window columns stay what they are.
pub(super) fn output(rel: Arc<Rel>, expressions: Vec<Expr>, items: &[Item<'_>]) -> Arc<Rel> {
    let column = |(expression, item): (&Expr, &Item<'_>)| Column {
        name: item.name.clone(),
        sql_type: expression.sql_type().clone(),
        time: time_of(expression, &rel.columns),
        window: same_column(expression, &rel.columns).and_then(|column| column.window),
    };
    let columns = expressions.iter().zip(items).map(column).collect();
    Rel::project(rel, expressions, columns)
}

/// The output columns of a SELECT, with `*` resolved.
fn items<'a>(select: &'a ast::Select, scope: &Scope, place: Place) -> Result<Vec<Item<'a>>> {
    let mut items = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expression) => {
                let name = name_of(expression).unwrap_or(format!("EXPR${}", items.len()));
                items.push(Item { name, kind: ItemKind::Expression(expression) });
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let kind = ItemKind::Expression(expr);
                items.push(Item { name: alias.value.clone(), kind });
            }
            SelectItem::Wildcard(_) => items.extend(all(scope, None)),
            SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(relation),
                _,
            ) => {
                let parts = super::from::idents(relation, place)?;
                let name = parts.last().map_or("", |part| part.value.as_str());
                let before = items.len();
                items.extend(all(scope, Some(name)));
                if items.len() == before {
                    let place = parts.last().map_or(place, |part| Place::of_name(part, place));
                    let names = scope.columns.iter().filter_map(|c| c.relation.as_deref());
                    return Err(Diagnostic::new(place, format!("unknown table `{name}`"))
                        .did_you_mean(name, names));
                }
            }
            other => {
                let message = format!("`{other}` is not supported in SELECT");
                return Err(Diagnostic::new(Place::of(other, place), message));
            }
        }
    }
    Ok(items)
}

fn all<'a>(scope: &Scope, relation: Option<&str>) -> Vec<Item<'a>> {
    let item = |index: usize| Item {
        name: scope.columns[index].column.name.clone(),
        kind: ItemKind::Column(index),
    };
    scope.of_relation(relation).into_iter().map(item).collect()
}

/// The name an expression gives its column by itself.
fn name_of(expression: &ast::Expr) -> Option<String> {
    match expression {
        ast::Expr::Identifier(name) => Some(name.value.clone()),
        ast::Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()),
        ast::Expr::Nested(inner) => name_of(inner),
        _ => None,
    }
}

fn refuse_clauses(select: &ast::Select, place: Place) -> Result<()> {
    let refused = |what: &str| Err(Diagnostic::new(place, format!("{what} is not supported")));
    if select.top.is_some() {
        return refused("TOP");
    }
    if select.into.is_some() {
        return refused("SELECT INTO");
    }
    if select.qualify.is_some() {
        return refused("QUALIFY");
    }
    let unknown = !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.exclude.is_some();
    if unknown { refused("a clause of this SELECT") } else { Ok(()) }
}
