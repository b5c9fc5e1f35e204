//! Markers: control batches of one record that say how a producer's transaction has ended.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{
    Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use std::io;

use super::LEADER_EPOCH;
use crate::kafka::transaction::{Instance, Outcome};

/// Kinds of control records, in their key after its version.
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// The only version of keys and values.
const VERSION: i16 = 0;

/// Not a part of the producer's numbering.
const NO_SEQUENCE: i32 = -1;

/// The marker, as a batch without a place yet.
pub(super) fn batch(who: Instance, outcome: Outcome, timestamp: i64) -> io::Result<Vec<u8>> {
    let mut key = BytesMut::new();
    key.put_i16(VERSION);
    key.put_i16(match outcome {
        Outcome::Abort => ABORT,
        Outcome::Commit => COMMIT,
    });
    let mut value = BytesMut::new();
    value.put_i16(VERSION);
    // The epoch of the coordinator, of which there is only one.
    value.put_i32(0);
    let record = Record {
        transactional: true,
        control: true,
        delete_horizon: false,
        partition_leader_epoch: LEADER_EPOCH,
        producer_id: who.producer,
        producer_epoch: who.epoch,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp,
        key: Some(key.freeze()),
        value: Some(value.freeze()),
        headers: IndexMap::new(),
    };
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, [&record], &options).map_err(io::Error::other)?;
    Ok(bytes.to_vec())
}

/// How the transaction has ended; None if the control batch is about something else.
pub(super) fn outcome(batch: &[u8]) -> Option<Outcome> {
    let decoded = RecordBatchDecoder::decode(&mut Bytes::copy_from_slice(batch)).ok()?;
    let mut key = decoded.records.into_iter().next()?.key?;
    if key.remaining() < 4 {
        return None;
    }
    let _version = key.get_i16();
    match key.get_i16() {
        ABORT => Some(Outcome::Abort),
        COMMIT => Some(Outcome::Commit),
        _ => None,
    }
}
