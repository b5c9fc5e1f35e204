//! A proxy in front of an S3 server that goes wrong when it is told to.
//!
//! `server` takes connections and does what was decided; `http` reads heads and passes bodies on.

mod http;
mod server;

pub use self::server::{Decide, FaultProxy, S3Fault, Seen};
