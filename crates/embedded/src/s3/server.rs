//! The HTTP server around the storage.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::storage::Storage;
use crate::error::{Error, Result};

/// Requests under way at [`S3Server::stop`] get this long.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A running S3 server. Path-style addresses only; it must be the only one on its folder.
pub struct S3Server {
    dir: PathBuf,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl fmt::Debug for S3Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Server").field("dir", &self.dir).field("address", &self.address).finish()
    }
}

impl S3Server {
    /// Serves the folder `dir`, which is created if it is not there, on `listen` (port 0: any free
    /// one) to clients that sign with the given key.
    ///
    /// # Errors
    /// When the folder cannot be used or the address cannot be bound.
    pub async fn start(
        dir: &Path,
        listen: SocketAddr,
        access_key: &str,
        secret_key: &str,
    ) -> Result<Self> {
        let storage = Storage::open(dir)?;
        let mut builder = S3ServiceBuilder::new(storage);
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        let service = builder.build();

        let refused = |source| Error::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let server = Self {
            dir: dir.to_owned(),
            address,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        server.tasks.spawn(accept(listener, service, server.tasks.clone(), server.stop.clone()));
        tracing::info!(%address, dir = %dir.display(), "s3 server is ready");
        Ok(server)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// URL for clients, to be used with path-style addressing and any region.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Creates a bucket unless it exists.
    ///
    /// # Errors
    /// When the name is no bucket name or the folder cannot be written.
    pub async fn create_bucket(&self, bucket: &str) -> Result<()> {
        if !s3s::path::check_bucket_name(bucket) {
            return Err(Error::BucketName(bucket.to_owned()));
        }
        let folder = Storage::root(&self.dir).join(bucket);
        tokio::fs::create_dir_all(&folder).await.map_err(Error::io("create", &folder))
    }

    /// Stops listening and lets requests under way finish, for at most five seconds.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.tasks.len(), "s3 requests were cut off");
        }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    service: S3Service,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                tasks.spawn(serve(socket, service.clone(), stop.clone()));
            }
            Err(error) => {
                // Typically out of file descriptors: give others time to close theirs.
                tracing::warn!(%error, "an s3 connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, service: S3Service, stop: CancellationToken) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "s3 connection without TCP_NODELAY");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an s3 connection broke");
    }
}
