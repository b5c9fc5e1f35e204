//! RAND, RAND_INTEGER and UUID: another value for each record.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array, StringArray};
use arrow::datatypes::Int32Type;
use engine::Result;

use super::{Binding, Entry};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, Literal, Session, cast};
use crate::types::{Kind, SqlType};

pub(super) const ENTRIES: &[Entry] = &[
    Entry { names: &["RAND"], binding: Binding::Special { least: 0, most: 1, build: rand } },
    Entry {
        names: &["RAND_INTEGER"],
        binding: Binding::Special { least: 1, most: 2, build: rand_integer },
    },
    Entry { names: &["UUID"], binding: Binding::Special { least: 0, most: 0, build: uuid } },
];

/// Java's linear congruential generator, so that a seed gives the numbers it gives in Flink.
#[derive(Debug)]
struct Generator(AtomicU64);

impl Generator {
    const MASK: u64 = (1 << 48) - 1;

    fn seeded(seed: i64) -> Self {
        Self(AtomicU64::new((seed as u64 ^ 0x5_DEEC_E66D) & Self::MASK))
    }

    fn unseeded() -> Self {
        // A hasher's keys are the one source of chance in std.
        use std::hash::{BuildHasher, Hasher};
        let chance = std::collections::hash_map::RandomState::new().build_hasher().finish();
        Self(AtomicU64::new(chance & Self::MASK))
    }

    fn bits(&self, bits: u32) -> i32 {
        let next = |seed: u64| seed.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & Self::MASK;
        let before = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seed| Some(next(seed)))
            .unwrap_or_default();
        (next(before) >> (48 - bits)) as i32
    }

    fn double(&self) -> f64 {
        let (high, low) = (i64::from(self.bits(26)), i64::from(self.bits(27)));
        ((high << 27) + low) as f64 / (1u64 << 53) as f64
    }

    /// A number below `bound`, which is above 0.
    fn below(&self, bound: i32) -> i32 {
        if bound & bound.wrapping_neg() == bound {
            return ((i64::from(bound) * i64::from(self.bits(31))) >> 31) as i32;
        }
        loop {
            let bits = self.bits(31);
            let value = bits % bound;
            if bits.wrapping_sub(value).wrapping_add(bound - 1) >= 0 {
                return value;
            }
        }
    }
}

/// What is drawn.
#[derive(Debug, Clone, Copy)]
enum Draw {
    Double,
    Integer,
    Uuid,
}

struct Random {
    draw: Draw,
    seed: Option<i64>,
    generator: Generator,
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Random({:?}, {:?})", self.draw, self.seed)
    }
}

impl Function for Random {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let rows = args.rows();
        let array: ArrayRef = match self.draw {
            Draw::Double => {
                Arc::new(Float64Array::from_iter_values((0..rows).map(|_| self.generator.double())))
            }
            Draw::Uuid => Arc::new(StringArray::from_iter_values((0..rows).map(|_| self.uuid()))),
            Draw::Integer => {
                let bound = args.value(0)?;
                let bounds = bound.array.as_primitive::<Int32Type>();
                let drawn: Int32Array = (0..rows)
                    .map(|row| {
                        let at = bound.index(row);
                        let limit = arrow::array::Array::is_valid(bounds, at)
                            .then(|| bounds.value(at))
                            .filter(|limit| *limit > 0)?;
                        Some(self.generator.below(limit))
                    })
                    .collect();
                Arc::new(drawn)
            }
        };
        Ok(Value::column(array))
    }

    fn deterministic(&self) -> bool {
        false
    }
}

impl Random {
    fn uuid(&self) -> String {
        let word = || u128::from(self.generator.bits(32) as u32);
        let bits = word() << 96 | word() << 64 | word() << 32 | word();
        // Version 4, variant 1.
        let bits = bits & !(0xF << 76) | 4 << 76;
        let bits = bits & !(0b11 << 62) | 0b10 << 62;
        let hex = format!("{bits:032x}");
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        parts.join("-")
    }
}

fn random(draw: Draw, seed: Option<&Expr>) -> Result<Random, CallError> {
    let seed = match seed.map(Expr::fold) {
        None => None,
        Some(Expr::Literal { value: Literal::Integer(seed), .. }) => Some(seed),
        Some(_) => return Err(CallError::wrong("the seed of RAND must be a constant integer")),
    };
    let generator = seed.map_or_else(Generator::unseeded, Generator::seeded);
    Ok(Random { draw, seed, generator })
}

fn rand(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    let function = random(Draw::Double, args.first())?;
    Ok(Expr::call(name, function, Vec::new(), SqlType::required(Kind::Double)))
}

/// RAND_INTEGER([seed,] bound)
fn rand_integer(session: &Session, name: &str, mut args: Vec<Expr>) -> Result<Expr, CallError> {
    let bound = args.pop().unwrap_or_else(crate::expr::build::null);
    if !bound.sql_type().kind.is_integer() {
        let taken = std::iter::once("RAND_INTEGER([INT, ]INT)".to_owned());
        return Err(super::binder::refused(name, &[bound], taken));
    }
    let function = random(Draw::Integer, args.first())?;
    let bound = cast::cast(session, bound, &SqlType::nullable(Kind::Int))?;
    let sql_type = SqlType { kind: Kind::Int, nullable: bound.sql_type().nullable };
    Ok(Expr::call(name, function, vec![bound], sql_type))
}

fn uuid(_: &Session, name: &str, _: Vec<Expr>) -> Result<Expr, CallError> {
    let function = random(Draw::Uuid, None)?;
    Ok(Expr::call(name, function, Vec::new(), SqlType::required(Kind::Char(36))))
}
