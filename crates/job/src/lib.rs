//! The data-plane process of one application: artifact → program → stream graph → running engine →
//! checkpoints; speaks the job protocol with its worker.
//!
//! **Is for**: tying program, engine, connectors and checkpoint storage together.
//! **Must not**: know Postgres or HTTP; it has no database credentials.
//! **Start at**: [`lifecycle`], which tells the life of the process in order.

mod attempt;
mod channel;
pub mod check;
mod checkpoint_store;
mod committers;
#[cfg(test)]
mod crash_points;
mod fit;
pub mod kept;
pub mod lifecycle;
pub mod local;
mod objects;
pub mod process;
mod program;
mod rates;
mod restore;
mod spans;
mod stash;
mod storage;

pub use fit::Misfit;
pub use program::PythonOptions;
