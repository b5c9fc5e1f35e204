//! The log of one partition: record batches in a file, in the order they came.
//!
//! Everything here is synchronous and knows nothing of connections. Reads and writes go to the
//! page cache, which outlives this process: what was written is kept if the process is killed.

pub(super) mod batch;
mod index;
mod markers;
mod open;
mod producers;
mod read;
mod spans;

#[cfg(test)]
pub(super) mod tests;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use kafka_protocol::ResponseError;

use self::batch::{HEADER, Header};
use self::index::Index;
use self::producers::{Producers, Verdict};
pub(super) use self::read::{At, Slice, end_of};
pub(super) use self::spans::Aborted;
use self::spans::{Spans, Start};
use super::transaction::{Instance, Outcome};

/// There is only one broker, so leadership never changes.
pub(super) const LEADER_EPOCH: i32 = 0;

/// The largest batch; Kafka's `message.max.bytes`, though generous.
pub(super) const MAX_BATCH_BYTES: usize = 64 * 1024 * 1024;

/// The most records a batch may claim to hold (a lookup by time makes room for them).
const MAX_BATCH_RECORDS: i32 = 1 << 20;

/// When a write counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// When the operating system has it: survives the death of this process.
    ProcessCrash,
    /// When the disk has it: survives the loss of power.
    PowerLoss,
}

/// Why a batch was not appended.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendError {
    /// The batch is at fault.
    #[error("{reason}")]
    Refused {
        /// The code for the producer.
        code: ResponseError,
        /// What is wrong, in words.
        reason: &'static str,
    },
    /// The disk is at fault.
    #[error("the log cannot be written")]
    Io(#[from] io::Error),
}

/// A log open for reading and appending.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Arc<File>,
    /// Bytes of whole, valid batches; the next one goes here.
    size: u64,
    next_offset: i64,
    index: Index,
    producers: Producers,
    spans: Spans,
    durability: Durability,
}

/// What a reader wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// All records, whatever becomes of their transactions.
    Uncommitted,
    /// Only what comes before the first record of an open transaction.
    Committed,
}

impl Log {
    /// Offset of the first record that can be read. Nothing is ever deleted from a log.
    pub(super) fn start_offset(&self) -> i64 {
        0
    }

    /// Offset that the next record will get.
    pub(super) fn end_offset(&self) -> i64 {
        self.next_offset
    }

    /// Where readers have to stop.
    pub(super) fn end_for(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::Uncommitted => self.next_offset,
            Isolation::Committed => {
                self.spans.first_open().map_or(self.next_offset, |start| start.offset)
            }
        }
    }

    /// Aborted transactions that reach into these offsets, `to` not included.
    pub(super) fn aborted(&self, from: i64, to: i64) -> Vec<Aborted> {
        self.spans.aborted(from, to)
    }

    /// Has this producer an open transaction here?
    pub(super) fn is_open(&self, producer: i64) -> bool {
        self.spans.is_open(producer)
    }

    /// Checks and writes one batch and returns the offset of its first record. That the transaction
    /// it is part of is open and includes this partition is for the caller to know.
    pub(super) fn append(&mut self, batch: &[u8]) -> Result<i64, AppendError> {
        let header = check(batch)?;
        if let Some(stamp) = &header.stamp {
            if self.spans.is_open(stamp.producer) && !header.is_transactional() {
                let reason = "the producer has an open transaction that this is no part of";
                return Err(AppendError::Refused { code: ResponseError::InvalidTxnState, reason });
            }
            let refused = |code| AppendError::Refused {
                code,
                reason: "the sequence number of the batch does not follow the last one",
            };
            match self.producers.judge(stamp).map_err(refused)? {
                Verdict::Append => {}
                Verdict::Repeated(offset) => return Ok(offset),
            }
        }
        Ok(self.add(header, batch.to_vec())?)
    }

    /// Ends the transaction of a producer as far as this partition is concerned.
    pub(super) fn append_marker(
        &mut self,
        who: Instance,
        outcome: Outcome,
        timestamp: i64,
    ) -> io::Result<i64> {
        let batch = markers::batch(who, outcome, timestamp)?;
        let header = Header::parse(&batch).ok_or(io::ErrorKind::InvalidData)?;
        self.add(header, batch)
    }

    /// Writes a batch at the end.
    fn add(&mut self, header: Header, mut placed: Vec<u8>) -> io::Result<i64> {
        let base_offset = self.next_offset;
        batch::place(&mut placed, base_offset, LEADER_EPOCH);
        if let Err(error) = self.write(&placed) {
            // Leave nothing behind that a later, shorter batch would not cover.
            if let Err(second) = self.file.set_len(self.size) {
                tracing::error!(path = %self.path.display(), error = %second, "cannot truncate");
            }
            return Err(error);
        }
        self.accept(&Header { base_offset, ..header }, &placed);
        Ok(base_offset)
    }

    fn write(&self, batch: &[u8]) -> io::Result<()> {
        self.file.write_all_at(batch, self.size)?;
        match self.durability {
            Durability::ProcessCrash => Ok(()),
            Durability::PowerLoss => self.file.sync_data(),
        }
    }

    /// Takes note of a batch that is in the file at the end of what was known.
    fn accept(&mut self, header: &Header, batch: &[u8]) {
        self.index.add(header, self.size);
        if let Some(stamp) = header.stamp {
            if header.is_control() {
                self.producers.note_marker(stamp.producer, stamp.epoch);
                if let Some(outcome) = markers::outcome(batch) {
                    self.spans.end(stamp.producer, outcome, header.base_offset);
                }
            } else {
                self.producers.note(stamp, header.base_offset);
                if header.is_transactional() {
                    let start = Start { offset: header.base_offset, position: self.size };
                    self.spans.note(stamp.producer, start);
                }
            }
        }
        self.size += header.length as u64;
        self.next_offset = header.last_offset() + 1;
    }
}

/// What Kafka checks of a batch that a producer sends.
fn check(batch: &[u8]) -> Result<Header, AppendError> {
    let refuse = |code, reason| Err(AppendError::Refused { code, reason });
    if batch::is_old_format(batch) {
        let reason = "record batches older than version 2 are not supported";
        return refuse(ResponseError::UnsupportedForMessageFormat, reason);
    }
    let Some(header) = Header::parse(batch) else {
        return refuse(ResponseError::CorruptMessage, "this is no record batch");
    };
    if header.length > MAX_BATCH_BYTES || header.records > MAX_BATCH_RECORDS {
        return refuse(ResponseError::MessageTooLarge, "the record batch is too large");
    }
    if header.length < batch.len() {
        let reason = "a produce request may hold one record batch per partition";
        return refuse(ResponseError::InvalidRecord, reason);
    }
    if header.length > batch.len() || !batch::is_intact(batch) {
        return refuse(ResponseError::CorruptMessage, "the record batch is damaged");
    }
    if header.records < 1 || header.records - 1 != header.last_offset_delta {
        let reason = "the number of records does not fit the last offset of the batch";
        return refuse(ResponseError::InvalidRecord, reason);
    }
    if header.is_control() {
        return refuse(ResponseError::InvalidRecord, "producers may not write control batches");
    }
    if header.is_transactional() && header.stamp.is_none() {
        let reason = "a batch of a transaction needs a producer id";
        return refuse(ResponseError::InvalidRecord, reason);
    }
    debug_assert!(batch.len() >= HEADER);
    Ok(header)
}
