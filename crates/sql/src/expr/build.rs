//! Constructors of the expressions that need no file of their own, and the doors to the others.

use super::{BinaryOp, CallError, Expr, Literal, Session, UnaryOp, arithmetic, compare, logic};
use crate::types::{Kind, SqlType};

pub use super::cast::{cast, try_cast};
pub use super::conditional::{between, case};
pub use super::logic::is_truth;
pub use super::membership::in_list;
pub use super::temporal::extract::extract;
pub use super::temporal::literal::{date, interval, time, timestamp};
pub use super::temporal::round::{ceil_to, floor_to};
pub use super::temporal::shift::{timestamp_add, timestamp_diff};

/// What every constructor that checks its arguments gives.
pub type Built = Result<Expr, CallError>;

/// Column `index` of the input.
#[must_use]
pub fn column(index: usize, name: &str, sql_type: SqlType) -> Expr {
    Expr::Column { index, name: name.to_owned(), sql_type }
}

/// A constant of a given type.
#[must_use]
pub fn literal(value: Literal, sql_type: SqlType) -> Expr {
    Expr::Literal { value, sql_type }
}

/// A bare NULL.
#[must_use]
pub fn null() -> Expr {
    literal(Literal::Null, SqlType::nullable(Kind::Null))
}

/// TRUE or FALSE.
#[must_use]
pub fn boolean(value: bool) -> Expr {
    literal(Literal::Boolean(value), SqlType::required(Kind::Boolean))
}

/// `'text'`, a CHAR of its length.
#[must_use]
pub fn string(text: &str) -> Expr {
    // The empty text is a CHAR(0) in Flink, which no declared type can be.
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    literal(Literal::Text(text.to_owned()), SqlType::required(Kind::Char(length)))
}

/// A number as written: `7` is INT (or BIGINT), `1.50` is DECIMAL(3, 2), `1e3` is DOUBLE.
pub fn number(text: &str) -> Built {
    let refused = || CallError::wrong(format!("`{text}` is no number that fits a type"));
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().map_err(|_| refused())?;
        return Ok(literal(Literal::double(value), SqlType::required(Kind::Double)));
    }
    if let Ok(value) = text.parse::<i64>() {
        let kind = if i32::try_from(value).is_ok() { Kind::Int } else { Kind::BigInt };
        return Ok(literal(Literal::Integer(value), SqlType::required(kind)));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('0');
    let scale = u8::try_from(fraction.len()).map_err(|_| refused())?;
    let significant = if whole.is_empty() {
        fraction.trim_start_matches('0').len()
    } else {
        whole.len() + fraction.len()
    };
    // A DECIMAL has at least as many digits as stand after the point.
    let precision = significant.max(fraction.len()).max(1);
    let precision = u8::try_from(precision).ok().filter(|p| *p <= 38).ok_or_else(refused)?;
    let value = super::decimal::parse(text, precision, scale).ok_or_else(refused)?;
    let sql_type = SqlType::required(Kind::Decimal { precision, scale });
    Ok(literal(Literal::Decimal(value), sql_type))
}

/// `X'0A'`, a BINARY of its length.
pub fn bytes(hex: &str) -> Built {
    let digit = |c: u8| char::from(c).to_digit(16);
    let pairs = hex.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? * 16 + digit(*low)?) as u8),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    let bytes = bytes.ok_or_else(|| {
        CallError::wrong(format!("`X'{hex}'` must hold an even number of hexadecimal digits"))
    })?;
    let kind = Kind::Binary(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    Ok(literal(Literal::Bytes(bytes), SqlType::required(kind)))
}

/// `left op right`.
pub fn binary(session: &Session, op: BinaryOp, left: Expr, right: Expr) -> Built {
    match op {
        BinaryOp::And | BinaryOp::Or => logic::connect(op == BinaryOp::And, left, right),
        BinaryOp::Concat => super::functions::call(session, "||", vec![left, right]),
        op if op.is_comparison() => compare::bind(session, op, left, right),
        op => arithmetic::bind(session, op, left, right),
    }
}

/// `op operand`.
pub fn unary(_session: &Session, op: UnaryOp, operand: Expr) -> Built {
    arithmetic::unary(op, operand)
}

/// `NOT operand`.
pub fn not(operand: Expr) -> Built {
    logic::not_(operand)
}

/// All of the conditions; TRUE when there is none.
pub fn all(conditions: Vec<Expr>) -> Built {
    let mut conditions = conditions.into_iter();
    let Some(first) = conditions.next() else { return Ok(boolean(true)) };
    conditions.try_fold(first, |before, next| logic::connect(true, before, next))
}

/// `operand IS NULL`; IS NOT NULL is its [`not`].
#[must_use]
pub fn is_null(operand: Expr) -> Expr {
    logic::null_test(operand, false)
}
