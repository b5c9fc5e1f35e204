//! ABS, CEIL, FLOOR, ROUND, TRUNCATE, SIGN, MOD: they keep the kind of number.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, PrimitiveArray};
use arrow::datatypes::{
    ArrowNativeTypeOp, ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type,
};
use engine::{Error, Result};

use super::{Binding, Entry};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{BinaryOp, CallError, Expr, Literal, Session, arithmetic, build, cast, decimal};
use crate::types::{Kind, SqlType};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        names: &["ABS", "SIGN", "CEIL", "CEILING", "FLOOR"],
        binding: Binding::Special { least: 1, most: 1, build: one },
    },
    Entry {
        names: &["ROUND", "TRUNCATE"],
        binding: Binding::Special { least: 1, most: 2, build: digits },
    },
    Entry { names: &["MOD"], binding: Binding::Special { least: 2, most: 2, build: modulo } },
];

fn modulo(session: &Session, _: &str, mut args: Vec<Expr>) -> Result<Expr, CallError> {
    let divisor = args.remove(1);
    arithmetic::bind(session, BinaryOp::Modulo, args.remove(0), divisor)
}

/// What is done to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Abs,
    Sign,
    Ceil,
    Floor,
}

#[derive(Debug)]
struct One {
    step: Step,
    /// Scale of a decimal operand and size of a decimal result.
    from: u8,
    to: decimal::Size,
}

impl Function for One {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let operand = args.value(0)?;
        let array = &operand.array;
        let array = match array.data_type() {
            DataType::Int8 => self.integers::<Int8Type>(array),
            DataType::Int16 => self.integers::<Int16Type>(array),
            DataType::Int32 => self.integers::<Int32Type>(array),
            DataType::Int64 => self.integers::<Int64Type>(array),
            DataType::Float32 => {
                let values = array.as_primitive::<Float32Type>();
                Arc::new(values.unary::<_, Float32Type>(|v| self.float(v.into()) as f32))
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>();
                Arc::new(values.unary::<_, Float64Type>(|v| self.float(v)))
            }
            _ => self.decimals(array),
        };
        Ok(Value { array, ..operand })
    }
}

impl One {
    fn integers<T: ArrowPrimitiveType>(&self, array: &ArrayRef) -> ArrayRef
    where
        T::Native: ArrowNativeTypeOp,
    {
        let zero = T::Native::ZERO;
        let values = array.as_primitive::<T>();
        let made: PrimitiveArray<T> = values.unary(|v| match self.step {
            Step::Abs if v.is_lt(zero) => v.neg_wrapping(),
            Step::Sign if v.is_lt(zero) => T::Native::ONE.neg_wrapping(),
            Step::Sign if v.is_gt(zero) => T::Native::ONE,
            Step::Abs | Step::Sign | Step::Ceil | Step::Floor => v,
        });
        Arc::new(made)
    }

    fn float(&self, value: f64) -> f64 {
        match self.step {
            Step::Abs => value.abs(),
            Step::Sign if value == 0.0 || value.is_nan() => value,
            Step::Sign => value.signum(),
            Step::Ceil => value.ceil(),
            Step::Floor => value.floor(),
        }
    }

    fn decimals(&self, array: &ArrayRef) -> ArrayRef {
        let values = array.as_primitive::<Decimal128Type>();
        let unit = decimal::power(self.from);
        let made: Decimal128Array = values.unary_opt(|v| match self.step {
            Step::Abs => Some(v.abs()),
            Step::Sign => Some(v.signum() * unit),
            Step::Ceil => {
                decimal::fit(v.div_euclid(unit) + i128::from(v.rem_euclid(unit) > 0), self.to.0)
            }
            Step::Floor => decimal::fit(v.div_euclid(unit), self.to.0),
        });
        arithmetic::sized(made, self.to)
    }
}

fn number(name: &str, args: &[Expr]) -> Result<Kind, CallError> {
    let kind = args[0].sql_type().kind.clone();
    if kind.is_numeric() {
        return Ok(kind);
    }
    let taken = std::iter::once(format!("{name}(NUMERIC)"));
    Err(super::binder::refused(name, args, taken))
}

fn one(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let kind = number(name, &args)?;
    let step = match name {
        "ABS" => Step::Abs,
        "SIGN" => Step::Sign,
        "FLOOR" => Step::Floor,
        _ => Step::Ceil,
    };
    let result = match (&kind, step) {
        (Kind::Decimal { precision, .. }, Step::Ceil | Step::Floor) => {
            Kind::Decimal { precision: *precision, scale: 0 }
        }
        _ => kind.clone(),
    };
    if kind.is_integer() && matches!(step, Step::Ceil | Step::Floor) {
        return Ok(args.into_iter().next().unwrap_or_else(build::null));
    }
    let from = kind.as_decimal().map_or(0, |(_, scale)| scale);
    let to = result.as_decimal().unwrap_or((38, 0));
    let sql_type = SqlType { kind: result, nullable: args[0].sql_type().nullable };
    Ok(Expr::call(name, One { step, from, to }, args, sql_type))
}

/// ROUND (half up, away from zero) and TRUNCATE (towards zero).
#[derive(Debug)]
struct Digits {
    round: bool,
    from: u8,
    to: decimal::Size,
}

impl Function for Digits {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (operand, digits) = (args.value(0)?, args.value(1)?);
        let constant = operand.constant && digits.constant;
        macro_rules! each {
            ($t:ty, $f:expr) => {
                crate::expr::vector::try_binary_opt::<$t, Int32Type, $t>(
                    &operand,
                    &digits,
                    |v, n| Ok($f(v, n)),
                )?
            };
        }
        let array: ArrayRef = match operand.array.data_type() {
            DataType::Int8 => {
                Arc::new(each!(Int8Type, |v, n| Some(self.whole(i64::from(v), n) as i8)))
            }
            DataType::Int16 => {
                Arc::new(each!(Int16Type, |v, n| Some(self.whole(i64::from(v), n) as i16)))
            }
            DataType::Int32 => {
                Arc::new(each!(Int32Type, |v, n| Some(self.whole(i64::from(v), n) as i32)))
            }
            DataType::Int64 => Arc::new(each!(Int64Type, |v, n| Some(self.whole(v, n)))),
            DataType::Float32 => {
                Arc::new(each!(Float32Type, |v, n| Some(self.float(f64::from(v), n) as f32)))
            }
            DataType::Float64 => Arc::new(each!(Float64Type, |v, n| Some(self.float(v, n)))),
            DataType::Decimal128(..) => {
                arithmetic::sized(each!(Decimal128Type, |v, n| self.decimal(v, n)), self.to)
            }
            other => return Err(Error::internal(format!("no digits of {other}"))),
        };
        Ok(Value { array, constant })
    }
}

impl Digits {
    /// The unscaled value with digits below 10^`cut` gone.
    fn at(&self, unscaled: i128, cut: u32) -> i128 {
        if cut > 38 {
            return 0;
        }
        let unit = decimal::power(cut as u8);
        if self.round {
            decimal::divide_half_up(unscaled, unit) * unit
        } else {
            unscaled / unit * unit
        }
    }

    fn whole(&self, value: i64, digits: i32) -> i64 {
        if digits >= 0 {
            return value;
        }
        self.at(value.into(), digits.unsigned_abs()) as i64
    }

    /// Works on the shortest text of the number, as Java's `BigDecimal.valueOf` does.
    fn float(&self, value: f64, digits: i32) -> f64 {
        if !value.is_finite() {
            return value;
        }
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let plain: String = mantissa.chars().filter(|c| *c != '.').collect();
        let unscaled: i128 = plain.parse().unwrap_or(0);
        let significant = plain.trim_start_matches('-').len() as i32;
        // value = unscaled / 10^scale
        let scale = significant - 1 - exponent;
        if digits >= scale {
            return value;
        }
        let kept = self.at(unscaled, (scale - digits).unsigned_abs());
        format!("{kept}e{}", -scale).parse().unwrap_or(value)
    }

    fn decimal(&self, value: i128, digits: i32) -> Option<i128> {
        let cut = i32::from(self.from) - digits;
        let kept = if cut <= 0 { value } else { self.at(value, cut.unsigned_abs()) };
        decimal::rescale(kept, self.from, self.to.1, self.to.0)
    }
}

/// Size of ROUND's result (`LogicalTypeMerging.findRoundDecimalType`).
fn rounded((precision, scale): decimal::Size, digits: i64) -> Kind {
    let (p, s) = (i64::from(precision), i64::from(scale));
    let (precision, scale) = if digits >= s {
        (p, s)
    } else if digits < 0 {
        ((1 + p - s).min(38), 0)
    } else {
        (1 + p - s + digits, digits)
    };
    Kind::Decimal { precision: precision.clamp(1, 38) as u8, scale: scale as u8 }
}

fn digits(session: &Session, name: &str, mut args: Vec<Expr>) -> Result<Expr, CallError> {
    let kind = number(name, &args)?;
    if args.len() == 1 {
        args.push(build::number("0")?);
    }
    if !args[1].sql_type().kind.is_integer() {
        let taken = std::iter::once(format!("{name}(NUMERIC, INT)"));
        return Err(super::binder::refused(name, &args, taken));
    }
    let round = name == "ROUND";
    let folded = args[1].fold();
    let result = match (&kind, folded.as_literal()) {
        (Kind::Decimal { precision, scale }, Some(Literal::Integer(digits))) if round => {
            rounded((*precision, *scale), *digits)
        }
        _ => kind.clone(),
    };
    let nullable = args.iter().any(|arg| arg.sql_type().nullable);
    args[1] = cast::cast(session, folded, &SqlType::nullable(Kind::Int))?;
    let from = kind.as_decimal().map_or(0, |(_, scale)| scale);
    let to = result.as_decimal().unwrap_or((38, 0));
    Ok(Expr::call(name, Digits { round, from, to }, args, SqlType { kind: result, nullable }))
}
