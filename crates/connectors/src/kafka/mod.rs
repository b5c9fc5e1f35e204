//! `kafka`: topics as a source and as an append sink (Flink's Apache Kafka SQL connector).
//!
//! **Is for**: partitions as splits, offsets as positions, properties in the Java client's words.
//! **Must not**: know how a record is spelled ([`crate::format`]).
//! **Start at**: [`Kafka`], then `reader.rs` and `writer.rs`.
//!
//! The client is librdkafka. Partitions are assigned by us, never by a consumer group, so that a
//! checkpoint alone says where to go on; committed group offsets are only told to the broker.

mod admin;
mod client;
mod columns;
mod discovery;
mod exactly_once;
mod fields;
mod metadata;
mod offsets;
mod options;
mod partitioner;
mod properties;
mod queue;
mod reader;
mod sink;
mod source;
mod split;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use engine::connector::{TableRefused, TableSpec};
use engine::sink::Sink;
use engine::source::Source;

pub use exactly_once::{
    Broker, KafkaCommitter, Ledger, LostMarker, Marker, Prepared, Segment, Unsent,
};

use crate::registry::{Connector, Environment};

pub use admin::create_topic;

/// The connector `kafka`.
#[derive(Debug)]
pub(crate) struct Kafka;

impl Connector for Kafka {
    fn source(
        &self,
        table: &TableSpec,
        env: &Environment,
    ) -> Result<Arc<dyn Source>, TableRefused> {
        Ok(Arc::new(source::KafkaSource::plan(table, env)?))
    }

    fn sink(&self, table: &TableSpec, env: &Environment) -> Result<Arc<dyn Sink>, TableRefused> {
        Ok(Arc::new(sink::KafkaSink::plan(table, env)?))
    }

    fn metadata(&self, _options: &BTreeMap<String, String>) -> Vec<(String, DataType)> {
        metadata::readable()
    }
}
