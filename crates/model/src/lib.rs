//! The vocabulary and pure rules that the control plane and the data plane agree on.
//!
//! **Is for**: ids, the lifecycle, application configuration, the worker/job protocol, the
//! checkpoint manifest, object-key layout, error codes.
//! **Must not**: do I/O, know a database, an HTTP framework or Arrow.
//! **Start at**: [`lifecycle`], [`protocol`], [`manifest`], then [`configuration`].

pub mod access;
pub mod artifact;
pub mod configuration;
pub mod enhanced;
pub mod error_code;
pub mod exported;
pub mod fault;
pub mod hidden;
pub mod ids;
pub mod invalid;
pub mod lifecycle;
pub mod manifest;
pub mod metrics;
pub mod object_keys;
pub mod protocol;
mod text_enum;
pub mod trace;
pub mod waiting;
