//! Flink SQL text → statements.
//!
//! `sqlparser` reads queries and expressions with a dialect of ours; what no stock dialect knows
//! (CREATE TABLE with its columns, statement sets, INSERT … PARTITION, hints) is read here with
//! its public methods.

mod create;
mod dialect;
mod hints;
mod json;
mod script;
mod statement;
#[cfg(test)]
mod tests;
mod types;

pub(crate) use hints::Hints;
pub(crate) use script::{parse_query, parse_script};
pub(crate) use statement::{
    ColumnKind, CreateTable, CreateView, Insert, LikeClause, Placed, Statement,
};
pub(crate) use types::{TABLE_ARGUMENT, type_text};
