//! Connectors against real (embedded) services and real files.

mod files;
mod s3;
mod s3_files;
mod table;
