//! What every request goes through before its handler.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use control::{Caller, Door};

use crate::request::current_request_id;

/// Puts the caller on the request.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let address = peer.map(|ConnectInfo(address)| address.ip());
    let caller = Caller::development(address, current_request_id(), Door::Rest);
    request.extensions_mut().insert(caller);
    next.run(request).await
}
