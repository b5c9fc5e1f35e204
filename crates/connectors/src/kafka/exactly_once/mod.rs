//! `'sink.delivery-guarantee' = 'exactly-once'`: no record lost, none twice for who reads
//! `read_committed`.
//!
//! A Kafka transaction cannot be taken up again by another process, so none is open while a program
//! writes. Until a barrier, encoded records go to the [stash](engine::stash); a checkpoint holds
//! where they are. Past the commit point one short transaction sends them together with a *marker*:
//! the checkpoint's number, as an offset committed for a group of the sink's own. Whoever takes
//! over fences the former process, reads the marker, and sends what is missing. Recovery and normal
//! course are the same code, and neither a transaction that timed out, nor a long stop, nor another
//! parallelism makes a difference.
//!
//! **Start at**: [`Ledger`], which decides what is still to be sent, without a client; then
//! `committer.rs`, `writer.rs`, and `broker.rs` (librdkafka).

mod broker;
mod committer;
mod ledger;
mod prepared;
mod records;
mod writer;

pub(super) use broker::{Client, Producing};
pub use committer::KafkaCommitter;
pub use ledger::{Broker, Ledger, LostMarker, Marker, Unsent};
pub use prepared::{Prepared, Segment};
pub(super) use writer::StashWriter;
