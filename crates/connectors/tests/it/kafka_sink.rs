//! The Kafka sink against the embedded broker, or against Apache Kafka (see `any_kafka`).

use std::sync::Arc;

use arrow::array::{
    BinaryBuilder, Int64Array, MapArray, MapBuilder, MapFieldNames, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use engine::connector::{Connectors as _, TableSpec};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::Kafka;
use crate::table::{DEADLINE, Written, context, lines, read, reader, source};

pub(crate) fn headers_type() -> DataType {
    let entry = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Binary, true),
    ]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

pub(crate) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Headers of two records: `trace` of the first, none of the second.
pub(crate) fn trace_headers() -> MapArray {
    let names = MapFieldNames {
        entry: "entries".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    };
    let mut headers = MapBuilder::new(Some(names), StringBuilder::new(), BinaryBuilder::new());
    headers.keys().append_value("trace");
    headers.values().append_value(b"\x01\x02");
    headers.append(true).unwrap();
    headers.append(false).unwrap();
    headers.finish()
}

pub(crate) fn ids(ids: &[i64]) -> RecordBatch {
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, true)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(ids.to_vec()))]).unwrap()
}

pub(crate) fn id_table(kafka: &Kafka, more: &[(&str, &str)]) -> TableSpec {
    kafka.table_of("out", &[("id", DataType::Int64, None)], more)
}

/// Reads a whole topic as `partition: key=payload`, in the order of the partitions.
fn topic(kafka: &Kafka, topic: &str, enough: usize) -> Vec<String> {
    let topic = kafka.name(topic);
    let consumer: BaseConsumer =
        kafka.config().set("group.id", kafka.name("test")).create().unwrap();
    let metadata = consumer.fetch_metadata(Some(&topic), DEADLINE).unwrap();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(&topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut found = Vec::new();
    while found.len() < enough {
        let record = consumer.poll(DEADLINE).expect("a record").unwrap();
        let text = |bytes: Option<&[u8]>| {
            bytes.map_or("-".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        found.push(format!(
            "{}: {}={}",
            record.partition(),
            text(record.key()),
            text(record.payload())
        ));
    }
    found.sort();
    found
}

#[test]
fn keys_timestamps_and_headers_travel() {
    let kafka = Kafka::start();
    let columns = [
        ("k_id", DataType::Int64, None),
        ("name", DataType::Utf8, None),
        ("at", instant(), Some("timestamp")),
        ("h", headers_type(), Some("headers")),
    ];
    let keyed = [
        ("key.format", "json"),
        ("key.fields", "k_id"),
        ("key.fields-prefix", "k_"),
        ("value.fields-include", "EXCEPT_KEY"),
        ("scan.startup.mode", "earliest-offset"),
        ("scan.bounded.mode", "latest-offset"),
    ];
    // The topic does not exist: the broker makes it.
    let spec = kafka.table_of("out", &columns, &keyed);
    let fields: Vec<Field> =
        columns.iter().map(|(name, kind, _)| Field::new(*name, kind.clone(), true)).collect();
    let times = TimestampMicrosecondArray::from(vec![1_700_000_000_123_000, 5_000]);
    let rows = RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        vec![
            Arc::new(Int64Array::from(vec![1, 2])),
            Arc::new(StringArray::from(vec!["a", "b"])),
            Arc::new(times.with_timezone("UTC")),
            Arc::new(trace_headers()),
        ],
    )
    .unwrap();
    let mut out = Written::open(&kafka.registry, &spec, "a");
    out.write(rows);
    assert!(out.prepare(1).is_empty() && out.committer.is_none());
    let want = ["0: {\"id\":1}={\"name\":\"a\"}", "0: {\"id\":2}={\"name\":\"b\"}"];
    assert_eq!(topic(&kafka, "out", 2), want);

    let mut all = columns.to_vec();
    all.extend([
        ("t", DataType::Utf8, Some("topic")),
        ("p", DataType::Int32, Some("partition")),
        ("o", DataType::Int64, Some("offset")),
        ("tt", DataType::Utf8, Some("timestamp-type")),
    ]);
    let out_topic = kafka.name("out");
    let back = source(&kafka.registry, &kafka.table_of("out", &all, &keyed));
    assert_eq!(
        lines(&read(&mut *reader(&*back, 0, 1, None), usize::MAX)),
        [
            format!("1|a|2023-11-14T22:13:20.123|{{trace: 0102}}|{out_topic}|0|0|CreateTime"),
            format!("2|b|1970-01-01T00:00:00.005|{{}}|{out_topic}|0|1|CreateTime"),
        ]
    );
}

#[test]
fn records_are_spread_as_asked() {
    let kafka = Kafka::start();
    kafka.create("out", 3);
    let round = id_table(&kafka, &[("sink.partitioner", "round-robin")]);
    let mut out = Written::open(&kafka.registry, &round, "a");
    out.write(ids(&[1, 2, 3, 4]));
    out.prepare(1);
    let want = ["0: -={\"id\":1}", "0: -={\"id\":4}", "1: -={\"id\":2}", "2: -={\"id\":3}"];
    assert_eq!(topic(&kafka, "out", 4), want);
    kafka.create("fixed", 3);
    let columns = [("id", DataType::Int64, None)];
    let fixed = kafka.table_of("fixed", &columns, &[("sink.partitioner", "fixed")]);
    let mut out = Written::open(&kafka.registry, &fixed, "a");
    out.write(ids(&[1, 2]));
    out.prepare(1);
    assert_eq!(topic(&kafka, "fixed", 2), ["0: -={\"id\":1}", "0: -={\"id\":2}"]);
}

#[test]
fn more_records_than_fit_the_queue_are_all_written() {
    let kafka = Kafka::start();
    kafka.create("out", 1);
    let spec = id_table(&kafka, &[("properties.queue.buffering.max.messages", "1000")]);
    let mut out = Written::open(&kafka.registry, &spec, "a");
    for begin in (0..20_000).step_by(5000) {
        out.write(ids(&(begin..begin + 5000).collect::<Vec<_>>()));
    }
    out.prepare(1);
    let metadata: BaseConsumer = kafka.config().create().unwrap();
    assert_eq!(metadata.fetch_watermarks(&kafka.name("out"), 0, DEADLINE).unwrap(), (0, 20_000));
}

#[test]
fn what_cannot_be_written_is_refused_by_name() {
    let kafka = Kafka::start();
    for (key, value) in [
        ("sink.partitioner", "org.example.Mine"),
        ("properties.transactional.id", "x"),
        ("properties.partitioner.class", "org.example.Mine"),
        ("sink.parallelism", "2"),
    ] {
        let refused = kafka.registry.sink(&id_table(&kafka, &[(key, value)])).unwrap_err();
        assert_eq!(refused.option.as_deref(), Some(key), "{refused}");
        assert!(refused.to_string().contains(key), "{refused}");
    }
    let many = kafka.table_of("a;b", &[("id", DataType::Int64, None)], &[]);
    assert_eq!(kafka.registry.sink(&many).unwrap_err().option.as_deref(), Some("topic"));
    let wrong = [("id", DataType::Int64, None), ("o", DataType::Int64, Some("offset"))];
    let refused = kafka.registry.sink(&kafka.table_of("t", &wrong, &[])).unwrap_err();
    assert!(refused.to_string().contains("`timestamp` and `headers`"), "{refused}");
    // Properties librdkafka takes one by one but not together show when the client is made.
    let both = [("properties.enable.idempotence", "true"), ("properties.acks", "1")];
    let sink = kafka.registry.sink(&id_table(&kafka, &both)).unwrap();
    let Err(error) = sink.open(context("a")) else { panic!("it must not open") };
    assert!(error.to_string().contains("table `t`"), "{error}");
}
