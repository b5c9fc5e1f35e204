//! The stream engine: runs a stream graph on threads of one process.
//!
//! **Is for**: subtasks, exchange, event and processing time, keyed state, barriers, checkpoints.
//! **Must not**: know a connector, SQL text, Postgres, or where state is stored.
//! **Start at**: [`graph::StreamGraph`], [`operator::Operator`], then `runtime/execution.rs`.

pub mod aggregate;
pub mod batch;
pub mod clock;
pub mod connector;
mod error;
pub mod expression;
pub mod graph;
pub mod key_group;
pub mod metrics;
pub mod operator;
pub mod operators;
pub mod runtime;
pub mod sample;
pub mod sink;
pub mod source;
pub mod stash;
pub mod state;

pub use error::{Error, Result};
