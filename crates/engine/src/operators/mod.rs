//! Operators of the engine, one per file.
//!
//! **Is for**: what happens to records between a source and a sink: projection, filter, windows,
//! aggregation, ranking; synchronous and free of I/O.
//! **Must not**: wait, read a clock other than the context's, or know SQL text.
//! **Start at**: [`window::WindowKind`], then `window_aggregate.rs`.

mod emitter;
pub mod filter;
pub mod group_aggregate;
mod groups;
mod keys;
mod local_time;
pub mod over_aggregate;
pub mod project;
mod session_windows;
mod slice_windows;
mod slicing;
mod snapshot;
#[cfg(test)]
mod tests;
pub mod window;
pub mod window_aggregate;
pub mod window_assign;
pub mod window_rank;
pub mod windowed_aggregate;
