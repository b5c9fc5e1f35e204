//! Reads the splits of one subtask, one after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::ArrayRef;
use engine::metrics::NodeMetrics;
use engine::source::{Polled, Position, SourceContext, SourceReader, SplitId};
use engine::{Error, Result};

use super::bytes::FileBytes;
use super::columns::Columns;
use super::options::Table;
use super::splits::Split;
use crate::format::Decoder;
use crate::s3::S3;

/// Bytes read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What the files lie on.
#[derive(Debug)]
pub(super) enum Medium {
    Local,
    /// With the bucket's name.
    S3(S3, String),
}

/// The reader of one subtask. Only the split being read is told to the engine: as in Flink, files
/// that wait hold no watermark back.
pub(super) struct Reader {
    table: Table,
    columns: Columns,
    medium: Medium,
    waiting: VecDeque<Split>,
    current: Option<Open>,
    /// Positions of all own splits that are begun or done.
    positions: BTreeMap<SplitId, Position>,
    decoder: Box<dyn Decoder>,
    batch_size: usize,
    metrics: Arc<NodeMetrics>,
}

/// A split being read.
struct Open {
    split: Split,
    bytes: FileBytes,
    constants: Vec<Option<ArrayRef>>,
    buffer: Vec<u8>,
    /// Where in `buffer` the next record begins; it is byte `split.at.offset` of the file.
    begin: usize,
    /// Nothing follows the buffer.
    at_end: bool,
}

impl Reader {
    pub(super) fn new(
        table: Table,
        columns: Columns,
        medium: Medium,
        splits: Vec<Split>,
        decoder: Box<dyn Decoder>,
        context: &SourceContext,
    ) -> Self {
        let begun = splits.iter().filter(|split| split.at.done || split.at.offset > split.start);
        let positions = begun.map(|split| (split.id.clone(), split.at.write())).collect();
        Self {
            table,
            columns,
            medium,
            waiting: splits.into_iter().filter(|split| !split.at.done).collect(),
            current: None,
            positions,
            decoder,
            batch_size: context.batch_size.max(1),
            metrics: Arc::clone(&context.metrics),
        }
    }

    fn open(&self, split: Split) -> Result<Open> {
        // A range owns the records that begin in it; one byte before it, a line end may stand.
        let from =
            if split.at.aligned { split.at.offset } else { split.at.offset.saturating_sub(1) };
        let file = &split.file;
        let bytes = match &self.medium {
            Medium::Local => FileBytes::open_local(&file.path, from)?,
            Medium::S3(s3, bucket) => FileBytes::open_s3(s3, bucket, &file.path, from, file.bytes),
        };
        let constants = self.columns.constants(file, &self.table.location)?;
        let mut open =
            Open { split, bytes, constants, buffer: Vec::new(), begin: 0, at_end: false };
        if !open.split.at.aligned {
            open.split.at.offset = from;
            open.skip_record(&self.table, &self.metrics)?;
            open.split.at.aligned = true;
        }
        Ok(open)
    }

    /// Decodes up to a batch of records; whether the split is at its end.
    fn decode(&mut self) -> Result<bool> {
        let Some(open) = &mut self.current else { return Ok(true) };
        while self.decoder.buffered() < self.batch_size {
            if open.split.end.is_some_and(|end| open.split.at.offset >= end) {
                return Ok(true);
            }
            let rest = &open.buffer[open.begin..];
            let (end, next) = match self.table.format.record_end(rest) {
                Some(end) => (end, end + 1),
                None if !open.at_end => {
                    open.fill(&self.metrics)?;
                    continue;
                }
                None if rest.is_empty() => return Ok(true),
                None => (rest.len(), rest.len()),
            };
            let record = &rest[..end];
            let record = record.strip_suffix(b"\r").unwrap_or(record);
            match self.decoder.decode(record) {
                Ok(0) => {
                    if let Some(why) = self.decoder.skipped() {
                        let sample = &self.metrics.malformed_sample;
                        sample.offer(|| format!("{}: {why}", place(&open.split)));
                    }
                }
                Ok(_) => {}
                Err(error) => return Err(located(error, &open.split)),
            }
            open.begin += next;
            open.split.at.offset += next as u64;
        }
        Ok(false)
    }
}

impl SourceReader for Reader {
    fn poll(&mut self, _wait: Duration) -> Result<Polled> {
        if self.current.is_none() {
            let Some(split) = self.waiting.pop_front() else { return Ok(Polled::EndOfInput) };
            self.current = Some(self.open(split)?);
        }
        let ended = self.decode()?;
        let rows = self.decoder.flush()?;
        let open = self.current.as_mut().expect("opened above");
        let id = open.split.id.clone();
        let rows = rows.filter(|rows| rows.num_rows() > 0);
        let polled = match rows {
            Some(rows) => {
                let rows = self.columns.assemble(&rows, &open.constants)?;
                Polled::Batch { split: id.clone(), rows }
            }
            None if ended => {
                open.split.at.done = true;
                Polled::SplitEnd(id.clone())
            }
            None => Polled::Nothing,
        };
        self.positions.insert(id, open.split.at.write());
        if open.split.at.done {
            self.current = None;
        }
        Ok(polled)
    }

    fn splits(&self) -> Vec<SplitId> {
        let current = self.current.as_ref().map(|open| &open.split);
        current.or(self.waiting.front()).map(|split| split.id.clone()).into_iter().collect()
    }

    fn positions(&mut self) -> Result<BTreeMap<SplitId, Position>> {
        Ok(self.positions.clone())
    }
}

impl Open {
    fn fill(&mut self, metrics: &NodeMetrics) -> Result<()> {
        self.buffer.drain(..self.begin);
        self.begin = 0;
        // A record longer than the buffer makes it grow by its own size.
        let room = CHUNK_BYTES.max(self.buffer.len());
        let taken = self.bytes.read(room, &mut self.buffer)?;
        NodeMetrics::add(&metrics.bytes, taken);
        self.at_end = taken == 0;
        Ok(())
    }

    /// Passes over the record at the beginning, which belongs to the range before.
    fn skip_record(&mut self, table: &Table, metrics: &NodeMetrics) -> Result<()> {
        loop {
            let rest = &self.buffer[self.begin..];
            let next = match table.format.record_end(rest) {
                Some(end) => end + 1,
                None if !self.at_end => {
                    self.fill(metrics)?;
                    continue;
                }
                None => rest.len(),
            };
            self.begin += next;
            self.split.at.offset += next as u64;
            return Ok(());
        }
    }
}

fn place(split: &Split) -> String {
    format!("file `{}`, byte {}", split.file.path, split.at.offset)
}

fn located(error: Error, split: &Split) -> Error {
    Error { message: format!("{}: {}", place(split), error.message), ..error }
}
