//! The vocabulary and pure rules that the control plane and the data plane agree on.
//!
//! **Is for**: ids, the lifecycle, application configuration, the worker/job protocol, the
//! checkpoint manifest, object-key layout, error codes.
//! **Must not**: do I/O, know a database, an HTTP framework or Arrow.
//! **Start at**: [`protocol`], [`manifest`], then `lifecycle.rs`.

pub mod fault;
pub mod manifest;
pub mod protocol;
