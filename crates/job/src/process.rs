//! What this process uses of the machine and may use.

use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::resource::{Resource, setrlimit};

/// The most resident memory that [`usage`] has told of, in bytes. The kernel counts on each CPU apart and
/// does not always add up all, so its own peak may come out below that.
static TOLD: AtomicU64 = AtomicU64::new(0);

/// Lets this process have at most `bytes` of private memory: an allocation beyond fails and ends it,
/// and nothing else. When the machine itself runs out of memory, the kernel ends jobs first.
///
/// # Errors
/// The system refuses.
pub fn limit_memory(bytes: u64) -> std::io::Result<()> {
    setrlimit(Resource::RLIMIT_DATA, bytes, bytes)?;
    std::fs::write("/proc/self/oom_score_adj", "500")
}

/// What this process uses of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// CPU time so far, that of ended and awaited child processes included, in ms.
    pub(crate) cpu_ms: u64,
    /// Resident memory, in bytes.
    pub(crate) resident_bytes: u64,
    pub(crate) threads: u32,
}

pub(crate) fn usage() -> Usage {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let threads = field(&status, "Threads:").and_then(|it| u32::try_from(it).ok());
    let resident_bytes = field(&status, "VmRSS:").unwrap_or(0) * 1024;
    TOLD.fetch_max(resident_bytes, Ordering::Relaxed);
    Usage { cpu_ms: cpu_ms(4).unwrap_or(0), resident_bytes, threads: threads.unwrap_or(0) }
}

/// CPU time used so far, in ms, and the most memory that was ever resident, in bytes.
#[must_use]
pub fn totals() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_bytes = field(&status, "VmHWM:").unwrap_or(0) * 1024;
    (cpu_ms(2).unwrap_or(0), peak_bytes.max(TOLD.load(Ordering::Relaxed)))
}

/// The first `fields` of: user time, system time, both of children that were waited for.
fn cpu_ms(fields: usize) -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let times = after_name.split_whitespace().skip(11).take(fields);
    let ticks: u64 = times.map(|it| it.parse::<u64>().ok()).sum::<Option<u64>>()?;
    // Linux counts in hundredths of a second on every platform we run on.
    Some(ticks * 10)
}

/// The number behind a name in `/proc/self/status`.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_what_it_uses() {
        let before = usage();
        assert!(before.resident_bytes > 1 << 20 && before.threads > 0, "{before:?}");
        let child = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(std::process::Command::new("sh").args(["-c", child]).status().unwrap().success());
        // The child's time counts, once it has ended.
        assert!(usage().cpu_ms > before.cpu_ms, "{:?}", usage());
        assert!(totals().1 >= before.resident_bytes);
    }
}
