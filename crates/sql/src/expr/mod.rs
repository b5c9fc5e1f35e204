//! Typed scalar expressions with Flink's results, evaluated on Arrow arrays.
//!
//! A binder builds an [`Expr`] bottom-up with the constructors of this module; each checks its
//! arguments, converts them where Flink does so by itself, and knows its result type.
//! [`Expr::compile`] turns the finished tree into what the engine runs.
//!
//! **Start at**: [`Expr`], `build` (constructors), `function` (how a function is evaluated), then
//! `functions/` (the library, one file per group).

mod arithmetic;
mod build;
mod cast;
mod compare;
mod conditional;
mod decimal;
mod error;
mod expression;
mod function;
mod functions;
mod json;
mod literal;
mod literal_array;
mod logic;
mod membership;
mod nested;
mod operators;
mod pattern;
mod program;
mod session;
mod temporal;
mod text;
mod vector;

pub use build::*;
pub use error::CallError;
pub use expression::{Call, Expr};
pub use functions::text::trim;
pub use functions::{call, is_function};
pub use json::{is_json, json_array, json_exists, json_object, json_query, json_value};
pub use literal::Literal;
pub use nested::{array, field, item, map, row};
pub use operators::{
    BinaryOp, JsonKind, JsonOn, JsonWrapper, OnNull, TrimSide, Truth, UnaryOp, Unit,
};
pub use pattern::{like, similar};
pub use session::Session;

#[cfg(test)]
mod tests;
