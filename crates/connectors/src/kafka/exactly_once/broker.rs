//! Transactions and markers by librdkafka.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::stash::Stash;
use engine::{Error, Result};
use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::super::client::{Complaints, Consumer, Ear};
use super::super::writer::Deliveries;
use super::ledger::{Broker, Marker, Unsent};
use super::prepared::Prepared;
use super::records::{self, Records};

/// Longest wait in one call of the client, so that trouble is noticed in between.
const TURN: Duration = Duration::from_millis(500);
/// Wait for room in the client's queue.
const ROOM: Duration = Duration::from_millis(5);
/// How long the brokers may give no answer before an attempt is given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// The marker is an offset of this partition.
const MARKER_PARTITION: i32 = 0;

/// What the client of a sink is made from.
#[derive(Clone)]
pub(in crate::kafka) struct Producing {
    /// Of the transactional producer.
    pub(in crate::kafka) producer: ClientConfig,
    /// Of the consumer that reads the marker.
    pub(in crate::kafka) marker: ClientConfig,
    pub(in crate::kafka) table: String,
    pub(in crate::kafka) topic: String,
    pub(in crate::kafka) brokers: String,
}

/// The client of one sink.
pub(in crate::kafka) struct Client {
    with: Producing,
    producer: Option<(BaseProducer<Deliveries>, Deliveries)>,
    consumer: Option<Consumer>,
    stash: Arc<dyn Stash>,
    complaints: Complaints,
    /// Topics whose markers count: the table's, and those that prepared output is for.
    topics: BTreeSet<String>,
    /// Topics that the brokers have told of.
    found: BTreeSet<String>,
}

impl Client {
    pub(in crate::kafka) fn new(
        with: Producing,
        stash: Arc<dyn Stash>,
        complaints: Complaints,
    ) -> Self {
        let topics = [with.topic.clone()].into();
        Self {
            with,
            producer: None,
            consumer: None,
            stash,
            complaints,
            topics,
            found: BTreeSet::new(),
        }
    }

    fn complain(&mut self, what: &str, error: &dyn std::fmt::Display) {
        if self.complaints.due() {
            let heard = self.producer.as_ref().and_then(|(_, deliveries)| deliveries.ear.take());
            let heard = heard.map(|words| format!("; {words}")).unwrap_or_default();
            let brokers = &self.with.brokers;
            let message =
                format!("waiting for Kafka at `{brokers}` to {what}: {error}{heard}; trying on");
            self.complaints.write(message);
        }
    }

    /// Repeats `call` while it may yet succeed.
    fn patiently<T>(
        &mut self,
        what: &str,
        mut call: impl FnMut(&mut Self) -> Result<T, KafkaError>,
    ) -> Result<T, KafkaError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match call(self) {
                Err(error) if may_pass(&error) && Instant::now() < until => {
                    self.complain(what, &error);
                    std::thread::sleep(ROOM * 10);
                }
                answer => return answer,
            }
        }
    }

    fn failed(&self, what: &str, error: KafkaError) -> Error {
        let table = &self.with.table;
        let message = if fenced(&error) {
            format!(
                "table `{table}`: another process uses this sink's transactional id; it has taken over, or \
                 another application has the same `sink.transactional-id-prefix`"
            )
        } else {
            format!("table `{table}`: Kafka did not {what}: {error}")
        };
        Error::external(message).because(error)
    }

    fn partitions(producer: &BaseProducer<Deliveries>, topic: &str) -> Result<i64, KafkaError> {
        let metadata = producer.client().fetch_metadata(Some(topic), TURN)?;
        let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        match i64::try_from(count) {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition)),
        }
    }

    /// Puts all records of `prepared` into the client's queue.
    fn queue(&mut self, prepared: &Prepared) -> Result<(), Unsent> {
        let mut partitions = None;
        for segment in &prepared.segments {
            let bytes = segment.read(&*self.stash).map_err(Unsent::Unclear)?;
            for batch in records::read(&bytes).map_err(Unsent::Refused)? {
                let records = Records::of(&batch).map_err(Unsent::Refused)?;
                for row in 0..records.len() {
                    let partition = match records.route(row) {
                        None => None,
                        Some(route) => {
                            let count = match partitions {
                                Some(count) => count,
                                None => *partitions.insert(self.count(&prepared.topic)?),
                            };
                            i32::try_from(route.rem_euclid(count)).ok()
                        }
                    };
                    self.send(&prepared.topic, partition, &records, row)?;
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, topic: &str) -> Result<i64, Unsent> {
        let answer = self.patiently("tell a topic's partitions", |it| {
            Self::partitions(&it.producer()?.0, topic)
        });
        answer.map_err(|error| Unsent::Unclear(self.failed("tell a topic's partitions", error)))
    }

    /// Waits until `topic` is there: a marker of a topic that is not would be refused for good. Asking
    /// creates it where the brokers create topics.
    fn find(&mut self, topic: &str) -> Result<(), Unsent> {
        if !self.found.contains(topic) {
            self.count(topic)?;
            self.found.insert(topic.to_owned());
        }
        Ok(())
    }

    fn producer(&self) -> Result<&(BaseProducer<Deliveries>, Deliveries), KafkaError> {
        self.producer.as_ref().ok_or(KafkaError::Canceled)
    }

    fn send(
        &mut self,
        topic: &str,
        partition: Option<i32>,
        records: &Records,
        row: usize,
    ) -> Result<(), Unsent> {
        let headers = records.extras.headers(row);
        let until = Instant::now() + PATIENCE;
        loop {
            let record = BaseRecord {
                topic,
                partition,
                payload: records.value(row),
                key: records.key(row),
                timestamp: records.extras.timestamp(row),
                headers: headers.clone(),
                delivery_opaque: (),
            };
            let (producer, _) = self
                .producer()
                .map_err(|error| Unsent::Unclear(self.failed("take records", error)))?;
            let error = match producer.send(record).map_err(|(error, _)| error) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) if Instant::now() < until => {
                    producer.poll(ROOM);
                }
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    let message = format!("a record is too large for topic `{topic}`");
                    return Err(Unsent::Refused(Error::user(message).because(error)));
                }
                _ => return Err(Unsent::Unclear(self.failed("take records", error))),
            }
        }
    }

    /// Waits until the brokers have everything, then commits with the marker.
    fn finish(&mut self, topic: &str, marker: Marker) -> Result<(), KafkaError> {
        self.patiently("take records", |it| {
            let (producer, deliveries) = it.producer()?;
            producer.flush(TURN)?;
            match deliveries.take_failure() {
                None => Ok(()),
                Some(_) => Err(KafkaError::Flush(RDKafkaErrorCode::PurgeInflight)),
            }
        })?;
        let mut offsets = TopicPartitionList::new();
        let mut place = offsets.add_partition(topic, MARKER_PARTITION);
        let number = i64::try_from(marker.checkpoint).unwrap_or(i64::MAX);
        place.set_offset(Offset::Offset(number))?;
        place.set_metadata(marker.attempt.to_string());
        let group = self.consumer()?.group_metadata().ok_or(KafkaError::Canceled)?;
        self.patiently("take the marker", |it| {
            it.producer()?.0.send_offsets_to_transaction(&offsets, &group, TURN)
        })?;
        self.patiently("commit a transaction", |it| it.producer()?.0.commit_transaction(TURN))
    }

    fn consumer(&mut self) -> Result<&Consumer, KafkaError> {
        if self.consumer.is_none() {
            self.consumer = Some(self.with.marker.create_with_context(Ear::default())?);
        }
        self.consumer.as_ref().ok_or(KafkaError::Canceled)
    }
}

impl Broker for Client {
    type Output = Vec<Prepared>;

    fn expect(&mut self, output: &Vec<Prepared>) {
        self.topics.extend(output.iter().map(|prepared| prepared.topic.clone()));
    }

    fn fence(&mut self) -> Result<()> {
        // What the former producer has open is aborted by the brokers for the new one.
        self.producer = None;
        let deliveries = Deliveries::default();
        let producer = self.with.producer.create_with_context(deliveries.clone());
        let producer: BaseProducer<Deliveries> = producer.map_err(|error| {
            let table = &self.with.table;
            Error::user(format!("table `{table}`: no Kafka client with these properties: {error}"))
        })?;
        self.producer = Some((producer, deliveries));
        let what = "begin transactions";
        let answer = self.patiently(what, |it| it.producer()?.0.init_transactions(TURN));
        answer.map_err(|error| self.failed(what, error))
    }

    fn marker(&mut self) -> Result<Option<Marker>> {
        let mut list = TopicPartitionList::new();
        for topic in &self.topics {
            list.add_partition(topic, MARKER_PARTITION);
        }
        let what = "tell the marker";
        let answer = self.patiently(what, |it| {
            let found = it.consumer()?.committed_offsets(list.clone(), TURN)?;
            for place in found.elements() {
                place.error()?;
            }
            Ok(found)
        });
        let found = answer.map_err(|error| self.failed(what, error))?;
        let markers = found.elements().into_iter().filter_map(|place| {
            let Offset::Offset(checkpoint) = place.offset() else { return None };
            let checkpoint = u64::try_from(checkpoint).ok()?;
            Some(Marker { checkpoint, attempt: place.metadata().parse().unwrap_or(0) })
        });
        Ok(markers.max_by_key(|marker| (marker.checkpoint, marker.attempt)))
    }

    fn transact(&mut self, output: Option<&Vec<Prepared>>, marker: Marker) -> Result<(), Unsent> {
        let unclear = |it: &Self, error| Unsent::Unclear(it.failed("take a transaction", error));
        if self.producer.is_none() {
            return Err(unclear(self, KafkaError::Canceled));
        }
        let prepared = output.map_or(&[][..], Vec::as_slice);
        let topic = prepared.first().map_or_else(|| self.with.topic.clone(), |it| it.topic.clone());
        self.find(&topic)?;
        let begun = self.producer().and_then(|(producer, _)| producer.begin_transaction());
        begun.map_err(|error| self.sort(error))?;
        for prepared in prepared {
            self.queue(prepared)?;
        }
        self.topics.insert(topic.clone());
        self.finish(&topic, marker).map_err(|error| self.sort(error))
    }
}

impl Client {
    /// Whoever is fenced need not try again.
    fn sort(&self, error: KafkaError) -> Unsent {
        let refused = fenced(&error);
        let failed = self.failed("take a transaction", error);
        if refused { Unsent::Refused(failed) } else { Unsent::Unclear(failed) }
    }
}

/// Whether the brokers know a newer user of the transactional id.
fn fenced(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch
        )
    )
}

/// Whether the same call may succeed in a while.
fn may_pass(error: &KafkaError) -> bool {
    if let KafkaError::Transaction(error) = error {
        return error.is_retriable() && !error.is_fatal() && !error.txn_requires_abort();
    }
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::WaitingForCoordinator
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnstableOffsetCommit
        )
    )
}

impl Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("topic", &self.with.topic).finish_non_exhaustive()
    }
}
