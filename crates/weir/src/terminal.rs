//! What people see: progress and errors on standard error, results on standard output.

use std::io::Write;

/// Writes a line of progress.
pub(crate) fn say(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref());
}

/// Writes a line of a result. A closed pipe is not an error.
pub(crate) fn print(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
}

/// Writes an error with its causes, each on a line.
pub(crate) fn say_error(error: &dyn std::error::Error) {
    say(format!("error: {error}"));
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            say(format!("  caused by: {text}"));
        }
        said = text;
        cause = error.source();
    }
}
