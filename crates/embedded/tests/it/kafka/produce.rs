use std::collections::BTreeSet;

use rdkafka::Message;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::{PATIENCE, Rig, numbers, send, send_numbers, take};
use crate::any_kafka::unique;
use crate::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_comes_back_as_it_was_sent() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let t = t.as_str();
    let headers = OwnedHeaders::new().insert(Header { key: "h", value: Some("v") });
    let record = FutureRecord::to(t).key("k").payload("p").timestamp(1_234).headers(headers);
    assert_eq!(send(&rig.producer(), record).await, (0, 0));

    let taken = take(&rig.reader(t, 0, Offset::Beginning), 1);
    let message = &taken[0];
    assert_eq!(message.key(), Some(&b"k"[..]));
    assert_eq!(message.payload(), Some(&b"p"[..]));
    assert_eq!(message.timestamp().to_millis(), Some(1_234));
    let header = message.headers().unwrap().get(0);
    assert_eq!((header.key, header.value), ("h", Some(&b"v"[..])));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_ways_of_acknowledging_and_compressing_work() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let t = t.as_str();
    let mut sent = 0;
    let watcher: BaseConsumer = rig.config().create().unwrap();
    for acks in ["0", "1", "all"] {
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            let mut config = rig.config();
            config.set("acks", acks).set("compression.codec", codec).set("linger.ms", "5");
            let producer: FutureProducer = config.create().unwrap();
            send_numbers(&producer, t, sent..sent + 100).await;
            sent += 100;
            // Without acknowledgements one producer may overtake the next.
            producer.flush(PATIENCE).unwrap();
            eventually("the broker has everything", || {
                watcher.fetch_watermarks(t, 0, PATIENCE).unwrap() == (0, sent)
            });
        }
    }
    let taken = take(&rig.reader(t, 0, Offset::Beginning), usize::try_from(sent).unwrap());
    assert_eq!(numbers(&taken), (0..sent).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_producer_with_zstd_loses_and_doubles_nothing() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let t = t.as_str();
    let mut config = rig.config();
    config.set("enable.idempotence", "true").set("compression.codec", "zstd");
    config.set("batch.num.messages", "50").set("linger.ms", "1");
    let producer: FutureProducer = config.create().unwrap();
    send_numbers(&producer, t, 0..5_000).await;
    let taken = take(&rig.reader(t, 0, Offset::Beginning), 5_000);
    assert_eq!(numbers(&taken), (0..5_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_producers_at_once_fill_many_partitions() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 16).await;
    let t = t.as_str();
    let writers = (0..8).map(|writer| {
        let producer = rig.producer();
        async move {
            let texts: Vec<String> = (0..400).map(|n| format!("{writer}-{n}")).collect();
            let sent = texts.iter().map(|text| {
                send(&producer, FutureRecord::<str, str>::to(t).key(text).payload(text))
            });
            futures::future::join_all(sent).await
        }
    });
    let sent: Vec<(i32, i64)> =
        futures::future::join_all(writers).await.into_iter().flatten().collect();
    let places: BTreeSet<(i32, i64)> = sent.iter().copied().collect();
    assert_eq!(places.len(), 3_200, "every record has a place of its own");

    let mut config = rig.config();
    config.set("group.id", unique("g")).set("enable.auto.commit", "false");
    let reader: BaseConsumer = config.create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..16 {
        all.add_partition_offset(t, partition, Offset::Offset(0)).unwrap();
    }
    reader.assign(&all).unwrap();
    let taken = take(&reader, 3_200);
    for partition in 0..16 {
        let offsets = taken.iter().filter(|m| m.partition() == partition).map(Message::offset);
        let written = places.iter().filter(|(p, _)| *p == partition).map(|(_, offset)| *offset);
        assert_eq!(offsets.collect::<Vec<_>>(), written.collect::<Vec<_>>());
    }
    let seen: BTreeSet<&str> = taken.iter().map(super::payload).collect();
    assert_eq!(seen.len(), 3_200);
}
