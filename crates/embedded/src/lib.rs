//! The services Weir needs, started privately for development, the demo and tests: a real
//! Postgres as a child process, an S3 server in this process, and a small Kafka-protocol broker.
//!
//! None of them is meant for production, where Weir is pointed at real services by configuration
//! and uses them through the same code. Each service keeps its files in one folder given by the
//! caller, listens only where the caller says, and survives `kill -9` of the whole program
//! without losing anything it has acknowledged.
//!
//! Start at [`postgres::Postgres`], [`s3::S3Server`] and [`kafka::Broker`].

mod blocking;
mod error;
pub mod kafka;
pub mod postgres;
pub mod s3;

pub use error::{Error, Result};
