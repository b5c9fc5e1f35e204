//! Takes a window function of FROM out of an aggregation's input, so that one operator assigns
//! windows and aggregates (Flink's `PullUpWindowTableFunctionIntoWindowAggregateRule`).

use std::sync::Arc;

use engine::operators::window::TimeAttribute;

use super::rel::{Op, Rel, Windowing};

/// An input without its window function.
#[derive(Debug)]
pub(super) struct Lifted {
    pub(super) rel: Arc<Rel>,
    /// The window, over the columns of `rel`.
    pub(super) window: Windowing,
    /// For each column of the original input, its index in `rel`; `None` for window columns.
    pub(super) columns: Vec<Option<usize>>,
}

/// The input without its window function, if filters and projections between do not compute with
/// the window columns.
pub(super) fn lift(rel: &Arc<Rel>) -> Option<Lifted> {
    match &rel.op {
        Op::WindowAssign { input, window } => {
            let kept = input.columns.len();
            let columns = (0..rel.columns.len()).map(|i| (i < kept).then_some(i)).collect();
            Some(Lifted { rel: Arc::clone(input), window: window.clone(), columns })
        }
        Op::Named { input, .. } => lift(input),
        Op::Filter { input, predicate } => {
            let below = lift(input)?;
            let used = predicate.columns_used();
            if used.iter().any(|&column| below.columns[column].is_none()) {
                return None;
            }
            let predicate = predicate.map_columns(&mut |i| below.columns[i].unwrap_or(i));
            Some(Lifted { rel: Rel::filter(below.rel, predicate), ..below })
        }
        Op::Project { input, expressions } => lift_projection(rel, lift(input)?, expressions),
        _ => None,
    }
}

fn lift_projection(
    rel: &Arc<Rel>,
    below: Lifted,
    expressions: &[crate::expr::Expr],
) -> Option<Lifted> {
    let mut columns = Vec::with_capacity(expressions.len());
    let (mut kept, mut kept_columns) = (Vec::new(), Vec::new());
    for (expression, column) in expressions.iter().zip(&rel.columns) {
        let used = expression.columns_used();
        if used.iter().any(|&index| below.columns[index].is_none()) {
            // A window column may be passed on, not computed with.
            expression.as_column()?;
            columns.push(None);
            continue;
        }
        columns.push(Some(kept.len()));
        kept.push(expression.map_columns(&mut |i| below.columns[i].unwrap_or(i)));
        kept_columns.push(column.clone());
    }
    // What the window itself needs is carried along when the projection left it out.
    let mut carry = |index: usize| match kept.iter().position(|e| e.as_column() == Some(index)) {
        Some(at) => at,
        None => {
            kept.push(below.rel.column(index));
            kept_columns.push(below.rel.columns[index].clone());
            kept.len() - 1
        }
    };
    let time = match below.window.time {
        TimeAttribute::Event { column } => TimeAttribute::Event { column: carry(column) },
        TimeAttribute::Processing => TimeAttribute::Processing,
    };
    let partition = below.window.partition.iter().map(|&index| carry(index)).collect();
    let window = Windowing { time, partition, ..below.window };
    Some(Lifted { rel: Rel::project(below.rel, kept, kept_columns), window, columns })
}
