//! Serves the door until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::connect_info::Connected;
use axum::http::HeaderValue;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::IncomingStream;
use axum::{Extension, Router};
use control::{Caller, Control, MasterKeys};
use model::invalid::Invalid;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::auth::{Access, Gate, identify};
use crate::aws;
use crate::cors::{self, Origin};
use crate::dashboard::{self, Base, Dashboards, PublicUrl, Site};
use crate::endpoints;
use crate::failure::Failure;
use crate::request::{BodyLimit, no_such_method, no_such_path, with_request_id};
use crate::tls::{Tls, TlsListener};
use crate::traced::traced;
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
    /// The system gives no random numbers.
    #[error("no key could be made")]
    NoKey(#[from] control::Error),
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
    /// `None` = browsers reach the API as requests do.
    pub public_url: Option<PublicUrl>,
    /// Pages of which origins may read answers; empty = of none but the API's own.
    pub cors_origins: Vec<Origin>,
}

impl Options {
    /// Nobody is asked who they are; only on loopback.
    pub fn development() -> Self {
        Self {
            access: Access::Development,
            rate: 0,
            tls: None,
            public_url: None,
            cors_origins: Vec::new(),
        }
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
    dashboards: Dashboards,
    site: Arc<Site>,
    master: Option<MasterKeys>,
}

impl Server {
    /// How this server is reached.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }
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
    /// Make URLs of dashboards.
    pub(crate) dashboards: Dashboards,
    /// Encrypt secrets of access keys.
    pub(crate) master: Option<MasterKeys>,
    site: Arc<Site>,
    host: Option<HeaderValue>,
}

impl Shared {
    /// What URLs for the caller begin with.
    pub(crate) fn base(&self) -> Result<Base, Invalid> {
        self.site.base(self.host.as_ref().and_then(|it| it.to_str().ok()))
    }
}

impl From<Shared> for Control {
    fn from(shared: Shared) -> Self {
        shared.control
    }
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
            dashboards: server.dashboards.clone(),
            site: Arc::clone(&server.site),
            master: server.master.clone(),
            host: parts.headers.get(HOST).cloned(),
        })
    }
}

/// Serves until `stop`; requests under way are finished.
///
/// # Errors
/// The socket fails; without authentication, it is not on loopback.
pub async fn serve(
    listener: TcpListener,
    control: Control,
    options: Options,
    stop: CancellationToken,
) -> Result<(), Error> {
    let address = listener.local_addr()?;
    if matches!(options.access, Access::Development) && !address.ip().is_loopback() {
        return Err(Error::NotLoopback(address));
    }
    let master = match &options.access {
        Access::Keys(master) => master.clone(),
        Access::Development => None,
    };
    let signs = match &master {
        Some(master) => master.clone(),
        // Nobody else takes what this process signs, nor itself after a restart.
        None => MasterKeys::random()?,
    };
    let gate = Gate::new(control.clone(), options.access, options.rate);
    let server = Server {
        control,
        stop: stop.clone(),
        traffic: Traffic::default(),
        dashboards: Dashboards::new(signs),
        master,
        site: Arc::new(Site { tls: options.tls.is_some(), public_url: options.public_url }),
    };
    let mut router = router(server, gate);
    if !options.cors_origins.is_empty() {
        // Before anybody is asked for a key: browsers ask without.
        router = router.layer(cors::layer(options.cors_origins));
    }
    let app = router.into_make_service_with_connect_info::<Peer>();
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

fn router(server: Server, gate: Gate) -> Router {
    let (router, _) = endpoints::all().split_for_parts();
    let aws = Router::new()
        .route("/", post(aws::door))
        .layer(CatchPanicLayer::custom(aws::panicked))
        .layer(Extension(BodyLimit(endpoints::LARGEST_CODE_BODY)));
    router
        .merge(aws)
        .merge(dashboard::routes())
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(gate, identify))
        .layer(from_fn_with_state(server.traffic.clone(), count))
        .layer(from_fn(traced))
        .layer(from_fn(with_request_id))
        .with_state(server)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Failure::internal().into_response()
}
