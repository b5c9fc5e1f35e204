//! Three-valued logic: AND, OR, NOT, IS NULL, IS TRUE.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder};
use arrow::compute::kernels::boolean::{and_kleene, is_not_null, is_null, not, or_kleene};
use arrow::compute::prep_null_mask_filter;
use engine::Result;

use super::function::{Arguments, Function, Value};
use super::{CallError, Expr, Truth, build};
use crate::types::{Kind, SqlType};

/// AND and OR. The right side is evaluated only where the left does not decide, when it may fail.
#[derive(Debug)]
struct Connective {
    /// The value that decides alone: FALSE for AND, TRUE for OR.
    decides: bool,
}

impl Function for Connective {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let left = args.value(0)?;
        if left.constant {
            let known = left.array.as_boolean();
            if known.is_valid(0) && known.value(0) == self.decides {
                return Ok(left);
            }
            if known.is_valid(0) {
                return args.value(1);
            }
        }
        let left = left.into_column(args.rows())?;
        let right = if args.may_fail(1) {
            self.right_where_needed(&left, args)?
        } else {
            args.value(1)?.into_column(args.rows())?
        };
        let (left, right) = (left.as_boolean(), right.as_boolean());
        let joined = if self.decides { or_kleene(left, right)? } else { and_kleene(left, right)? };
        Ok(Value::column(Arc::new(joined)))
    }
}

impl Connective {
    /// The right side, NULL where the left has decided.
    fn right_where_needed(&self, left: &ArrayRef, args: &Arguments<'_>) -> Result<ArrayRef> {
        let left = left.as_boolean();
        let open = BooleanArray::from_iter(
            (0..left.len()).map(|i| Some(left.is_null(i) || left.value(i) != self.decides)),
        );
        let found = args.value_where(1, &open)?;
        let values = found.array.as_boolean();
        let mut out = BooleanBuilder::with_capacity(left.len());
        let mut next = 0;
        for row in 0..left.len() {
            if !open.value(row) {
                out.append_null();
                continue;
            }
            let at = found.index(next);
            out.append_option(values.is_valid(at).then(|| values.value(at)));
            next += 1;
        }
        Ok(Arc::new(out.finish()))
    }
}

#[derive(Debug)]
struct Not;

impl Function for Not {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let array = Arc::new(not(operand.array.as_boolean())?);
        Ok(Value { array, ..operand })
    }
}

#[derive(Debug)]
struct IsNull {
    negated: bool,
}

impl Function for IsNull {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        // Logical nulls: an array of type NULL has no null buffer of its own.
        let found = match (operand.array.data_type(), self.negated) {
            (arrow::datatypes::DataType::Null, negated) => {
                BooleanArray::from(vec![!negated; operand.array.len()])
            }
            (_, true) => is_not_null(&operand.array)?,
            (_, false) => is_null(&operand.array)?,
        };
        Ok(Value { array: Arc::new(found), ..operand })
    }
}

#[derive(Debug)]
struct IsTruth(Truth);

impl Function for IsTruth {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let values = operand.array.as_boolean();
        let found = match self.0 {
            Truth::Unknown => is_null(values)?,
            Truth::True if values.null_count() == 0 => values.clone(),
            Truth::True => prep_null_mask_filter(values),
            Truth::False => {
                let inverted = not(values)?;
                if inverted.null_count() == 0 { inverted } else { prep_null_mask_filter(&inverted) }
            }
        };
        Ok(Value { array: Arc::new(found), ..operand })
    }
}

fn boolean_operand(operator: &str, operand: Expr) -> Result<Expr, CallError> {
    match operand.sql_type().kind {
        Kind::Boolean => Ok(operand),
        Kind::Null => Ok(build::literal(super::Literal::Null, SqlType::nullable(Kind::Boolean))),
        _ => {
            Err(CallError::wrong(format!("`{operator}` takes BOOLEAN, not {}", operand.sql_type())))
        }
    }
}

/// `left AND right`, `left OR right`.
pub(super) fn connect(is_and: bool, left: Expr, right: Expr) -> Result<Expr, CallError> {
    let name = if is_and { "AND" } else { "OR" };
    let (left, right) = (boolean_operand(name, left)?, boolean_operand(name, right)?);
    let nullable = left.sql_type().nullable || right.sql_type().nullable;
    let sql_type = SqlType { kind: Kind::Boolean, nullable };
    Ok(Expr::call(name, Connective { decides: !is_and }, vec![left, right], sql_type))
}

/// `NOT operand`.
pub(super) fn not_(operand: Expr) -> Result<Expr, CallError> {
    let operand = boolean_operand("NOT", operand)?;
    let sql_type = operand.sql_type().clone();
    // NOT (x IS NULL) is worth a function of its own: planners look for it.
    if let Expr::Call(call) = &operand
        && call.name() == "IS NULL"
    {
        return Ok(null_test(call.args[0].clone(), true));
    }
    Ok(Expr::call("NOT", Not, vec![operand], sql_type))
}

/// `operand IS NULL` or `IS NOT NULL`.
pub(super) fn null_test(operand: Expr, negated: bool) -> Expr {
    let name = if negated { "IS NOT NULL" } else { "IS NULL" };
    Expr::call(name, IsNull { negated }, vec![operand], SqlType::required(Kind::Boolean))
}

/// `operand IS TRUE`, `IS FALSE`, `IS UNKNOWN`; the negated ones are its [`build::not`].
pub fn is_truth(operand: Expr, truth: Truth) -> Result<Expr, CallError> {
    let name = match truth {
        Truth::True => "IS TRUE",
        Truth::False => "IS FALSE",
        Truth::Unknown => "IS UNKNOWN",
    };
    let operand = boolean_operand(name, operand)?;
    Ok(Expr::call(name, IsTruth(truth), vec![operand], SqlType::required(Kind::Boolean)))
}
