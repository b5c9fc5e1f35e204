//! `agg(…) OVER (PARTITION BY … ORDER BY time … PRECEDING AND CURRENT ROW)`.

use std::sync::Arc;

use engine::aggregate::AggregateCall;
use engine::operators::over_aggregate::{Frame, FrameKind, Preceding};
use engine::operators::window::TimeAttribute;
use sqlparser::ast::{self, WindowFrameBound, WindowFrameUnits};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{Expr, Literal};

use super::aggregate;
use super::bind::{Binder, time_of};
use super::call::name_of;
use super::literal::milliseconds;
use super::rank::{Columns, specification};
use super::rel::{Column, Op, OverWindow, Rel, Time};

/// Appends a column for each of the `calls` of a SELECT; all must be over the same window.
pub(super) fn append(
    binder: &Binder<'_>,
    input: Arc<Rel>,
    calls: &[(&ast::Function, Place)],
    named: &[ast::NamedWindowDefinition],
) -> Result<Arc<Rel>> {
    let mut columns = Columns::of(&input);
    let (mut bound, mut made, mut window) = (Vec::new(), Vec::new(), None);
    for &(call, place) in calls {
        let name = name_of(call);
        if !aggregate::is_aggregate(&name) {
            let message = format!("`{name}` OVER a window is not supported yet");
            return Err(Diagnostic::new(place, message).hint(
                "aggregates are, and ROW_NUMBER() with a filter on its result in the query around",
            ));
        }
        if call.filter.is_some() {
            let message = format!("`{name}` with FILTER and OVER is not supported");
            return Err(Diagnostic::new(place, message).hint("use CASE WHEN … THEN … END"));
        }
        if input.updating {
            let message = "OVER doesn't support consuming update changes: its input is an \
                           updating result";
            return Err(Diagnostic::new(place, message));
        }
        let spec = specification(call, named, place)?;
        let of_call = over_window(binder, spec, &input, &mut columns, place)?;
        match &window {
            None => window = Some(of_call),
            Some(window) if *window == of_call => {}
            Some(_) => {
                let message = "all OVER calls of a SELECT must be computed on the same window";
                return Err(Diagnostic::new(place, message)
                    .hint("put the other calls into a query of their own"));
            }
        }
        let node = aggregate::bind(binder, call, &name, place)?;
        let arguments = node.arguments.into_iter().map(|argument| columns.index(argument));
        bound.push(AggregateCall {
            function: node.function,
            arguments: arguments.collect(),
            filter: None,
            distinct: node.distinct,
        });
        made.push(Column::plain(&node.text, node.sql_type));
    }
    let Some(window) = window else { return Ok(input) };
    let input = columns.appended(input);
    let columns = input.columns.iter().cloned().chain(made).collect();
    let op = Op::Over { input, window, calls: bound };
    Ok(Arc::new(Rel { op, columns, updating: false }))
}

fn over_window(
    binder: &Binder<'_>,
    spec: &ast::WindowSpec,
    input: &Rel,
    columns: &mut Columns,
    place: Place,
) -> Result<OverWindow> {
    let [order] = spec.order_by.as_slice() else {
        let message = "an OVER window must be ordered by a single time attribute";
        return Err(Diagnostic::new(place, message).hint("write ORDER BY and the time attribute"));
    };
    let order_place = Place::of(&order.expr, place);
    let time = binder.bind(&order.expr, place)?;
    let time = match (time_of(&time, &input.columns), time.as_column()) {
        (Some(Time::Processing), _) => TimeAttribute::Processing,
        (Some(Time::Event), Some(column)) => TimeAttribute::Event { column },
        _ => {
            let message = format!(
                "`{time}` is not a time attribute, and OVER windows must be ordered by one"
            );
            return Err(Diagnostic::new(order_place, message).hint(
                "declare WATERMARK FOR a column of the table, or a column AS PROCTIME(); CAST and \
                 functions make a plain timestamp of it",
            ));
        }
    };
    if order.options.sort == Some(ast::OrderBySort::Desc) {
        let message = "an OVER window can only be ordered in ascending order";
        return Err(Diagnostic::new(order_place, message).hint("leave DESC out"));
    }
    let mut partition = Vec::new();
    for key in &spec.partition_by {
        partition.push(columns.index(binder.bind(key, place)?));
    }
    let frame = frame(binder, spec.window_frame.as_ref(), place)?;
    if time == TimeAttribute::Processing && matches!(frame.preceding, Preceding::IntervalMs(_)) {
        let message = "RANGE of an interval over processing time is not supported yet";
        return Err(Diagnostic::new(place, message).hint("use ROWS, or event time"));
    }
    Ok(OverWindow { partition, time, frame })
}

fn frame(binder: &Binder<'_>, frame: Option<&ast::WindowFrame>, place: Place) -> Result<Frame> {
    let Some(frame) = frame else {
        return Ok(Frame { kind: FrameKind::Range, preceding: Preceding::Unbounded });
    };
    let kind = match frame.units {
        WindowFrameUnits::Rows => FrameKind::Rows,
        WindowFrameUnits::Range => FrameKind::Range,
        WindowFrameUnits::Groups => {
            return Err(Diagnostic::new(place, "GROUPS is not supported: use ROWS or RANGE"));
        }
    };
    if !matches!(frame.end_bound, None | Some(WindowFrameBound::CurrentRow)) {
        let message = "OVER windows end with CURRENT ROW: FOLLOWING is not supported";
        return Err(Diagnostic::new(place, message));
    }
    let bound = match &frame.start_bound {
        WindowFrameBound::Preceding(None) => {
            return Ok(Frame { kind, preceding: Preceding::Unbounded });
        }
        WindowFrameBound::CurrentRow => None,
        WindowFrameBound::Preceding(Some(bound)) => Some(bound.as_ref()),
        WindowFrameBound::Following(_) => {
            let message = "OVER windows end with CURRENT ROW: FOLLOWING is not supported";
            return Err(Diagnostic::new(place, message));
        }
    };
    let bound_place = bound.map_or(place, |bound| Place::of(bound, place));
    let bound = bound.map(|bound| binder.bind(bound, place)).transpose()?;
    let preceding = match (kind, bound) {
        (FrameKind::Rows, None) => Preceding::Rows(0),
        (FrameKind::Range, None) => Preceding::IntervalMs(0),
        (FrameKind::Rows, Some(bound)) => rows(&bound, bound_place)?,
        (FrameKind::Range, Some(bound)) => match milliseconds(&bound, bound_place)? {
            ms if ms >= 0 => Preceding::IntervalMs(ms),
            _ => return Err(Diagnostic::new(bound_place, "the interval must not be negative")),
        },
    };
    Ok(Frame { kind, preceding })
}

fn rows(bound: &Expr, place: Place) -> Result<Preceding> {
    let number = match bound.fold().as_literal() {
        Some(Literal::Integer(rows)) => u64::try_from(*rows).ok(),
        _ => None,
    };
    number.map(Preceding::Rows).ok_or_else(|| {
        Diagnostic::new(place, format!("`{bound}` is no number of rows"))
            .hint("write ROWS BETWEEN 10 PRECEDING AND CURRENT ROW")
    })
}
