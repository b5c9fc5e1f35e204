//! The binary's processes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use super::eventually;
use super::services::{ACCESS_KEY, BUCKET, SECRET_KEY, Services};

/// What the processes of an installation are pointed at.
pub(super) struct Place {
    pub(super) services: Arc<Services>,
    /// Prefix in the bucket.
    pub(super) name: String,
    /// URL of the database.
    pub(super) database: String,
    /// Where their logs lie.
    pub(super) folder: PathBuf,
    /// What they find in their environment, beside the usual.
    pub(super) environment: Vec<(String, String)>,
}

/// An API server; killed when dropped.
pub(crate) struct Api {
    process: Process,
    url: String,
}

/// A worker; killed when dropped.
pub(crate) struct Worker {
    process: Process,
    /// Must not end before it.
    _services: Arc<Services>,
}

impl Place {
    /// Whether its API servers ask for keys.
    pub(super) fn asks_for_keys(&self) -> bool {
        self.environment.iter().any(|(name, _)| name == "WEIR_MASTER_KEY")
    }

    /// Starts an API server; `listen` may have port 0.
    pub(super) fn start_api(&self, listen: &str, name: &str) -> Api {
        self.start_api_with(listen, name, &[])
    }

    /// The same with more in its environment.
    pub(super) fn start_api_with(&self, listen: &str, name: &str, more: &[(&str, &str)]) -> Api {
        let mut command = self.command(Path::new(crate::weir()), "api");
        command.envs(more.iter().copied());
        let mut arguments = vec!["--listen", listen];
        if !self.asks_for_keys() {
            arguments.push("--no-auth");
        }
        let process = Process::start(command, &arguments, self.log(name));
        let url = process.says("API listens on ");
        Api { process, url }
    }

    /// Starts a worker that runs a copy of the binary.
    pub(super) fn start_worker(&self, program: &Path, name: &str) -> Worker {
        let folder = self.folder.join(name);
        let arguments = ["--kpus", "64", "--folder", folder.to_str().unwrap()];
        let process = Process::start(self.command(program, "worker"), &arguments, self.log(name));
        process.says("worker is ready");
        Worker { process, _services: Arc::clone(&self.services) }
    }

    /// Runs `weir key`.
    pub(super) fn key(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(crate::weir());
        command.arg("key").args(["--database-url", &self.database, "--json"]).args(arguments);
        command.envs(self.environment.clone()).output().unwrap()
    }

    /// What a process has said.
    pub(super) fn said(&self, name: &str) -> String {
        read(&self.log(name))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// A command of the binary, pointed at the installation.
    fn command(&self, program: &Path, name: &str) -> Command {
        let mut command = Command::new(program);
        command
            .arg(name)
            .args(["--database-url", &self.database, "--bucket", BUCKET, "--prefix", &self.name])
            .args(["--s3-endpoint", &self.services.s3_endpoint()])
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .envs(self.environment.clone());
        command
    }
}

impl Worker {
    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn terminate(mut self) {
        self.process.terminate();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// How its name ends.
    pub(crate) fn name_suffix(&self) -> String {
        format!("-{}", self.pid())
    }

    /// Process ids of its jobs.
    pub(crate) fn jobs(&self) -> Vec<u32> {
        let parent = self.pid().to_string();
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let mut after_name = stat.rsplit_once(')')?.1.split_whitespace();
            let (state, its_parent) = (after_name.next()?, after_name.next()?);
            let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            let is_job = command.split('\0').nth(1) == Some("job");
            (its_parent == parent && state != "Z" && is_job).then_some(pid)
        });
        processes.collect()
    }
}

/// A process whose output goes to a file; killed when dropped.
struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    fn start(mut command: Command, arguments: &[&str], log: PathBuf) -> Self {
        let file = File::create(&log).unwrap();
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    fn terminate(&mut self) {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success());
    }

    /// Waits for a line that begins so; gives its rest.
    fn says(&self, begin: &str) -> String {
        eventually(begin, || {
            let said = read(&self.log);
            let rest = said.lines().find_map(|line| line.strip_prefix(begin)).map(str::to_owned);
            rest.ok_or(said)
        })
    }
}

impl Api {
    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// URL it listens at.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn terminate(mut self) {
        self.process.terminate();
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
        if std::thread::panicking() {
            let said = read(&self.log);
            let lines: Vec<&str> = said.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("--- {} ---\n{last}", self.log.display());
        }
    }
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}
