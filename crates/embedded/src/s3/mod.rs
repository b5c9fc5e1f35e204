//! An S3 server in this process, over a folder.

mod locks;
mod safety;
mod server;
mod storage;
mod uploads;

pub use self::server::S3Server;
