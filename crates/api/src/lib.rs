//! HTTP: Weir's REST door and the AWS JSON door.
//!
//! **Is for**: parsing requests, calling a use case, rendering its result; `openapi.yaml` is generated
//! from the handlers.
//! **Must not**: hold rules or SQL; reach the data plane.
//! **Start at**: [`serve`], then the tables of contents: `endpoints/mod.rs` and `aws/operations.rs`.

mod auth;
mod aws;
mod cors;
mod dashboard;
mod endpoints;
mod exposition;
mod failure;
mod request;
mod server;
mod tls;
mod traced;
mod traffic;
mod wire;

pub use auth::Access;
pub use cors::Origin;
pub use dashboard::PublicUrl;
pub use endpoints::document;
pub use server::{Error, Options, serve};
pub use tls::{Tls, TlsError};
