//! The one S3 client of the data plane: a thin, blocking face over `aws-sdk-s3`.
//!
//! **Is for**: what files and checkpoints need of an object store: whole and ranged reads,
//! conditional puts, listing, deleting, and multipart uploads by upload id, which a process other
//! than the one that began them may finish.
//! **Must not**: know tables, checkpoints or file names.
//! **Start at**: [`S3::connect`].
//!
//! Readers and writers run on engine threads, so every call blocks; the requests themselves run
//! on the process's runtime. A call from inside an async task must
//! go through `spawn_blocking`. Requests are retried by the SDK (throttling, 5xx, time-outs);
//! what reaches the caller as [`Error::Unavailable`] has been tried several times.

mod client;
mod error;
mod multipart;
mod objects;

pub use client::{Pending, S3};
pub use error::{Error, Result};
pub use multipart::{MIN_PART_BYTES, OpenUpload, Part};
pub use objects::Object;
