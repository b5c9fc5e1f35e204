//! The Kafka source against the embedded broker, or against Apache Kafka (see `any_kafka`).

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, TimeUnit};
use connectors::Registry;
use embedded::kafka::Options;
use engine::clock::{Clock, ManualClock};
use engine::connector::{Connectors as _, TableSpec};
use engine::metrics::{NodeMetrics, UNKNOWN};
use engine::source::{Polled, SourceContext, SourceReader};
use model::protocol::S3Settings;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Runtime;

use crate::any_kafka::{AnyKafka, LOOPBACK, unique};
use crate::table::{DEADLINE, Log, Positions, lines, read, reader, registry, source, table};

/// A Kafka, what tests do with it, and the connectors. Topics and groups are called by short names
/// here; what they are really called nobody else uses (see [`Kafka::name`]).
pub(crate) struct Kafka {
    runtime: Runtime,
    kafka: Option<AnyKafka>,
    pub(crate) servers: String,
    suffix: String,
    pub(crate) registry: Registry,
    pub(crate) log: Log,
    folder: tempfile::TempDir,
}

impl Kafka {
    /// Whatever Kafka the tests are run against.
    pub(crate) fn start() -> Self {
        Self::with(|runtime, folder| runtime.block_on(AnyKafka::start(folder)))
    }

    /// An embedded broker, which can be stopped and started again.
    pub(crate) fn own() -> Self {
        Self::with(|runtime, folder| {
            runtime.block_on(AnyKafka::own(folder, LOOPBACK, Options::default()))
        })
    }

    fn with(start: impl FnOnce(&Runtime, &Path) -> AnyKafka) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (registry, log) = registry(&S3Settings::default(), runtime.handle().clone());
        let kafka = start(&runtime, folder.path());
        let servers = kafka.servers().to_owned();
        let suffix = unique("");
        Self { runtime, kafka: Some(kafka), servers, suffix, registry, log, folder }
    }

    pub(crate) fn stop_broker(&mut self) {
        if let Some(kafka) = self.kafka.take() {
            self.runtime.block_on(kafka.stop());
        }
    }

    /// On the same address and folder.
    pub(crate) fn start_broker(&mut self) {
        let address: SocketAddr = self.servers.parse().unwrap();
        let kafka = AnyKafka::own(self.folder.path(), address, Options::default());
        self.kafka = Some(self.runtime.block_on(kafka));
    }

    /// What a topic, a group or a transactional id of this name is really called. The methods that
    /// take names of topics do this themselves.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    pub(crate) fn create(&self, topic: &str, partitions: i32) {
        let topic = self.name(topic);
        let topic = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new();
        let done = self.runtime.block_on(self.admin().create_topics([&topic], &options)).unwrap();
        done.into_iter().for_each(|topic| drop(topic.unwrap()));
    }

    fn grow(&self, topic: &str, partitions: usize) {
        let topic = self.name(topic);
        let wanted = NewPartitions::new(&topic, partitions);
        let options = AdminOptions::new();
        let done = self.runtime.block_on(self.admin().create_partitions([&wanted], &options));
        done.unwrap().into_iter().for_each(|topic| drop(topic.unwrap()));
    }

    /// Writes records `{"id": …}` with their ids as timestamps, from [`EPOCH`] on.
    pub(crate) fn produce(&self, topic: &str, partition: i32, ids: impl IntoIterator<Item = i64>) {
        let topic = self.name(topic);
        let producer: BaseProducer = self.config().create().unwrap();
        for id in ids {
            let payload = format!("{{\"id\":{id}}}");
            let record = BaseRecord::<(), _>::to(&topic).partition(partition).payload(&payload);
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
        let topics: Vec<String> = topic.split(';').map(|topic| self.name(topic)).collect();
        let topics = topics.join(";");
        let mut options = vec![
            ("connector", "kafka"),
            ("topic", &topics),
            ("properties.bootstrap.servers", &self.servers),
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

pub(crate) fn ids(reader: &mut dyn SourceReader, enough: usize) -> Vec<i64> {
    numbers(&read(reader, enough))
}

fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    let mut ids: Vec<i64> = lines(batches).iter().map(|line| line.parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// Polls until `holds`; gives the ids that came meanwhile.
pub(crate) fn poll_until(
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
pub(crate) const EARLIEST: (&str, &str) = ("scan.startup.mode", "earliest-offset");
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
    let name = kafka.name("g");
    let group = ("properties.group.id", name.as_str());
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
    let watcher: BaseConsumer = kafka.config().set("group.id", &name).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition(&kafka.name("t"), 0);
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
    let later = kafka.name("later");
    assert!(line.contains(&format!("topic `{later}` does not exist yet")), "{line}");
}

#[test]
fn an_offset_that_is_gone_is_an_error() {
    let kafka = Kafka::start();
    kafka.create("t", 1);
    kafka.produce("t", 0, 0..3);
    let (group, topic) = (kafka.name("g"), kafka.name("t"));
    let group = ("properties.group.id", group.as_str());
    let restored = Positions::from([(format!("{topic}/0"), "{\"offset\":1000}".to_owned())]);
    let source = source(&kafka.registry, &kafka.table("t", &[group]));
    let mut reader = reader(&*source, 0, 1, Some(restored));
    let until = Instant::now() + DEADLINE;
    let error = loop {
        assert!(Instant::now() < until);
        if let Err(error) = reader.poll(Duration::from_millis(20)) {
            break error;
        }
    };
    let wanted = format!("offset 1000 of partition 0 of topic `{topic}`");
    assert!(error.to_string().contains(&wanted), "{error}");
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
        let found = lines(&read(&mut *reader(&*source, 0, 1, None), usize::MAX));
        let mut found: Vec<String> =
            found.into_iter().map(|line| line.replace(&kafka.name(""), "")).collect();
        found.sort();
        found
    };
    let bounded = [EARLIEST, ("scan.bounded.mode", "latest-offset")];
    let named = kafka.table_of("in-a;out-in-a", &columns, &bounded);
    assert_eq!(read_all(&named), ["1|in-a", "3|out-in-a"]);
    let mut matching = kafka.table_of("", &columns, &bounded);
    matching.options.remove("topic");
    matching.options.insert("topic-pattern".to_owned(), kafka.name("in-."));
    assert_eq!(read_all(&matching), ["1|in-a", "2|in-b"]);
}

#[test]
fn records_behind_are_counted() {
    let kafka = Kafka::start();
    kafka.create("t", 1);
    kafka.produce("t", 0, 0..5000);
    let source = source(&kafka.registry, &kafka.table("t", &[EARLIEST]));
    let metrics = Arc::new(NodeMetrics::default());
    // Later than the newest record by 10 s.
    let now = EPOCH + 15_000;
    let clock = Arc::new(ManualClock::at(now));
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
    let age = || metrics.behind_ms.load(Ordering::Relaxed);
    assert_eq!(age(), UNKNOWN);
    let first = read(&mut *reader, 1)[0].num_rows() as u64;
    assert_eq!(behind(), 0);
    clock.set(now + 1000);
    let second = read(&mut *reader, 1)[0].num_rows() as u64;
    assert!(behind() >= 5000 - first - second && behind() <= 5000, "{}", behind());
    assert!((11_000..=16_000).contains(&age()), "{}", age());
    read(&mut *reader, 5000 - usize::try_from(first + second).unwrap());
    clock.set(now + 2000);
    poll_until(&mut *reader, |_| behind() == 0);
    assert_eq!(age(), 0);
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
