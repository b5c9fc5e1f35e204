//! The Kafka source against the embedded broker.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, TimeUnit};
use connectors::Registry;
use embedded::kafka::{Broker, Options};
use engine::clock::{Clock, ManualClock};
use engine::connector::{Connectors as _, TableSpec};
use engine::metrics::NodeMetrics;
use engine::source::{Polled, SourceContext, SourceReader};
use model::protocol::S3Settings;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Runtime;

use crate::table::{DEADLINE, Log, Positions, lines, read, reader, registry, source, table};

/// A broker of its own, what tests do with it, and the connectors.
pub(crate) struct Kafka {
    runtime: Runtime,
    broker: Option<Broker>,
    address: SocketAddr,
    pub(crate) registry: Registry,
    pub(crate) log: Log,
    folder: tempfile::TempDir,
}

impl Kafka {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (registry, log) = registry(&S3Settings::default(), runtime.handle().clone());
        let broker = serve(&runtime, folder.path(), "127.0.0.1:0".parse().unwrap());
        let address = broker.address();
        Self { runtime, broker: Some(broker), address, registry, log, folder }
    }

    pub(crate) fn stop_broker(&mut self) {
        if let Some(broker) = self.broker.take() {
            self.runtime.block_on(broker.stop());
        }
    }

    /// On the same address and folder.
    pub(crate) fn start_broker(&mut self) {
        self.broker = Some(serve(&self.runtime, self.folder.path(), self.address));
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address.to_string());
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    pub(crate) fn create(&self, topic: &str, partitions: i32) {
        let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new();
        let done = self.runtime.block_on(self.admin().create_topics([&topic], &options)).unwrap();
        done.into_iter().for_each(|topic| drop(topic.unwrap()));
    }

    fn grow(&self, topic: &str, partitions: usize) {
        let wanted = NewPartitions::new(topic, partitions);
        let options = AdminOptions::new();
        let done = self.runtime.block_on(self.admin().create_partitions([&wanted], &options));
        done.unwrap().into_iter().for_each(|topic| drop(topic.unwrap()));
    }

    /// Writes records `{"id": …}` with their ids as timestamps, from [`EPOCH`] on.
    pub(crate) fn produce(&self, topic: &str, partition: i32, ids: impl IntoIterator<Item = i64>) {
        let producer: BaseProducer = self.config().create().unwrap();
        for id in ids {
            let payload = format!("{{\"id\":{id}}}");
            let record = BaseRecord::<(), _>::to(topic).partition(partition).payload(&payload);
            producer.send(record.timestamp(EPOCH + id)).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(DEADLINE).unwrap();
    }

    /// A table of one column `id`.
    pub(crate) fn table(&self, topic: &str, more: &[(&str, &str)]) -> TableSpec {
        self.table_of(topic, &[("id", DataType::Int64, None)], more)
    }

    pub(crate) fn table_of(
        &self,
        topic: &str,
        columns: &[(&str, DataType, Option<&str>)],
        more: &[(&str, &str)],
    ) -> TableSpec {
        let servers = self.address.to_string();
        let mut options = vec![
            ("connector", "kafka"),
            ("topic", topic),
            ("properties.bootstrap.servers", &servers),
            ("format", "json"),
        ];
        options.extend(more);
        table(&options, columns, &[])
    }

    /// Reads `enough` ids, sorted.
    fn ids(&self, spec: &TableSpec, restored: Option<Positions>, enough: usize) -> Vec<i64> {
        let source = source(&self.registry, spec);
        ids(&mut *reader(&*source, 0, 1, restored), enough)
    }
}

fn serve(runtime: &Runtime, folder: &Path, address: SocketAddr) -> Broker {
    runtime.block_on(Broker::start(folder, address, Options::default())).unwrap()
}

fn ids(reader: &mut dyn SourceReader, enough: usize) -> Vec<i64> {
    numbers(&read(reader, enough))
}

fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    let mut ids: Vec<i64> = lines(batches).iter().map(|line| line.parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// Polls until `holds`; gives the ids that came meanwhile.
fn poll_until(
    reader: &mut dyn SourceReader,
    mut holds: impl FnMut(&mut dyn SourceReader) -> bool,
) -> Vec<i64> {
    let until = Instant::now() + DEADLINE;
    let mut batches = Vec::new();
    while !holds(reader) {
        assert!(Instant::now() < until, "it does not happen");
        if let Polled::Batch { rows, .. } = reader.poll(Duration::from_millis(20)).unwrap() {
            batches.push(rows);
        }
    }
    numbers(&batches)
}

/// The reader has found its partitions and knows where they start.
fn settle(reader: &mut dyn SourceReader) -> Vec<i64> {
    poll_until(reader, |reader| reader.knows_splits())
}

/// Timestamp of record 0.
const EPOCH: i64 = 1_000_000;
const EARLIEST: (&str, &str) = ("scan.startup.mode", "earliest-offset");
const LATEST: (&str, &str) = ("scan.startup.mode", "latest-offset");

#[test]
fn a_reader_goes_on_where_the_checkpoint_stands() {
    let kafka = Kafka::start();
    kafka.create("t", 3);
    for partition in 0..3 {
        kafka.produce("t", partition, (0..2000).map(|i| i * 3 + i64::from(partition)));
    }
    let spec = kafka.table("t", &[EARLIEST]);
    let source = source(&kafka.registry, &spec);
    assert!(!source.bounded());
    let mut first = reader(&*source, 0, 1, None);
    let mut seen = ids(&mut *first, 2500);
    let positions = first.positions().unwrap();
    drop(first);
    assert_eq!(positions.len(), 4);
    // Two subtasks share the rest.
    let mut rest = Vec::new();
    for subtask in 0..2 {
        let mut reader = reader(&*source, subtask, 2, Some(positions.clone()));
        rest.extend(poll_until(&mut *reader, |reader| {
            let positions = reader.positions().unwrap();
            let at_end = |split: &String| positions[split] == "{\"offset\":2000}";
            reader.knows_splits() && reader.splits().iter().all(at_end)
        }));
    }
    seen.extend(rest);
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..6000), "{}", seen.len());
}

#[test]
fn start_modes_begin_where_they_say() {
    let kafka = Kafka::start();
    kafka.create("t", 2);
    kafka.produce("t", 0, 0..10);
    kafka.produce("t", 1, 100..105);
    let with =
        |options: &[(&str, &str)], enough| kafka.ids(&kafka.table("t", options), None, enough);
    assert_eq!(with(&[EARLIEST], 15).len(), 15);
    let from_time =
        [("scan.startup.mode", "timestamp"), ("scan.startup.timestamp-millis", "1000007")];
    assert_eq!(with(&from_time, 8), [7, 8, 9, 100, 101, 102, 103, 104]);
    let from_offsets = [
        ("scan.startup.mode", "specific-offsets"),
        ("scan.startup.specific-offsets", "partition:0,offset:8"),
    ];
    assert_eq!(with(&from_offsets, 7), [8, 9, 100, 101, 102, 103, 104]);

    let latest = source(&kafka.registry, &kafka.table("t", &[LATEST]));
    let mut latest = reader(&*latest, 0, 1, None);
    settle(&mut *latest);
    kafka.produce("t", 1, [7000]);
    assert_eq!(ids(&mut *latest, 1), [7000]);
}

#[test]
fn group_offsets_are_used_and_committed() {
    let kafka = Kafka::start();
    kafka.create("t", 1);
    kafka.produce("t", 0, 0..10);
    let group = ("properties.group.id", "g");
    let from_group = source(&kafka.registry, &kafka.table("t", &[group]));
    let mut lost = reader(&*from_group, 0, 1, None);
    let until = Instant::now() + DEADLINE;
    let error = loop {
        assert!(Instant::now() < until);
        if let Err(error) = lost.poll(Duration::from_millis(20)) {
            break error;
        }
    };
    assert!(error.to_string().contains("`properties.auto.offset.reset`"), "{error}");
    assert!(!error.fault.retry);

    let reset = ("properties.auto.offset.reset", "earliest");
    let spec = kafka.table("t", &[group, reset]);
    let first = source(&kafka.registry, &spec);
    let mut first = reader(&*first, 0, 1, None);
    assert_eq!(ids(&mut *first, 10).len(), 10);
    let positions = first.positions().unwrap();
    first.committed(&positions).unwrap();
    let watcher: BaseConsumer = kafka.config().set("group.id", "g").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition("t", 0);
    poll_until(&mut *first, |_| {
        let committed = watcher.committed_offsets(list.clone(), DEADLINE).unwrap();
        committed.elements()[0].offset() == Offset::Offset(10)
    });
    kafka.produce("t", 0, [10]);
    assert_eq!(kafka.ids(&spec, None, 1), [10]);
}

#[test]
fn a_bounded_scan_ends() {
    let kafka = Kafka::start();
    kafka.create("t", 3);
    kafka.produce("t", 0, 0..1500);
    kafka.produce("t", 1, 2000..2010);
    let bounded = ("scan.bounded.mode", "latest-offset");
    let source = source(&kafka.registry, &kafka.table("t", &[EARLIEST, bounded]));
    assert!(source.bounded());
    let mut first = reader(&*source, 0, 1, None);
    let mut seen = settle(&mut *first);
    let (early, before) = (first.positions().unwrap(), seen.len());
    // What comes later is not read, also not after a restart.
    kafka.produce("t", 0, 5000..5100);
    kafka.produce("t", 2, 6000..6100);
    seen.extend(ids(&mut *first, usize::MAX));
    assert_eq!(seen.len(), 1510);
    assert_eq!(first.splits(), Vec::<String>::new());
    assert!(matches!(first.poll(Duration::ZERO).unwrap(), Polled::EndOfInput));
    let ends = first.positions().unwrap();
    let again = ids(&mut *reader(&*source, 0, 1, Some(early)), usize::MAX);
    assert_eq!(again.len(), 1510 - before);
    let nothing: [i64; 0] = [];
    assert_eq!(ids(&mut *reader(&*source, 0, 1, Some(ends)), usize::MAX), nothing);

    let until_time = [
        EARLIEST,
        ("scan.bounded.mode", "timestamp"),
        ("scan.bounded.timestamp-millis", "1000005"),
    ];
    assert_eq!(kafka.ids(&kafka.table("t", &until_time), None, usize::MAX), [0, 1, 2, 3, 4]);
}

#[test]
fn new_partitions_are_read_from_their_beginning() {
    let kafka = Kafka::start();
    kafka.create("t", 1);
    kafka.produce("t", 0, 0..10);
    let often = ("scan.topic-partition-discovery.interval", "100 ms");
    let source = source(&kafka.registry, &kafka.table("t", &[LATEST, often]));
    let mut first = reader(&*source, 0, 1, None);
    settle(&mut *first);
    let positions = first.positions().unwrap();
    kafka.grow("t", 2);
    kafka.produce("t", 1, 100..103);
    assert_eq!(ids(&mut *first, 3), [100, 101, 102]);
    // Also when the partition came while nobody read.
    let mut second = reader(&*source, 0, 1, Some(positions));
    assert_eq!(ids(&mut *second, 3), [100, 101, 102]);
}

#[test]
fn a_broker_that_is_down_is_waited_for() {
    let mut kafka = Kafka::start();
    kafka.create("t", 1);
    kafka.produce("t", 0, 0..5);
    kafka.stop_broker();
    let source = source(&kafka.registry, &kafka.table("t", &[EARLIEST]));
    let mut reader = reader(&*source, 0, 1, None);
    let log = kafka.log.clone();
    poll_until(&mut *reader, |_| !log.lock().unwrap().is_empty());
    let line = log.lock().unwrap()[0].clone();
    assert!(line.contains(&format!("waiting for Kafka at `{}`", kafka.address)), "{line}");
    assert!(!reader.knows_splits() && reader.positions().unwrap().is_empty());
    kafka.start_broker();
    assert_eq!(ids(&mut *reader, 5).len(), 5);
    // And when it goes away in between.
    kafka.stop_broker();
    kafka.start_broker();
    kafka.produce("t", 0, 5..8);
    assert_eq!(ids(&mut *reader, 3), [5, 6, 7]);
}

#[test]
fn a_topic_that_comes_later_is_read_from_its_beginning() {
    let kafka = Kafka::start();
    let source = source(&kafka.registry, &kafka.table("later", &[LATEST]));
    let mut first = reader(&*source, 0, 1, None);
    settle(&mut *first);
    let positions = first.positions().unwrap();
    assert_eq!(positions.len(), 1);
    kafka.create("later", 1);
    kafka.produce("later", 0, 0..3);
    assert_eq!(ids(&mut *first, 3), [0, 1, 2]);
    assert_eq!(ids(&mut *reader(&*source, 0, 1, Some(positions)), 3), [0, 1, 2]);
    let line = kafka.log.lock().unwrap()[0].clone();
    assert!(line.contains("topic `later` does not exist yet"), "{line}");
}

#[test]
fn an_offset_that_is_gone_is_an_error() {
    let kafka = Kafka::start();
    kafka.create("t", 1);
    kafka.produce("t", 0, 0..3);
    let group = ("properties.group.id", "g");
    let restored = Positions::from([("t/0".to_owned(), "{\"offset\":1000}".to_owned())]);
    let source = source(&kafka.registry, &kafka.table("t", &[group]));
    let mut reader = reader(&*source, 0, 1, Some(restored));
    let until = Instant::now() + DEADLINE;
    let error = loop {
        assert!(Instant::now() < until);
        if let Err(error) = reader.poll(Duration::from_millis(20)) {
            break error;
        }
    };
    assert!(error.to_string().contains("offset 1000 of partition 0 of topic `t`"), "{error}");
}

#[test]
fn topics_are_chosen_by_name_or_pattern() {
    let kafka = Kafka::start();
    for (topic, id) in [("in-a", 1), ("in-b", 2), ("out-in-a", 3)] {
        kafka.create(topic, 1);
        kafka.produce(topic, 0, [id]);
    }
    let columns = [("id", DataType::Int64, None), ("t", DataType::Utf8, Some("topic"))];
    let read_all = |spec: &TableSpec| {
        let source = source(&kafka.registry, spec);
        let mut found = lines(&read(&mut *reader(&*source, 0, 1, None), usize::MAX));
        found.sort();
        found
    };
    let bounded = [EARLIEST, ("scan.bounded.mode", "latest-offset")];
    let named = kafka.table_of("in-a;out-in-a", &columns, &bounded);
    assert_eq!(read_all(&named), ["1|in-a", "3|out-in-a"]);
    let mut matching = kafka.table_of("", &columns, &bounded);
    matching.options.remove("topic");
    matching.options.insert("topic-pattern".to_owned(), "in-.".to_owned());
    assert_eq!(read_all(&matching), ["1|in-a", "2|in-b"]);
}

#[test]
fn records_behind_are_counted() {
    let kafka = Kafka::start();
    kafka.create("t", 1);
    kafka.produce("t", 0, 0..5000);
    let source = source(&kafka.registry, &kafka.table("t", &[EARLIEST]));
    let metrics = Arc::new(NodeMetrics::default());
    let clock = Arc::new(ManualClock::at(0));
    let context = SourceContext {
        subtask: 0,
        parallelism: 1,
        restored: None,
        batch_size: 100,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        metrics: Arc::clone(&metrics),
        attempt: 1,
    };
    let mut reader = source.open(context).unwrap();
    let behind = || metrics.lag_records.load(Ordering::Relaxed);
    let first = read(&mut *reader, 1)[0].num_rows() as u64;
    assert_eq!(behind(), 0);
    clock.set(1000);
    let second = read(&mut *reader, 1)[0].num_rows() as u64;
    assert!(behind() >= 5000 - first - second && behind() <= 5000, "{}", behind());
    read(&mut *reader, 5000 - usize::try_from(first + second).unwrap());
    clock.set(2000);
    poll_until(&mut *reader, |_| behind() == 0);
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let kafka = Kafka::start();
    for (key, value) in [
        ("properties.sasl.mechanism", "AWS_MSK_IAM"),
        ("properties.no.such.thing", "1"),
        ("scan.startup.mode", "group-offsets"),
        ("scan.startup.mode", "timestamp"),
        ("scan.startup.mode", "somewhere"),
        ("topic-pattern", "x"),
        ("key.format", "json"),
        ("nonsense", "1"),
    ] {
        let mut spec = kafka.table("t", &[EARLIEST]);
        spec.options.insert(key.to_owned(), value.to_owned());
        let refused = kafka.registry.source(&spec).unwrap_err();
        assert_eq!(refused.option.as_deref(), Some(key), "{refused}");
        assert!(refused.to_string().contains(key), "{refused}");
    }
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let wrong = [("x", instant, Some("offset"))];
    let refused = kafka.registry.source(&kafka.table_of("t", &wrong, &[EARLIEST])).unwrap_err();
    assert!(refused.to_string().contains("metadata column `x` cannot be `offset`"), "{refused}");
}
