//! FROM: tables, views, sub-queries, window functions, joins.

use std::sync::Arc;

use engine::operators::window::TimeAttribute;
use sqlparser::ast::{self, Ident, JoinConstraint, JoinOperator, TableFactor};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::types::{Kind, SqlType};

use super::aggregate::condition;
use super::bind::Binder;
use super::query::Planner;
use super::rel::{Column, JoinKind, Op, Rel, Time, WindowColumn, WindowPart, Windowing};
use super::scope::Scope;
use super::window::{self, WindowData};

/// A relation of FROM with the names its columns go by.
pub(super) type Relation = (Arc<Rel>, Scope);

impl Planner<'_> {
    /// A whole FROM clause; a comma is a join without condition.
    pub(super) fn from(&self, from: &[ast::TableWithJoins], place: Place) -> Result<Relation> {
        let mut relations = from.iter();
        let Some(first) = relations.next() else {
            return Ok((super::query::one_row(), Scope::default()));
        };
        let mut left = self.joined(first, place)?;
        for next in relations {
            let right = self.joined(next, place)?;
            left = self.join(left, right, JoinKind::Inner, None, Place::of(next, place))?;
        }
        Ok(left)
    }

    fn joined(&self, relation: &ast::TableWithJoins, place: Place) -> Result<Relation> {
        let mut left = self.factor(&relation.relation, place)?;
        for join in &relation.joins {
            let place = Place::of(&join.relation, place);
            let right = self.factor(&join.relation, place)?;
            let (kind, constraint) = match &join.join_operator {
                JoinOperator::Join(c) | JoinOperator::Inner(c) => (JoinKind::Inner, c),
                JoinOperator::CrossJoin(c) => (JoinKind::Inner, c),
                JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (JoinKind::Left, c),
                JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (JoinKind::Right, c),
                JoinOperator::FullOuter(c) => (JoinKind::Full, c),
                _ => return Err(Diagnostic::new(place, "this kind of join is not supported")),
            };
            let on = match constraint {
                JoinConstraint::On(condition) => Some(condition),
                JoinConstraint::None => None,
                JoinConstraint::Using(_) | JoinConstraint::Natural => {
                    let message = "USING and NATURAL joins are not supported";
                    return Err(Diagnostic::new(place, message).hint("write JOIN … ON a.x = b.x"));
                }
            };
            left = self.join(left, right, kind, on, place)?;
        }
        Ok(left)
    }

    fn join(
        &self,
        (left, left_scope): Relation,
        (right, right_scope): Relation,
        kind: JoinKind,
        on: Option<&ast::Expr>,
        place: Place,
    ) -> Result<Relation> {
        let scope = left_scope.beside(right_scope);
        let on =
            on.map(|on| condition(&Binder::new(&self.session, &scope), on, place)).transpose()?;
        let columns = left.columns.iter().chain(&right.columns).cloned().collect();
        let updating = left.updating || right.updating || kind != JoinKind::Inner;
        let op = Op::Join { left, right, kind, condition: on, place };
        Ok((Arc::new(Rel { op, columns, updating }), scope))
    }

    fn factor(&self, factor: &TableFactor, outer: Place) -> Result<Relation> {
        let place = Place::of(factor, outer);
        match factor {
            TableFactor::Table { name, alias, args, version: None, .. } => {
                let parts = idents(name, place)?;
                if let Some(args) = args {
                    let function = name.to_string().to_ascii_uppercase();
                    let rel = self.table_function(&function, &args.args, place)?;
                    return self.aliased(rel, None, alias.as_ref(), place);
                }
                let rel = self.table(&parts, place)?;
                let name = parts.last().map(|part| part.value.as_str());
                self.aliased(rel, name, alias.as_ref(), place)
            }
            TableFactor::Table { version: Some(_), .. } => {
                Err(Diagnostic::new(place, "joins FOR SYSTEM_TIME AS OF are not supported yet"))
            }
            TableFactor::Derived { lateral: false, subquery, alias, .. } => {
                let rel = self.query(subquery, place)?;
                self.aliased(rel, None, alias.as_ref(), place)
            }
            TableFactor::TableFunction { expr: ast::Expr::Function(call), alias } => {
                let name = super::call::name_of(call);
                let rel = self.table_function(&name, super::call::arguments(call), place)?;
                self.aliased(rel, None, alias.as_ref(), place)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.joined(table_with_joins, place)
            }
            TableFactor::MatchRecognize { .. } => {
                Err(Diagnostic::new(place, "MATCH_RECOGNIZE is not supported yet"))
            }
            TableFactor::Derived { .. } | TableFactor::Function { .. } => {
                Err(Diagnostic::new(place, "LATERAL is not supported yet"))
            }
            TableFactor::UNNEST { .. } => {
                Err(Diagnostic::new(place, "UNNEST is not supported yet"))
            }
            other => Err(Diagnostic::new(place, format!("`{other}` is not supported in FROM"))),
        }
    }

    /// Gives a relation its alias, and its columns the alias's names.
    fn aliased(
        &self,
        rel: Arc<Rel>,
        name: Option<&str>,
        alias: Option<&ast::TableAlias>,
        place: Place,
    ) -> Result<Relation> {
        let Some(alias) = alias else {
            let scope = Scope::of(name, &rel);
            return Ok((rel, scope));
        };
        let names: Vec<Ident> = alias.columns.iter().map(|column| column.name.clone()).collect();
        let rel = rename(rel, &names, Place::of_name(&alias.name, place))?;
        let scope = Scope::of(Some(&alias.name.value), &rel);
        Ok((rel, scope))
    }

    /// `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), …))`
    fn table_function(
        &self,
        name: &str,
        args: &[ast::FunctionArg],
        place: Place,
    ) -> Result<Arc<Rel>> {
        if name == "UNNEST" {
            return Err(Diagnostic::new(place, "UNNEST is not supported yet"));
        }
        let nothing = Scope::default();
        let call = window::window_call(&Binder::new(&self.session, &nothing), name, args, place)?;
        let input = match call.data {
            WindowData::Table(table) => self.table(table, place)?,
            WindowData::Query(query) => self.query(query, place)?,
        };
        let scope = Scope::of(None, &input);
        let find = |column: &Ident| {
            let place = Place::of_name(column, place);
            scope.find(std::slice::from_ref(column), place).map(|found| found.index)
        };
        let column = find(call.time_column)?;
        let Some(time) = input.columns[column].time else {
            let place = Place::of_name(call.time_column, place);
            return Err(window::no_time_attribute(&call.time_column.value, place));
        };
        let partition = call.partition.iter().map(find).collect::<Result<Vec<_>>>()?;
        if input.updating {
            return Err(Diagnostic::new(
                place,
                format!(
                    "`{name}` doesn't support consuming update changes: its input is an updating \
                 result"
                ),
            ));
        }
        let zoned = matches!(input.columns[column].sql_type.kind, Kind::TimestampLtz(_));
        let zone = (zoned || time == Time::Processing).then_some(self.session.zone);
        let time = match time {
            Time::Event => TimeAttribute::Event { column },
            Time::Processing => TimeAttribute::Processing,
        };
        Ok(assign(input, Windowing { kind: call.kind, time, zone, partition }))
    }
}

/// The window function over its input: three columns more.
fn assign(input: Arc<Rel>, window: Windowing) -> Arc<Rel> {
    let mut columns = input.columns.clone();
    let time = window.time();
    let zoned = window.zone.is_some();
    for (part, name) in [
        (WindowPart::Start, "window_start"),
        (WindowPart::End, "window_end"),
        (WindowPart::Time, "window_time"),
    ] {
        let is_time = part == WindowPart::Time;
        let kind = if is_time && zoned { Kind::TimestampLtz(3) } else { Kind::Timestamp(3) };
        columns.push(Column {
            name: name.to_owned(),
            sql_type: SqlType::required(kind),
            time: is_time.then_some(time),
            window: Some(WindowColumn { part, time, zone: window.zone }),
        });
    }
    let op = Op::WindowAssign { input, window };
    Arc::new(Rel { op, columns, updating: false })
}

/// The same rows under other column names; without names nothing changes.
pub(crate) fn rename(rel: Arc<Rel>, names: &[Ident], place: Place) -> Result<Arc<Rel>> {
    if names.is_empty() {
        return Ok(rel);
    }
    if names.len() != rel.columns.len() {
        let message = format!("{} column names for {} columns", names.len(), rel.columns.len());
        return Err(Diagnostic::new(place, message));
    }
    let expressions = (0..names.len()).map(|index| rel.column(index)).collect();
    let named =
        |(column, name): (&Column, &Ident)| Column { name: name.value.clone(), ..column.clone() };
    let columns = rel.columns.iter().zip(names).map(named).collect();
    Ok(Rel::project(rel, expressions, columns))
}

/// The parts of a name.
pub(super) fn idents(name: &ast::ObjectName, place: Place) -> Result<Vec<Ident>> {
    let parts: Option<Vec<Ident>> = name.0.iter().map(|part| part.as_ident().cloned()).collect();
    parts.ok_or_else(|| Diagnostic::new(place, format!("`{name}` is no table name")))
}
