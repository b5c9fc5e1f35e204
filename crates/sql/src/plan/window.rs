//! Window functions: those of `GROUP BY` (legacy) and those of `FROM TABLE(…)`.

use engine::operators::window::{WindowKind, WindowProperty};
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, Ident};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::Expr;
use crate::parse::TABLE_ARGUMENT;

use super::bind::{Binder, time_of};
use super::call::{arguments, name_of, plain_arguments};
use super::literal::milliseconds;
use super::rel::Time;

/// `TUMBLE(rowtime, size)`, `HOP(rowtime, slide, size)` or `SESSION(rowtime, gap)` in GROUP BY.
#[derive(Debug, Clone)]
pub(super) struct GroupWindow {
    pub(super) name: String,
    /// All arguments; those of `TUMBLE_START(…)` must be the same.
    pub(super) arguments: Vec<Expr>,
    pub(super) kind: WindowKind,
    pub(super) time: Time,
}

/// Whether a call is a window function of GROUP BY.
pub(super) fn is_group_window(name: &str, call: &ast::Function) -> bool {
    let first_is_table = arguments(call).first().is_some_and(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Function(inner))) => {
            name_of(inner) == TABLE_ARGUMENT
        }
        _ => false,
    });
    matches!(name, "TUMBLE" | "HOP" | "SESSION") && !first_is_table
}

/// Whether `name` asks for a property of a GROUP BY window: `TUMBLE_START`, `HOP_ROWTIME`, ….
pub(super) fn is_auxiliary(name: &str) -> bool {
    property(name).is_some()
}

/// The window function a property function belongs to, the property, and the time it is of.
pub(super) fn property(name: &str) -> Option<(&str, WindowProperty, Option<Time>)> {
    let (function, property) = name.split_once('_')?;
    if !matches!(function, "TUMBLE" | "HOP" | "SESSION") {
        return None;
    }
    let (property, time) = match property {
        "START" => (WindowProperty::Start, None),
        "END" => (WindowProperty::End, None),
        "ROWTIME" => (WindowProperty::Time, Some(Time::Event)),
        "PROCTIME" => (WindowProperty::Time, Some(Time::Processing)),
        _ => return None,
    };
    Some((function, property, time))
}

/// Binds a window function of GROUP BY; `binder` is one over plain records.
pub(super) fn group_window(
    binder: &Binder<'_>,
    call: &ast::Function,
    place: Place,
) -> Result<GroupWindow> {
    let name = name_of(call);
    let asts = plain_arguments(call, place)?;
    let bound = binder.bind_all(asts.iter().copied(), place)?;
    let lengths = bound
        .iter()
        .zip(&asts)
        .skip(1)
        .map(|(length, ast)| milliseconds(length, Place::of(*ast, place)))
        .collect::<Result<Vec<_>>>()?;
    let kind = match (name.as_str(), lengths.as_slice()) {
        ("TUMBLE", &[size_ms]) => WindowKind::Tumble { size_ms, offset_ms: 0 },
        ("HOP", &[slide_ms, size_ms]) => WindowKind::Hop { size_ms, slide_ms, offset_ms: 0 },
        ("SESSION", &[gap_ms]) => WindowKind::Session { gap_ms },
        _ => {
            let message = format!("`{name}` in GROUP BY takes other arguments");
            return Err(Diagnostic::new(place, message).hint(
                "write TUMBLE(rowtime, size), HOP(rowtime, slide, size) or SESSION(rowtime, gap)",
            ));
        }
    };
    let kind = checked(kind, place)?;
    let columns: Vec<_> = binder.scope.columns.iter().map(|c| c.column.clone()).collect();
    let time = match bound.first() {
        Some(first) => time_of(first, &columns)
            .ok_or_else(|| no_time_attribute(&first.to_string(), Place::of(asts[0], place)))?,
        None => return Err(Diagnostic::new(place, format!("`{name}` needs arguments"))),
    };
    Ok(GroupWindow { name, arguments: bound, kind, time })
}

/// A window over something that is no time attribute.
pub(super) fn no_time_attribute(what: &str, place: Place) -> Diagnostic {
    let message = format!("`{what}` is not a time attribute, and windows need one");
    Diagnostic::new(place, message).hint(
        "declare WATERMARK FOR a column of the table, or a column AS PROCTIME(); CAST and \
         functions make a plain timestamp of it",
    )
}

/// Refuses lengths that make no windows.
fn checked(kind: WindowKind, place: Place) -> Result<WindowKind> {
    kind.check().map_err(|error| Diagnostic::new(place, error.message))
}

/// A window function of FROM with its arguments in order.
#[derive(Debug)]
pub(super) struct WindowCall<'a> {
    pub(super) data: WindowData<'a>,
    pub(super) time_column: &'a Ident,
    pub(super) kind: WindowKind,
    pub(super) partition: Vec<Ident>,
}

/// What a window function of FROM reads.
#[derive(Debug)]
pub(super) enum WindowData<'a> {
    Table(&'a [Ident]),
    Query(&'a ast::Query),
}

/// The parameters of the window functions of FROM, after DATA and TIMECOL.
fn parameters(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "TUMBLE" => Some(&["SIZE", "OFFSET"]),
        "HOP" => Some(&["SLIDE", "SIZE", "OFFSET"]),
        "CUMULATE" => Some(&["STEP", "SIZE", "OFFSET"]),
        "SESSION" => Some(&["GAP"]),
        _ => None,
    }
}

/// Reads `TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL …)` or its form with named arguments.
pub(super) fn window_call<'a>(
    binder: &Binder<'_>,
    name: &str,
    args: &'a [FunctionArg],
    place: Place,
) -> Result<WindowCall<'a>> {
    let Some(lengths) = parameters(name) else {
        let message = format!("unknown table function `{name}`");
        return Err(
            Diagnostic::new(place, message).hint("known are TUMBLE, HOP, CUMULATE and SESSION")
        );
    };
    let all = ["DATA", "TIMECOL"].iter().chain(lengths).copied().collect::<Vec<_>>();
    let mut given: Vec<Option<&ast::Expr>> = vec![None; all.len()];
    for (position, argument) in args.iter().enumerate() {
        let (slot, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (Some(position), value),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
                let named = name.value.to_ascii_uppercase();
                (all.iter().position(|known| *known == named), value)
            }
            other => {
                let message = format!("`{name}` does not take the argument `{other}`");
                return Err(Diagnostic::new(place, message));
            }
        };
        match slot.and_then(|slot| given.get_mut(slot)) {
            Some(empty @ None) => *empty = Some(value),
            _ => {
                let message = format!("`{name}` does not take the argument `{argument}`");
                return Err(Diagnostic::new(Place::of(argument, place), message)
                    .hint(format!("its arguments are {}", all.join(", "))));
            }
        }
    }
    let length = |wanted: &str| -> Result<Option<i64>> {
        let at = all.iter().position(|known| *known == wanted);
        let Some(ast) = at.and_then(|at| given[at]) else { return Ok(None) };
        let place = Place::of(ast, place);
        milliseconds(&binder.bind(ast, place)?, place).map(Some)
    };
    let needed = |wanted: &str| -> Result<i64> {
        length(wanted)?.ok_or_else(|| {
            Diagnostic::new(place, format!("`{name}` lacks its argument {wanted}"))
                .hint(format!("its arguments are {}", all.join(", ")))
        })
    };
    let offset_ms = length("OFFSET")?.unwrap_or(0);
    let kind = match name {
        "TUMBLE" => WindowKind::Tumble { size_ms: needed("SIZE")?, offset_ms },
        "HOP" => {
            let (size_ms, slide_ms) = (needed("SIZE")?, needed("SLIDE")?);
            if slide_ms <= 0 || size_ms % slide_ms != 0 {
                let message = "the size of a HOP window function must be a multiple of its slide";
                return Err(Diagnostic::new(place, message)
                    .hint("GROUP BY HOP(rowtime, slide, size) takes any size"));
            }
            WindowKind::Hop { size_ms, slide_ms, offset_ms }
        }
        "CUMULATE" => {
            WindowKind::Cumulate { max_ms: needed("SIZE")?, step_ms: needed("STEP")?, offset_ms }
        }
        _ => WindowKind::Session { gap_ms: needed("GAP")? },
    };
    let (data, partition) = window_data(name, given[0], place)?;
    let time_column = descriptor(name, given[1], place)?;
    Ok(WindowCall { data, time_column, kind: checked(kind, place)?, partition })
}

fn window_data<'a>(
    name: &str,
    data: Option<&'a ast::Expr>,
    place: Place,
) -> Result<(WindowData<'a>, Vec<Ident>)> {
    match data {
        Some(ast::Expr::Subquery(query)) => Ok((WindowData::Query(query), Vec::new())),
        Some(ast::Expr::Nested(inner)) => window_data(name, Some(inner), place),
        Some(ast::Expr::Function(marker)) if marker.name.to_string() == TABLE_ARGUMENT => {
            let mut parts = plain_arguments(marker, place)?.into_iter();
            let Some(ast::Expr::CompoundIdentifier(table)) = parts.next() else {
                return Err(Diagnostic::new(place, format!("`{name}` needs TABLE and a name")));
            };
            let partition: Vec<Ident> = parts
                .filter_map(|column| match column {
                    ast::Expr::Identifier(column) => Some(column.clone()),
                    _ => None,
                })
                .collect();
            if !partition.is_empty() && name != "SESSION" {
                let message = format!("PARTITION BY does not fit `{name}`");
                return Err(Diagnostic::new(place, message).hint("only SESSION takes it"));
            }
            Ok((WindowData::Table(table), partition))
        }
        _ => Err(Diagnostic::new(place, format!("`{name}` needs TABLE and a name first"))
            .hint("write TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)")),
    }
}

fn descriptor<'a>(name: &str, column: Option<&'a ast::Expr>, place: Place) -> Result<&'a Ident> {
    let wrong = || Diagnostic::new(place, format!("`{name}` needs DESCRIPTOR(time column) second"));
    let Some(ast::Expr::Function(call)) = column else { return Err(wrong()) };
    match (name_of(call).as_str(), arguments(call)) {
        (
            "DESCRIPTOR",
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Identifier(column)))],
        ) => Ok(column),
        _ => Err(wrong()),
    }
}
