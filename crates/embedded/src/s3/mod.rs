//! An S3 server in this process, over a folder, and a proxy that makes it go wrong.

mod locks;
mod proxy;
mod safety;
mod server;
mod storage;
mod uploads;

pub use self::proxy::{Decide, FaultProxy, S3Fault, Seen};
pub use self::server::S3Server;
