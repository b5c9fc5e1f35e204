//! Typed loops over one or two columns, constants included.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use engine::Result;

use super::function::Value;

/// Rows of the result of two values.
pub(crate) fn rows(left: &Value, right: &Value) -> usize {
    if left.constant { right.array.len() } else { left.array.len() }
}

/// NULL where either value is; none when nothing is NULL.
fn nulls(left: &Value, right: &Value) -> Option<NullBuffer> {
    let one = |value: &Value| match (value.constant, value.array.nulls()) {
        (true, Some(found)) if found.null_count() > 0 => {
            Some(NullBuffer::new_null(rows(left, right)))
        }
        (true, _) => None,
        (false, found) => found.cloned(),
    };
    NullBuffer::union(one(left).as_ref(), one(right).as_ref())
}

/// `f` of every pair; NULL where either is. `f` runs for NULL places too and must not fail.
pub(crate) fn binary<A, B, O>(
    left: &Value,
    right: &Value,
    f: impl Fn(A::Native, B::Native) -> O::Native,
) -> PrimitiveArray<O>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let (a, b) = (left.array.as_primitive::<A>(), right.array.as_primitive::<B>());
    let (x, y) = (a.values(), b.values());
    let values: Vec<O::Native> = match (left.constant, right.constant) {
        (false, true) => {
            let y = y[0];
            x.iter().map(|x| f(*x, y)).collect()
        }
        (true, false) => {
            let x = x[0];
            y.iter().map(|y| f(x, *y)).collect()
        }
        _ => x.iter().zip(y.iter()).map(|(x, y)| f(*x, *y)).collect(),
    };
    let values = ScalarBuffer::from(values);
    PrimitiveArray::<O>::new(values, nulls(left, right))
}

/// `f` of every pair without NULL; it may fail.
pub(crate) fn try_binary<A, B, O>(
    left: &Value,
    right: &Value,
    f: impl Fn(A::Native, B::Native) -> Result<O::Native>,
) -> Result<ArrayRef>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    Ok(Arc::new(try_binary_opt::<A, B, O>(left, right, |a, b| f(a, b).map(Some))?))
}

/// `f` of every pair without NULL; it may fail or give NULL.
pub(crate) fn try_binary_opt<A, B, O>(
    left: &Value,
    right: &Value,
    f: impl Fn(A::Native, B::Native) -> Result<Option<O::Native>>,
) -> Result<PrimitiveArray<O>>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let (a, b) = (left.array.as_primitive::<A>(), right.array.as_primitive::<B>());
    let rows = rows(left, right);
    let mut out = PrimitiveArray::<O>::builder(rows);
    for row in 0..rows {
        let (i, j) = (left.index(row), right.index(row));
        if a.is_null(i) || b.is_null(j) {
            out.append_null();
        } else {
            out.append_option(f(a.value(i), b.value(j))?);
        }
    }
    Ok(out.finish())
}

/// `f` of every value; NULL stays NULL.
pub(crate) fn unary<A, O>(operand: &Value, f: impl Fn(A::Native) -> O::Native) -> PrimitiveArray<O>
where
    A: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    operand.array.as_primitive::<A>().unary(f)
}
