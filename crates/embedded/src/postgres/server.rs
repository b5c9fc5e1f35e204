//! One life of the server process: prepare the cluster, start, wait until ready, stop.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Options;
use super::binaries::Binaries;
use super::identity::Identity;
use super::process::{Process, Signal};
use super::{leftovers, socket};
use crate::error::{Error, Result};

/// A fast shutdown writes a checkpoint; with a slow disk and much to write it takes a while.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    process: Process,
    binaries: Binaries,
    socket_dir: PathBuf,
    port: u16,
    /// Locked: keeps other processes off the folder. Declared last, so given up last.
    _claim: File,
}

impl Server {
    /// Creates the cluster below `dir` if it is not there, and starts a server on it.
    pub(super) fn start(dir: &Path, options: &Options) -> Result<Self> {
        let binaries = Binaries::find(&dir.join("data"), options.cache.as_deref())?;
        let identity = Identity::choose(&binaries.program("postgres"))?;
        Self::start_as(identity, binaries, dir, options)
    }

    fn start_as(
        identity: Identity,
        binaries: Binaries,
        dir: &Path,
        options: &Options,
    ) -> Result<Self> {
        let data = dir.join("data");
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let claim = leftovers::claim(dir, &data)?;
        identity.own(dir)?;
        let socket_dir = socket::folder(dir, &std::env::temp_dir())?;
        identity.own(&socket_dir)?;
        let port = options.tcp_port.unwrap_or(socket::PORT);
        if !data.exists() {
            create_cluster(&binaries, identity, dir, options.fsync)?;
        }
        let mut socket_lock = socket::socket_in(&socket_dir, port).into_os_string();
        socket_lock.push(".lock");
        leftovers::clear(&data, Path::new(&socket_lock))?;

        let log = dir.join("postgres.log");
        let mut command = Command::new(binaries.program("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(&socket_dir);
        command.args(settings(options, port));
        let process = spawn(command, identity, &log)?;
        let server = Self { process, binaries, socket_dir, port, _claim: claim };
        server.wait_until_ready(&data, &log, options.ready_within)?;
        tracing::info!(pid = server.pid(), socket = %server.socket_dir.display(), "postgres is ready");
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(super) fn bin_dir(&self) -> Option<&Path> {
        self.binaries.bin.as_deref()
    }

    pub(super) fn url(&self) -> String {
        let folder = percent_encode(&self.socket_dir.to_string_lossy());
        format!("postgres://postgres@localhost:{}/postgres?host={folder}", self.port)
    }

    /// Fast shutdown, and the hard way if that takes too long.
    pub(super) fn stop(self) -> Result<()> {
        self.process.signal(Signal::Interrupt);
        if self.process.wait(STOP_WITHIN).is_some() {
            return Ok(());
        }
        Err(Error::PostgresFailed {
            program: "postgres",
            outcome: format!("did not stop within {} s and was killed", STOP_WITHIN.as_secs()),
            log: "(none)".into(),
        })
    }

    /// `postmaster.pid` has a line that says `ready` once clients are let in (what `pg_ctl` reads).
    fn wait_until_ready(&self, data: &Path, log: &Path, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        let failed = |outcome: String| Error::PostgresFailed {
            program: "postgres",
            outcome,
            log: last_lines(log),
        };
        loop {
            if let Some(status) = self.process.wait(Duration::from_millis(5)) {
                return Err(failed(format!("ended with {status}")));
            }
            if is_ready(data, self.pid()) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(failed(format!("was not ready after {} s", patience.as_secs())));
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.signal(Signal::Interrupt);
        if self.process.wait(Duration::from_secs(5)).is_none() {
            self.process.signal(Signal::Kill);
            self.process.wait(Duration::from_secs(5));
        }
    }
}

fn is_ready(data: &Path, pid: u32) -> bool {
    let Ok(lock) = fs::read_to_string(data.join("postmaster.pid")) else { return false };
    let mut lines = lock.lines();
    lines.next().is_some_and(|first| first.trim() == pid.to_string())
        && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}

/// initdb into a folder beside it and a rename, so that a half-made cluster is never taken for one.
fn create_cluster(binaries: &Binaries, identity: Identity, dir: &Path, fsync: bool) -> Result<()> {
    tracing::info!(dir = %dir.display(), version = binaries.major, "creating a postgres cluster");
    let unfinished = dir.join("data.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::io("remove", &unfinished))?;
    }
    let log = dir.join("initdb.log");
    let mut command = Command::new(binaries.program("initdb"));
    command.arg("-D").arg(&unfinished);
    command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"]);
    if !fsync {
        command.arg("--no-sync");
    }
    let process = spawn(command, identity, &log)?;
    let outcome = match process.wait(Duration::from_secs(120)) {
        Some(status) if status.success() => {
            let renamed = fs::rename(&unfinished, dir.join("data"));
            return renamed.map_err(Error::io("rename", &unfinished));
        }
        Some(status) => format!("ended with {status}"),
        None => {
            process.signal(Signal::Kill);
            "was not done after 120 s".to_owned()
        }
    };
    Err(Error::PostgresFailed { program: "initdb", outcome, log: last_lines(&log) })
}

fn spawn(mut command: Command, identity: Identity, log: &Path) -> Result<Process> {
    let output =
        File::options().create(true).append(true).open(log).map_err(Error::io("open", log))?;
    let errors = output.try_clone().map_err(Error::io("open", log))?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors).current_dir("/");
    identity.apply(&mut command);
    let program = PathBuf::from(command.get_program());
    Process::spawn(command).map_err(Error::io("run", &program))
}

fn settings(options: &Options, port: u16) -> Vec<String> {
    let listen = if options.tcp_port.is_some() { "127.0.0.1" } else { "" };
    let fsync = if options.fsync { "on" } else { "off" };
    let mut arguments = vec!["-p".to_owned(), port.to_string()];
    for setting in [
        format!("listen_addresses={listen}"),
        format!("fsync={fsync}"),
        format!("max_connections={}", options.max_connections),
        "unix_socket_permissions=0700".to_owned(),
        "shared_buffers=32MB".to_owned(),
        "jit=off".to_owned(),
        "log_destination=stderr".to_owned(),
        "logging_collector=off".to_owned(),
    ] {
        arguments.extend(["-c".to_owned(), setting]);
    }
    arguments
}

/// The end of a log, for an error message.
fn last_lines(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}

fn percent_encode(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    /// The way for root where user namespaces are forbidden; needs root to be tried.
    #[test]
    fn the_server_runs_as_nobody_too() {
        let dir = tempfile::tempdir().unwrap();
        if dir.path().metadata().unwrap().uid() != 0 {
            return;
        }
        // Every folder above must be open to it.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let dir = dir.path().join("postgres");
        let options = Options { fsync: false, ..Options::default() };
        for _ in 0..2 {
            let binaries = Binaries::find(&dir.join("data"), None).unwrap();
            let server = Server::start_as(Identity::Nobody, binaries, &dir, &options).unwrap();
            let owner = Path::new("/proc").join(server.pid().to_string());
            assert_eq!(owner.metadata().unwrap().uid(), 65_534);
            server.stop().unwrap();
        }
    }

    #[test]
    fn a_url_carries_any_path() {
        assert_eq!(percent_encode("/a b/\u{e4}"), "%2Fa%20b%2F%C3%A4");
    }
}
