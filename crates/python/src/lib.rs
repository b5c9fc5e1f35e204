//! Hosts CPython child processes: runs a user's PyFlink program and receives what it records.
//!
//! **Is for**: unpacking the customer's zip, the `pyflink` package that records SQL statements, the
//! sandbox around user code.
//! **Must not**: plan SQL, touch Arrow, talk to Kafka, S3 or Postgres.
//! **Start at**: [`program::run`], then `sandbox/launcher.rs`.

pub mod archive;
pub mod interpreter;
pub mod program;
pub mod sandbox;
mod shim;

/// Failures of this room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The zip or what is in it is not usable; the customer must mend it.
    #[error("{0}")]
    Archive(String),
    /// The program raised an exception or ended with an exit status.
    #[error("{message}")]
    Program {
        /// Last line of the traceback, or what ended it.
        message: String,
        /// The traceback, as the program's author knows it.
        traceback: Option<String>,
    },
    /// The sandbox or the interpreter could not be started on this machine.
    #[error("{0}")]
    Sandbox(String),
    /// Reading or writing files around the program failed.
    #[error("{context}")]
    Io {
        /// What was tried.
        context: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    fn io(context: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let context = context.into();
        move |source| Self::Io { context: format!("{context}: {source}"), source }
    }
}
