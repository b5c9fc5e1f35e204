//! A private installation made of the real binary, and what its user does with it.
//!
//! Postgres, Kafka and S3 are shared by all tests that run at the same time; each installation has
//! a database, a prefix in the bucket and processes of its own. Everything here blocks.

mod application;
mod collector;
mod installation;
mod processes;
mod readings;
mod services;
mod streams;

pub(crate) use application::{Answer, Application, configuration, zip_file};
pub(crate) use collector::{Collector, text, tls_file};
pub(crate) use installation::Installation;
pub(crate) use processes::{Api, Worker};
pub(crate) use readings::{Feeder, Reading, Windows, json_line, sums};
pub(crate) use services::{MASTER_KEY, SECRET_KEY};
pub(crate) use streams::{Producer, reader, reader_with};

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Tries until there is a result; the message at the deadline tells what was seen last.
#[track_caller]
pub(crate) fn eventually<T, S: Debug>(what: &str, mut attempt: impl FnMut() -> Result<T, S>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(found) => return found,
            Err(seen) if Instant::now() > deadline => {
                panic!("{what}: not within {PATIENCE:?}; seen last: {seen:#?}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}
