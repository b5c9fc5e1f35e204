//! AWS Signature Version 4, checked: pure and synchronous.
//!
//! **Is for**: reading an `Authorization` header, computing what should have been signed, comparing.
//! **Must not**: know keys, a database, bodies larger than their hash.
//! **Start at**: `signed.rs`.

mod canonical;
mod signed;
#[cfg(test)]
mod tests;

pub(crate) use canonical::{RequestHead, hex_sha256};
pub(crate) use signed::{Scope, Signed, signing_key};
