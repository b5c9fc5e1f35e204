//! CAST and TRY_CAST.

mod from_text;
mod nested;
mod number;
mod temporal;
mod to_text;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, new_null_array};
use arrow::datatypes::{DataType, Float64Type};
use chrono_tz::Tz;
use engine::{Error, Result};

use from_text::read_bytes_as_text;

use super::function::{Arguments, Function, Value};
use super::{CallError, Expr, Literal, Session, build};
use crate::types::{Kind, SqlType};

/// How a conversion goes wrong, and in which zone it is done.
#[derive(Debug, Clone, Copy)]
struct Context {
    zone: Tz,
    /// What cannot be converted becomes NULL instead of ending the job.
    is_try: bool,
}

impl Context {
    /// NULL, or the end of the job.
    fn failed<T>(self, text: &str, to: &Kind) -> Result<Option<T>> {
        if self.is_try {
            return Ok(None);
        }
        let shown: String = text.chars().take(60).collect();
        Err(Error::user(format!("cannot cast `{shown}` to {to}, use TRY_CAST to get NULL instead")))
    }
}

#[derive(Debug)]
struct Cast {
    from: Kind,
    to: Kind,
    context: Context,
}

impl Function for Cast {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let array = convert(&operand.array, &self.from, &self.to, self.context)?;
        Ok(Value { array, ..operand })
    }

    fn may_fail(&self) -> bool {
        !self.context.is_try && can_fail(&self.from, &self.to)
    }
}

fn can_fail(from: &Kind, to: &Kind) -> bool {
    match (from, to) {
        (a, b) if a.is_text() => !b.is_text() && !b.is_bytes(),
        (a, Kind::Decimal { .. }) => a.is_approximate(),
        (Kind::Array(a), Kind::Array(b)) | (Kind::Multiset(a), Kind::Multiset(b)) => {
            can_fail(&a.kind, &b.kind)
        }
        (Kind::Map(k, v), Kind::Map(l, w)) => {
            can_fail(&k.kind, &l.kind) || can_fail(&v.kind, &w.kind)
        }
        (Kind::Row(a), Kind::Row(b)) => {
            a.iter().zip(b).any(|((_, s), (_, t))| can_fail(&s.kind, &t.kind))
        }
        _ => false,
    }
}

/// `array`, which is of kind `from`, as `to`; the caller has checked that this can be.
fn convert(array: &ArrayRef, from: &Kind, to: &Kind, context: Context) -> Result<ArrayRef> {
    if *from == Kind::Null {
        return Ok(new_null_array(&to.to_arrow(), array.len()));
    }
    match (from, to) {
        (a, b) if same_values(a, b) => Ok(Arc::clone(array)),
        (a, b) if a.is_text() && b.is_text() => Ok(to_text::fit_text(array, b)),
        (a, b) if a.is_bytes() && b.is_bytes() => Ok(to_text::fit_bytes(array, b)),
        (a, b) if a.is_text() => from_text::convert(array, b, context),
        (a, b) if b.is_text() => Ok(to_text::convert(array, a, b, context.zone)),
        (_, Kind::Boolean) => truth(array),
        (Kind::Array(_) | Kind::Map(..) | Kind::Multiset(_) | Kind::Row(_), _) => {
            nested::convert(array, from, to, context)
        }
        (a, b) if a.is_temporal() && b.is_temporal() => {
            Ok(temporal::convert(array, a, b, context.zone))
        }
        _ => number::convert(array, from, to, context),
    }
}

/// Whether numbers are not 0. Any number is 0 as a double only if it is 0.
fn truth(array: &ArrayRef) -> Result<ArrayRef> {
    let doubles = arrow::compute::cast(array, &DataType::Float64)?;
    let doubles = doubles.as_primitive::<Float64Type>();
    Ok(Arc::new(BooleanArray::from_unary(doubles, |v| v != 0.0)))
}

/// Whether every value of `from` is one of `to`, in the same Arrow type.
fn same_values(from: &Kind, to: &Kind) -> bool {
    match (from, to) {
        (a, b) if a == b => true,
        (Kind::Char(_) | Kind::VarChar(_), Kind::String) => true,
        (Kind::Char(m) | Kind::VarChar(m), Kind::VarChar(n)) => m <= n,
        (Kind::Binary(_) | Kind::VarBinary(_), Kind::Bytes) => true,
        (Kind::Binary(m) | Kind::VarBinary(m), Kind::VarBinary(n)) => m <= n,
        (Kind::Time(p), Kind::Time(q)) => p <= q,
        (Kind::Timestamp(p), Kind::Timestamp(q))
        | (Kind::TimestampLtz(p), Kind::TimestampLtz(q)) => p <= q && (*p <= 6) == (*q <= 6),
        (Kind::Array(a), Kind::Array(b)) | (Kind::Multiset(a), Kind::Multiset(b)) => {
            same_values(&a.kind, &b.kind)
        }
        (Kind::Map(k, v), Kind::Map(l, w)) => {
            same_values(&k.kind, &l.kind) && same_values(&v.kind, &w.kind)
        }
        (Kind::Row(a), Kind::Row(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|((n, s), (m, t))| n == m && same_values(&s.kind, &t.kind))
        }
        _ => false,
    }
}

/// Whether CAST takes this pair (`LogicalTypeCasts.supportsExplicitCast`).
fn is_possible(from: &Kind, to: &Kind) -> bool {
    let nested =
        |k: &Kind| matches!(k, Kind::Array(_) | Kind::Map(..) | Kind::Multiset(_) | Kind::Row(_));
    match (from, to) {
        (Kind::Null, _) => true,
        (a, b) if a == b => true,
        (_, b) if b.is_text() => true,
        (a, b) if a.is_text() => !nested(b) && !b.is_interval() && *b != Kind::Null,
        (a, b) if a.is_bytes() => b.is_bytes(),
        (a, b) if a.is_numeric() => b.is_numeric() || *b == Kind::Boolean,
        (Kind::Boolean, b) => b.is_numeric(),
        (a, b) if a.is_interval() => b.is_integer(),
        (Kind::Date, b) => b.is_timestamp(),
        (Kind::Time(_), b) => matches!(b, Kind::Time(_)) || b.is_timestamp(),
        (a, b) if a.is_timestamp() => b.is_temporal(),
        (Kind::Array(a), Kind::Array(b)) | (Kind::Multiset(a), Kind::Multiset(b)) => {
            is_possible(&a.kind, &b.kind)
        }
        (Kind::Map(k, v), Kind::Map(l, w)) => {
            is_possible(&k.kind, &l.kind) && is_possible(&v.kind, &w.kind)
        }
        (Kind::Row(a), Kind::Row(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|((_, s), (_, t))| is_possible(&s.kind, &t.kind))
        }
        _ => false,
    }
}

fn bind(session: &Session, operand: Expr, to: &SqlType, is_try: bool) -> Result<Expr, CallError> {
    let from = operand.sql_type();
    let name = if is_try { "TRY_CAST" } else { "CAST" };
    if !is_possible(&from.kind, &to.kind) {
        let hint = match (&from.kind, &to.kind) {
            (a, b) if a.is_numeric() && b.is_timestamp() => {
                ", use TO_TIMESTAMP_LTZ(value, 0) for seconds or (value, 3) for milliseconds"
            }
            _ => "",
        };
        return Err(CallError::wrong(format!(
            "{name} from {from} to {} is not possible{hint}",
            to.kind
        )));
    }
    if operand.is_null_literal() {
        let sql_type = SqlType::nullable(to.kind.clone());
        return Ok(build::literal(Literal::Null, sql_type));
    }
    let nullable = from.nullable || is_try;
    let sql_type = SqlType { kind: to.kind.clone(), nullable };
    if same_values(&from.kind, &to.kind) {
        return Ok(operand.retyped(sql_type));
    }
    let context = Context { zone: session.zone, is_try };
    let cast = Cast { from: from.kind.clone(), to: to.kind.clone(), context };
    Ok(Expr::call(name, cast, vec![operand], sql_type))
}

/// `CAST(operand AS to)`. The result may be NULL when the operand may.
pub fn cast(session: &Session, operand: Expr, to: &SqlType) -> Result<Expr, CallError> {
    bind(session, operand, to, false)
}

/// `TRY_CAST(operand AS to)`: NULL where CAST would end the job.
pub fn try_cast(session: &Session, operand: Expr, to: &SqlType) -> Result<Expr, CallError> {
    bind(session, operand, to, true)
}
