//! What this process uses of the machine and may use.

use nix::sys::resource::{Resource, setrlimit};

/// Lets this process have at most `bytes` of private memory: an allocation beyond fails and ends it,
/// and nothing else. When the machine itself runs out of memory, the kernel ends jobs first.
///
/// # Errors
/// The system refuses.
pub fn limit_memory(bytes: u64) -> std::io::Result<()> {
    setrlimit(Resource::RLIMIT_DATA, bytes, bytes)?;
    std::fs::write("/proc/self/oom_score_adj", "500")
}

/// CPU time used so far, in ms, and resident memory, in bytes.
pub(crate) fn usage() -> (u64, u64) {
    (cpu_ms().unwrap_or(0), memory_bytes("VmRSS:").unwrap_or(0))
}

/// CPU time used so far, in ms, and the most memory that was ever resident, in bytes.
#[must_use]
pub fn totals() -> (u64, u64) {
    (cpu_ms().unwrap_or(0), memory_bytes("VmHWM:").unwrap_or(0))
}

fn cpu_ms() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // Linux counts in hundredths of a second on every platform we run on.
    Some((user + system) * 10)
}

fn memory_bytes(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
