//! What can go wrong when a service is started or stopped.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Result of starting, stopping or preparing an embedded service.
pub type Result<T> = std::result::Result<T, Error>;

/// A service could not be started, stopped or prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable Postgres binaries on this machine.
    #[error(
        "postgres was not found (looked on PATH, in /usr/lib/postgresql/*/bin{}); install it, for \
         example with `apt-get install postgresql`, or start Weir with the URL of a database",
        .cache.as_deref().map(|cache| format!(" and in `{}`", cache.display())).unwrap_or_default()
    )]
    PostgresNotFound {
        /// The extra folder that was searched, if the caller named one.
        cache: Option<PathBuf>,
    },
    /// The data directory belongs to another major version than the binaries.
    #[error(
        "the data in `{}` was written by postgres {written_by}, but only postgres {found} is \
         installed; install postgres {written_by} or start with an empty folder",
        .dir.display()
    )]
    PostgresVersion {
        /// Folder of the cluster.
        dir: PathBuf,
        /// Major version that created it.
        written_by: String,
        /// Major version of the best binaries found.
        found: String,
    },
    /// Another living server owns the data directory.
    #[error(
        "the data in `{}` is in use by another server{}; stop it first",
        .dir.display(),
        .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    PostgresInUse {
        /// Folder of the cluster.
        dir: PathBuf,
        /// Process id of the server that owns it, if it runs already.
        pid: Option<u32>,
    },
    /// One of the Postgres programs ended with an error or did not become ready.
    #[error("`{program}` {outcome}; its last words were: {log}")]
    PostgresFailed {
        /// `initdb` or `postgres`.
        program: &'static str,
        /// What happened, for example the exit status.
        outcome: String,
        /// The end of its log.
        log: String,
    },
    /// The broker does not take a topic.
    #[error("topic `{name}` cannot be created: {reason}")]
    Topic {
        /// Name of the topic.
        name: String,
        /// Why.
        reason: String,
    },
    /// Another living broker owns the folder.
    #[error("the folder `{}` is in use by another broker; stop it first", .dir.display())]
    BrokerInUse {
        /// Folder of the broker.
        dir: PathBuf,
    },
    /// A listening address could not be bound.
    #[error("cannot listen on {address}; choose another address or stop what listens there")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A name that S3 does not accept for a bucket.
    #[error("`{0}` is no bucket name; use 3 to 63 lower-case letters, digits, `.` and `-`")]
    BucketName(String),
    /// The tokio runtime is being shut down.
    #[error("the program is shutting down")]
    ShuttingDown,
    /// A file or process operation failed.
    #[error("cannot {action} `{}`", .path.display())]
    Io {
        /// What was tried, for example `create`.
        action: &'static str,
        /// On which file or program.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: names the action and the file next to the system's answer.
    pub(crate) fn io<'a>(
        action: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
