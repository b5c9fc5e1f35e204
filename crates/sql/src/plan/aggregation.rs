//! SELECT with GROUP BY or aggregates: keys, window, pre-projection, and what comes after.

use std::sync::Arc;

use engine::aggregate::{AggregateCall, AggregateFunction};
use engine::operators::window::{TimeAttribute, WindowKind, WindowProperty};
use sqlparser::ast;

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::Expr;
use crate::types::{Kind, SqlType};

use super::aggregate::{AggregateNode, condition};
use super::bind::{Binder, same_column};
use super::call::name_of;
use super::grouping::{Found, Grouping, Origin};
use super::grouping_sets::{GroupingSet, sets};
use super::lift::{Lifted, lift};
use super::query::{Planner, union};
use super::rel::{Aggregation, Column, Op, Rel, Time, WindowColumn, WindowPart, Windowing};
use super::scope::Scope;
use super::select::{Item, ItemKind, output};
use super::window;

impl Planner<'_> {
    /// A SELECT that gives one record for each group; with grouping sets, for each of theirs.
    pub(super) fn aggregation(
        &self,
        select: &ast::Select,
        groups: &[ast::Expr],
        items: &[Item<'_>],
        rel: Arc<Rel>,
        scope: &Scope,
        place: Place,
    ) -> Result<Arc<Rel>> {
        let sets = sets(groups, place)?;
        let one = |set| self.grouped_by(select, &set, items, Arc::clone(&rel), scope, place);
        let mut plans = sets.into_iter().map(one).collect::<Result<Vec<_>>>()?;
        match plans.len() {
            1 => Ok(plans.remove(0)),
            _ => union(&self.session, plans, place),
        }
    }

    fn grouped_by(
        &self,
        select: &ast::Select,
        set: &GroupingSet<'_>,
        items: &[Item<'_>],
        rel: Arc<Rel>,
        scope: &Scope,
        place: Place,
    ) -> Result<Arc<Rel>> {
        let plain = Binder::new(&self.session, scope);
        let grouping = self.grouping(&plain, set, &rel, place)?;
        let binder = Binder { grouping: Some(&grouping), ..plain };
        let bound = items.iter().map(|item| match item.kind {
            ItemKind::Column(index) => grouping.key(&rel.column(index), place),
            ItemKind::Expression(ast) => binder.bind(ast, place),
        });
        let bound = bound.collect::<Result<Vec<_>>>()?;
        let having =
            select.having.as_ref().map(|ast| condition(&binder, ast, place)).transpose()?;
        let group_place = set.keys.first().map_or(place, |group| Place::of(*group, place));
        let grouped = grouped(&self.session, rel, grouping, group_place)?;
        let mut settle = |expression: &Expr| expression.map_columns(&mut |i| grouped.column(i));
        let bound = bound.iter().map(&mut settle).collect();
        let having = having.as_ref().map(&mut settle);
        let mut rel = grouped.rel;
        if let Some(having) = having {
            rel = Rel::filter(rel, having);
        }
        Ok(output(rel, bound, items))
    }

    /// Binds GROUP BY.
    fn grouping(
        &self,
        binder: &Binder<'_>,
        set: &GroupingSet<'_>,
        rel: &Rel,
        place: Place,
    ) -> Result<Grouping> {
        let (mut keys, mut window_columns, mut window) = (Vec::new(), Vec::new(), None);
        for &group in &set.keys {
            let place = Place::of(group, place);
            match group {
                ast::Expr::Function(call) if window::is_group_window(&name_of(call), call) => {
                    let bound = window::group_window(binder, call, place)?;
                    if window.replace(bound).is_some() {
                        let message = "GROUP BY can have only one window function";
                        return Err(Diagnostic::new(place, message));
                    }
                    continue;
                }
                ast::Expr::Value(value) if matches!(value.value, ast::Value::Number(..)) => {
                    let message = "GROUP BY does not take the position of a column";
                    return Err(Diagnostic::new(place, message).hint("write its expression"));
                }
                _ => {}
            }
            let key = binder.bind(group, place)?;
            let column = same_column(&key, &rel.columns);
            let part = column.and_then(|column| column.window).map(|window| window.part);
            match part {
                Some(part) if !window_columns.contains(&(key.clone(), part)) => {
                    window_columns.push((key, part));
                }
                None if !keys.contains(&key) => keys.push(key),
                _ => {}
            }
        }
        let has = |part| window_columns.iter().any(|(_, known)| *known == part);
        if !(has(WindowPart::Start) && has(WindowPart::End)) {
            // Without both bounds it is an ordinary, updating aggregation.
            keys.extend(window_columns.drain(..).map(|(column, _)| column));
        } else if window.is_some() {
            let message = "GROUP BY has a window function and window columns";
            return Err(Diagnostic::new(place, message).hint("use one of them"));
        }
        let absent = binder.bind_all(set.absent.iter().copied(), place)?;
        Ok(Grouping::new(keys, absent, window_columns, window))
    }
}

/// An aggregation and where its provisional columns are.
struct Grouped {
    rel: Arc<Rel>,
    keys: usize,
    calls: usize,
    /// Output column of each property.
    properties: Vec<usize>,
}

impl Grouped {
    fn column(&self, provisional: usize) -> usize {
        match Origin::of(provisional) {
            Origin::Key(index) => index,
            Origin::Call(index) => self.keys + index,
            Origin::Property(index) => {
                debug_assert!(index < self.properties.len(), "known properties only");
                self.properties.get(index).copied().unwrap_or(self.keys + self.calls)
            }
        }
    }
}

/// What an aggregation computes from its input before it groups; each expression once.
struct Inputs<'a> {
    rel: &'a Arc<Rel>,
    expressions: Vec<Expr>,
    columns: Vec<Column>,
}

impl<'a> Inputs<'a> {
    fn over(rel: &'a Arc<Rel>) -> Self {
        Self { rel, expressions: Vec::new(), columns: Vec::new() }
    }

    fn index(&mut self, expression: &Expr) -> usize {
        if let Some(known) = self.expressions.iter().position(|known| known == expression) {
            return known;
        }
        let column = match same_column(expression, &self.rel.columns) {
            Some(column) => column.clone(),
            None => Column {
                time: super::bind::time_of(expression, &self.rel.columns),
                ..Column::plain(&expression.to_string(), expression.sql_type().clone())
            },
        };
        self.columns.push(column);
        self.expressions.push(expression.clone());
        self.expressions.len() - 1
    }

    fn aggregation(&mut self, keys: &[Expr], calls: &[AggregateNode]) -> Aggregation {
        let keys = keys.iter().map(|key| self.index(key)).collect();
        let calls = calls
            .iter()
            .map(|call| AggregateCall {
                function: call.function.clone(),
                arguments: call.arguments.iter().map(|argument| self.index(argument)).collect(),
                filter: call.filter.as_ref().map(|filter| self.index(filter)),
                distinct: call.distinct,
            })
            .collect();
        Aggregation { keys, calls }
    }

    /// The input with these columns; as it is when none is needed.
    fn project(self) -> Arc<Rel> {
        if self.expressions.is_empty() {
            return Arc::clone(self.rel);
        }
        Rel::project(Arc::clone(self.rel), self.expressions, self.columns)
    }
}

fn grouped(
    session: &crate::expr::Session,
    rel: Arc<Rel>,
    grouping: Grouping,
    place: Place,
) -> Result<Grouped> {
    let windowed = grouping.window.is_some() || !grouping.window_columns.is_empty();
    if windowed && rel.updating {
        let message = "a window aggregation doesn't support consuming update changes: its input \
                       is an updating result";
        return Err(Diagnostic::new(place, message));
    }
    if let Some(window) = grouping.window.clone() {
        let zoned = matches!(window.arguments[0].sql_type().kind, Kind::TimestampLtz(_));
        let zone = (zoned || window.time == Time::Processing).then_some(session.zone);
        let mut inputs = Inputs::over(&rel);
        let time = match window.time {
            Time::Event => TimeAttribute::Event { column: inputs.index(&window.arguments[0]) },
            Time::Processing => TimeAttribute::Processing,
        };
        let windowing = Windowing { kind: window.kind, time, zone, partition: Vec::new() };
        return window_aggregate(inputs, windowing, grouping, false, place);
    }
    if windowed {
        return match lift(&rel) {
            Some(lifted) if can_use(&lifted, &grouping) => {
                lifted_aggregate(lifted, grouping, place)
            }
            _ => attached_aggregate(&rel, grouping, place),
        };
    }
    let keys = grouping.keys.clone();
    let Found { calls, .. } = grouping.into_found();
    let mut inputs = Inputs::over(&rel);
    let aggregation = inputs.aggregation(&keys, &calls);
    let columns = output_columns(&keys, &calls);
    let op = Op::GroupAggregate { input: inputs.project(), aggregation };
    let (keys, calls) = (keys.len(), calls.len());
    let rel = Arc::new(Rel { op, columns, updating: true });
    Ok(Grouped { rel, keys, calls, properties: Vec::new() })
}

/// Whether nothing but the keys needs the lifted window's columns.
fn can_use(lifted: &Lifted, grouping: &Grouping) -> bool {
    let known = |e: &Expr| e.columns_used().iter().all(|&column| lifted.columns[column].is_some());
    let calls_known = grouping.with_calls(|calls| {
        calls
            .iter()
            .all(|call| call.arguments.iter().all(known) && call.filter.as_ref().is_none_or(known))
    });
    calls_known && grouping.keys.iter().all(known)
}

/// Aggregates over the input of a window function of FROM.
fn lifted_aggregate(lifted: Lifted, grouping: Grouping, place: Place) -> Result<Grouped> {
    let Lifted { rel, window, columns } = lifted;
    let grouping = grouping.over(&mut |index| columns[index].unwrap_or(index));
    if matches!(window.kind, WindowKind::Session { .. }) {
        let mut partition = window.partition.clone();
        let mut keys: Vec<_> = grouping.keys.iter().filter_map(Expr::as_column).collect();
        partition.sort_unstable();
        keys.sort_unstable();
        if partition != keys || keys.len() != grouping.keys.len() {
            let message = "a SESSION window must be grouped by the columns of its PARTITION BY";
            return Err(Diagnostic::new(place, message).hint(
                "write SESSION(TABLE t PARTITION BY k, …) with GROUP BY k, window_start, window_end",
            ));
        }
    }
    let mut inputs = Inputs::over(&rel);
    let time = match window.time {
        TimeAttribute::Event { column } => {
            TimeAttribute::Event { column: inputs.index(&rel.column(column)) }
        }
        TimeAttribute::Processing => TimeAttribute::Processing,
    };
    let windowing = Windowing { time, partition: Vec::new(), ..window };
    window_aggregate(inputs, windowing, grouping, true, place)
}

fn window_aggregate(
    mut inputs: Inputs<'_>,
    window: Windowing,
    grouping: Grouping,
    attached: bool,
    place: Place,
) -> Result<Grouped> {
    let (keys, time_type) = (grouping.keys.clone(), grouping.time_type.clone());
    let Found { calls, properties } = grouping.into_found();
    refuse_unmergeable(&calls, window.kind, place)?;
    let aggregation = inputs.aggregation(&keys, &calls);
    let mut columns = output_columns(&keys, &calls);
    let first = columns.len();
    let made = |part| WindowColumn { part, time: window.time(), zone: window.zone };
    for property in &properties {
        columns.push(property_column(*property, &time_type, &made, attached));
    }
    let at = (first..columns.len()).collect();
    let op = Op::WindowAggregate { input: inputs.project(), window, aggregation, properties };
    let rel = Arc::new(Rel { op, columns, updating: false });
    Ok(Grouped { rel, keys: keys.len(), calls: calls.len(), properties: at })
}

/// Aggregates over windows that are columns of the input.
fn attached_aggregate(rel: &Arc<Rel>, grouping: Grouping, place: Place) -> Result<Grouped> {
    let column = |part| {
        let found = grouping.window_columns.iter().find(|(_, known)| *known == part);
        found.map(|(column, _)| column.clone())
    };
    let (Some(start), Some(end)) = (column(WindowPart::Start), column(WindowPart::End)) else {
        return Err(Diagnostic::new(place, "GROUP BY needs window_start and window_end"));
    };
    let window = end.as_column().and_then(|index| rel.columns[index].window);
    let Some(window) = window else {
        return Err(Diagnostic::new(place, "GROUP BY needs window_start and window_end"));
    };
    let (mut keys, time_type) = (grouping.keys.clone(), grouping.time_type.clone());
    let grouped_keys = keys.len();
    let Found { calls, properties } = grouping.into_found();
    keys.extend([start, end.clone()]);
    let mut inputs = Inputs::over(rel);
    let aggregation = inputs.aggregation(&keys, &calls);
    let end = inputs.index(&end);
    let made = |part| WindowColumn { part, ..window };
    let mut columns = output_columns(&keys, &calls);
    columns[grouped_keys].window = Some(made(WindowPart::Start));
    columns[grouped_keys + 1].window = Some(made(WindowPart::End));
    let wants_time = properties.contains(&WindowProperty::Time);
    let time_at = columns.len();
    if wants_time {
        columns.push(property_column(WindowProperty::Time, &time_type, &made, true));
    }
    // The grouped bounds are keys already; aggregates come after them.
    let at = properties.iter().map(|property| match property {
        WindowProperty::Start => grouped_keys,
        WindowProperty::End => grouped_keys + 1,
        WindowProperty::Time => time_at,
    });
    let at = at.collect();
    let properties = if wants_time { vec![WindowProperty::Time] } else { Vec::new() };
    let input = inputs.project();
    let op = Op::WindowedAggregate { input, end, window, aggregation, properties };
    let rel = Arc::new(Rel { op, columns, updating: false });
    Ok(Grouped { rel, keys: keys.len(), calls: calls.len(), properties: at })
}

/// Keys, then aggregates. A grouped time attribute is a plain timestamp from here on.
fn output_columns(keys: &[Expr], calls: &[AggregateNode]) -> Vec<Column> {
    let keys = keys.iter().map(|key| Column::plain(&key.to_string(), key.sql_type().clone()));
    keys.chain(calls.iter().map(|call| Column::plain(&call.text, call.sql_type.clone()))).collect()
}

fn property_column(
    property: WindowProperty,
    time_type: &SqlType,
    made: &impl Fn(WindowPart) -> WindowColumn,
    attached: bool,
) -> Column {
    let bound = SqlType::required(Kind::Timestamp(3));
    let (name, sql_type, part) = match property {
        WindowProperty::Start => ("window_start", bound, WindowPart::Start),
        WindowProperty::End => ("window_end", bound, WindowPart::End),
        WindowProperty::Time => ("window_time", time_type.clone(), WindowPart::Time),
    };
    let column = made(part);
    let time = (property == WindowProperty::Time).then_some(column.time);
    let window = attached.then_some(column);
    Column { name: name.to_owned(), sql_type, time, window }
}

/// FIRST_VALUE and LAST_VALUE cannot be merged, as in Flink.
fn refuse_unmergeable(calls: &[AggregateNode], kind: WindowKind, place: Place) -> Result<()> {
    let name = match kind {
        WindowKind::Hop { .. } => "HOP",
        WindowKind::Session { .. } => "SESSION",
        WindowKind::Tumble { .. } | WindowKind::Cumulate { .. } => return Ok(()),
    };
    let unmergeable = calls.iter().find(|call| {
        matches!(call.function, AggregateFunction::FirstValue | AggregateFunction::LastValue)
    });
    match unmergeable {
        None => Ok(()),
        Some(call) => {
            let message = format!("`{}` is not possible in a {name} window", call.text);
            Err(Diagnostic::new(place, message).hint("it works in a TUMBLE window"))
        }
    }
}
