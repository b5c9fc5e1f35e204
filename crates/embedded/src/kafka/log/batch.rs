//! The header of a record batch, the only part of it the broker reads.
//!
//! Layout: <https://kafka.apache.org/documentation/#recordbatch>. The checksum covers everything
//! from the attributes on, so the base offset and the leader epoch can be set without touching it.

/// Bytes before the first record.
pub(in crate::kafka) const HEADER: usize = 61;

/// Bytes that the length field does not count: base offset and the length itself.
const BEFORE_LENGTH_ENDS: usize = 12;

/// The only format since Kafka 0.11.
const MAGIC: u8 = 2;

const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// What the broker needs to know about a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kafka) struct Header {
    /// Offset of the first record.
    pub(in crate::kafka) base_offset: i64,
    /// Bytes of the whole batch, header included.
    pub(in crate::kafka) length: usize,
    /// Offset of the last record, relative to the first.
    pub(in crate::kafka) last_offset_delta: i32,
    /// Compression, kind of timestamp, transactional, control.
    pub(in crate::kafka) attributes: i16,
    /// Newest timestamp of its records, milliseconds since 1970.
    pub(in crate::kafka) max_timestamp: i64,
    /// Number of records.
    pub(in crate::kafka) records: i32,
    /// Who wrote it, if an idempotent producer did.
    pub(in crate::kafka) stamp: Option<Stamp>,
}

/// The mark of an idempotent producer on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kafka) struct Stamp {
    /// Given by `InitProducerId`.
    pub(in crate::kafka) producer: i64,
    /// Fences older instances of the same producer.
    pub(in crate::kafka) epoch: i16,
    /// Number of the first record, counted per producer and partition.
    pub(in crate::kafka) first: i32,
    /// Number of the last record.
    pub(in crate::kafka) last: i32,
}

impl Header {
    /// Reads the header; None if these bytes cannot start a batch.
    pub(in crate::kafka) fn parse(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let length = usize::try_from(i32_at(header, 8)).ok()? + BEFORE_LENGTH_ENDS;
        let last_offset_delta = i32_at(header, 23);
        if header[16] != MAGIC || length < HEADER || last_offset_delta < 0 {
            return None;
        }
        let (producer, first) = (i64_at(header, 43), i32_at(header, 53));
        let stamp = (producer >= 0).then(|| Stamp {
            producer,
            epoch: i16_at(header, 51),
            first,
            last: sequence_after(first, last_offset_delta),
        });
        Some(Self {
            base_offset: i64_at(header, 0),
            length,
            last_offset_delta,
            attributes: i16_at(header, 21),
            max_timestamp: i64_at(header, 35),
            records: i32_at(header, 57),
            stamp,
        })
    }

    /// Offset of the last record.
    pub(in crate::kafka) fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// Part of a transaction.
    pub(in crate::kafka) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Written by a broker, not by a producer.
    pub(in crate::kafka) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }
}

/// Is this the format of before Kafka 0.11?
pub(in crate::kafka) fn is_old_format(bytes: &[u8]) -> bool {
    bytes.get(16).is_some_and(|&magic| magic < MAGIC)
}

/// Does the checksum fit? `batch` is one whole batch.
pub(in crate::kafka) fn is_intact(batch: &[u8]) -> bool {
    match (batch.get(17..21), batch.get(21..)) {
        (Some(sum), Some(covered)) => sum == crc32c::crc32c(covered).to_be_bytes(),
        (_, _) => false,
    }
}

/// Gives a batch its place in the partition.
pub(in crate::kafka) fn place(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// Sequence numbers are positive and start again at 0 after the largest.
pub(in crate::kafka) fn sequence_after(sequence: i32, steps: i32) -> i32 {
    sequence.wrapping_add(steps) & i32::MAX
}

fn i16_at(header: &[u8; HEADER], at: usize) -> i16 {
    i16::from_be_bytes([header[at], header[at + 1]])
}

fn i32_at(header: &[u8; HEADER], at: usize) -> i32 {
    i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

fn i64_at(header: &[u8; HEADER], at: usize) -> i64 {
    (i64::from(i32_at(header, at)) << 32) | i64::from(i32_at(header, at + 4).cast_unsigned())
}
