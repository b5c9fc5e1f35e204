//! `ROW_NUMBER() OVER (PARTITION BY … ORDER BY …)` and the filter on its result: Top-N and
//! deduplication.

use std::sync::Arc;

use engine::operators::window_rank::OrderKey;
use sqlparser::ast::{self, WindowType};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{Expr, Literal};
use crate::types::{Kind, SqlType};

use super::bind::Binder;
use super::call::name_of;
use super::rel::{Column, Op, Rel};

/// Whether a call is one that [`append`] takes.
pub(super) fn is_rank(call: &ast::Function) -> bool {
    name_of(call) == "ROW_NUMBER"
}

/// Appends the rank that a `ROW_NUMBER() OVER (…)` in SELECT asks for.
pub(super) fn append(
    binder: &Binder<'_>,
    input: Arc<Rel>,
    call: &ast::Function,
    named: &[ast::NamedWindowDefinition],
    place: Place,
) -> Result<Arc<Rel>> {
    let spec = specification(call, named, place)?;
    if spec.window_frame.is_some() || spec.order_by.is_empty() {
        let message = "ROW_NUMBER needs ORDER BY and takes no frame";
        return Err(Diagnostic::new(place, message));
    }
    let mut columns = Columns::of(&input);
    let mut partition = Vec::new();
    for key in &spec.partition_by {
        partition.push(columns.index(binder.bind(key, place)?));
    }
    let mut order = Vec::new();
    for key in &spec.order_by {
        let descending = key.options.sort == Some(ast::OrderBySort::Desc);
        order.push(OrderKey {
            column: columns.index(binder.bind(&key.expr, place)?),
            descending,
            nulls_first: key.options.nulls_first.unwrap_or(!descending),
        });
    }
    let input = columns.appended(input);
    let mut output = input.columns.clone();
    output.push(Column::plain("rank", SqlType::required(Kind::BigInt)));
    // Until a filter limits it, a rank changes with each record.
    let op = Op::Rank { input, partition, order, ranks: None, place };
    Ok(Arc::new(Rel { op, columns: output, updating: true }))
}

/// The window a call is over.
pub(super) fn specification<'a>(
    call: &'a ast::Function,
    named: &'a [ast::NamedWindowDefinition],
    place: Place,
) -> Result<&'a ast::WindowSpec> {
    match &call.over {
        Some(WindowType::WindowSpec(spec)) if spec.window_name.is_none() => Ok(spec),
        Some(WindowType::NamedWindow(name)) => named
            .iter()
            .find(|window| window.0.value == name.value)
            .and_then(|window| match &window.1 {
                ast::NamedWindowExpr::WindowSpec(spec) => Some(spec),
                ast::NamedWindowExpr::NamedWindow(_) => None,
            })
            .ok_or_else(|| Diagnostic::new(place, format!("unknown window `{name}`"))),
        _ => Err(Diagnostic::new(place, "this form of OVER is not supported")),
    }
}

/// Columns of an input and expressions to append to them.
pub(super) struct Columns {
    width: usize,
    appended: Vec<Expr>,
}

impl Columns {
    pub(super) fn of(input: &Arc<Rel>) -> Self {
        Self { width: input.columns.len(), appended: Vec::new() }
    }

    pub(super) fn index(&mut self, expression: Expr) -> usize {
        if let Some(index) = expression.as_column() {
            return index;
        }
        if let Some(known) = self.appended.iter().position(|known| *known == expression) {
            return self.width + known;
        }
        self.appended.push(expression);
        self.width + self.appended.len() - 1
    }

    pub(super) fn appended(self, input: Arc<Rel>) -> Arc<Rel> {
        if self.appended.is_empty() {
            return input;
        }
        let mut expressions: Vec<_> = (0..self.width).map(|i| input.column(i)).collect();
        let mut columns = input.columns.clone();
        for expression in self.appended {
            columns.push(Column::plain(&expression.to_string(), expression.sql_type().clone()));
            expressions.push(expression);
        }
        Rel::project(input, expressions, columns)
    }
}

/// `WHERE predicate`, which limits a rank below it where it can.
pub(super) fn filter(input: Arc<Rel>, predicate: Expr) -> Arc<Rel> {
    let conditions = conjunction(&predicate);
    let Some(rank) = rank_column(&input) else { return Rel::filter(input, predicate) };
    let (mut first, mut last) = (1u64, None);
    let mut rest = Vec::new();
    for condition in conditions {
        match bounds(condition, rank) {
            Some((low, high)) => {
                first = first.max(low);
                last = match (last, high) {
                    (Some(known), Some(high)) => Some(u64::min(known, high)),
                    (known, high) => known.or(high),
                };
            }
            None => rest.push(condition.clone()),
        }
    }
    let Some(last) = last else { return Rel::filter(input, predicate) };
    let limited = limit(&input, (first, last));
    match crate::expr::all(rest) {
        Ok(rest) if rest.as_literal() != Some(&Literal::Boolean(true)) => {
            Rel::filter(limited, rest)
        }
        _ => limited,
    }
}

/// The conditions that AND connects.
pub(super) fn conjunction(predicate: &Expr) -> Vec<&Expr> {
    match predicate.as_call() {
        Some(("AND", parts)) => parts.iter().flat_map(conjunction).collect(),
        _ => vec![predicate],
    }
}

/// Index of the column that carries a rank without limits.
fn rank_column(rel: &Arc<Rel>) -> Option<usize> {
    match &rel.op {
        Op::Rank { input, ranks: None, .. } => Some(input.columns.len()),
        Op::Named { input, .. } => rank_column(input),
        Op::Project { input, expressions } => {
            let below = rank_column(input)?;
            expressions.iter().position(|expression| expression.as_column() == Some(below))
        }
        _ => None,
    }
}

/// First and last rank a condition lets through.
fn bounds(condition: &Expr, rank: usize) -> Option<(u64, Option<u64>)> {
    let (name, args) = condition.as_call()?;
    let is_rank = |e: &Expr| e.as_column() == Some(rank);
    match (name, args) {
        ("BETWEEN", [value, low, high]) if is_rank(value) => {
            Some((number(low)?.try_into().ok()?, Some(number(high)?.try_into().ok()?)))
        }
        (name, [left, right]) => {
            let (name, value) = match (is_rank(left), is_rank(right)) {
                (true, false) => (name, number(right)?),
                (false, true) => (mirrored(name)?, number(left)?),
                _ => return None,
            };
            let at = |value: i64| u64::try_from(value.max(0)).ok();
            match name {
                "<=" => Some((1, at(value))),
                "<" => Some((1, at(value - 1))),
                "=" => Some((at(value)?.max(1), at(value))),
                ">=" => Some((at(value)?.max(1), None)),
                ">" => Some((at(value + 1)?.max(1), None)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn mirrored(name: &str) -> Option<&'static str> {
    Some(match name {
        "<=" => ">=",
        "<" => ">",
        "=" => "=",
        ">=" => "<=",
        ">" => "<",
        _ => return None,
    })
}

fn number(expression: &Expr) -> Option<i64> {
    match expression.fold().as_literal() {
        Some(Literal::Integer(value)) => Some(*value),
        _ => None,
    }
}

/// The plan with the rank below limited.
fn limit(rel: &Arc<Rel>, ranks: (u64, u64)) -> Arc<Rel> {
    let columns = rel.columns.clone();
    match &rel.op {
        Op::Rank { input, partition, order, place, .. } => {
            let (partition, order, place) = (partition.clone(), order.clone(), *place);
            let updating = input.updating || !per_window(input, &partition);
            let input = Arc::clone(input);
            let op = Op::Rank { input, partition, order, ranks: Some(ranks), place };
            Arc::new(Rel { op, columns, updating })
        }
        Op::Named { name, input } => Rel::named(name, limit(input, ranks)),
        Op::Project { input, expressions } => {
            let input = limit(input, ranks);
            let updating = input.updating;
            let op = Op::Project { input, expressions: expressions.clone() };
            Arc::new(Rel { op, columns, updating })
        }
        _ => Arc::clone(rel),
    }
}

/// Whether the partition is one per window: its result is final when the window is complete.
pub(crate) fn per_window(input: &Rel, partition: &[usize]) -> bool {
    use super::rel::WindowPart::{End, Start};
    [Start, End].iter().all(|part| {
        partition
            .iter()
            .any(|&key| input.columns[key].window.is_some_and(|window| window.part == *part))
    })
}
