//! Flink SQL text → stream graph.
//!
//! **Is for**: Flink's dialect (DDL, queries, statement sets), binding with Flink's types, time
//! attributes and windows, planning to operators of the engine; diagnostics with line and column.
//! **Must not**: know a connector (it asks through [`engine::connector::Connectors`]), run
//! anything, read files.
//! **Start at**: [`Session`], then `parse` (text → statements), `plan` (statements → plan),
//! `lower` (plan → stream graph); [`types`] and [`expr`] are Flink's types and scalar functions.

mod diagnostic;
pub mod expr;
mod lower;
mod parse;
mod plan;
mod render;
mod session;
mod substitute;
pub mod types;

pub use diagnostic::{Diagnostic, Place, Result};
pub use render::{graph_json, graph_text};
pub use session::{OutputColumn, RunSettings, Session, StatementOutcome};
pub use substitute::{Substituted, fill_in, substitute};
