//! Reads the partitions of one subtask.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::RecordBatch;
use engine::metrics::{NodeMetrics, UNKNOWN};
use engine::source::{Polled, Position, SourceContext, SourceReader, SplitId};
use engine::{Error, Result};
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{Complaints, Consumer, Ear};
use super::columns::Columns;
use super::discovery::{Discovery, Found, News, Restored};
use super::options::Table;
use super::partitioner::owner;
use super::queue::{Record, RecordQueue};
use super::split::{Progress, Split, split_id, started_entry};

/// Time between two looks at how far the partitions' ends are.
const LAG_MS: i64 = 1000;

/// Events served at once.
const MOST_EVENTS: usize = 100;

/// What a reader is made of.
pub(super) struct Parts {
    pub(super) table: Table,
    pub(super) columns: Arc<Columns>,
    /// Offsets are committed.
    pub(super) group: bool,
    /// All partitions have an end.
    pub(super) bounded: bool,
    pub(super) complaints: Complaints,
    pub(super) ear: Ear,
    pub(super) queue: RecordQueue,
    pub(super) consumer: Arc<Consumer>,
    pub(super) discovery: Discovery,
    pub(super) restored: Restored,
    pub(super) context: SourceContext,
}

/// The reader of one subtask.
pub(super) struct Reader {
    parts: Parts,
    splits: Vec<Split>,
    /// Index of a split by topic (as librdkafka identifies it) and partition.
    index: HashMap<(usize, i32), usize>,
    /// What is decoded but not returned, in order.
    pending: VecDeque<Piece>,
    /// Own partitions of the checkpoint that are not found yet.
    expected: BTreeMap<SplitId, Progress>,
    /// The first discovery is done.
    started: bool,
    lag_ms: i64,
}

/// Something of a split that is to be returned.
struct Piece {
    split: usize,
    rows: Option<RecordBatch>,
    /// Progress once it is returned.
    read_to: i64,
    /// The split ends with it.
    end: bool,
}

impl Reader {
    pub(super) fn new(parts: Parts) -> Self {
        let context = &parts.context;
        let own = parts.restored.progress.iter().filter(|((topic, partition), _)| {
            owner(topic, *partition, context.parallelism) == context.subtask
        });
        let expected =
            own.map(|((topic, partition), at)| (split_id(topic, *partition), *at)).collect();
        Self {
            parts,
            splits: Vec::new(),
            index: HashMap::new(),
            pending: VecDeque::new(),
            expected,
            started: false,
            lag_ms: i64::MIN,
        }
    }

    /// Takes over what discovery has found.
    fn hear_news(&mut self) -> Result<()> {
        while let Ok(news) = self.parts.discovery.news.try_recv() {
            match news {
                News::Failed(error) => return Err(error),
                News::Trouble(text) => self.complain(&text),
                News::Found(found) => {
                    self.adopt(found)?;
                    self.started = true;
                }
            }
        }
        Ok(())
    }

    fn adopt(&mut self, found: Vec<Found>) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for found in found {
            let Parts { table, columns, context, .. } = &self.parts;
            let mut split = Split::new(found, table, columns, &context.metrics)?;
            self.expected.remove(&split.id);
            let place = self.splits.len();
            if split.at_stop() {
                split.ended = true;
                let read_to = split.read_to;
                self.pending.push_back(Piece { split: place, rows: None, read_to, end: true });
            } else {
                if !self.parts.queue.lead(&split.c_topic, split.partition) {
                    return Err(Error::internal(format!("no queue for split `{}`", split.id)));
                }
                let offset = Offset::Offset(split.read_to);
                list.add_partition_offset(&split.topic, split.partition, offset).map_err(client)?;
            }
            self.splits.push(split);
        }
        if list.count() > 0 {
            self.parts.consumer.incremental_assign(&list).map_err(client)?;
        }
        Ok(())
    }

    /// Writes a line about trouble, with librdkafka's own last words.
    fn complain(&mut self, what: &str) {
        if self.parts.complaints.due() {
            let brokers = self.parts.table.property("bootstrap.servers").unwrap_or_default();
            let words = self.parts.ear.take().map(|words| format!(": {words}")).unwrap_or_default();
            self.parts.complaints.write(format!(
                "waiting for Kafka at `{brokers}`: {}{words}; trying on",
                what.trim_end_matches('.')
            ));
        }
    }

    /// Serves what the client has to say besides records.
    fn serve(&mut self) {
        for _ in 0..MOST_EVENTS {
            match self.parts.consumer.poll(Duration::ZERO) {
                None => return,
                Some(Err(error)) => {
                    if let Some(code) = error.rdkafka_error_code() {
                        self.parts.ear.hear(code.to_string());
                    }
                }
                // Records come through the queue.
                Some(Ok(_)) => {}
            }
        }
    }

    /// Takes records from the queue and decodes them; whole batches are left in `pending`.
    fn receive(&mut self, wait: Duration) -> Result<()> {
        let most = self.parts.context.batch_size.max(1);
        let records = self.parts.queue.take(wait, most);
        let mut touched: Vec<usize> = Vec::new();
        let mut complaint = None;
        let mut bytes = 0;
        let mut last = ((0, -1), usize::MAX);
        for record in records.iter() {
            let place = record.place();
            if place != last.0 {
                let Some(at) = find(&mut self.index, &self.splits, record) else {
                    complaint = record.error().map(|_| record.error_text()).or(complaint);
                    continue;
                };
                last = (place, at);
                // One of its batch tells enough.
                self.splits[at].seen_ms = Some(record.timestamp().1).filter(|ms| *ms >= 0);
            }
            let at = last.1;
            let split = &mut self.splits[at];
            if let Some(error) = record.error() {
                complaint = heed(error, record, split)?.or(complaint);
            } else if !split.ended {
                bytes += record.payload().map_or(0, <[u8]>::len);
                split.take(record)?;
            }
            if touched.last() != Some(&at) && !touched.contains(&at) {
                touched.push(at);
            }
        }
        drop(records);
        NodeMetrics::add(&self.parts.context.metrics.bytes, bytes);
        self.collect(&touched)?;
        if let Some(complaint) = complaint {
            self.complain(&complaint);
        }
        Ok(())
    }

    /// Makes pieces of what the splits have decoded.
    fn collect(&mut self, touched: &[usize]) -> Result<()> {
        let mut ended = TopicPartitionList::new();
        for at in touched {
            let split = &mut self.splits[*at];
            if split.ended {
                continue;
            }
            let rows = split.flush()?;
            let end = split.at_stop();
            if end {
                split.ended = true;
                ended.add_partition(&split.topic, split.partition);
            }
            self.pending.push_back(Piece { split: *at, rows, read_to: split.read_to, end });
        }
        if ended.count() > 0 {
            self.parts.consumer.incremental_unassign(&ended).map_err(client)?;
        }
        Ok(())
    }

    /// The next piece that is something to the caller.
    fn next_pending(&mut self) -> Option<Polled> {
        while let Some(piece) = self.pending.front_mut() {
            let split = &mut self.splits[piece.split];
            let id = split.id.clone();
            if let Some(rows) = piece.rows.take() {
                split.progress.offset = piece.read_to;
                if !piece.end {
                    self.pending.pop_front();
                }
                return Some(Polled::Batch { split: id, rows });
            }
            split.progress.offset = piece.read_to;
            let end = piece.end;
            self.pending.pop_front();
            if end {
                return Some(Polled::SplitEnd(id));
            }
        }
        None
    }

    /// Counts what is still to be read, about once a second.
    fn measure_lag(&mut self) {
        let now = self.parts.context.clock.now_ms();
        if now.saturating_sub(self.lag_ms) < LAG_MS {
            return;
        }
        self.lag_ms = now;
        let behind = |split: &Split| {
            let end = self.parts.queue.end_of(&split.c_topic, split.partition)?;
            let end = split.progress.stop.map_or(end, |stop| stop.min(end));
            u64::try_from(end - split.progress.offset).ok()
        };
        let metrics = &self.parts.context.metrics;
        let lag = self.splits.iter().filter_map(behind).sum();
        metrics.lag_records.store(lag, Ordering::Relaxed);
        let age = |split: &Split| {
            let seen =
                split.seen_ms.filter(|_| behind(split).is_some_and(|records| records > 0))?;
            u64::try_from(now.saturating_sub(seen)).ok()
        };
        let oldest = self.splits.iter().filter_map(age).max();
        let none = if lag == 0 { 0 } else { UNKNOWN };
        metrics.behind_ms.store(oldest.unwrap_or(none), Ordering::Relaxed);
    }
}

impl SourceReader for Reader {
    fn poll(&mut self, wait: Duration) -> Result<Polled> {
        if let Some(polled) = self.next_pending() {
            return Ok(polled);
        }
        self.serve();
        self.hear_news()?;
        self.receive(if self.pending.is_empty() { wait } else { Duration::ZERO })?;
        self.measure_lag();
        if let Some(polled) = self.next_pending() {
            return Ok(polled);
        }
        let done = self.started && self.splits.iter().all(|split| split.ended);
        Ok(if done && self.parts.bounded { Polled::EndOfInput } else { Polled::Nothing })
    }

    fn splits(&self) -> Vec<SplitId> {
        let found = self.splits.iter().filter(|split| !split.ended).map(|split| split.id.clone());
        found.chain(self.expected.keys().cloned()).collect()
    }

    fn knows_splits(&self) -> bool {
        self.started
    }

    fn positions(&mut self) -> Result<BTreeMap<SplitId, Position>> {
        let found = self.splits.iter().map(|split| (split.id.clone(), split.progress.write()));
        let expected = self.expected.iter().map(|(id, progress)| (id.clone(), progress.write()));
        let mut positions: BTreeMap<SplitId, Position> = found.chain(expected).collect();
        let SourceContext { subtask, parallelism, .. } = self.parts.context;
        if self.started {
            positions.extend([started_entry(subtask, parallelism)]);
        }
        Ok(positions)
    }

    fn committed(&mut self, positions: &BTreeMap<SplitId, Position>) -> Result<()> {
        if !self.parts.group {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for split in &self.splits {
            let progress =
                positions.get(&split.id).map(|text| serde_json::from_str::<Progress>(text));
            if let Some(Ok(progress)) = progress {
                let offset = Offset::Offset(progress.offset);
                list.add_partition_offset(&split.topic, split.partition, offset).map_err(client)?;
            }
        }
        if list.count() == 0 {
            return Ok(());
        }
        // Only for those who watch the group: what counts is the checkpoint.
        if let Err(error) = self.parts.consumer.commit(&list, CommitMode::Async) {
            self.complain(&format!("offsets were not committed: {error}"));
        }
        Ok(())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let metrics = &self.parts.context.metrics;
        metrics.lag_records.store(0, Ordering::Relaxed);
        metrics.behind_ms.store(UNKNOWN, Ordering::Relaxed);
    }
}

/// The split a record belongs to.
fn find(
    index: &mut HashMap<(usize, i32), usize>,
    splits: &[Split],
    record: Record<'_>,
) -> Option<usize> {
    let place = record.place();
    if let Some(at) = index.get(&place) {
        return Some(*at);
    }
    let topic = record.topic();
    let at = splits.iter().position(|s| s.partition == place.1 && s.topic == topic)?;
    index.insert(place, at);
    Some(at)
}

/// What an error in a partition's stream means; gives what to complain about.
fn heed(error: RDKafkaErrorCode, record: Record<'_>, split: &mut Split) -> Result<Option<String>> {
    match error {
        // Records before the stop may not exist: compacted, or markers of transactions.
        RDKafkaErrorCode::PartitionEOF => {
            split.read_to = split.read_to.max(record.offset());
            Ok(None)
        }
        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => {
            Err(Error::user(format!(
                "offset {} of partition {} of topic `{}` does not exist (any more): records were \
                 deleted before they were read, or the topic was created anew; set \
                 `properties.auto.offset.reset` to `earliest` or `latest` to go on with a gap",
                split.read_to, split.partition, split.topic
            )))
        }
        RDKafkaErrorCode::Fatal => Err(Error::external(format!(
            "the Kafka client failed at topic `{}`: {}",
            split.topic,
            record.error_text()
        ))),
        _ => Ok(Some(record.error_text())),
    }
}

fn client(error: KafkaError) -> Error {
    Error::internal(format!("the Kafka client refused an order: {error}")).because(error)
}
