//! What an earlier server left behind in a data directory.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How long an orphaned server may take to shut down after its parent died.
const PATIENCE: Duration = Duration::from_secs(15);

/// Takes the folder for this process, for as long as the file is open.
///
/// Whoever holds it may regard every server it finds on the cluster as an orphan.
pub(super) fn claim(dir: &Path, data: &Path) -> Result<File> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
        Err(TryLockError::WouldBlock) => {
            Err(Error::PostgresInUse { dir: data.to_owned(), pid: worker_of(data) })
        }
    }
}

/// Waits until no process works in `data`, then removes the lock files of a killed server.
///
/// The server's own check goes by the process id in `postmaster.pid` alone, and refuses to start
/// when that number has been given to another program since. Removing the file is safe only while
/// nobody works on the cluster; every Postgres process has the data directory as its working
/// directory, so `/proc` tells.
pub(super) fn clear(data: &Path, socket_lock: &Path) -> Result<()> {
    let lock = data.join("postmaster.pid");
    if !lock.exists() {
        return Ok(());
    }
    let deadline = Instant::now() + PATIENCE;
    while let Some(pid) = worker_of(data) {
        if Instant::now() >= deadline {
            return Err(Error::PostgresInUse { dir: data.to_owned(), pid: Some(pid) });
        }
        thread::sleep(Duration::from_millis(20));
    }
    for stale in [lock.as_path(), socket_lock] {
        match fs::remove_file(stale) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("remove", stale)(error)),
        }
    }
    Ok(())
}

/// Some process whose working directory is `data`.
fn worker_of(data: &Path) -> Option<u32> {
    let data = data.canonicalize().ok()?;
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let program: PathBuf = fs::read_link(entry.path().join("exe")).ok()?;
        let works_here = fs::read_link(entry.path().join("cwd")).ok()? == data;
        let is_postgres = program.file_name()?.to_str()?.starts_with("postgres");
        (works_here && is_postgres).then_some(pid)
    })
}
