//! `weir python-sandbox`: enters the sandbox and becomes the user's program.

use std::process::ExitCode;

use crate::terminal;

/// Must run before any thread is started.
pub(crate) fn run(plan: &str) -> ExitCode {
    match python::sandbox::enter(plan) {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(error) => {
            terminal::say(format!("the sandbox could not be entered: {error}"));
            ExitCode::from(126)
        }
    }
}
