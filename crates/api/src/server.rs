//! Serves the door until it is told to stop.

use std::future::Future;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use control::Control;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::endpoints;
use crate::failure::Failure;
use crate::request::{no_such_method, no_such_path, with_request_id};

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listening socket failed.
    #[error("the listening socket failed")]
    Socket(#[from] std::io::Error),
}

/// What handlers share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) control: Control,
    /// Ends long answers when the server stops.
    pub(crate) stop: CancellationToken,
}

/// Serves until `stop`; requests under way are finished.
pub fn serve(
    listener: TcpListener,
    control: Control,
    stop: CancellationToken,
) -> impl Future<Output = Result<(), Error>> + Send {
    let app = router(Shared { control, stop: stop.clone() });
    async move {
        let stopped = async move { stop.cancelled().await };
        Ok(axum::serve(listener, app).with_graceful_shutdown(stopped).await?)
    }
}

fn router(shared: Shared) -> Router {
    let (router, _) = endpoints::all().split_for_parts();
    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(with_request_id))
        .with_state(shared)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Failure::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalFailure",
        "an internal error happened; the service's log says more",
    )
    .into_response()
}
