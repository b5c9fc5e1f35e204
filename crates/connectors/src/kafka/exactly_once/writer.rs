//! Keeps one subtask's records until their checkpoint is recorded.

use std::fmt::{self, Debug};

use arrow::array::RecordBatch;
use engine::batch::Batch;
use engine::metrics::NodeMetrics;
use engine::sink::{Committable, SinkContext, SinkWriter};
use engine::{Error, Result};

use super::super::fields::Fields;
use super::super::sink::Partitioning;
use super::prepared::{Prepared, Segment};
use super::records::{self, Records};

/// Records of this size together are put into the stash at once.
const SEGMENT_BYTES: usize = 4 << 20;
/// Records of at most this size together stand in the checkpoint itself.
const INLINE_BYTES: usize = 16 << 10;
/// What Kafka adds to a record at the most, headers apart.
const OVERHEAD_BYTES: usize = 128;

/// The writer of one subtask.
pub(in crate::kafka) struct StashWriter {
    topic: String,
    fields: Fields,
    partitioning: Partitioning,
    /// Records larger than this will not be taken by the client.
    max_record_bytes: usize,
    /// Name of the sink in the stash.
    name: String,
    /// Partition of the next record, before it is brought into range.
    next: usize,
    batches: Vec<RecordBatch>,
    bytes: usize,
    records: usize,
    segments: Vec<Segment>,
    /// Segments put into the stash so far: none of them has the same name.
    stashed: u64,
    context: SinkContext,
}

impl StashWriter {
    pub(in crate::kafka) fn new(
        topic: &str,
        fields: Fields,
        partitioning: Partitioning,
        max_record_bytes: usize,
        context: SinkContext,
    ) -> Self {
        Self {
            topic: topic.to_owned(),
            fields,
            partitioning,
            max_record_bytes,
            name: format!("{:08x}", fastrand::u32(..)),
            next: context.subtask,
            batches: Vec::new(),
            bytes: 0,
            records: 0,
            segments: Vec::new(),
            stashed: 0,
            context,
        }
    }

    fn routes(&mut self, rows: usize) -> Option<Vec<i64>> {
        let route = |at: usize| i64::try_from(at).unwrap_or(0);
        match self.partitioning {
            Partitioning::Default => None,
            Partitioning::Fixed => Some(vec![route(self.next); rows]),
            Partitioning::RoundRobin => {
                let begin = self.next;
                self.next = begin.wrapping_add(rows);
                Some((0..rows).map(|row| route(begin.wrapping_add(row))).collect())
            }
        }
    }

    /// Puts the collected records into the stash.
    fn stash(&mut self) -> Result<()> {
        let bytes = self.take()?;
        let SinkContext { attempt, subtask, .. } = self.context;
        let name = format!("{attempt}-{}-{subtask}-{}", self.name, self.stashed);
        self.context.stash.put(&name, bytes)?;
        self.stashed += 1;
        self.segments.push(Segment::Stashed(name));
        Ok(())
    }

    fn take(&mut self) -> Result<Vec<u8>> {
        self.bytes = 0;
        records::write(&std::mem::take(&mut self.batches))
    }
}

impl SinkWriter for StashWriter {
    fn write(&mut self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let routes = self.routes(batch.len());
        let encoded = records::encode(&mut self.fields, &batch, routes)?;
        // Past the commit point it would be too late to find out.
        let largest = Records::of(&encoded)?.largest();
        if largest + OVERHEAD_BYTES > self.max_record_bytes {
            return Err(Error::user(format!(
                "a record of {largest} bytes is too large for topic `{}`; raise \
                 `properties.max.request.size` and the topic's `max.message.bytes`",
                self.topic
            )));
        }
        let bytes = encoded.get_array_memory_size();
        NodeMetrics::add(&self.context.metrics.bytes, bytes);
        self.records += encoded.num_rows();
        self.bytes += bytes;
        self.batches.push(encoded);
        if self.bytes >= SEGMENT_BYTES { self.stash() } else { Ok(()) }
    }

    fn prepare(&mut self, _checkpoint: u64) -> Result<Vec<Committable>> {
        if self.records == 0 {
            return Ok(Vec::new());
        }
        if self.bytes > INLINE_BYTES {
            self.stash()?;
        } else if !self.batches.is_empty() {
            let bytes = self.take()?;
            self.segments.push(Segment::inline(&bytes));
        }
        let prepared = Prepared {
            topic: self.topic.clone(),
            records: std::mem::take(&mut self.records) as u64,
            segments: std::mem::take(&mut self.segments),
        };
        Ok(vec![prepared.write()?])
    }
}

impl Debug for StashWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StashWriter").field("topic", &self.topic).finish_non_exhaustive()
    }
}
