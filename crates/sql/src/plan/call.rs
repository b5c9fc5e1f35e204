//! Function calls.

use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{self, Expr, TrimSide};
use crate::parse::TABLE_ARGUMENT;

use super::aggregate;
use super::bind::{Binder, placed, unit};
use super::json;
use super::window;

/// The name of a function without qualification, in upper case.
pub(super) fn name_of(function: &ast::Function) -> String {
    function.name.to_string().replace('`', "").to_ascii_uppercase()
}

/// The arguments of a call.
pub(super) fn arguments(function: &ast::Function) -> &[FunctionArg] {
    match &function.args {
        FunctionArguments::List(list) => &list.args,
        FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
    }
}

/// The arguments of a call that must be plain, positional expressions.
pub(super) fn plain_arguments(function: &ast::Function, place: Place) -> Result<Vec<&ast::Expr>> {
    let plain = |argument: &'_ FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(_)) => Ok(()),
        other => {
            let message = format!("`{}` does not take the argument `{other}`", function.name);
            Err(Diagnostic::new(place, message))
        }
    };
    arguments(function)
        .iter()
        .map(|argument| {
            plain(argument)?;
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Ok(e),
                _ => Err(Diagnostic::new(place, "a plain argument is expected")),
            }
        })
        .collect()
}

/// A scalar function call; aggregates and window functions are refused here.
pub(super) fn function(binder: &Binder<'_>, call: &ast::Function, place: Place) -> Result<Expr> {
    let name = name_of(call);
    if let Some(over) = &call.over {
        let _ = over;
        let message = format!("`{name}` OVER a window is not supported here");
        return Err(Diagnostic::new(place, message).hint(
            "ROW_NUMBER() OVER (…) can stand in the SELECT of a sub-query whose result is \
             filtered by it",
        ));
    }
    if aggregate::is_aggregate(&name) {
        if let Some(met) = binder.aggregate_met {
            met.set(true);
        }
        let message = format!("aggregate function `{name}` is not allowed here");
        return Err(Diagnostic::new(place, message)
            .hint("aggregates can stand in SELECT and HAVING, and not inside one another"));
    }
    if window::is_auxiliary(&name) || window::is_group_window(&name, call) {
        let message = format!("`{name}` needs a window function in GROUP BY");
        return Err(Diagnostic::new(place, message)
            .hint("write GROUP BY TUMBLE(rowtime, INTERVAL '1' MINUTE)"));
    }
    refuse_decoration(call, &name, place)?;
    match name.as_str() {
        TABLE_ARGUMENT | "DESCRIPTOR" => {
            let message = "TABLE and DESCRIPTOR are arguments of window functions in FROM";
            Err(Diagnostic::new(place, message)
                .hint("write FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))"))
        }
        "TIMESTAMPADD" | "TIMESTAMPDIFF" => timestamp(binder, call, &name, place),
        "CEILING" => call_plain(binder, call, "CEIL", place),
        "MAP" => placed(expr::map(binder.session, bound(binder, call, place)?), place),
        "ROW" => placed(expr::row(bound(binder, call, place)?), place),
        "JSON_VALUE" | "JSON_QUERY" | "JSON_EXISTS" | "JSON_OBJECT" | "JSON_ARRAY" => {
            json::call(binder, call, &name, place)
        }
        _ => call_plain(binder, call, &name, place),
    }
}

fn call_plain(binder: &Binder<'_>, call: &ast::Function, name: &str, place: Place) -> Result<Expr> {
    if !expr::is_function(name) {
        // Arguments may be anything; the unknown name is what has to be said.
        return placed(expr::call(binder.session, name, Vec::new()), place);
    }
    let arguments = bound(binder, call, place)?;
    placed(expr::call(binder.session, name, arguments), place)
}

fn bound(binder: &Binder<'_>, call: &ast::Function, place: Place) -> Result<Vec<Expr>> {
    binder.bind_all(plain_arguments(call, place)?, place)
}

fn refuse_decoration(call: &ast::Function, name: &str, place: Place) -> Result<()> {
    let distinct = matches!(&call.args, FunctionArguments::List(list)
        if list.duplicate_treatment.is_some());
    if distinct || call.filter.is_some() || !call.within_group.is_empty() {
        let message =
            format!("`{name}` is no aggregate: DISTINCT, FILTER and WITHIN GROUP do not fit it");
        return Err(Diagnostic::new(place, message));
    }
    Ok(())
}

/// `TIMESTAMPADD(unit, count, time)`, `TIMESTAMPDIFF(unit, from, to)`
fn timestamp(binder: &Binder<'_>, call: &ast::Function, name: &str, place: Place) -> Result<Expr> {
    let arguments = plain_arguments(call, place)?;
    let [ast::Expr::Identifier(first), second, third] = arguments.as_slice() else {
        let message = format!("`{name}` takes a unit and two values");
        return Err(Diagnostic::new(place, message).hint(format!("write {name}(DAY, …, …)")));
    };
    let unit = unit(&first.value, place)?;
    let (second, third) = (binder.bind(second, place)?, binder.bind(third, place)?);
    let built = match name {
        "TIMESTAMPADD" => expr::timestamp_add(binder.session, unit, second, third),
        _ => expr::timestamp_diff(binder.session, unit, second, third),
    };
    placed(built, place)
}

/// The side TRIM works on; both, when none is named.
pub(super) fn trim_side(side: Option<ast::TrimWhereField>) -> TrimSide {
    match side {
        None | Some(ast::TrimWhereField::Both) => TrimSide::Both,
        Some(ast::TrimWhereField::Leading) => TrimSide::Leading,
        Some(ast::TrimWhereField::Trailing) => TrimSide::Trailing,
    }
}
