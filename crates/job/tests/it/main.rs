//! Whole jobs in this process: real SQL, engine, connectors and committers.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test that uses them")]

mod conformance;
mod held;
mod interrupted;
mod process;
mod snapshots;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest any test waits for anything.
const DEADLINE: Duration = Duration::from_secs(60);

/// The top of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
