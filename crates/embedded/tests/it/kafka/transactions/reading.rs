use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::{PATIENCE, Rig, SHORT, numbers, read_until, take, transactional, write};
use crate::any_kafka::unique;
use crate::eventually;
use crate::kafka::{offsets, send, send_numbers};

#[tokio::test(flavor = "multi_thread")]
async fn committed_records_are_seen_and_aborted_ones_are_not() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let producer = transactional(&rig, &unique("x"));
    for (round, ends_well) in [true, false, true, false, false, true].into_iter().enumerate() {
        let first = i64::try_from(round).unwrap() * 10;
        producer.begin_transaction().unwrap();
        write(&producer, &t, 0, first..first + 10);
        match ends_well {
            true => producer.commit_transaction(PATIENCE).unwrap(),
            false => producer.abort_transaction(PATIENCE).unwrap(),
        }
    }
    let committed: Vec<i64> = (0..10).chain(20..30).chain(50..60).collect();
    let reader = rig.committed(&t, 0, Offset::Beginning);
    let taken = take(&reader, 30);
    assert_eq!(numbers(&taken), committed);
    // Each transaction has a marker at its end, which takes an offset.
    let places: Vec<i64> = (0..10).chain(22..32).chain(55..65).collect();
    assert_eq!(offsets(&taken), places);
    assert_eq!(read_until(&rig, "read_uncommitted", &t, 59), (0..60).collect::<Vec<_>>());
    assert_eq!(reader.fetch_watermarks(&t, 0, PATIENCE).unwrap(), (0, 66));
    // From any offset on, also from inside what was aborted and from a marker.
    for start in 0..66 {
        let rest: Vec<i64> = places.iter().copied().filter(|place| *place >= start).collect();
        let taken = take(&rig.committed(&t, 0, Offset::Offset(start)), rest.len());
        assert_eq!(offsets(&taken), rest, "from {start} on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_holds_readers_of_committed_records_back() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let plain = rig.producer();
    send_numbers(&plain, &t, 0..5).await;
    let producer = transactional(&rig, &unique("x"));
    producer.begin_transaction().unwrap();
    write(&producer, &t, 0, 5..10);
    send_numbers(&plain, &t, 10..15).await;

    let (all, committed) =
        (rig.reader(&t, 0, Offset::Beginning), rig.committed(&t, 0, Offset::Beginning));
    assert_eq!(numbers(&take(&all, 15)), (0..15).collect::<Vec<_>>());
    assert_eq!(numbers(&take(&committed, 5)), (0..5).collect::<Vec<_>>());
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        assert!(committed.poll(SHORT).is_none(), "nothing may come while it is open");
    }
    assert_eq!(all.fetch_watermarks(&t, 0, PATIENCE).unwrap(), (0, 15));
    assert_eq!(committed.fetch_watermarks(&t, 0, PATIENCE).unwrap(), (0, 5));
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(numbers(&take(&committed, 10)), (5..15).collect::<Vec<_>>());
    assert_eq!(committed.fetch_watermarks(&t, 0, PATIENCE).unwrap(), (0, 16));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_several_producers_mix_in_a_partition() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let producers: Vec<_> = (0..3).map(|_| transactional(&rig, &unique("x"))).collect();
    for producer in &producers {
        producer.begin_transaction().unwrap();
    }
    for round in 0..10 {
        for (n, producer) in (0..).zip(&producers) {
            let number = round * 3 + n;
            write(producer, &t, 0, number..number + 1);
        }
    }
    producers[1].abort_transaction(PATIENCE).unwrap();
    producers[2].commit_transaction(PATIENCE).unwrap();
    producers[1].begin_transaction().unwrap();
    write(&producers[1], &t, 0, 30..31);
    producers[0].commit_transaction(PATIENCE).unwrap();
    producers[1].commit_transaction(PATIENCE).unwrap();
    let want: Vec<i64> = (0..31).filter(|number| number % 3 != 1 || *number == 30).collect();
    assert_eq!(read_until(&rig, "read_committed", &t, 30), want);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_over_many_partitions_appears_as_one() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 12).await;
    let id = unique("x");
    let mut config = rig.config();
    config.set("transactional.id", &id).set("compression.codec", "zstd");
    config.set("batch.num.messages", "50").set("linger.ms", "5");
    let producer: FutureProducer = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    for (first, ends_well) in [(0, true), (6_000, false), (12_000, true)] {
        producer.begin_transaction().unwrap();
        let texts: Vec<String> = (first..first + 6_000).map(|n: i32| n.to_string()).collect();
        let sent = (0..).zip(&texts).map(|(n, text)| {
            let record = FutureRecord::<str, str>::to(&t).partition(n % 12).payload(text);
            send(&producer, record)
        });
        futures::future::join_all(sent).await;
        match ends_well {
            true => producer.commit_transaction(PATIENCE).unwrap(),
            false => producer.abort_transaction(PATIENCE).unwrap(),
        }
    }
    let mut config = rig.config();
    config.set("group.id", unique("g")).set("isolation.level", "read_committed");
    config.set("enable.auto.commit", "false").set("fetch.message.max.bytes", "2000");
    let reader: BaseConsumer = config.create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..12 {
        all.add_partition_offset(&t, partition, Offset::Beginning).unwrap();
    }
    reader.assign(&all).unwrap();
    let mut seen = numbers(&take(&reader, 12_000));
    seen.sort_unstable();
    assert!(seen.iter().copied().eq((0..6_000).chain(12_000..18_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_looked_up_only_in_what_the_reader_may_see() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let plain = rig.producer();
    for time in [100, 200] {
        send(&plain, FutureRecord::<str, str>::to(&t).payload("x").timestamp(time)).await;
    }
    let producer: FutureProducer =
        rig.config().set("transactional.id", unique("x")).create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    send(&producer, FutureRecord::<str, str>::to(&t).payload("x").timestamp(300)).await;
    let find = |reader: &BaseConsumer, time| {
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_offset(&t, 0, Offset::Offset(time)).unwrap();
        reader.offsets_for_times(wanted, PATIENCE).unwrap().elements()[0].offset()
    };
    let (all, committed) = (rig.reader(&t, 0, Offset::End), rig.committed(&t, 0, Offset::End));
    assert_eq!((find(&all, 150), find(&committed, 150)), (Offset::Offset(1), Offset::Offset(1)));
    assert_eq!((find(&all, 250), find(&committed, 250)), (Offset::Offset(2), Offset::End));
    producer.commit_transaction(PATIENCE).unwrap();
    eventually("the record is found", || find(&committed, 250) == Offset::Offset(2));
}
