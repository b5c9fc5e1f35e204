//! Kafka's protocol, spoken by librdkafka with the embedded broker or with Apache Kafka itself.
//!
//! What is in `own` is about the embedded broker only; everything else must hold for both.

mod admin;
mod consume;
mod groups;
mod own;
mod produce;
mod transactions;

use std::path::Path;
use std::time::{Duration, Instant};

use embedded::kafka::Options;
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::OwnedMessage;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tempfile::TempDir;

use crate::any_kafka::{AnyKafka, LOOPBACK, unique};

const PATIENCE: Duration = Duration::from_secs(20);

/// A Kafka and its clients.
struct Rig {
    kafka: AnyKafka,
    /// Where the embedded broker keeps its files, if nobody else looks after them.
    _folder: Option<TempDir>,
}

impl Rig {
    /// Whatever Kafka the tests are run against.
    async fn any() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { kafka: AnyKafka::start(folder.path()).await, _folder: Some(folder) }
    }

    /// An embedded broker on this folder.
    async fn own(dir: &Path) -> Self {
        Self::own_with(dir, Options::default()).await
    }

    async fn own_with(dir: &Path, options: Options) -> Self {
        Self { kafka: AnyKafka::own(dir, LOOPBACK, options).await, _folder: None }
    }

    async fn stop(self) {
        self.kafka.stop().await;
    }

    fn config(&self) -> ClientConfig {
        config(self.kafka.servers())
    }

    fn producer(&self) -> FutureProducer {
        self.config().set("linger.ms", "1").create().unwrap()
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    /// Creates a topic and gives its name, which begins with `name`.
    async fn topic(&self, name: &str, partitions: i32) -> String {
        let name = unique(name);
        self.create_topic(&name, partitions).await;
        name
    }

    async fn create_topic(&self, name: &str, partitions: i32) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let created = self.admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
        assert_eq!(created, [Ok(name.to_owned())]);
    }

    /// A consumer that reads one partition from `offset` on.
    fn reader(&self, topic: &str, partition: i32, offset: Offset) -> BaseConsumer {
        self.reader_of("read_uncommitted", topic, partition, offset)
    }

    /// The same, but it sees only what was committed.
    fn committed(&self, topic: &str, partition: i32, offset: Offset) -> BaseConsumer {
        self.reader_of("read_committed", topic, partition, offset)
    }

    fn reader_of(
        &self,
        isolation: &str,
        topic: &str,
        partition: i32,
        offset: Offset,
    ) -> BaseConsumer {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", unique("readers"))
            .set("isolation.level", isolation)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            .create()
            .unwrap();
        let mut places = TopicPartitionList::new();
        places.add_partition_offset(topic, partition, offset).unwrap();
        consumer.assign(&places).unwrap();
        consumer
    }
}

fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    config
}

/// Sends one record and gives its partition and offset.
async fn send(producer: &FutureProducer, record: FutureRecord<'_, str, str>) -> (i32, i64) {
    let delivery = producer.send(record, PATIENCE).await.unwrap();
    (delivery.partition, delivery.offset)
}

/// Sends the numbers as records of partition 0, as many in a batch as the client likes.
async fn send_numbers(producer: &FutureProducer, topic: &str, numbers: std::ops::Range<i64>) {
    let texts: Vec<String> = numbers.map(|number| number.to_string()).collect();
    let sent = texts.iter().map(|text| {
        let record = FutureRecord::<str, str>::to(topic).partition(0).payload(text);
        producer.send(record, PATIENCE)
    });
    for delivery in futures::future::join_all(sent).await {
        delivery.unwrap();
    }
}

/// The next `count` records. Blocks: the broker must have threads of its own.
fn take(consumer: &BaseConsumer, count: usize) -> Vec<OwnedMessage> {
    let deadline = Instant::now() + PATIENCE;
    let mut taken = Vec::with_capacity(count);
    while taken.len() < count {
        assert!(Instant::now() < deadline, "only {} of {count} records came", taken.len());
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            taken.push(message.unwrap().detach());
        }
    }
    taken
}

fn offsets(messages: &[OwnedMessage]) -> Vec<i64> {
    messages.iter().map(Message::offset).collect()
}

fn payload(message: &OwnedMessage) -> &str {
    message.payload_view::<str>().unwrap().unwrap()
}

fn numbers(messages: &[OwnedMessage]) -> Vec<i64> {
    messages.iter().map(|message| payload(message).parse().unwrap()).collect()
}
