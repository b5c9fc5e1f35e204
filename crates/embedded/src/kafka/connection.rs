//! The edge: frames in, frames out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, RequestKind, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::{Decodable, Encodable};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::api::{self, Session};
use super::broker::Shared;
use super::log::MAX_BATCH_BYTES;

/// Kafka's `socket.request.max.bytes` is of this size too.
const MAX_FRAME_BYTES: usize = MAX_BATCH_BYTES + (1 << 20);

/// Accepts connections until the broker stops.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                tasks.spawn(serve(socket, peer, Arc::clone(&shared)));
            }
            Err(error) => {
                // Typically out of file descriptors: give others time to close theirs.
                tracing::warn!(%error, "a kafka connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    match converse(socket, peer, shared).await {
        Ok(()) => {}
        Err(error) if is_ordinary(&error) => tracing::debug!(%peer, %error, "a client went away"),
        Err(error) => tracing::warn!(%peer, %error, "a kafka connection was closed"),
    }
}

fn is_ordinary(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// Answers requests one after the other, as Kafka does.
async fn converse(socket: TcpStream, peer: SocketAddr, shared: Arc<Shared>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut session = Session {
        local: socket.local_addr()?,
        peer,
        client: String::new(),
        stop: shared.stop.clone(),
        shared,
        grown: Arc::new(Notify::new()),
    };
    let (reader, mut writer) = socket.into_split();
    let mut reader = BufReader::with_capacity(64 * 1024, reader);
    let mut output = BytesMut::new();
    loop {
        let frame = tokio::select! {
            () = session.stop.cancelled() => return Ok(()),
            frame = read_frame(&mut reader) => frame?,
        };
        let Some(frame) = frame else { return Ok(()) };
        output.clear();
        if respond(&mut session, frame, &mut output).await? {
            writer.write_all(&output).await?;
        }
        if output.capacity() > 4 << 20 {
            output = BytesMut::new();
        }
    }
}

/// The next request without its length; None at the end of the connection.
async fn read_frame(reader: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Option<Bytes>> {
    let mut length = [0; 4];
    match reader.read(&mut length[..1]).await? {
        0 => return Ok(None),
        _ => reader.read_exact(&mut length[1..]).await?,
    };
    let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_FRAME_BYTES {
        return Err(invalid(format!("a request of {length} bytes is too large")));
    }
    let mut frame = BytesMut::zeroed(length);
    reader.read_exact(&mut frame).await?;
    Ok(Some(frame.freeze()))
}

/// Answers one request into `output`; false if it wants no answer.
async fn respond(
    session: &mut Session,
    mut frame: Bytes,
    output: &mut BytesMut,
) -> io::Result<bool> {
    let (Some(&[k1, k2, v1, v2]), Some(correlation)) = (frame.first_chunk(), frame.get(4..8))
    else {
        return Err(invalid("a request without a header".into()));
    };
    let (key, version) = (i16::from_be_bytes([k1, k2]), i16::from_be_bytes([v1, v2]));
    let correlation: [u8; 4] = correlation.try_into().map_err(io::Error::other)?;
    let correlation = i32::from_be_bytes(correlation);
    let unsupported = || invalid(format!("request {key} version {version} is not supported"));
    let api = ApiKey::try_from(key).map_err(|()| unsupported())?;
    if !api::supports(api, version) {
        // Only this answer is understood by a client that does not know our versions yet.
        let ApiKey::ApiVersions = api else { return Err(unsupported()) };
        write_frame(&api::versions::refuse(), correlation, 0, output)?;
        return Ok(true);
    }
    let header = RequestHeader::decode(&mut frame, api.request_header_version(version));
    let header = header.map_err(|error| invalid(error.to_string()))?;
    session.note_client(header.client_id);
    let request = RequestKind::decode(api, &mut frame, version);
    let request = request.map_err(|error| invalid(format!("{error:#}")))?;
    match api::answer(session, request, version).await {
        Some(response) => write_frame(&response, correlation, version, output).map(|()| true),
        None => Ok(false),
    }
}

fn write_frame(
    response: &ResponseKind,
    correlation: i32,
    version: i16,
    output: &mut BytesMut,
) -> io::Result<()> {
    output.extend_from_slice(&[0; 4]);
    ResponseHeader::default()
        .with_correlation_id(correlation)
        .encode(output, response.header_version(version))
        .and_then(|()| response.encode(output, version))
        .map_err(|error| io::Error::other(format!("{error:#}")))?;
    let length = i32::try_from(output.len() - 4).map_err(io::Error::other)?;
    output[..4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
