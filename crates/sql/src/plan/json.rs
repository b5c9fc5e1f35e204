//! SQL/JSON functions and their clauses, as `parse::json` hands them over.

use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, JsonPredicateType, Value};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{self, Expr, JsonKind, JsonOn, JsonWrapper, OnNull};
use crate::types::{SqlType, parse_type};

use super::bind::{Binder, placed};
use super::call::arguments;

/// What `IS JSON` asks for.
pub(super) fn kind(kind: Option<JsonPredicateType>) -> JsonKind {
    match kind {
        None | Some(JsonPredicateType::Value) => JsonKind::Value,
        Some(JsonPredicateType::Object) => JsonKind::Object,
        Some(JsonPredicateType::Array) => JsonKind::Array,
        Some(JsonPredicateType::Scalar) => JsonKind::Scalar,
    }
}

/// The clauses of one call; `None` where one is not given.
#[derive(Default)]
struct Clauses {
    returning: Option<SqlType>,
    wrapper: Option<JsonWrapper>,
    on_empty: Option<JsonOn>,
    on_error: Option<JsonOn>,
    on_null: Option<OnNull>,
}

/// One of the functions with clauses.
pub(super) fn call(
    binder: &Binder<'_>,
    call: &ast::Function,
    name: &str,
    place: Place,
) -> Result<Expr> {
    let session = binder.session;
    let mut operands = Vec::new();
    let mut clauses = Clauses::default();
    for argument in arguments(call) {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(operand)) => {
                operands.push(binder.bind(operand, place)?);
            }
            FunctionArg::Named { name: clause, arg: FunctionArgExpr::Expr(value), .. } => {
                clauses.take(binder, &clause.value, value, place)?;
            }
            other => {
                let message = format!("`{name}` does not take the argument `{other}`");
                return Err(Diagnostic::new(place, message));
            }
        }
    }
    let built = match name {
        "JSON_OBJECT" => {
            let entries = operands.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
            expr::json_object(session, entries.collect(), clauses.on_null.unwrap_or(OnNull::Null))
        }
        "JSON_ARRAY" => {
            expr::json_array(session, operands, clauses.on_null.unwrap_or(OnNull::Absent))
        }
        _ => {
            let Ok([json, path]) = <[Expr; 2]>::try_from(operands) else {
                let message = format!("`{name}` takes a JSON text and a path");
                return Err(Diagnostic::new(place, message));
            };
            let on_empty = clauses.on_empty.unwrap_or(JsonOn::Null);
            match name {
                "JSON_VALUE" => {
                    let on_error = clauses.on_error.unwrap_or(JsonOn::Null);
                    expr::json_value(session, json, path, clauses.returning, on_empty, on_error)
                }
                "JSON_QUERY" => {
                    let wrapper = clauses.wrapper.unwrap_or(JsonWrapper::Without);
                    let on_error = clauses.on_error.unwrap_or(JsonOn::Null);
                    if let Some(returning) = &clauses.returning
                        && !returning.kind.is_text()
                    {
                        let message = "JSON_QUERY returns STRING only";
                        return Err(Diagnostic::new(place, message));
                    }
                    expr::json_query(session, json, path, wrapper, on_empty, on_error)
                }
                _ => {
                    let on_error = clauses.on_error.unwrap_or(JsonOn::False);
                    expr::json_exists(session, json, path, on_error)
                }
            }
        }
    };
    placed(built, place)
}

impl Clauses {
    fn take(
        &mut self,
        binder: &Binder<'_>,
        clause: &str,
        value: &ast::Expr,
        place: Place,
    ) -> Result<()> {
        let words = match value {
            ast::Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(words) => words.as_str(),
                _ => "",
            },
            _ => "",
        };
        let refused =
            || Diagnostic::new(place, format!("`{words} {clause}` does not fit this function"));
        match clause {
            "RETURNING" => {
                let returning = parse_type(words).map_err(|e| Diagnostic::new(place, e))?;
                self.returning = Some(returning);
            }
            "WRAPPER" => self.wrapper = Some(wrapper(words).ok_or_else(refused)?),
            "ON NULL" => {
                self.on_null = Some(match words {
                    "NULL" => OnNull::Null,
                    "ABSENT" => OnNull::Absent,
                    _ => return Err(refused()),
                });
            }
            "ON EMPTY" => self.on_empty = Some(on(words).ok_or_else(refused)?),
            "ON ERROR" => self.on_error = Some(on(words).ok_or_else(refused)?),
            "DEFAULT ON EMPTY" => {
                self.on_empty = Some(JsonOn::Default(Box::new(binder.bind(value, place)?)));
            }
            "DEFAULT ON ERROR" => {
                self.on_error = Some(JsonOn::Default(Box::new(binder.bind(value, place)?)));
            }
            _ => return Err(refused()),
        }
        Ok(())
    }
}

fn wrapper(words: &str) -> Option<JsonWrapper> {
    match words {
        "WITHOUT" | "WITHOUT ARRAY" => Some(JsonWrapper::Without),
        "WITH CONDITIONAL" | "WITH CONDITIONAL ARRAY" => Some(JsonWrapper::Conditional),
        "WITH" | "WITH ARRAY" | "WITH UNCONDITIONAL" | "WITH UNCONDITIONAL ARRAY" => {
            Some(JsonWrapper::Unconditional)
        }
        _ => None,
    }
}

fn on(words: &str) -> Option<JsonOn> {
    match words {
        "NULL" => Some(JsonOn::Null),
        "ERROR" => Some(JsonOn::Error),
        "EMPTY ARRAY" | "EMPTY" => Some(JsonOn::EmptyArray),
        "EMPTY OBJECT" => Some(JsonOn::EmptyObject),
        "TRUE" => Some(JsonOn::True),
        "FALSE" => Some(JsonOn::False),
        "UNKNOWN" => Some(JsonOn::Unknown),
        _ => None,
    }
}
