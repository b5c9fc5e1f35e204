//! Reading a log: by offset, without decoding, and by time, exact to the record.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::records::RecordBatchDecoder;

use super::batch::{HEADER, Header};
use super::{Isolation, Log};

/// A record's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kafka) struct At {
    /// Its offset.
    pub(in crate::kafka) offset: i64,
    /// Its timestamp, milliseconds since 1970.
    pub(in crate::kafka) timestamp: i64,
}

/// Whole batches of a log; can be read without holding the log.
#[derive(Debug)]
pub(in crate::kafka) struct Slice {
    file: Arc<File>,
    from: u64,
    to: u64,
}

impl Slice {
    /// Bytes from the first batch to the end.
    pub(in crate::kafka) fn len(&self) -> u64 {
        self.to - self.from
    }

    /// As many whole batches as fit into `max_bytes`.
    pub(in crate::kafka) fn read(&self, max_bytes: usize) -> io::Result<Bytes> {
        let wanted = usize::try_from(self.len()).unwrap_or(usize::MAX).min(max_bytes);
        let mut bytes = vec![0; wanted];
        self.file.read_exact_at(&mut bytes, self.from)?;
        bytes.truncate(whole_batches(&bytes));
        Ok(bytes.into())
    }

    /// The same, but the first batch in any case, so that a reader always gets on.
    pub(in crate::kafka) fn read_some(&self, max_bytes: usize) -> io::Result<Bytes> {
        if self.from >= self.to {
            return Ok(Bytes::new());
        }
        let mut header = [0; HEADER];
        self.file.read_exact_at(&mut header, self.from)?;
        let first = Header::parse(&header).ok_or(io::ErrorKind::InvalidData)?;
        self.read(max_bytes.max(first.length))
    }
}

/// The offset after the last of these batches; None if there are none.
pub(in crate::kafka) fn end_of(bytes: &[u8]) -> Option<i64> {
    let (mut at, mut end) = (0, None);
    while let Some(batch) = Header::parse(&bytes[at..]) {
        end = Some(batch.last_offset() + 1);
        at = bytes.len().min(at + batch.length);
    }
    end
}

/// How many of these bytes belong to batches that are there as a whole.
fn whole_batches(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some(batch) = Header::parse(&bytes[end..]) {
        if batch.length > bytes.len() - end {
            break;
        }
        end += batch.length;
    }
    end
}

impl Log {
    /// The batches from the one that holds `offset` on, as far as this reader may see them; empty
    /// at the end of the log, None outside.
    pub(in crate::kafka) fn slice(
        &self,
        offset: i64,
        isolation: Isolation,
    ) -> io::Result<Option<Slice>> {
        if offset < self.start_offset() || offset > self.end_offset() {
            return Ok(None);
        }
        let to = match isolation {
            Isolation::Uncommitted => self.size,
            Isolation::Committed => {
                self.spans.first_open().map_or(self.size, |start| start.position)
            }
        };
        let mut from = self.index.before_offset(offset).min(to);
        while from < to {
            let batch = self.header_at(from)?;
            if batch.last_offset() >= offset {
                break;
            }
            from += batch.length as u64;
        }
        Ok(Some(Slice { file: Arc::clone(&self.file), from, to }))
    }

    /// The first record with this timestamp or a later one.
    pub(in crate::kafka) fn first_since(&self, timestamp: i64) -> io::Result<Option<At>> {
        let mut position = self.index.before_time(timestamp);
        while position < self.size {
            let batch = self.header_at(position)?;
            if batch.max_timestamp >= timestamp {
                let mut records = self.records_at(position, batch.length)?.into_iter();
                if let Some(found) = records.find(|record| record.timestamp >= timestamp) {
                    return Ok(Some(found));
                }
            }
            position += batch.length as u64;
        }
        Ok(None)
    }

    /// The first of the records with the newest timestamp.
    pub(in crate::kafka) fn newest(&self) -> io::Result<Option<At>> {
        let Some((timestamp, position)) = self.index.newest() else { return Ok(None) };
        let batch = self.header_at(position)?;
        let records = self.records_at(position, batch.length)?;
        Ok(records.into_iter().find(|record| record.timestamp == timestamp))
    }

    fn header_at(&self, position: u64) -> io::Result<Header> {
        let mut bytes = [0; HEADER];
        self.file.read_exact_at(&mut bytes, position)?;
        Header::parse(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Decodes one batch.
    fn records_at(&self, position: u64, length: usize) -> io::Result<Vec<At>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, position)?;
        let decoded = RecordBatchDecoder::decode(&mut Bytes::from(bytes));
        let decoded = decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let at = |record: kafka_protocol::records::Record| At {
            offset: record.offset,
            timestamp: record.timestamp,
        };
        Ok(decoded.records.into_iter().map(at).collect())
    }
}
