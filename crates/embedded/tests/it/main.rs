//! The embedded services, driven by the clients that Weir and its users drive them with.

mod postgres;
mod s3;
