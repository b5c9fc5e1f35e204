//! Aggregate functions with Flink's results, over many groups at once.
//!
//! **Is for**: accumulators whose loops are typed and run over whole batches, their states, and
//! the result types that Flink derives.
//! **Must not**: know windows, keys or changelogs.
//! **Start at**: [`Accumulator`], then `build.rs`.

mod build;
mod contract;
mod count;
mod distinct;
mod extremum;
mod first_last;
mod list_agg;
mod multiset;
mod select;
mod sequence;
mod sum;
#[cfg(test)]
mod tests;
mod types;
mod values;
mod variance;

pub use build::{accumulator, retractable_accumulator};
pub use contract::{Accumulator, AggregateCall, AggregateFunction};
pub(crate) use types::{argument_types, name};
pub use types::{call_type, multiset, return_type};
