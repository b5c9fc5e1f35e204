//! HTTP: Weir's REST door.
//!
//! **Is for**: parsing requests, calling a use case, rendering its result; `openapi.yaml` is generated
//! from the handlers.
//! **Must not**: hold rules or SQL; reach the data plane.
//! **Start at**: [`serve`], then `endpoints/mod.rs`, the table of contents.

mod auth;
mod endpoints;
mod failure;
mod request;
mod server;
mod wire;

pub use endpoints::document;
pub use server::{Error, serve};
