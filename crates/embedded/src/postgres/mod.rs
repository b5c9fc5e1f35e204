//! A private Postgres: the real server as a child process on a Unix socket.

mod binaries;
mod identity;
mod leftovers;
mod process;
mod server;
mod socket;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::server::Server;
use crate::blocking::off_the_runtime;
use crate::error::{Error, Result};

/// How to start a [`Postgres`].
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder that may hold a Postgres installation (`bin/initdb`, `bin/postgres`) besides those
    /// of the system; for example where a set-up script unpacked one.
    pub cache: Option<PathBuf>,
    /// A TCP port on 127.0.0.1, without password. None (the default) leaves the Unix socket only.
    pub tcp_port: Option<u16>,
    /// Wait for the disk at every commit and when the cluster is created (the default). Without it
    /// all is much faster and survives a crash of the server, but not a loss of power.
    pub fsync: bool,
    /// How many clients at once.
    pub max_connections: u32,
    /// How long the server may take to get ready; crash recovery is part of it.
    pub ready_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache: None,
            tcp_port: None,
            fsync: true,
            max_connections: 100,
            ready_within: Duration::from_secs(60),
        }
    }
}

/// A running private Postgres. Ends when dropped, and when this process dies.
pub struct Postgres {
    dir: PathBuf,
    options: Options,
    server: Option<Server>,
    url: String,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("dir", &self.dir).field("url", &self.url).finish()
    }
}

impl Postgres {
    /// Starts a server on the cluster in `dir`, which is created if it is not there.
    ///
    /// # Errors
    /// When no Postgres is installed, when it is of another major version than the cluster, when
    /// another server runs on the cluster, or when it does not get ready.
    pub async fn start(dir: &Path) -> Result<Self> {
        Self::start_with(dir, Options::default()).await
    }

    /// Like [`Postgres::start`], with options.
    ///
    /// # Errors
    /// As for [`Postgres::start`].
    pub async fn start_with(dir: &Path, options: Options) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(Error::io("resolve", dir))?;
        let server = start_server(dir.clone(), options.clone()).await?;
        let url = server.url();
        Ok(Self { dir, options, server: Some(server), url })
    }

    /// URL of the database `postgres`, over the Unix socket, as its superuser. Understood by sqlx
    /// and by libpq; the same after every start on the same folder.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// URL of another database of this server.
    pub fn database_url(&self, database: &str) -> String {
        self.url.replacen("/postgres?", &format!("/{database}?"), 1)
    }

    /// Process id of the server, as long as it has not been stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// The folder with `psql` and its sisters, as long as the server has not been stopped. None as
    /// well when the programs were found through PATH.
    pub fn bin_dir(&self) -> Option<&Path> {
        self.server.as_ref().and_then(Server::bin_dir)
    }

    /// Fast shutdown: open transactions are rolled back, everything committed is on disk.
    ///
    /// # Errors
    /// When the server had to be killed because it did not stop in time.
    pub async fn stop(mut self) -> Result<()> {
        self.shut_down().await
    }

    /// Stops the server and starts it again on the same folder, under the same URL.
    ///
    /// # Errors
    /// As for [`Postgres::stop`] and [`Postgres::start`]; after an error the server is down, and
    /// this may be called again.
    pub async fn restart(&mut self) -> Result<()> {
        self.shut_down().await?;
        self.server = Some(start_server(self.dir.clone(), self.options.clone()).await?);
        Ok(())
    }

    async fn shut_down(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => off_the_runtime(move || server.stop()).await,
            None => Ok(()),
        }
    }
}

async fn start_server(dir: PathBuf, options: Options) -> Result<Server> {
    off_the_runtime(move || Server::start(&dir, &options)).await
}
