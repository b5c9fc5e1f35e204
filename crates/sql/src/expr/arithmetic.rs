//! `+ - * / %` and the sign on numbers: integers wrap, decimals round half up.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, PrimitiveArray};
use arrow::datatypes::{
    ArrowNativeTypeOp, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type,
};
use engine::{Error, Result};

use super::function::{Arguments, Function, Value};
use super::temporal::interval;
use super::{BinaryOp, CallError, Expr, Session, UnaryOp, cast, decimal, logic, vector};
use crate::types::{Kind, SqlType, common_type};

/// An operator on two numbers of one Arrow type.
#[derive(Debug)]
struct Arithmetic {
    op: BinaryOp,
}

impl Function for Arithmetic {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (left, right) = (args.value(0)?, args.value(1)?);
        let array = match left.array.data_type() {
            DataType::Int8 => integers::<Int8Type>(self.op, &left, &right)?,
            DataType::Int16 => integers::<Int16Type>(self.op, &left, &right)?,
            DataType::Int32 => integers::<Int32Type>(self.op, &left, &right)?,
            DataType::Float32 => floats::<Float32Type>(self.op, &left, &right),
            DataType::Float64 => floats::<Float64Type>(self.op, &left, &right),
            _ => integers::<Int64Type>(self.op, &left, &right)?,
        };
        Ok(Value { array, constant: left.constant && right.constant })
    }

    fn may_fail(&self) -> bool {
        matches!(self.op, BinaryOp::Divide | BinaryOp::Modulo)
    }
}

fn integers<T: ArrowPrimitiveType>(op: BinaryOp, left: &Value, right: &Value) -> Result<ArrayRef>
where
    T::Native: ArrowNativeTypeOp,
{
    type Native<T> = <T as ArrowPrimitiveType>::Native;
    let plain = |f: fn(Native<T>, Native<T>) -> Native<T>| -> Result<ArrayRef> {
        Ok(Arc::new(vector::binary::<T, T, T>(left, right, f)))
    };
    match op {
        BinaryOp::Plus => plain(Native::<T>::add_wrapping),
        BinaryOp::Minus => plain(Native::<T>::sub_wrapping),
        BinaryOp::Multiply => plain(Native::<T>::mul_wrapping),
        // A fixed divisor is looked at once.
        BinaryOp::Divide if is_fixed::<T>(right) => plain(Native::<T>::div_wrapping),
        BinaryOp::Modulo if is_fixed::<T>(right) => plain(Native::<T>::mod_wrapping),
        BinaryOp::Divide => vector::try_binary::<T, T, T>(left, right, |a, b| {
            if b.is_zero() { Err(division_by_zero()) } else { Ok(a.div_wrapping(b)) }
        }),
        _ => vector::try_binary::<T, T, T>(left, right, |a, b| {
            if b.is_zero() { Err(division_by_zero()) } else { Ok(a.mod_wrapping(b)) }
        }),
    }
}

/// Whether every divisor is the same number, and not 0.
fn is_fixed<T: ArrowPrimitiveType>(divisor: &Value) -> bool
where
    T::Native: ArrowNativeTypeOp,
{
    let values = divisor.array.as_primitive::<T>();
    divisor.constant && values.is_valid(0) && !values.value(0).is_zero()
}

fn floats<T: ArrowPrimitiveType>(op: BinaryOp, left: &Value, right: &Value) -> ArrayRef
where
    T::Native: ArrowNativeTypeOp,
{
    type Native<T> = <T as ArrowPrimitiveType>::Native;
    let f = match op {
        BinaryOp::Plus => Native::<T>::add_wrapping,
        BinaryOp::Minus => Native::<T>::sub_wrapping,
        BinaryOp::Multiply => Native::<T>::mul_wrapping,
        BinaryOp::Divide => Native::<T>::div_wrapping,
        _ => Native::<T>::mod_wrapping,
    };
    Arc::new(vector::binary::<T, T, T>(left, right, f))
}

fn division_by_zero() -> Error {
    Error::user("division by zero, keep zero divisors out with WHERE, CASE or NULLIF")
}

/// An operator on two decimals (integers count as decimals).
#[derive(Debug)]
struct DecimalArithmetic {
    op: BinaryOp,
    left: decimal::Size,
    right: decimal::Size,
    to: decimal::Size,
}

impl Function for DecimalArithmetic {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (left, right) = (args.value(0)?, args.value(1)?);
        let Self { op, left: l, right: r, to } = *self;
        let array = vector::try_binary_opt::<Decimal128Type, Decimal128Type, Decimal128Type>(
            &left,
            &right,
            |a, b| match op {
                BinaryOp::Plus => Ok(decimal::add(a, l, b, r, to)),
                BinaryOp::Minus => Ok(decimal::add(a, l, -b, r, to)),
                BinaryOp::Multiply => Ok(decimal::multiply(a, l, b, r, to)),
                _ if b == 0 => Err(division_by_zero()),
                BinaryOp::Divide => Ok(decimal::divide(a, l, b, r, to)),
                _ => Ok(decimal::remainder(a, l, b, r, to)),
            },
        )?;
        let array = sized(array, self.to);
        Ok(Value { array, constant: left.constant && right.constant })
    }

    fn may_fail(&self) -> bool {
        matches!(self.op, BinaryOp::Divide | BinaryOp::Modulo)
    }
}

/// A decimal array under its real size.
pub(super) fn sized(array: Decimal128Array, (precision, scale): decimal::Size) -> ArrayRef {
    Arc::new(array.with_data_type(DataType::Decimal128(precision, scale as i8)))
}

#[derive(Debug)]
struct Negate;

impl Function for Negate {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        fn negated<T: ArrowPrimitiveType>(array: &ArrayRef) -> ArrayRef
        where
            T::Native: ArrowNativeTypeOp,
        {
            let values = array.as_primitive::<T>();
            let made: PrimitiveArray<T> = values.unary(ArrowNativeTypeOp::neg_wrapping);
            Arc::new(made.with_data_type(array.data_type().clone()))
        }
        let operand = args.value(0)?;
        let array = &operand.array;
        let array = match array.data_type() {
            DataType::Int8 => negated::<Int8Type>(array),
            DataType::Int16 => negated::<Int16Type>(array),
            DataType::Int32 => negated::<Int32Type>(array),
            DataType::Int64 => negated::<Int64Type>(array),
            DataType::Float32 => negated::<Float32Type>(array),
            DataType::Float64 => negated::<Float64Type>(array),
            DataType::Decimal128(..) => negated::<Decimal128Type>(array),
            DataType::Duration(_) => negated::<arrow::datatypes::DurationMillisecondType>(array),
            DataType::Interval(_) => negated::<arrow::datatypes::IntervalYearMonthType>(array),
            other => return Err(Error::internal(format!("no sign for {other}"))),
        };
        Ok(Value { array, ..operand })
    }
}

/// `left op right` for an arithmetic operator.
pub(super) fn bind(
    session: &Session,
    op: BinaryOp,
    left: Expr,
    right: Expr,
) -> Result<Expr, CallError> {
    let (a, b) = (left.sql_type().kind.clone(), right.sql_type().kind.clone());
    if a.is_interval() || b.is_interval() {
        return interval::bind(op, left, right);
    }
    let refused = || {
        let hint = if a.is_temporal() && b.is_temporal() {
            "use TIMESTAMPDIFF for the time between two points"
        } else {
            "it takes numbers, convert with CAST"
        };
        CallError::wrong(format!(
            "`{}` cannot be applied to arguments of type {a} and {b}, {hint}",
            op.symbol()
        ))
    };
    // A bare NULL takes the type of the other side.
    let (a, b) = match (&a, &b) {
        (Kind::Null, Kind::Null) => (Kind::Int, Kind::Int),
        (Kind::Null, other) => (other.clone(), other.clone()),
        (other, Kind::Null) => (other.clone(), other.clone()),
        _ => (a.clone(), b.clone()),
    };
    if !a.is_numeric() || !b.is_numeric() {
        return Err(refused());
    }
    let nullable = left.sql_type().nullable || right.sql_type().nullable;
    let decimals = matches!(a, Kind::Decimal { .. }) || matches!(b, Kind::Decimal { .. });
    if let (true, Some(l), Some(r)) = (decimals, a.as_decimal(), b.as_decimal()) {
        return decimal_call(session, op, (left, l), (right, r), nullable);
    }
    let common = common_type(&SqlType::nullable(a), &SqlType::nullable(b.clone()));
    let common = common.ok_or_else(refused)?.with_nullable(true);
    let left = cast::cast(session, left, &common)?;
    let right = cast::cast(session, right, &common)?;
    let call = Expr::call(
        op.symbol(),
        Arithmetic { op },
        vec![left, right],
        common.with_nullable(nullable),
    );
    // MOD has the type of its divisor.
    if op == BinaryOp::Modulo && call.sql_type().kind != b {
        return cast::cast(session, call, &SqlType { kind: b, nullable });
    }
    Ok(call)
}

fn decimal_call(
    session: &Session,
    op: BinaryOp,
    (left, l): (Expr, decimal::Size),
    (right, r): (Expr, decimal::Size),
    nullable: bool,
) -> Result<Expr, CallError> {
    let exact = |side: Expr, (precision, scale): decimal::Size| {
        let to = SqlType::nullable(Kind::Decimal { precision, scale });
        cast::cast(session, side, &to)
    };
    let kind = decimal::result(op, l, r);
    let to = kind.as_decimal().unwrap_or((38, 0));
    let args = vec![exact(left, l)?, exact(right, r)?];
    // Overflow gives NULL, whatever the operands are.
    let sql_type = SqlType { kind, nullable };
    Ok(Expr::call(op.symbol(), DecimalArithmetic { op, left: l, right: r, to }, args, sql_type))
}

/// `+operand`, `-operand`, `NOT operand`.
pub(super) fn unary(op: UnaryOp, operand: Expr) -> Result<Expr, CallError> {
    let kind = &operand.sql_type().kind;
    let symbol = match op {
        UnaryOp::Not => return logic::not_(operand),
        UnaryOp::Minus => "-",
        UnaryOp::Plus => "+",
    };
    if !kind.is_numeric() && !kind.is_interval() {
        return Err(CallError::wrong(format!("`{symbol}` takes a number, not {kind}")));
    }
    if op == UnaryOp::Plus {
        return Ok(operand);
    }
    let sql_type = operand.sql_type().clone();
    Ok(Expr::call("-", Negate, vec![operand], sql_type))
}
