//! Constants: numbers, texts, dates, intervals.

use sqlparser::ast::{self, Value};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{self, Expr, Literal, Unit};

use super::bind::placed;

/// A constant as the parser reads it.
pub(super) fn value(value: &Value, place: Place) -> Result<Expr> {
    match value {
        Value::Number(text, _) => placed(expr::number(text), place),
        Value::SingleQuotedString(text)
        | Value::UnicodeStringLiteral(text)
        | Value::NationalStringLiteral(text) => Ok(expr::string(text)),
        Value::HexStringLiteral(text) => placed(expr::bytes(text), place),
        Value::Boolean(value) => Ok(expr::boolean(*value)),
        Value::Null => Ok(expr::null()),
        Value::DoubleQuotedString(text) => {
            Err(Diagnostic::new(place, format!("`\"{text}\"`: double quotes have no meaning"))
                .hint("put names into backticks and texts into single quotes"))
        }
        other => Err(Diagnostic::new(place, format!("the literal `{other}` is not supported"))),
    }
}

/// `DATE '…'`, `TIME '…'`, `TIMESTAMP '…'`
pub(super) fn typed(typed: &ast::TypedString, place: Place) -> Result<Expr> {
    let Value::SingleQuotedString(text) = &typed.value.value else {
        return Err(Diagnostic::new(place, format!("`{typed}` is not a literal")));
    };
    let built = match &typed.data_type {
        ast::DataType::Date => expr::date(text),
        ast::DataType::Time(_, ast::TimezoneInfo::None) => expr::time(text),
        ast::DataType::Timestamp(_, ast::TimezoneInfo::None) => expr::timestamp(text),
        other => {
            let message = format!("a literal of type `{other}` is not supported");
            return Err(Diagnostic::new(place, message).hint("write CAST('…' AS type)"));
        }
    };
    placed(built, place)
}

/// `INTERVAL '…' unit [TO unit]`
pub(super) fn interval(interval: &ast::Interval, place: Place) -> Result<Expr> {
    let wrong = |what: &str| Diagnostic::new(place, format!("`{interval}`: {what}"));
    let text = match interval.value.as_ref() {
        ast::Expr::Value(value) => number_or_text(&value.value),
        ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => match expr.as_ref() {
            ast::Expr::Value(value) => number_or_text(&value.value).map(|text| format!("-{text}")),
            _ => None,
        },
        _ => None,
    };
    let text = text.ok_or_else(|| wrong("the length must be a literal such as '10'"))?;
    let unit = |field: &ast::DateTimeField| {
        Unit::parse(&field.to_string()).ok_or_else(|| wrong("unknown unit"))
    };
    let Some(from) = &interval.leading_field else {
        return Err(wrong("the unit is missing").hint("write INTERVAL '10' SECOND"));
    };
    let to = interval.last_field.as_ref().map(unit).transpose()?;
    placed(expr::interval(&text, unit(from)?, to), place)
}

fn number_or_text(value: &Value) -> Option<String> {
    match value {
        Value::SingleQuotedString(text) | Value::Number(text, _) => Some(text.clone()),
        _ => None,
    }
}

/// Milliseconds of an interval constant of days and shorter units.
pub(super) fn milliseconds(length: &Expr, place: Place) -> Result<i64> {
    match length.fold().as_literal() {
        Some(Literal::DayTime(ms)) => Ok(*ms),
        Some(Literal::YearMonth(_)) => {
            Err(Diagnostic::new(place, "a window cannot be months or years long")
                .hint("give its length in days or shorter units"))
        }
        _ => Err(Diagnostic::new(place, format!("`{length}` is not an interval"))
            .hint("write a constant such as INTERVAL '10' SECOND")),
    }
}
