//! Processes of the installation: started, killed, paused, and looked at in /proc.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, MutexGuard};

use super::Error;

/// A process that is told to stop may take this long.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// A process with a fixed command line, which is started again after every end.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    log: PathBuf,
    /// Held by whoever does something to it.
    child: Mutex<Option<Child>>,
    /// 0 = it does not run.
    pid: AtomicU32,
}

/// What it takes to start a [`Slot`].
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    pub(super) variables: &'a [(&'static str, String)],
    /// Folder of the log file.
    pub(super) logs: PathBuf,
}

impl Slot {
    pub(super) fn new(start: Start<'_>) -> Result<Self, Error> {
        Ok(Self {
            log: start.logs.join(format!("{}.log", start.name)),
            name: start.name,
            program: std::env::current_exe()?,
            arguments: start.arguments,
            variables: start.variables.to_vec(),
            child: Mutex::new(None),
            pid: AtomicU32::new(0),
        })
    }

    /// Process id, if it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// Takes it for oneself; `None` if somebody else has it just now.
    pub(super) fn take(&self) -> Option<Held<'_>> {
        Some(Held { child: self.child.try_lock().ok()?, slot: self })
    }

    /// Takes it for oneself, as soon as nobody else has it.
    pub(super) async fn wait(&self) -> Held<'_> {
        Held { child: self.child.lock().await, slot: self }
    }
}

/// A [`Slot`] that nobody else does anything to.
pub(super) struct Held<'a> {
    child: MutexGuard<'a, Option<Child>>,
    slot: &'a Slot,
}

impl Held<'_> {
    /// Starts the process, unless it runs.
    pub(super) fn start(&mut self) -> Result<(), Error> {
        if self.is_running()? {
            return Ok(());
        }
        let slot = self.slot;
        let log = File::options().create(true).append(true).open(&slot.log)?;
        let child = Command::new(&slot.program)
            .args(&slot.arguments)
            .envs(slot.variables.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("starting {}: {error}", slot.name))?;
        slot.pid.store(child.id().unwrap_or_default(), Ordering::Relaxed);
        *self.child = Some(child);
        Ok(())
    }

    fn is_running(&mut self) -> Result<bool, Error> {
        match &mut *self.child {
            None => Ok(false),
            Some(child) => Ok(child.try_wait()?.is_none()),
        }
    }

    /// How it ended by itself, if it did.
    pub(super) fn ended(&mut self) -> Result<Option<String>, Error> {
        let Some(child) = &mut *self.child else { return Ok(None) };
        Ok(child.try_wait()?.map(|status| status.to_string()))
    }

    /// Ends it as a power cut would.
    pub(super) async fn kill(&mut self) -> Result<(), Error> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        self.slot.pid.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Tells it to stop and waits until it has; says how it ended if not in peace.
    pub(super) async fn stop(&mut self) -> Result<Option<String>, Error> {
        let Some(mut child) = self.child.take() else { return Ok(None) };
        let Some(pid) = child.id() else { return Ok(None) };
        signal(pid, Signal::SIGTERM);
        let ended = tokio::time::timeout(STOP_WITHIN, child.wait()).await;
        self.slot.pid.store(0, Ordering::Relaxed);
        match ended {
            Ok(status) => Ok(Some(status?).filter(|it| !it.success()).map(|it| it.to_string())),
            Err(_) => {
                child.kill().await?;
                Ok(Some(format!("not within {} s, and was killed", STOP_WITHIN.as_secs())))
            }
        }
    }
}

/// Sends a signal to a process that we started, or that one of ours did; it may be gone.
pub(super) fn signal(pid: u32, signal: Signal) {
    // An error can only mean that it is gone.
    let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
}

/// A job process, as its command line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) pid: u32,
    pub(super) application: String,
    pub(super) attempt: u64,
}

/// The jobs of a worker, in the order of their applications.
pub(super) fn jobs_of(worker: u32) -> Vec<Job> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let mut jobs: Vec<Job> = entries
        .filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let (state, parent) = state_and_parent(pid)?;
            if parent != worker || state == "Z" {
                return None;
            }
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            job(pid, &String::from_utf8_lossy(&command))
        })
        .collect();
    jobs.sort_by(|a, b| a.application.cmp(&b.application));
    jobs
}

/// Whether the process is still this job: a number may be given to another process.
pub(super) fn is_still(job: &Job) -> bool {
    let command = std::fs::read(format!("/proc/{}/cmdline", job.pid)).unwrap_or_default();
    self::job(job.pid, &String::from_utf8_lossy(&command)).as_ref() == Some(job)
}

fn job(pid: u32, command: &str) -> Option<Job> {
    let words: Vec<&str> = command.split('\0').collect();
    if words.get(1) != Some(&"job") {
        return None;
    }
    let after = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    let application = after("--application")?.to_owned();
    Some(Job { pid, application, attempt: after("--attempt")?.parse().ok()? })
}

fn state_and_parent(pid: u32) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut after_name = stat.rsplit_once(')')?.1.split_whitespace();
    Some((after_name.next()?.to_owned(), after_name.next()?.parse().ok()?))
}

/// Resident memory in bytes.
pub(super) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_known_by_its_command_line() {
        let command = "/bin/weir\0job\0--application\0sums\0--attempt\x003\0--memory-bytes\x001\0";
        let want = Job { pid: 7, application: "sums".to_owned(), attempt: 3 };
        assert_eq!(job(7, command), Some(want));
        assert_eq!(job(7, "/bin/weir\0worker\0--application\0sums\0--attempt\x003\0"), None);
        assert_eq!(job(7, ""), None);
    }

    #[test]
    fn this_process_has_memory_and_no_jobs() {
        let us = std::process::id();
        assert!(resident_bytes(us).unwrap() > 1 << 20);
        assert_eq!(jobs_of(us), []);
    }
}
