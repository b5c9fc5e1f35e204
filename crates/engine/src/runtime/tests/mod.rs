//! Whole executions over a test source, a keyed counting operator and a collecting sink.

mod checkpoints;
mod event_time;
mod failures;
mod gate;
mod harness;
mod plan;
mod results;
mod stalls;
mod time;
mod waiting;
