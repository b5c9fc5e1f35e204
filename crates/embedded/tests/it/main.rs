//! The embedded services, driven by the clients that Weir and its users drive them with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/any_kafka.rs"]
mod any_kafka;
mod kafka;
mod postgres;
mod s3;
mod s3_proxy;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Waits until `holds`, for at most 20 seconds.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Some tests start this program again to have a process to kill, and name a folder by a skipped
/// test, which is the only kind of argument the test harness lets pass.
fn host_folder() -> Option<PathBuf> {
    std::env::args().find_map(|arg| arg.strip_prefix("--skip=dir:").map(PathBuf::from))
}
