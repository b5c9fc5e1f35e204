//! Whole executions over a test source, a keyed counting operator and a collecting sink.

mod checkpoints;
mod failures;
mod harness;
mod results;
mod time;

pub(super) use harness::{Collect, Counter, Steps, node, rows, source};
