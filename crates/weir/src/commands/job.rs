//! `weir job`: one application's data plane; speaks with its worker over standard input and output.

use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use job::PythonOptions;
use job::lifecycle::End;
use python::sandbox::Isolation;

use crate::settings::Python;
use crate::telemetry::{Service, Telemetry};
use crate::terminal;

/// Options of `weir job`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    python: Python,
    /// Application it works for; for those who read a list of processes
    #[arg(long)]
    application: Option<String>,
    /// Number of the attempt; for those who read a list of processes
    #[arg(long)]
    attempt: Option<u64>,
    /// Most memory of this process, in bytes
    #[arg(long)]
    memory_bytes: Option<u64>,
}

/// Once its worker is gone, a job may take this long to end by itself.
const ORPHANED_FOR: Duration = Duration::from_secs(3);

/// How a superseded job ends.
const SUPERSEDED: u8 = 3;

/// What the worker says. When it is gone the process ends, even while it waits for the customer's
/// program.
struct Orders<R>(R);

impl<R: Read> Read for Orders<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer);
        if matches!(read, Ok(0)) {
            std::thread::spawn(|| {
                std::thread::sleep(ORPHANED_FOR);
                std::process::exit(i32::from(SUPERSEDED));
            });
        }
        read
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if let Some(bytes) = arguments.memory_bytes
        && let Err(error) = job::process::limit_memory(bytes)
    {
        terminal::say(format!("the memory could not be limited: {error}"));
        return ExitCode::FAILURE;
    }
    let _telemetry = Telemetry::start(Service::Job, None);
    // Not by its path: an upgrade may have put another program there meanwhile.
    let launcher = PathBuf::from("/proc/self/exe");
    let isolation = if arguments.python.allow_unsandboxed_python {
        Isolation::Unsandboxed
    } else {
        Isolation::Sandboxed { launcher }
    };
    let options = PythonOptions { interpreter: arguments.python.python.clone(), isolation };
    let orders = BufReader::new(Orders(std::io::stdin()));
    match job::lifecycle::run(orders, std::io::stdout(), &options) {
        End::Finished => ExitCode::SUCCESS,
        End::Failed => ExitCode::FAILURE,
        End::Superseded => ExitCode::from(SUPERSEDED),
    }
}
