//! Tests of the operators: records in, records out.

mod changes;
mod firing;
mod formats;
mod harness;
mod model;
mod over;
mod properties;
mod ranks;
mod state;
mod stateless;
mod windows;
