//! Tests of the whole: the real binary, real services, and the rules of the house.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod conformance;
mod demo;
mod house;
mod sandbox;

use std::path::{Path, PathBuf};

/// The binary under test.
fn weir() -> &'static str {
    env!("CARGO_BIN_EXE_weir")
}

/// The top of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
