//! Serves the door until it is told to stop.

use std::future::Future;
use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::extract::connect_info::Connected;
use axum::http::request::Parts;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::IncomingStream;
use axum::{Extension, Router};
use control::{Caller, Control};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::auth::{Access, Gate, identify};
use crate::aws;
use crate::endpoints;
use crate::failure::Failure;
use crate::request::{BodyLimit, no_such_method, no_such_path, with_request_id};
use crate::tls::{Tls, TlsListener};
use crate::traffic::{Traffic, count};

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listening socket failed.
    #[error("the listening socket failed")]
    Socket(#[from] std::io::Error),
    /// Nobody would be asked who they are, and others than this machine could ask.
    #[error(
        "without authentication only a loopback address can be listened on, not {0}: whoever \
         reaches it could run code here"
    )]
    NotLoopback(SocketAddr),
}

/// How a door is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who may ask.
    pub access: Access,
    /// Most requests a second of one key; 0 = any number.
    pub rate: u32,
    /// `None` = plain HTTP.
    pub tls: Option<Tls>,
}

impl Options {
    /// Nobody is asked who they are; only on loopback.
    pub fn development() -> Self {
        Self { access: Access::Development, rate: 0, tls: None }
    }
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// What the routes are made over. Handlers ask for [`Shared`].
#[derive(Debug, Clone)]
pub(crate) struct Server {
    control: Control,
    stop: CancellationToken,
    traffic: Traffic,
}

/// What handlers share, in the name of the request's caller.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    /// The use cases, [`Control::by`] the caller.
    pub(crate) control: Control,
    /// Ends long answers when the server stops.
    pub(crate) stop: CancellationToken,
    /// What this server has answered.
    pub(crate) traffic: Traffic,
}

impl FromRequestParts<Server> for Shared {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Failure> {
        // Nothing is answered in the name of nobody.
        let caller = parts.extensions.get::<Caller>().ok_or_else(|| {
            tracing::error!("a request came to its handler without a caller");
            Failure::internal()
        })?;
        Ok(Self {
            control: server.control.by(caller.clone()),
            stop: server.stop.clone(),
            traffic: server.traffic.clone(),
        })
    }
}

/// Serves until `stop`; requests under way are finished.
pub fn serve(
    listener: TcpListener,
    control: Control,
    options: Options,
    stop: CancellationToken,
) -> impl Future<Output = Result<(), Error>> + Send {
    let open = matches!(options.access, Access::Development);
    let gate = Gate::new(control.clone(), options.access, options.rate);
    let server = Server { control, stop: stop.clone(), traffic: Traffic::default() };
    let app = router(server, gate);
    let app = app.into_make_service_with_connect_info::<Peer>();
    async move {
        let address = listener.local_addr()?;
        if open && !address.ip().is_loopback() {
            return Err(Error::NotLoopback(address));
        }
        let stopped = async move { stop.cancelled().await };
        match options.tls {
            None => axum::serve(listener, app).with_graceful_shutdown(stopped).await?,
            Some(tls) => {
                let listener = TlsListener::new(listener, tls)?;
                axum::serve(listener, app).with_graceful_shutdown(stopped).await?;
            }
        }
        Ok(())
    }
}

fn router(server: Server, gate: Gate) -> Router {
    let (router, _) = endpoints::all().split_for_parts();
    let aws = Router::new()
        .route("/", post(aws::door))
        .layer(CatchPanicLayer::custom(aws::panicked))
        .layer(Extension(BodyLimit(endpoints::LARGEST_CODE_BODY)));
    router
        .merge(aws)
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(gate, identify))
        .layer(from_fn_with_state(server.traffic.clone(), count))
        .layer(from_fn(with_request_id))
        .with_state(server)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Failure::internal().into_response()
}
