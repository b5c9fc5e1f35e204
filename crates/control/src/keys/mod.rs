//! Keys: made, shown once, found, revoked; and the master keys that their secrets are encrypted with.

mod master;
mod secret;
mod words;

pub use master::{BadMasterKey, MasterKeys};
pub use secret::Secret;
pub(crate) use words::{new_api_key, new_id, new_secret, sha256};
