//! Tests of the whole: the real binary, real services, and the rules of the house.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stderr, reason = "a failed test shows what its processes said")]

mod api_killed;
mod autoscaling;
mod backup;
mod bad_input;
mod bad_world;
mod chaos;
mod conformance;
mod demo;
mod deploy;
mod enhanced;
mod exactly_once;
mod failover;
mod force;
mod house;
mod https;
mod idle;
mod keys;
mod retention;
mod rollback;
mod rolling;
mod sandbox;
mod secrets;
mod support;
mod traces;
mod update;
mod waiting;

use std::path::{Path, PathBuf};

/// The binary under test.
fn weir() -> &'static str {
    env!("CARGO_BIN_EXE_weir")
}

/// The top of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
