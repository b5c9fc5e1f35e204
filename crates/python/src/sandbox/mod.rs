//! What user code may reach: its own files, its own `/tmp`, nothing else.
//!
//! The program runs under a launcher (a hidden command of the same binary) that enters private
//! namespaces (mount, network, IPC, processes; users too when not root), gives it a root of its own
//! with the system's programs and a private `/etc` and `/tmp`, drops to `nobody`, sets resource
//! limits, and closes the file system with Landlock and dangerous system calls, sockets among them,
//! with seccomp before Python starts.

mod filter;
mod launcher;
mod mounts;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::interpreter::Interpreter;

pub use launcher::enter;

/// Name of the hidden command of the binary that runs [`enter`].
pub const LAUNCHER_COMMAND: &str = "python-sandbox";

/// Where programs read their property groups.
pub const PROPERTIES_PATH: &str = "/etc/flink/application_properties.json";

/// How far user code is locked in.
#[derive(Debug, Clone)]
pub enum Isolation {
    /// In the sandbox; `launcher` is a binary that takes [`LAUNCHER_COMMAND`].
    Sandboxed {
        /// Usually the running binary itself.
        launcher: PathBuf,
    },
    /// As an ordinary child process: only for operators who trust every program.
    Unsandboxed,
}

/// Everything the launcher needs to know; travels as one argument, in JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    executable: PathBuf,
    prefix: PathBuf,
    program: PathBuf,
    main: PathBuf,
    package: PathBuf,
    properties: PathBuf,
    extra_paths: Vec<String>,
}

/// One program to start.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) interpreter: Interpreter,
    pub(crate) program: PathBuf,
    pub(crate) main: PathBuf,
    pub(crate) package: PathBuf,
    pub(crate) properties: PathBuf,
    pub(crate) extra_paths: Vec<String>,
    pub(crate) isolation: Isolation,
}

/// Starts the program with its three standard streams piped.
pub(crate) fn spawn(launch: &Launch) -> Result<Child, Error> {
    let mut command = match &launch.isolation {
        Isolation::Sandboxed { launcher } => {
            let plan = Plan {
                executable: launch.interpreter.executable.clone(),
                prefix: launch.interpreter.prefix.clone(),
                program: launch.program.clone(),
                main: launch.main.clone(),
                package: launch.package.clone(),
                properties: launch.properties.clone(),
                extra_paths: launch.extra_paths.clone(),
            };
            let mut command = Command::new(launcher);
            // What this process is told is not the program's business.
            command.env_clear();
            command.arg(LAUNCHER_COMMAND);
            command.arg(serde_json::to_string(&plan).expect("paths serialise"));
            command
        }
        Isolation::Unsandboxed => {
            let mut command = Command::new(&launch.interpreter.executable);
            command.args(python_arguments(&launch.package, &launch.main));
            command.current_dir(&launch.program);
            command.env_clear();
            command.envs(environment(&launch.package, &launch.program, &launch.extra_paths));
            command.env("WEIR_PROPERTIES_FILE", &launch.properties);
            command
        }
    };
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io("starting the program's process"))
}

/// `-s`: no user site; `-B`: no byte-code files; `-u`: prints appear at once.
fn python_arguments(package: &Path, main: &Path) -> Vec<PathBuf> {
    let boot = package.join("weir_boot.py");
    ["-s", "-B", "-u"].into_iter().map(PathBuf::from).chain([boot, main.to_path_buf()]).collect()
}

fn environment(package: &Path, program: &Path, extra: &[String]) -> Vec<(String, String)> {
    let mut paths = vec![package.display().to_string()];
    paths.extend(extra.iter().map(|path| program.join(path).display().to_string()));
    let fixed = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
    ];
    let mut all: Vec<_> = fixed.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
    all.push(("PYTHONPATH".to_owned(), paths.join(":")));
    all
}
