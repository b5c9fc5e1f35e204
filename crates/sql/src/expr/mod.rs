//! Typed scalar expressions with Flink's results, evaluated on Arrow arrays.
//!
//! A binder builds an [`Expr`] bottom-up with the constructors of this module; each checks its
//! arguments, converts them where Flink does so by itself, and knows its result type.
//! [`Expr::compile`] turns the finished tree into what the engine runs.
//!
//! **Start at**: [`Expr`], `build` (constructors), `function` (how a function is evaluated), then
//! `functions/` (the library, one file per group).

mod build;
mod error;
mod expression;
mod function;
mod literal;
mod literal_array;
mod operators;
mod program;
mod session;
mod temporal;

pub use build::*;
pub use error::CallError;
pub use expression::{Call, Expr};
pub use literal::Literal;
pub use operators::{
    BinaryOp, JsonKind, JsonOn, JsonWrapper, OnNull, TrimSide, Truth, UnaryOp, Unit,
};
pub use session::Session;
