//! Which key group a record belongs to: a stable hash of its key columns.
//!
//! State is stored and moved by key group, so the hash is part of the checkpoint format: it must
//! never change. Test vectors below hold it fast. It depends on values only: not on slices, not on
//! validity buffers, and integers of all widths hash alike.

mod hash;

pub use hash::{key_groups, key_hashes};

#[cfg(test)]
mod tests;
