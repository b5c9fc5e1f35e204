//! Claims runs, supervises one job process per application, reports, renews leases.
//!
//! **Is for**: processes: starting, feeding, hearing and ending them.
//! **Must not**: hold rules (what a report means is decided in `control`), read programs or state.
//! **Start at**: [`Worker::run`], then `supervisor.rs`, which tells the life of one job process.

mod assignment;
mod cleaning;
mod copying;
mod ending;
mod jobs;
mod leases;
mod measuring;
mod options;
mod process;
mod starting;
mod supervisor;
mod worker;

pub use options::{Copy, ListFolders, Options, Publish, RemoveFolder, all_kpus};
pub use worker::{Error, Stop, Worker};
