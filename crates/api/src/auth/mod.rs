//! Who asks, and whether they may.
//!
//! **Is for**: putting the [`control::Caller`] on each request, so that `Shared` names it; refusing.
//! **Must not**: know what endpoints do.
//! **Start at**: `gate.rs`, then `roles.rs`.

mod access;
mod described;
mod gate;
mod known;
mod limit;
mod refused;
mod roles;
mod sigv4;

pub use access::Access;
pub(crate) use described::{describe_role, describe_schemes};
pub(crate) use gate::{Gate, identify};
