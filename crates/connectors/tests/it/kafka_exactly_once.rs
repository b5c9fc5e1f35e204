//! The exactly-once Kafka sink: what is in the topic for who reads `read_committed`, whatever
//! happens between a checkpoint and its commit.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use engine::batch::Batch;
use engine::connector::{Connectors as _, TableSpec};
use engine::sink::{CommitContext, Committable, Committer, Sink, SinkContext, SinkWriter};
use engine::stash::{MemoryStash, Stash};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Headers as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::Kafka;
use crate::kafka_sink::{headers_type, instant, trace_headers};
use crate::table::{DEADLINE, committing, context};

/// A column: name, type, metadata key.
type Column<'a> = (&'a str, DataType, Option<&'a str>);

/// A table written exactly once.
fn table_of(
    kafka: &Kafka,
    topic: &str,
    columns: &[Column<'_>],
    more: &[(&str, &str)],
) -> TableSpec {
    let prefix = kafka.name("tx");
    let ours = [
        ("sink.delivery-guarantee", "exactly-once"),
        ("sink.transactional-id-prefix", prefix.as_str()),
    ];
    kafka.table_of(topic, columns, &[&ours[..], more].concat())
}

/// One of a single column `id`.
fn table(kafka: &Kafka, topic: &str, more: &[(&str, &str)]) -> TableSpec {
    table_of(kafka, topic, &[("id", DataType::Int64, None)], more)
}

fn ids(ids: impl IntoIterator<Item = i64>) -> RecordBatch {
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, true)]);
    let ids: Vec<i64> = ids.into_iter().collect();
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(ids))]).unwrap()
}

/// One sink, its stash, and the attempts that use it.
struct Story {
    sink: Arc<dyn Sink>,
    stash: Arc<MemoryStash>,
}

impl Story {
    fn of(kafka: &Kafka, spec: &TableSpec) -> Self {
        Self { sink: kafka.registry.sink(spec).unwrap(), stash: Arc::default() }
    }

    fn writer(&self, attempt: u64, subtask: usize) -> Box<dyn SinkWriter> {
        let stash: Arc<dyn Stash> = Arc::<MemoryStash>::clone(&self.stash);
        let context = context(&format!("a-{attempt}"));
        self.sink.open(SinkContext { attempt, subtask, stash, ..context }).unwrap()
    }

    fn committer(&self, attempt: u64) -> Box<dyn Committer> {
        let stash: Arc<dyn Stash> = Arc::<MemoryStash>::clone(&self.stash);
        let context = CommitContext { stash, ..committing(attempt) };
        self.sink.committer(context).unwrap().unwrap()
    }

    /// What a writer of `attempt` prepares for a checkpoint.
    fn prepared(&self, attempt: u64, checkpoint: u64, rows: RecordBatch) -> Vec<Committable> {
        let mut writer = self.writer(attempt, 0);
        writer.write(Batch::of(rows)).unwrap();
        writer.prepare(checkpoint).unwrap()
    }

    fn stashed(&self) -> usize {
        self.stash.list().unwrap().len()
    }
}

/// All committed records of a topic as `key=payload`, sorted.
fn committed(kafka: &Kafka, topic: &str) -> Vec<String> {
    let topic = kafka.name(topic);
    let topic = topic.as_str();
    let mut config = kafka.config();
    config.set("group.id", "test").set("enable.partition.eof", "true");
    config.set("isolation.level", "read_committed");
    let consumer: BaseConsumer = config.create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), DEADLINE).unwrap();
    let partitions = metadata.topics()[0].partitions();
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut found, mut ended) = (Vec::new(), 0);
    while ended < partitions.len() {
        match consumer.poll(DEADLINE).expect("an end") {
            Ok(record) => {
                let text = |bytes: Option<&[u8]>| {
                    bytes.map_or("-".to_owned(), |b| String::from_utf8_lossy(b).into_owned())
                };
                found.push(format!("{}={}", text(record.key()), text(record.payload())));
            }
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{error}"),
        }
    }
    found.sort();
    found
}

fn lines(ids: impl IntoIterator<Item = i64>) -> Vec<String> {
    let mut lines: Vec<String> = ids.into_iter().map(|id| format!("-={{\"id\":{id}}}")).collect();
    lines.sort();
    lines
}

#[test]
fn output_is_visible_after_its_commit_and_only_once() {
    let kafka = Kafka::start();
    kafka.create("once", 2);
    let story = Story::of(&kafka, &table(&kafka, "once", &[]));
    let mut first = story.committer(1);
    first.take_over(&[]).unwrap();
    let one = story.prepared(1, 1, ids(0..3));
    assert_eq!(committed(&kafka, "once"), lines([]));
    first.commit(1, &one).unwrap();
    assert_eq!(committed(&kafka, "once"), lines(0..3));

    // Recorded, but the process dies before it commits; so does the next, after it has.
    let two = story.prepared(1, 2, ids(3..5));
    drop(first);
    let unfinished = [(2, two)];
    story.committer(2).take_over(&unfinished).unwrap();
    assert_eq!(committed(&kafka, "once"), lines(0..5));
    let mut third = story.committer(3);
    third.take_over(&unfinished).unwrap();
    third.commit(3, &story.prepared(3, 3, ids(5..6))).unwrap();
    assert_eq!(committed(&kafka, "once"), lines(0..6));
}

#[test]
fn a_topic_that_does_not_exist_is_made_by_brokers_that_make_topics() {
    let kafka = Kafka::start();
    let story = Story::of(&kafka, &table(&kafka, "missing", &[]));
    let mut first = story.committer(1);
    first.take_over(&[]).unwrap();
    first.commit(1, &story.prepared(1, 1, ids(0..3))).unwrap();
    assert_eq!(committed(&kafka, "missing"), lines(0..3));
}

#[test]
fn an_attempt_that_was_superseded_sends_nothing() {
    let kafka = Kafka::start();
    kafka.create("fenced", 1);
    let story = Story::of(&kafka, &table(&kafka, "fenced", &[]));
    let mut old = story.committer(1);
    old.take_over(&[]).unwrap();
    let one = story.prepared(1, 1, ids(0..3));
    let mut new = story.committer(2);
    new.take_over(&[(1, one.clone())]).unwrap();
    let error = old.commit(1, &one).unwrap_err();
    assert!(error.to_string().contains("has taken over"), "{error}");
    assert_eq!(committed(&kafka, "fenced"), lines(0..3));
    new.commit(2, &story.prepared(2, 2, ids(3..4))).unwrap();
    // Not even if it begins anew.
    let error = story.committer(1).take_over(&[(1, one)]).unwrap_err();
    assert!(error.to_string().contains("attempt 2 has sent checkpoint 2"), "{error}");
    assert_eq!(committed(&kafka, "fenced"), lines(0..4));
}

#[test]
fn what_a_dead_process_had_open_holds_nobody_up() {
    let kafka = Kafka::start();
    kafka.create("open", 1);
    let story = Story::of(&kafka, &table(&kafka, "open", &[]));
    let mut first = story.committer(1);
    first.take_over(&[]).unwrap();
    let one = story.prepared(1, 1, ids(0..3));
    drop(first);
    // A process of attempt 2 dies in the middle of its transaction.
    let mut config = kafka.config();
    config
        .set("transactional.id", kafka.name("tx") + "-a-sink")
        .set("transaction.timeout.ms", "600000");
    let dead: BaseProducer = config.create().unwrap();
    dead.init_transactions(DEADLINE).unwrap();
    dead.begin_transaction().unwrap();
    let topic = kafka.name("open");
    dead.send(BaseRecord::<str, str>::to(&topic).payload("{\"id\":0}").key("half")).unwrap();
    dead.flush(DEADLINE).unwrap();
    story.committer(3).take_over(&[(1, one)]).unwrap();
    assert_eq!(committed(&kafka, "open"), lines(0..3));
    dead.commit_transaction(DEADLINE).unwrap_err();
    assert_eq!(committed(&kafka, "open"), lines(0..3));
}

#[test]
fn output_of_any_parallelism_is_sent_together() {
    let kafka = Kafka::start();
    kafka.create("wide", 3);
    let spec = table(&kafka, "wide", &[("sink.partitioner", "round-robin")]);
    let story = Story::of(&kafka, &spec);
    let mut committables = Vec::new();
    for subtask in 0..3 {
        let mut writer = story.writer(1, usize::try_from(subtask).unwrap());
        writer.write(Batch::of(ids(subtask * 10..subtask * 10 + 4))).unwrap();
        committables.extend(writer.prepare(1).unwrap());
        assert!(writer.prepare(2).unwrap().is_empty(), "nothing was written since");
    }
    let mut committer = story.committer(1);
    committer.take_over(&[]).unwrap();
    committer.commit(1, &committables).unwrap();
    let all = (0..4).chain(10..14).chain(20..24);
    assert_eq!(committed(&kafka, "wide"), lines(all));
}

#[test]
fn large_output_waits_in_the_stash() {
    let kafka = Kafka::start();
    kafka.create("large", 1);
    let columns = [("id", DataType::Int64, None), ("text", DataType::Utf8, None)];
    let story = Story::of(&kafka, &table_of(&kafka, "large", &columns, &[]));
    let text = "x".repeat(1000);
    let rows = |from: i64| {
        let fields: Vec<Field> =
            columns.iter().map(|(name, kind, _)| Field::new(*name, kind.clone(), true)).collect();
        let ids = Int64Array::from((from..from + 3000).collect::<Vec<_>>());
        let texts = StringArray::from(vec![text.as_str(); 3000]);
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(ids), Arc::new(texts)])
            .unwrap()
    };
    let mut writer = story.writer(1, 0);
    for from in [0, 3000, 6000] {
        writer.write(Batch::of(rows(from))).unwrap();
    }
    let one = writer.prepare(1).unwrap();
    assert_eq!(story.stashed(), 2);
    assert!(one[0].len() < 500, "{}", one[0]);
    writer.write(Batch::of(rows(9000))).unwrap();
    let two = writer.prepare(2).unwrap();
    let mut committer = story.committer(1);
    committer.take_over(&[]).unwrap();
    committer.commit(1, &one).unwrap();
    assert_eq!(story.stashed(), 3);
    // What was sent before is not needed any more.
    committer.commit(2, &two).unwrap();
    assert_eq!(story.stashed(), 1);
    let all = committed(&kafka, "large");
    assert_eq!(all.len(), 12_000);
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    // Output that no checkpoint holds.
    committer.abort(&story.prepared(1, 3, rows(0))).unwrap();
    assert_eq!(story.stashed(), 1);
}

#[test]
fn keys_timestamps_and_headers_wait_with_their_records() {
    let kafka = Kafka::start();
    kafka.create("parts", 1);
    let columns = [
        ("k", DataType::Int64, None),
        ("at", instant(), Some("timestamp")),
        ("h", headers_type(), Some("headers")),
    ];
    let keyed = [("key.format", "json"), ("key.fields", "k")];
    let story = Story::of(&kafka, &table_of(&kafka, "parts", &columns, &keyed));
    let fields: Vec<Field> =
        columns.iter().map(|(name, kind, _)| Field::new(*name, kind.clone(), true)).collect();
    let times = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_123_000), None]);
    let rows = RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        vec![
            Arc::new(Int64Array::from(vec![1, 2])),
            Arc::new(times.with_timezone("UTC")),
            Arc::new(trace_headers()),
        ],
    );
    let one = story.prepared(1, 1, rows.unwrap());
    let mut committer = story.committer(1);
    committer.take_over(&[]).unwrap();
    committer.commit(1, &one).unwrap();

    let mut config = kafka.config();
    let consumer: BaseConsumer = config.set("group.id", "test").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&kafka.name("parts"), 0, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let first = consumer.poll(DEADLINE).unwrap().unwrap();
    assert_eq!((first.key(), first.payload()), (Some(&b"{\"k\":1}"[..]), Some(&b"{\"k\":1}"[..])));
    assert_eq!(first.timestamp().to_millis(), Some(1_700_000_000_123));
    let header = first.headers().unwrap().get(0);
    assert_eq!((header.key, header.value), ("trace", Some(&b"\x01\x02"[..])));
    let second = consumer.poll(DEADLINE).unwrap().unwrap();
    assert_eq!(second.key(), Some(&b"{\"k\":2}"[..]));
    assert!(second.headers().is_none_or(|headers| headers.count() == 0));
}

#[test]
fn a_broker_that_goes_and_comes_back_loses_nothing() {
    let mut kafka = Kafka::own();
    kafka.create("back", 1);
    let story = Story::of(&kafka, &table(&kafka, "back", &[]));
    let mut committer = story.committer(1);
    committer.take_over(&[]).unwrap();
    committer.commit(1, &story.prepared(1, 1, ids(0..2))).unwrap();
    kafka.stop_broker();
    let two = story.prepared(1, 2, ids(2..4));
    let thread = std::thread::spawn(move || committer.commit(2, &two).map(|()| committer));
    kafka.start_broker();
    let mut committer = thread.join().unwrap().unwrap();
    committer.commit(3, &story.prepared(1, 3, ids(4..5))).unwrap();
    assert_eq!(committed(&kafka, "back"), lines(0..5));
}

#[test]
fn a_lost_marker_is_not_guessed() {
    let kafka = Kafka::start();
    kafka.create("lost", 1);
    let story = Story::of(&kafka, &table(&kafka, "lost", &[]));
    let one = story.prepared(1, 1, ids(0..2));
    let error = story.committer(2).take_over(&[(1, one.clone())]).unwrap_err();
    assert!(error.to_string().contains("`sink.lost-marker`"), "{error}");
    assert!(!error.fault.retry);
    assert_eq!(committed(&kafka, "lost"), lines([]));
    let spec = table(&kafka, "lost", &[("sink.lost-marker", "send")]);
    let told = Story { sink: kafka.registry.sink(&spec).unwrap(), ..story };
    told.committer(3).take_over(&[(1, one)]).unwrap();
    assert_eq!(committed(&kafka, "lost"), lines(0..2));
}

#[test]
fn what_kafka_would_refuse_is_refused_before_the_checkpoint() {
    let kafka = Kafka::start();
    kafka.create("limit", 1);
    let columns = [("text", DataType::Utf8, None)];
    let story = Story::of(&kafka, &table_of(&kafka, "limit", &columns, &[]));
    let long = "x".repeat(1_000_000);
    let schema = Schema::new(vec![Field::new("text", DataType::Utf8, true)]);
    let rows =
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(StringArray::from(vec![long]))]);
    let error = story.writer(1, 0).write(Batch::of(rows.unwrap())).unwrap_err();
    assert!(error.to_string().contains("too large for topic `limit"), "{error}");
    assert!(!error.fault.retry);

    let no_prefix = [("sink.delivery-guarantee", "exactly-once")];
    let refused = kafka.registry.sink(&kafka.table_of("limit", &columns, &no_prefix)).unwrap_err();
    assert!(refused.to_string().contains("sink.transactional-id-prefix"), "{refused}");
    let weak = table_of(&kafka, "limit", &columns, &[("properties.acks", "1")]);
    let refused = kafka.registry.sink(&weak).unwrap_err();
    assert_eq!(refused.option.as_deref(), Some("properties.acks"));
}
