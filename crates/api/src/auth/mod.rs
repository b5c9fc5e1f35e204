//! Who asks, and whether they may.
//!
//! **Is for**: putting the [`control::Caller`] on each request, so that `Shared` names it.
//! **Must not**: read bodies of requests that are not signed.
//! **Start at**: `gate.rs`.

mod gate;

pub(crate) use gate::identify;
