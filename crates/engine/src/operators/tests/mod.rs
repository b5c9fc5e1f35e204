//! Tests of the operators: records in, records out.

mod harness;
mod model;
mod properties;
mod state;
mod stateless;
mod windows;
