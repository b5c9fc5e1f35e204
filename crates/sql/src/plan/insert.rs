//! INSERT: what of the query goes into which column of the sink, and whether it may.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use sqlparser::ast::Spanned;

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{self, Expr};
use crate::parse::Insert;
use crate::session::{Relation, Table};
use crate::types::{Kind, SqlType, can_store_implicitly};

use super::bind::{Binder, placed};
use super::query::Planner;
use super::rel::{Column, Rel, SourceColumn};
use super::scope::Scope;

/// A planned INSERT.
#[derive(Debug)]
pub(crate) struct SinkPlan {
    pub(crate) table: Arc<Table>,
    /// Options of the table with those of a hint.
    pub(crate) options: BTreeMap<String, String>,
    /// Gives the sink's columns, in its order.
    pub(crate) rel: Arc<Rel>,
    /// Columns in which a NULL may come but must not go in.
    pub(crate) not_null: Vec<usize>,
    /// Records with such a NULL are dropped rather than ending the job.
    pub(crate) drop_nulls: bool,
    /// `table.local-time-zone` at the INSERT.
    pub(crate) zone: Tz,
    /// Where the INSERT stands.
    pub(crate) place: Place,
}

/// Plans an INSERT.
pub(crate) fn plan_insert(
    planner: &Planner<'_>,
    insert: &Insert,
    place: Place,
) -> Result<SinkPlan> {
    let name = &insert.table;
    if insert.overwrite {
        return Err(Diagnostic::new(place, "INSERT OVERWRITE is not supported in a stream")
            .hint("write INSERT INTO"));
    }
    let table = match planner.catalog.find(&name.node) {
        Some(Relation::Table(table)) => Arc::clone(table),
        Some(Relation::View(_)) => {
            let message = format!("`{}` is a view; only tables can be written", name.node);
            return Err(Diagnostic::new(name.place, message));
        }
        None => {
            return Err(Diagnostic::new(name.place, format!("unknown table `{}`", name.node))
                .did_you_mean(&name.node, planner.catalog.names()));
        }
    };
    let query_place = Place::from_span(insert.query.span()).unwrap_or(place);
    let query = planner.query(&insert.query, place)?;
    let sink = &table.sink;
    let fixed = partition_values(planner, insert, &table)?;
    let targets = targets(insert, &table, &fixed)?;
    if targets.len() != query.columns.len() {
        let message = format!(
            "the query gives {} columns, but sink `{}` takes {}{}",
            query.columns.len(),
            name.node,
            targets.len(),
            schemas(&query.columns, sink, &targets)
        );
        return Err(Diagnostic::new(query_place, message));
    }
    let mut expressions = Vec::new();
    for (index, column) in sink.iter().enumerate() {
        let source = targets.iter().position(|&target| target == index);
        let value = match (source, fixed.get(&index)) {
            (_, Some(value)) => value.clone(),
            (Some(source), None) => {
                let from = query.column(source);
                if !can_store_implicitly(from.sql_type(), &column.sql_type) {
                    let message = format!(
                        "types do not match: column {} of the query is {}, but column `{}` of \
                         sink `{}` is {}{}",
                        source + 1,
                        from.sql_type().kind,
                        column.name,
                        name.node,
                        column.sql_type.kind,
                        schemas(&query.columns, sink, &targets)
                    );
                    return Err(Diagnostic::new(query_place, message)
                        .hint("columns are matched by position; write a CAST where one is meant"));
                }
                store(&planner.session, from, &column.sql_type, query_place)?
            }
            (None, None) => {
                expr::literal(expr::Literal::Null, column.sql_type.clone().with_nullable(true))
            }
        };
        expressions.push(value);
    }
    let not_null = |(index, column): (usize, &SourceColumn)| {
        let nullable = expressions[index].sql_type().nullable;
        (!column.sql_type.nullable && nullable).then_some(index)
    };
    let not_null: Vec<usize> = sink.iter().enumerate().filter_map(not_null).collect();
    if let Some(&index) = not_null.iter().find(|&&index| expressions[index].is_null_literal()) {
        let message = format!("column `{}` of sink `{}` is NOT NULL", sink[index].name, name.node);
        return Err(Diagnostic::new(query_place, message).hint("give it a value"));
    }
    let columns: Vec<Column> =
        sink.iter().map(|c| Column::plain(&c.name, c.sql_type.clone())).collect();
    let hint = planner.hints.at(Some(name.place));
    let mut options = table.options();
    options.extend(hint.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
    Ok(SinkPlan {
        options,
        rel: Rel::project(query, expressions, columns),
        not_null,
        drop_nulls: planner.settings.drops_nulls(),
        zone: planner.session.zone,
        place,
        table,
    })
}

/// `PARTITION (key = literal)`: values by the sink column's index.
fn partition_values(
    planner: &Planner<'_>,
    insert: &Insert,
    table: &Table,
) -> Result<BTreeMap<usize, Expr>> {
    let nothing = Scope::default();
    let binder = Binder::new(&planner.session, &nothing);
    let mut values = BTreeMap::new();
    for (key, value) in &insert.partition {
        let keys = table.partition_keys();
        let column = table.sink.iter().position(|column| column.name == key.node);
        let Some(column) = column.filter(|_| keys.contains(&key.node)) else {
            let message = format!("`{}` is no partition column of `{}`", key.node, table.name);
            return Err(Diagnostic::new(key.place, message)
                .did_you_mean(&key.node, keys.iter().map(String::as_str)));
        };
        let to = &table.sink[column].sql_type;
        let place = Place::of(value, key.place);
        let value = binder.bind(value, key.place)?;
        let value = placed(expr::cast(&planner.session, value, to), place)?.fold();
        if values.insert(column, value).is_some() {
            let message = format!("partition column `{}` is given twice", key.node);
            return Err(Diagnostic::new(key.place, message));
        }
    }
    Ok(values)
}

/// The sink columns that the query's columns go to, in the query's order.
fn targets(insert: &Insert, table: &Table, fixed: &BTreeMap<usize, Expr>) -> Result<Vec<usize>> {
    if insert.columns.is_empty() {
        return Ok((0..table.sink.len()).filter(|index| !fixed.contains_key(index)).collect());
    }
    let mut targets = Vec::new();
    for column in &insert.columns {
        let Some(index) = table.sink.iter().position(|known| known.name == column.node) else {
            let message = format!("`{}` has no column `{}` to write", table.name, column.node);
            return Err(Diagnostic::new(column.place, message)
                .did_you_mean(&column.node, table.sink.iter().map(|c| c.name.as_str())));
        };
        if targets.contains(&index) || fixed.contains_key(&index) {
            let message = format!("column `{}` is given twice", column.node);
            return Err(Diagnostic::new(column.place, message));
        }
        targets.push(index);
    }
    let left_out = table.sink.iter().enumerate().find(|(index, column)| {
        !column.sql_type.nullable && !targets.contains(index) && !fixed.contains_key(index)
    });
    match left_out {
        None => Ok(targets),
        Some((_, column)) => {
            let place = insert.columns[0].place;
            let message = format!(
                "column `{}` of sink `{}` is NOT NULL and not among the columns given",
                column.name, table.name
            );
            Err(Diagnostic::new(place, message))
        }
    }
}

/// A value as the sink column wants it. Lengths of texts are not enforced, and digits of a
/// fraction are cut only where the sink has fewer.
fn store(session: &expr::Session, from: Expr, to: &SqlType, place: Place) -> Result<Expr> {
    let nullable = from.sql_type().nullable;
    let target = to.clone().with_nullable(nullable);
    let fits = match (&from.sql_type().kind, &to.kind) {
        (a, b) if a == b => true,
        (a, b) if a.is_text() && b.is_text() || a.is_bytes() && b.is_bytes() => true,
        (Kind::Timestamp(p), Kind::Timestamp(q))
        | (Kind::TimestampLtz(p), Kind::TimestampLtz(q)) => {
            p <= q && from.sql_type().to_arrow() == to.to_arrow()
        }
        (Kind::Time(p), Kind::Time(q)) => p <= q,
        _ => false,
    };
    match fits {
        true => Ok(from.retyped(target)),
        false => placed(expr::cast(session, from, &target), place),
    }
}

/// Both schemas, for a message.
fn schemas(query: &[Column], sink: &[SourceColumn], targets: &[usize]) -> String {
    let query: Vec<_> = query.iter().map(|c| format!("{} {}", c.name, c.sql_type.kind)).collect();
    let sink: Vec<_> = targets
        .iter()
        .map(|&index| format!("{} {}", sink[index].name, sink[index].sql_type.kind))
        .collect();
    format!("; query: [{}], sink: [{}]", query.join(", "), sink.join(", "))
}
