//! Comparisons, with Flink's implicit conversions between their sides.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Array, make_comparator,
};
use arrow::compute::SortOptions;
use arrow::compute::kernels::cmp;
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type};
use engine::Result;

use super::function::{Arguments, Function, Value};
use super::temporal::stamp::Stamp;
use super::{BinaryOp, CallError, Expr, Session, cast, decimal};
use crate::types::{Kind, SqlType, common_type};

#[derive(Debug)]
struct Compare {
    op: BinaryOp,
}

impl Function for Compare {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (left, right) = (args.value(0)?, args.value(1)?);
        let array = compare(self.op, &left, &right)?;
        Ok(Value { array: Arc::new(array), constant: left.constant && right.constant })
    }
}

/// Compares values of one kind; NULL where either is, except with the DISTINCT tests.
pub(super) fn compare(op: BinaryOp, left: &Value, right: &Value) -> Result<BooleanArray> {
    match (left.array.data_type(), right.array.data_type()) {
        (DataType::Float32 | DataType::Float64, _) => Ok(floats(op, &widen(left), &widen(right))),
        (DataType::Decimal128(_, s), DataType::Decimal128(_, t)) if s == t => {
            kernel(op, &same_decimal(left), &same_decimal(right))
        }
        (DataType::Decimal128(_, s), DataType::Decimal128(_, t)) => {
            let (s, t) = (*s, *t);
            let of = |value: &Value, row| {
                value.array.as_primitive::<Decimal128Type>().value(value.index(row))
            };
            Ok(each(op, left, right, |row| {
                Some(decimal::compare(of(left, row), s, of(right, row), t))
            }))
        }
        (DataType::Timestamp(a, _), DataType::Timestamp(b, _)) if a != b => {
            let of = |value: &Value, row| Stamp::at(&value.array, value.index(row));
            Ok(each(op, left, right, |row| Some(of(left, row).cmp(&of(right, row)))))
        }
        (DataType::List(_) | DataType::Struct(_) | DataType::Map(..), _) => {
            let order = make_comparator(&left.array, &right.array, SortOptions::default())?;
            Ok(each(op, left, right, |row| Some(order(left.index(row), right.index(row)))))
        }
        _ => kernel(op, left, right),
    }
}

/// Compares as Java does: NaN equals nothing, -0.0 is 0.0.
fn floats(op: BinaryOp, left: &Value, right: &Value) -> BooleanArray {
    let (a, b) =
        (left.array.as_primitive::<Float64Type>(), right.array.as_primitive::<Float64Type>());
    let test: fn(f64, f64) -> bool = match op {
        BinaryOp::Eq => |a, b| a == b,
        BinaryOp::NotEq => |a, b| a != b,
        BinaryOp::Lt => |a, b| a < b,
        BinaryOp::LtEq => |a, b| a <= b,
        BinaryOp::Gt => |a, b| a > b,
        BinaryOp::GtEq => |a, b| a >= b,
        _ => {
            let of = |value: &Value, row| {
                value.array.as_primitive::<Float64Type>().value(value.index(row))
            };
            return each(op, left, right, |row| of(left, row).partial_cmp(&of(right, row)));
        }
    };
    match (left.constant, right.constant) {
        (false, false) => BooleanArray::from_binary(a, b, test),
        (_, true) if b.is_null(0) => BooleanArray::new_null(a.len()),
        (_, true) => {
            let b = b.value(0);
            BooleanArray::from_unary(a, |a| test(a, b))
        }
        (true, false) if a.is_null(0) => BooleanArray::new_null(b.len()),
        (true, false) => {
            let a = a.value(0);
            BooleanArray::from_unary(b, |b| test(a, b))
        }
    }
}

/// Decimals of one scale compare by their unscaled values, whatever their precision.
fn same_decimal(value: &Value) -> Value {
    let numbers = value.array.as_primitive::<Decimal128Type>().clone();
    let array: ArrayRef = Arc::new(numbers.with_data_type(DataType::Decimal128(38, 0)));
    Value { array, constant: value.constant }
}

fn widen(value: &Value) -> Value {
    let array: ArrayRef = match value.array.data_type() {
        DataType::Float32 => {
            let narrow = value.array.as_primitive::<Float32Type>();
            let wide: Float64Array = narrow.unary(f64::from);
            Arc::new(wide)
        }
        _ => Arc::clone(&value.array),
    };
    Value { array, constant: value.constant }
}

fn kernel(op: BinaryOp, left: &Value, right: &Value) -> Result<BooleanArray> {
    Ok(match op {
        BinaryOp::Eq => cmp::eq(left, right)?,
        BinaryOp::NotEq => cmp::neq(left, right)?,
        BinaryOp::Lt => cmp::lt(left, right)?,
        BinaryOp::LtEq => cmp::lt_eq(left, right)?,
        BinaryOp::Gt => cmp::gt(left, right)?,
        BinaryOp::GtEq => cmp::gt_eq(left, right)?,
        BinaryOp::IsDistinctFrom => cmp::distinct(left, right)?,
        _ => cmp::not_distinct(left, right)?,
    })
}

/// Compares value by value. `order` gives none for NaN, which equals nothing.
fn each(
    op: BinaryOp,
    left: &Value,
    right: &Value,
    order: impl Fn(usize) -> Option<Ordering>,
) -> BooleanArray {
    let rows = if left.constant { right.array.len() } else { left.array.len() };
    let mut out = BooleanBuilder::with_capacity(rows);
    for row in 0..rows {
        let nulls = (left.array.is_null(left.index(row)), right.array.is_null(right.index(row)));
        match (op, nulls) {
            (BinaryOp::IsDistinctFrom, (a, b)) if a || b => out.append_value(a != b),
            (BinaryOp::IsNotDistinctFrom, (a, b)) if a || b => out.append_value(a == b),
            (_, (true, _) | (_, true)) => out.append_null(),
            _ => out.append_value(holds(op, order(row))),
        }
    }
    out.finish()
}

fn holds(op: BinaryOp, order: Option<Ordering>) -> bool {
    match op {
        BinaryOp::Eq | BinaryOp::IsNotDistinctFrom => order == Some(Ordering::Equal),
        BinaryOp::NotEq | BinaryOp::IsDistinctFrom => order != Some(Ordering::Equal),
        BinaryOp::Lt => order == Some(Ordering::Less),
        BinaryOp::LtEq => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        BinaryOp::Gt => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// `left op right` for a comparison.
pub(super) fn bind(
    session: &Session,
    op: BinaryOp,
    left: Expr,
    right: Expr,
) -> Result<Expr, CallError> {
    let refused = || {
        CallError::wrong(format!(
            "`{}` cannot compare {} with {}, convert one side with CAST",
            op.symbol(),
            left.sql_type(),
            right.sql_type()
        ))
    };
    let ordered = !matches!(
        op,
        BinaryOp::Eq | BinaryOp::NotEq | BinaryOp::IsDistinctFrom | BinaryOp::IsNotDistinctFrom
    );
    let kind = meeting(&left.sql_type().kind, &right.sql_type().kind).ok_or_else(refused)?;
    let nested = matches!(kind, Kind::Array(_) | Kind::Row(_) | Kind::Map(..) | Kind::Multiset(_));
    if ordered && nested || matches!(kind, Kind::Map(..) | Kind::Multiset(_)) {
        return Err(refused());
    }
    let nullable = !matches!(op, BinaryOp::IsDistinctFrom | BinaryOp::IsNotDistinctFrom)
        && (left.sql_type().nullable || right.sql_type().nullable);
    let (left, right) = (align(session, left, &kind)?, align(session, right, &kind)?);
    let sql_type = SqlType { kind: Kind::Boolean, nullable };
    Ok(Expr::call(op.symbol(), Compare { op }, vec![left, right], sql_type))
}

/// Converts one side, except where values of two sizes compare as they are.
fn align(session: &Session, side: Expr, kind: &Kind) -> Result<Expr, CallError> {
    let as_it_is = match (&side.sql_type().kind, kind) {
        (Kind::Decimal { .. }, Kind::Decimal { .. })
        | (Kind::Timestamp(_), Kind::Timestamp(_))
        | (Kind::TimestampLtz(_), Kind::TimestampLtz(_))
        | (Kind::Float | Kind::Double, Kind::Float | Kind::Double) => true,
        (from, Kind::Decimal { .. }) if from.is_integer() => {
            let (precision, scale) = from.as_decimal().unwrap_or((38, 0));
            let exact = SqlType::nullable(Kind::Decimal { precision, scale });
            return cast::cast(session, side, &exact);
        }
        (a, b) => a.is_text() && b.is_text() || a.is_bytes() && b.is_bytes(),
    };
    if as_it_is {
        return Ok(side);
    }
    cast::cast(session, side, &SqlType::nullable(kind.clone()))
}

/// The kind in which both sides are compared: a text meets what it is compared with.
fn meeting(a: &Kind, b: &Kind) -> Option<Kind> {
    let (left, right) = (SqlType::nullable(a.clone()), SqlType::nullable(b.clone()));
    if let Some(common) = common_type(&left, &right) {
        return Some(common.kind);
    }
    match (a, b) {
        (text, other) | (other, text)
            if text.is_text()
                && (other.is_numeric() || other.is_temporal() || *other == Kind::Boolean) =>
        {
            Some(other.clone())
        }
        _ => None,
    }
}
