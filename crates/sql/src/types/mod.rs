//! Flink's logical types, and what they are in Arrow.
//!
//! **Start at**: [`SqlType`]; `parse` reads type texts, `common` finds the type two branches share,
//! `store` decides what an INSERT may convert by itself.

mod arrow;
mod common;
mod parse;
mod sql_type;
mod store;

pub use common::{common_of, common_type};
pub use parse::{from_ast, parse_type};
pub use sql_type::{Kind, MAX_LENGTH, SqlType};
pub use store::can_store_implicitly;
