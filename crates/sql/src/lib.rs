//! sql

pub mod expr;
pub mod types;
