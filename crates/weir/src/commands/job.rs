//! `weir job`: one application's data plane; speaks with its worker over standard input and output.

use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

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
    match job::lifecycle::run(BufReader::new(std::io::stdin()), std::io::stdout(), &options) {
        End::Finished => ExitCode::SUCCESS,
        End::Failed => ExitCode::FAILURE,
        End::Superseded => ExitCode::from(3),
    }
}
