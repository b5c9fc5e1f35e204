//! Writes one subtask's rows to a topic.

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::batch::Batch;
use engine::metrics::NodeMetrics;
use engine::sink::{Committable, SinkContext, SinkWriter};
use engine::{Error, Result};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::client::{Complaints, Ear};
use super::fields::{Extras, Fields};
use super::sink::{Guarantee, Partitioning};

/// Longest wait in one call of the client, so that trouble is noticed in between.
const TURN: Duration = Duration::from_millis(500);
/// Wait for room in the client's queue.
const ROOM: Duration = Duration::from_millis(5);
/// How long the partitions of a topic are believed.
const PARTITIONS_MS: i64 = 300_000;
/// How long a topic may be unknown.
const UNKNOWN_MS: i64 = 120_000;

/// What becomes of records after they are sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Deliveries {
    pub(super) ear: Ear,
    /// The first record that could not be delivered.
    failure: Arc<Mutex<Option<String>>>,
}

impl Deliveries {
    pub(super) fn take_failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.ear.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.ear.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| error.to_string());
        }
    }
}

/// The writer of one subtask.
pub(super) struct Writer {
    pub(super) brokers: String,
    pub(super) topic: String,
    pub(super) partitioning: Partitioning,
    pub(super) guarantee: Guarantee,
    pub(super) complaints: Complaints,
    pub(super) fields: Fields,
    /// Number of partitions and when it was asked for, where we choose the partition.
    pub(super) partitions: Option<(usize, i64)>,
    /// Partition of the next record, before it is brought into range.
    pub(super) next: usize,
    pub(super) producer: BaseProducer<Deliveries>,
    pub(super) deliveries: Deliveries,
    pub(super) context: SinkContext,
}

impl Writer {
    fn complain(&mut self, what: &str) {
        if self.complaints.due() {
            let words = self.deliveries.ear.take().map(|words| format!(": {words}"));
            self.complaints.write(format!(
                "waiting for Kafka at `{}`: {what}{}; trying on",
                self.brokers,
                words.unwrap_or_default()
            ));
        }
    }

    /// Fails when a record was given up.
    fn check(&mut self) -> Result<()> {
        let Some(failure) = self.deliveries.take_failure() else { return Ok(()) };
        let message =
            format!("records could not be delivered to topic `{}`: {failure}", self.topic);
        match &self.guarantee {
            Guarantee::AtLeastOnce | Guarantee::ExactlyOnce { .. } => Err(Error::external(message)),
            Guarantee::None => {
                if self.complaints.due() {
                    self.complaints.write(message);
                }
                Ok(())
            }
        }
    }

    /// Partition of the next record, where the client does not choose it.
    fn partition(&mut self) -> Result<Option<i32>> {
        if self.partitioning == Partitioning::Default {
            return Ok(None);
        }
        let count = self.count_partitions()?;
        let partition = self.next % count;
        if self.partitioning == Partitioning::RoundRobin {
            self.next = self.next.wrapping_add(1);
        }
        Ok(i32::try_from(partition).ok())
    }

    fn count_partitions(&mut self) -> Result<usize> {
        let begun = self.context.clock.now_ms();
        if let Some((count, at)) = self.partitions
            && begun - at < PARTITIONS_MS
        {
            return Ok(count);
        }
        loop {
            let metadata = self.producer.client().fetch_metadata(Some(&self.topic), TURN);
            let topics = metadata.as_ref().map(rdkafka::metadata::Metadata::topics);
            let count = topics.ok().and_then(|topics| Some(topics.first()?.partitions().len()));
            if let Some(count) = count.filter(|count| *count > 0) {
                self.partitions = Some((count, begun));
                return Ok(count);
            }
            self.producer.poll(ROOM);
            if self.context.clock.now_ms() - begun > UNKNOWN_MS {
                let message = format!("topic `{}` does not exist or no broker answers", self.topic);
                return Err(Error::external(message));
            }
            self.complain(&format!("the partitions of topic `{}` are not known", self.topic));
        }
    }

    fn send(&mut self, row: usize, extras: &Extras) -> Result<usize> {
        let partition = self.partition()?;
        let (timestamp, headers) = (extras.timestamp(row), extras.headers(row));
        // Room is waited for between attempts, when nothing is borrowed from `self`.
        loop {
            let value = self.fields.value.get(row);
            let key = self.fields.key.as_ref().and_then(|key| key.get(row));
            let record = BaseRecord {
                topic: &self.topic,
                partition,
                payload: value,
                key,
                timestamp,
                headers: headers.clone(),
                delivery_opaque: (),
            };
            let bytes = value.map_or(0, <[u8]>::len) + key.map_or(0, <[u8]>::len);
            match self.producer.send(record).map_err(|(error, _)| error) {
                Ok(()) => return Ok(bytes),
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) => {
                    self.producer.poll(ROOM);
                    self.check()?;
                    if self.deliveries.ear.spoke() {
                        self.complain("records wait to be sent");
                    }
                }
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge)) => {
                    return Err(Error::user(format!(
                        "a record of {bytes} bytes is too large for topic `{}`; raise \
                         `properties.max.request.size` and the topic's `max.message.bytes`",
                        self.topic
                    )));
                }
                Err(error) => {
                    let message =
                        format!("a record was not sent to topic `{}`: {error}", self.topic);
                    return Err(Error::external(message).because(error));
                }
            }
        }
    }
}

impl SinkWriter for Writer {
    fn write(&mut self, batch: Batch) -> Result<()> {
        let extras = self.fields.encode(&batch)?;
        let mut bytes = 0;
        for row in 0..batch.len() {
            bytes += self.send(row, &extras)?;
        }
        NodeMetrics::add(&self.context.metrics.bytes, bytes);
        self.producer.poll(Duration::ZERO);
        self.check()
    }

    /// Waits until the brokers have everything. A record that is not taken within
    /// `delivery.timeout.ms` is given up by the client, which fails the checkpoint and the attempt.
    fn prepare(&mut self, _checkpoint: u64) -> Result<Vec<Committable>> {
        loop {
            let flushed = self.producer.flush(TURN);
            self.check()?;
            match flushed {
                Ok(()) => return Ok(Vec::new()),
                Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) => {
                    self.complain("records wait to be sent");
                }
                Err(error) => {
                    let message = format!("topic `{}` was not flushed: {error}", self.topic);
                    return Err(Error::external(message).because(error));
                }
            }
        }
    }
}

impl Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("topic", &self.topic).finish_non_exhaustive()
    }
}
