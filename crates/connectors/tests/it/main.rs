//! Connectors against real (embedded) services and real files.

mod s3;
