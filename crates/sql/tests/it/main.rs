//! Planning, tried on the conformance cases: which can be planned, into what, and what is said
//! about those that cannot.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod cases;
mod declared;
mod diagnostics;
mod plans;

use std::path::{Path, PathBuf};

/// The folder of this test's sources.
fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")
}

/// Compares with a file that `UPDATE=1 cargo test` rewrites.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests asks for new goldens")]
fn golden(name: &str, actual: &str) {
    let path = here().join("golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != actual {
        let first = expected
            .lines()
            .zip(actual.lines())
            .find(|(expected, actual)| expected != actual)
            .map_or_else(String::new, |(e, a)| format!("\nexpected {e}\n   found {a}"));
        panic!("{} is stale: run with UPDATE=1 and read the diff{first}", path.display());
    }
}
