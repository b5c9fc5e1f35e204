//! The proxy: one task for each connection of a client.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::http::{Head, pass, pass_half};
use crate::error::{Error, Result};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3Fault {
    /// The proxy answers itself, with an error document of S3; the server hears nothing.
    Answer {
        /// HTTP status.
        status: u16,
        /// S3's error code, such as `SlowDown`.
        code: &'static str,
    },
    /// The request is passed on after so long.
    Delay(Duration),
    /// The connection is cut before the server hears of the request.
    CutBefore,
    /// The server carries the request out, but the connection is cut instead of an answer.
    CutAfter,
    /// The server hears half of the request's body, then both connections are cut.
    HalfRequest,
    /// The client hears half of the answer's body, then the connection is cut.
    HalfAnswer,
}

/// A request, as the one who decides sees it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
}

/// Decides what goes wrong with a request; `None` = it is passed on as it is.
pub type Decide = Arc<dyn Fn(Seen<'_>) -> Option<S3Fault> + Send + Sync>;

/// A proxy before an S3 server. It may be started before the server, and the server may go and
/// come again: meanwhile connections are cut.
pub struct FaultProxy {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy").field("address", &self.address).finish_non_exhaustive()
    }
}

/// One side of a conversation.
struct Side {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Side {
    fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let (reader, writer) = socket.into_split();
        Ok(Self { reader: BufReader::new(reader), writer })
    }
}

impl FaultProxy {
    /// Listens on `listen` (port 0: any free one) for clients of the server at `server`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(listen: SocketAddr, server: SocketAddr, decide: Decide) -> Result<Self> {
        let refused = |source| Error::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let proxy = Self { address, stop: CancellationToken::new(), tasks: TaskTracker::new() };
        let (stop, tasks) = (proxy.stop.clone(), proxy.tasks.clone());
        proxy.tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((socket, _)) = accepted else {
                    // Typically out of file descriptors: give others time to close theirs.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let (decide, stop) = (Arc::clone(&decide), stop.clone());
                tasks.spawn(async move {
                    let ended = tokio::select! {
                        () = stop.cancelled() => return,
                        ended = converse(socket, server, &decide) => ended,
                    };
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection through the proxy broke");
                    }
                });
            }
        });
        Ok(proxy)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// URL for clients of S3.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts all connections.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Passes requests on, one after the other, until something cuts the connection.
async fn converse(socket: TcpStream, server: SocketAddr, decide: &Decide) -> io::Result<()> {
    let mut client = Side::new(socket)?;
    let mut upstream: Option<Side> = None;
    while let Some(mut request) = Head::read(&mut client.reader).await? {
        if request.remove("expect") {
            client.writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let seen = Seen { method: request.method(), target: request.second() };
        let fault = decide(seen);
        match fault {
            Some(S3Fault::CutBefore) => return Ok(()),
            Some(S3Fault::Answer { status, code }) => {
                refuse(&mut client, &request, status, code).await?;
                continue;
            }
            Some(S3Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(S3Fault::CutAfter | S3Fault::HalfRequest | S3Fault::HalfAnswer) | None => {}
        }
        let server = match &mut upstream {
            Some(there) => there,
            None => upstream.insert(Side::new(TcpStream::connect(server).await?)?),
        };
        let body = request.request_body();
        server.writer.write_all(&request.bytes()).await?;
        if fault == Some(S3Fault::HalfRequest) {
            return pass_half(&mut client.reader, &mut server.writer, body).await;
        }
        pass(&mut client.reader, &mut server.writer, body).await?;
        let answer = final_answer(server).await?;
        let body = answer.answer_body(request.method());
        match fault {
            Some(S3Fault::CutAfter) => {
                return pass(&mut server.reader, &mut tokio::io::sink(), body).await;
            }
            Some(S3Fault::HalfAnswer) => {
                client.writer.write_all(&answer.bytes()).await?;
                return pass_half(&mut server.reader, &mut client.writer, body).await;
            }
            Some(_) | None => {}
        }
        client.writer.write_all(&answer.bytes()).await?;
        pass(&mut server.reader, &mut client.writer, body).await?;
        if request.closes() || answer.closes() || body == super::http::Body::ToTheEnd {
            return Ok(());
        }
    }
    Ok(())
}

/// The answer after those that only announce one.
async fn final_answer(server: &mut Side) -> io::Result<Head> {
    loop {
        let answer = Head::read(&mut server.reader).await?;
        let answer = answer.ok_or(io::ErrorKind::UnexpectedEof)?;
        if !answer.second().starts_with('1') {
            return Ok(answer);
        }
    }
}

async fn refuse(client: &mut Side, request: &Head, status: u16, code: &str) -> io::Result<()> {
    pass(&mut client.reader, &mut tokio::io::sink(), request.request_body()).await?;
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>made by the proxy</Message></Error>"
    );
    let mut answer = format!(
        "HTTP/1.1 {status} {code}\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n",
        document.len()
    );
    if request.method() != "HEAD" {
        answer.push_str(&document);
    }
    client.writer.write_all(answer.as_bytes()).await?;
    client.writer.flush().await
}
