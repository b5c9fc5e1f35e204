//! CASE, COALESCE, GREATEST, LEAST and what is written with them.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::interleave;
use arrow::compute::kernels::boolean::is_not_null;
use arrow::compute::kernels::zip::zip;
use engine::Result;

use super::function::{Arguments, Function, Value};
use super::{BinaryOp, CallError, Expr, Session, build, cast, compare};
use crate::types::{Kind, SqlType, common_of};

/// Arguments: condition, value, condition, value, …, value otherwise.
#[derive(Debug)]
struct Case;

impl Function for Case {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let lazy = (1..args.len()).any(|index| args.may_fail(index));
        let array = if lazy { branch_by_branch(args)? } else { all_at_once(args)? };
        Ok(Value::column(array))
    }
}

/// Evaluates everything for every record and picks.
fn all_at_once(args: &Arguments<'_>) -> Result<ArrayRef> {
    let mut result = args.value(args.len() - 1)?;
    for branch in (0..args.len() / 2).rev() {
        let condition = args.value(branch * 2)?.into_column(args.rows())?;
        let value = args.value(branch * 2 + 1)?;
        // NULL counts as not met in the kernel too.
        result = Value::column(zip(condition.as_boolean(), &value, &result)?);
    }
    result.into_column(args.rows())
}

/// Evaluates each branch only for the records that come to it.
fn branch_by_branch(args: &Arguments<'_>) -> Result<ArrayRef> {
    let rows = args.rows();
    let mut open = BooleanArray::from(vec![true; rows]);
    let mut picks: Vec<(usize, usize)> = vec![(0, 0); rows];
    let mut values: Vec<Value> = Vec::new();
    let branches = args.len() / 2;
    for branch in 0..=branches {
        let met = if branch == branches {
            open.clone()
        } else {
            let found = args.value_where(branch * 2, &open)?;
            let conditions = found.array.as_boolean();
            let mut next = 0;
            BooleanArray::from_iter((0..rows).map(|row| {
                if !open.value(row) {
                    return Some(false);
                }
                let at = found.index(next);
                next += 1;
                Some(conditions.is_valid(at) && conditions.value(at))
            }))
        };
        if met.true_count() == 0 {
            continue;
        }
        let last = branch == branches;
        let value = args.value_where(if last { branch * 2 } else { branch * 2 + 1 }, &met)?;
        let open_picks = picks.iter_mut().enumerate().filter(|(row, _)| met.value(*row));
        for (next, (_, pick)) in open_picks.enumerate() {
            *pick = (values.len(), value.index(next));
        }
        values.push(value);
        open = BooleanArray::from_iter((0..rows).map(|i| Some(open.value(i) && !met.value(i))));
    }
    if rows == 0 {
        return Ok(args.value(args.len() - 1)?.array.slice(0, 0));
    }
    let arrays: Vec<&dyn Array> = values.iter().map(|value| value.array.as_ref()).collect();
    Ok(interleave(&arrays, &picks)?)
}

/// The first argument that is not NULL.
#[derive(Debug)]
struct Coalesce;

impl Function for Coalesce {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let mut found = args.value(0)?.into_column(args.rows())?;
        for index in 1..args.len() {
            if found.null_count() == 0 {
                break;
            }
            let known = is_not_null(&found)?;
            if args.may_fail(index) {
                let open = arrow::compute::kernels::boolean::not(&known)?;
                let rest = args.value_where(index, &open)?;
                let mut next = 0;
                let picks: Vec<_> = (0..found.len())
                    .map(|row| {
                        if known.value(row) {
                            return (0, row);
                        }
                        next += 1;
                        (1, rest.index(next - 1))
                    })
                    .collect();
                found = interleave(&[found.as_ref(), rest.array.as_ref()], &picks)?;
            } else {
                found = zip(&known, &found, &args.value(index)?)?;
            }
        }
        Ok(Value::column(found))
    }
}

/// GREATEST and LEAST: NULL when any argument is.
#[derive(Debug)]
struct Extreme {
    op: BinaryOp,
}

impl Function for Extreme {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let mut best = Value::column(args.value(0)?.into_column(args.rows())?);
        for index in 1..args.len() {
            let next = Value::column(args.value(index)?.into_column(args.rows())?);
            let wins = compare::compare(self.op, &next, &best)?;
            // A NULL on either side must win and stay.
            let null = wins.null_count() > 0;
            let mut picked = zip(&wins, &next, &best)?;
            if null {
                picked = arrow::compute::nullif(&picked, &wins_unknown(&wins))?;
            }
            best = Value::column(picked);
        }
        Ok(best)
    }
}

fn wins_unknown(wins: &BooleanArray) -> BooleanArray {
    BooleanArray::from_iter((0..wins.len()).map(|row| Some(wins.is_null(row))))
}

/// All expressions in their common type.
pub(super) fn align(
    session: &Session,
    name: &str,
    exprs: Vec<Expr>,
) -> Result<(Vec<Expr>, SqlType), CallError> {
    let Some(common) = common_of(exprs.iter().map(Expr::sql_type)) else {
        let types: Vec<_> = exprs.iter().map(|e| e.sql_type().kind.to_string()).collect();
        return Err(CallError::wrong(format!(
            "the values of {name} have no common type: {}, convert them with CAST",
            types.join(", ")
        )));
    };
    let to = common.clone().with_nullable(true);
    let aligned = exprs.into_iter().map(|expr| cast::cast(session, expr, &to));
    Ok((aligned.collect::<Result<_, _>>()?, common))
}

/// `CASE [operand] WHEN … THEN … [ELSE …] END`.
pub fn case(
    session: &Session,
    operand: Option<Expr>,
    whens: Vec<(Expr, Expr)>,
    otherwise: Option<Expr>,
) -> Result<Expr, CallError> {
    let (conditions, mut values): (Vec<_>, Vec<_>) = whens.into_iter().unzip();
    let conditions = conditions
        .into_iter()
        .map(|condition| match &operand {
            Some(operand) => compare::bind(session, BinaryOp::Eq, operand.clone(), condition),
            None if condition.sql_type().kind == Kind::Boolean => Ok(condition),
            None if condition.is_null_literal() => {
                cast::cast(session, condition, &SqlType::nullable(Kind::Boolean))
            }
            None => Err(CallError::wrong(format!(
                "a WHEN of CASE must be BOOLEAN, not {}",
                condition.sql_type().kind
            ))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    values.push(otherwise.unwrap_or_else(build::null));
    let (values, sql_type) = align(session, "CASE", values)?;
    let mut args = Vec::with_capacity(values.len() * 2);
    let mut values = values.into_iter();
    for (condition, value) in conditions.into_iter().zip(values.by_ref()) {
        args.extend([condition, value]);
    }
    args.extend(values);
    Ok(Expr::call("CASE", Case, args, sql_type))
}

/// COALESCE and IFNULL.
pub(super) fn coalesce(session: &Session, args: Vec<Expr>) -> Result<Expr, CallError> {
    let (args, sql_type) = align(session, "COALESCE", args)?;
    let nullable = args.iter().all(|arg| arg.sql_type().nullable);
    Ok(Expr::call("COALESCE", Coalesce, args, sql_type.with_nullable(nullable)))
}

/// NULLIF(a, b): NULL where they are equal.
pub(super) fn null_if(session: &Session, a: Expr, b: Expr) -> Result<Expr, CallError> {
    let equal = compare::bind(session, BinaryOp::Eq, a.clone(), b)?;
    case(session, None, vec![(equal, build::null())], Some(a))
}

/// GREATEST and LEAST.
pub(super) fn extreme(session: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let op = if name == "GREATEST" { BinaryOp::Gt } else { BinaryOp::Lt };
    let (args, sql_type) = align(session, name, args)?;
    if matches!(sql_type.kind, Kind::Array(_) | Kind::Map(..) | Kind::Multiset(_) | Kind::Row(_)) {
        return Err(CallError::wrong(format!("`{name}` does not take {}", sql_type.kind)));
    }
    Ok(Expr::call(name, Extreme { op }, args, sql_type))
}

/// `operand BETWEEN low AND high`.
pub fn between(session: &Session, operand: Expr, low: Expr, high: Expr) -> Result<Expr, CallError> {
    let above = compare::bind(session, BinaryOp::GtEq, operand.clone(), low)?;
    let below = compare::bind(session, BinaryOp::LtEq, operand, high)?;
    super::logic::connect(true, above, below)
}
