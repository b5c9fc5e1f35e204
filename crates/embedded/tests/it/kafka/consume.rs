use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::ToBytes;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Message, Offset};

use super::{PATIENCE, Rig, numbers, offsets, send_numbers, take};
use crate::any_kafka::unique;

/// A producer that puts everything it is given at once into one batch.
fn batching(rig: &Rig) -> FutureProducer {
    rig.config().set("linger.ms", "200").set("compression.codec", "zstd").create().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_starts_at_any_offset_also_inside_a_batch() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let t = t.as_str();
    let producer = batching(&rig);
    for batch in 0..4 {
        send_numbers(&producer, t, batch * 10..(batch + 1) * 10).await;
    }
    for start in 0..40 {
        let count = usize::try_from(40 - start).unwrap();
        let taken = take(&rig.reader(t, 0, Offset::Offset(start)), count);
        assert_eq!(offsets(&taken), (start..40).collect::<Vec<_>>());
        assert_eq!(numbers(&taken), (start..40).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_that_is_not_there_is_an_error() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let t = t.as_str();
    send_numbers(&rig.producer(), t, 0..3).await;
    let reader = rig.reader(t, 0, Offset::Offset(4));
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        assert!(Instant::now() < deadline, "no error came");
        if let Some(Err(error)) = reader.poll(Duration::from_millis(100)) {
            break error;
        }
    };
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::AutoOffsetReset), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_found_by_time_exactly() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let t = t.as_str();
    let producer = batching(&rig);
    // Out of order within a batch and between batches; the third batch is older than the second.
    let batches: [&[i64]; 3] = [&[100, 300, 200], &[500, 400], &[250, 350, 600]];
    for times in batches {
        let sent = times.iter().map(|&time| {
            producer.send(FutureRecord::<str, str>::to(t).payload("x").timestamp(time), PATIENCE)
        });
        for delivery in futures::future::join_all(sent).await {
            delivery.unwrap();
        }
    }
    let reader = rig.reader(t, 0, Offset::End);
    for (time, want) in [
        (0, Offset::Offset(0)),
        (100, Offset::Offset(0)),
        (101, Offset::Offset(1)),
        (300, Offset::Offset(1)),
        (301, Offset::Offset(3)),
        (500, Offset::Offset(3)),
        (501, Offset::Offset(7)),
        (600, Offset::Offset(7)),
        (601, Offset::End),
    ] {
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_offset(t, 0, Offset::Offset(time)).unwrap();
        let found = reader.offsets_for_times(wanted, PATIENCE).unwrap();
        assert_eq!(found.elements()[0].offset(), want, "at {time}");
    }
    assert_eq!(reader.fetch_watermarks(t, 0, PATIENCE).unwrap(), (0, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_fetch_is_woken_by_a_record() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 2).await;
    let t = t.as_str();
    let reader: BaseConsumer = rig
        .config()
        .set("group.id", unique("g"))
        .set("fetch.wait.max.ms", "10000")
        .create()
        .unwrap();
    let mut places = TopicPartitionList::new();
    for partition in 0..2 {
        places.add_partition_offset(t, partition, Offset::Offset(0)).unwrap();
    }
    reader.assign(&places).unwrap();
    let producer: FutureProducer = rig.config().set("linger.ms", "0").create().unwrap();
    for round in 0..20 {
        let record = FutureRecord::to(t).partition(round % 2).payload("x").key("k");
        let begun = Instant::now();
        super::send(&producer, record).await;
        take(&reader, 1);
        // The first rounds include connecting.
        let waited = begun.elapsed();
        assert!(round < 5 || waited < Duration::from_secs(5), "round {round}: {waited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_larger_than_what_was_asked_for_is_delivered() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let t = t.as_str();
    let mut config = rig.config();
    let producer: FutureProducer = config.set("message.max.bytes", "20000000").create().unwrap();
    let large = "x".repeat(8 << 20);
    for payload in ["small", &large, "small"] {
        super::send(&producer, FutureRecord::<str, str>::to(t).payload(payload)).await;
    }
    let mut config = rig.config();
    config.set("group.id", unique("g")).set("enable.auto.commit", "false");
    config.set("fetch.message.max.bytes", "1000");
    config.set("receive.message.max.bytes", "20000000").set("fetch.max.bytes", "10000");
    config.set("message.max.bytes", "1000");
    let reader: BaseConsumer = config.create().unwrap();
    let mut places = TopicPartitionList::new();
    places.add_partition_offset(t, 0, Offset::Beginning).unwrap();
    reader.assign(&places).unwrap();
    let taken = take(&reader, 3);
    assert_eq!(taken[1].payload().unwrap().len(), large.to_bytes().len());
}
