//! Connectors against real (embedded) services and real files.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test that uses them")]

#[path = "../../../embedded/tests/support/any_kafka.rs"]
mod any_kafka;
mod files;
mod kafka;
mod kafka_exactly_once;
mod kafka_own;
mod kafka_sink;
mod s3;
mod s3_files;
mod table;
