//! Which Python runs the user's program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// A Python interpreter: the program and where its standard library lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The real executable, links resolved.
    pub executable: PathBuf,
    /// `sys.base_prefix`
    pub prefix: PathBuf,
}

const ASK: &str = "import os, sys\n\
assert sys.version_info >= (3, 8), 'Python 3.8 or newer is needed, this is ' + sys.version\n\
print(os.path.realpath(sys.executable)); print(os.path.realpath(sys.base_prefix))";

/// Finds an interpreter: `wanted` if given, else the system's own, else the first `python3` on the
/// search path.
pub fn find(wanted: Option<&Path>) -> Result<Interpreter, Error> {
    let candidates = match wanted {
        Some(path) => vec![path.to_path_buf()],
        None => {
            ["/usr/bin/python3", "/usr/local/bin/python3", "python3"].map(PathBuf::from).to_vec()
        }
    };
    let mut reasons = Vec::new();
    for candidate in &candidates {
        match ask(candidate) {
            Ok(found) => return Ok(found),
            Err(reason) => reasons.push(format!("{}: {reason}", candidate.display())),
        }
    }
    Err(Error::Sandbox(format!(
        "no usable Python found; install python3 (3.8 or newer) or name one: {}",
        reasons.join("; ")
    )))
}

fn ask(candidate: &Path) -> Result<Interpreter, String> {
    let output = Command::new(candidate)
        .args(["-I", "-S", "-c", ASK])
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    match (lines.next(), lines.next()) {
        (Some(executable), Some(prefix)) => {
            Ok(Interpreter { executable: executable.into(), prefix: prefix.into() })
        }
        _ => Err(format!("unexpected answer `{}`", text.trim())),
    }
}
