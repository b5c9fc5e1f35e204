//! Outside systems as sources and sinks, and the formats of their records.
//!
//! **Is for**: kafka, filesystem (S3 and local), datagen, print, blackhole; json, csv, raw.
//! **Must not**: know SQL, operators or Postgres.
//! **Start at**: [`Registry`] (one line per connector), then [`options`] and [`format`].

mod blackhole;
mod datagen;
pub mod filesystem;
pub mod format;
pub mod kafka;
pub mod options;
mod print;
mod registry;
pub mod s3;

pub use kafka::create_topic;
pub use registry::{Connector, Environment, PrintLine, Registry};
