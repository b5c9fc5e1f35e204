//! Aggregate functions: names, arguments, result types.

use engine::aggregate::{AggregateFunction, return_type};
use sqlparser::ast::{self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArguments};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{Expr, Literal};
use crate::types::{Kind, SqlType};

use super::bind::Binder;
use super::call::{arguments, plain_arguments};

/// An aggregate call over the records of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AggregateNode {
    pub(super) function: AggregateFunction,
    pub(super) arguments: Vec<Expr>,
    pub(super) filter: Option<Expr>,
    pub(super) distinct: bool,
    pub(super) sql_type: SqlType,
    /// How it was written, for people.
    pub(super) text: String,
}

/// Aggregates of Flink that are refused by name.
const UNSUPPORTED: [&str; 10] = [
    "ANY_VALUE",
    "APPROX_COUNT_DISTINCT",
    "ARRAY_AGG",
    "CORR",
    "COVAR_POP",
    "COVAR_SAMP",
    "GROUP_ID",
    "JSON_ARRAYAGG",
    "JSON_OBJECTAGG",
    "SINGLE_VALUE",
];

/// The function of this name (upper case), if there is one that needs no more than its name.
fn by_name(name: &str) -> Option<AggregateFunction> {
    use AggregateFunction as F;
    Some(match name {
        "COUNT" => F::Count,
        "SUM" => F::Sum,
        "AVG" => F::Avg,
        "MIN" => F::Min,
        "MAX" => F::Max,
        "FIRST_VALUE" => F::FirstValue,
        "LAST_VALUE" => F::LastValue,
        "LISTAGG" => F::ListAgg(",".into()),
        "COLLECT" => F::Collect,
        "STDDEV_POP" => F::StddevPop,
        "STDDEV_SAMP" | "STDDEV" => F::StddevSamp,
        "VAR_POP" => F::VarPop,
        "VAR_SAMP" | "VARIANCE" => F::VarSamp,
        _ => return None,
    })
}

/// Whether `name` (upper case) is an aggregate function, supported or not.
pub(super) fn is_aggregate(name: &str) -> bool {
    by_name(name).is_some() || UNSUPPORTED.contains(&name)
}

/// Binds an aggregate call; `binder` is one over plain records.
pub(super) fn bind(
    binder: &Binder<'_>,
    call: &ast::Function,
    name: &str,
    place: Place,
) -> Result<AggregateNode> {
    let Some(mut function) = by_name(name) else {
        let message = format!("aggregate function `{name}` is not supported yet");
        return Err(Diagnostic::new(place, message));
    };
    if !call.within_group.is_empty() || call.null_treatment.is_some() {
        let message = format!("`{name}` does not take WITHIN GROUP or IGNORE NULLS here");
        return Err(Diagnostic::new(place, message));
    }
    let distinct = matches!(&call.args, FunctionArguments::List(list)
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
    let star = matches!(arguments(call), [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
    let mut operands = match star && name == "COUNT" && !distinct {
        true => Vec::new(),
        false => binder.bind_all(plain_arguments(call, place)?, place)?,
    };
    if let AggregateFunction::ListAgg(separator) = &mut function
        && operands.len() == 2
    {
        match operands.pop().as_ref().and_then(Expr::as_literal) {
            Some(Literal::Text(text)) => *separator = text.clone(),
            _ => {
                let message = "the separator of LISTAGG must be a text literal";
                return Err(Diagnostic::new(place, message));
            }
        }
    }
    let counts_rows =
        |operand: &Expr| matches!(operand.as_literal(), Some(literal) if *literal != Literal::Null);
    if function == AggregateFunction::Count && !distinct && operands.iter().all(counts_rows) {
        function = AggregateFunction::CountStar;
        operands.clear();
    }
    let filter = match call.filter.as_deref() {
        None => None,
        Some(filter) => Some(condition(binder, filter, place)?),
    };
    let sql_type = result_type(&function, &operands, name, place)?;
    let text = text(name, &operands, distinct, filter.as_ref());
    Ok(AggregateNode { function, arguments: operands, filter, distinct, sql_type, text })
}

/// A condition: an expression that must be BOOLEAN.
pub(super) fn condition(binder: &Binder<'_>, ast: &ast::Expr, outer: Place) -> Result<Expr> {
    let place = Place::of(ast, outer);
    let condition = binder.bind(ast, outer)?;
    match condition.sql_type().kind {
        Kind::Boolean => Ok(condition),
        _ => {
            let message = format!("a condition must be BOOLEAN, not {}", condition.sql_type().kind);
            Err(Diagnostic::new(place, message))
        }
    }
}

fn text(name: &str, operands: &[Expr], distinct: bool, filter: Option<&Expr>) -> String {
    let operands: Vec<String> = operands.iter().map(ToString::to_string).collect();
    let operands = if operands.is_empty() { "*".into() } else { operands.join(", ") };
    let distinct = if distinct { "DISTINCT " } else { "" };
    let filter = filter.map_or_else(String::new, |filter| format!(" FILTER {filter}"));
    format!("{name}({distinct}{operands}){filter}")
}

/// Flink's type of the result; the engine says which arguments are possible.
fn result_type(
    function: &AggregateFunction,
    operands: &[Expr],
    name: &str,
    place: Place,
) -> Result<SqlType> {
    use AggregateFunction as F;
    let arrow: Vec<_> = operands.iter().map(|operand| operand.sql_type().to_arrow()).collect();
    if return_type(function, &arrow).is_err() {
        let types: Vec<_> = operands.iter().map(|o| o.sql_type().kind.to_string()).collect();
        let message = format!("`{name}` does not take arguments of type ({})", types.join(", "));
        return Err(Diagnostic::new(place, message));
    }
    let kind = operands.first().map_or(Kind::BigInt, |operand| operand.sql_type().kind.clone());
    let decimal = |least: u8| match kind {
        Kind::Decimal { scale, .. } => Kind::Decimal { precision: 38, scale: scale.max(least) },
        ref other => other.clone(),
    };
    Ok(match function {
        F::CountStar | F::Count => SqlType::required(Kind::BigInt),
        F::Sum => SqlType::nullable(decimal(0)),
        F::Avg | F::StddevPop | F::StddevSamp | F::VarPop | F::VarSamp => {
            SqlType::nullable(decimal(6))
        }
        F::Min | F::Max | F::FirstValue | F::LastValue => SqlType::nullable(kind),
        F::ListAgg(_) => SqlType::nullable(Kind::String),
        F::Collect => {
            let of = SqlType { kind, nullable: true };
            SqlType::required(Kind::Multiset(Box::new(of)))
        }
    })
}
