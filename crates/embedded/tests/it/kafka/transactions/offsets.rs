use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::{PATIENCE, Rig, SHORT, numbers, reason, take, transactional, write};
use crate::any_kafka::unique;
use crate::eventually;
use crate::kafka::send_numbers;

fn place(topic: &str, partition: i32, offset: i64, metadata: &str) -> TopicPartitionList {
    let mut places = TopicPartitionList::new();
    places.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
    let mut element = places.find_partition(topic, partition).unwrap();
    element.set_metadata(metadata);
    places
}

/// Offset and metadata that a group has committed for partition 0.
fn committed(rig: &Rig, group: &str, topic: &str) -> (Offset, String) {
    let watcher: BaseConsumer = rig.config().set("group.id", group).create().unwrap();
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition(topic, 0);
    let found = watcher.committed_offsets(wanted, PATIENCE).unwrap();
    let element = &found.elements()[0];
    (element.offset(), element.metadata().to_owned())
}

fn member(rig: &Rig, group: &str, topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = rig
        .config()
        .set("group.id", group)
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "100")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_of_a_transaction_count_if_it_is_committed() {
    let rig = Rig::any().await;
    let (t, group) = (rig.topic("t", 1).await, unique("g"));
    let producer = transactional(&rig, &unique("x"));
    let nobody: BaseConsumer = rig.config().set("group.id", &group).create().unwrap();
    let nobody = nobody.group_metadata().unwrap();
    let send = |offset, metadata| {
        producer.begin_transaction().unwrap();
        let places = place(&t, 0, offset, metadata);
        producer.send_offsets_to_transaction(&places, &nobody, PATIENCE).unwrap();
    };
    send(5, "five");
    producer.commit_transaction(PATIENCE).unwrap();
    eventually("it is committed", || {
        committed(&rig, &group, &t) == (Offset::Offset(5), "five".into())
    });
    send(6, "six");
    producer.abort_transaction(PATIENCE).unwrap();
    assert_eq!(committed(&rig, &group, &t), (Offset::Offset(5), "five".into()));
    // Also with records, and twice in one transaction: the last one counts.
    send(7, "seven");
    write(&producer, &t, 0, 0..1);
    let places = place(&t, 0, 8, "eight");
    producer.send_offsets_to_transaction(&places, &nobody, PATIENCE).unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
    eventually("it is committed", || {
        committed(&rig, &group, &t) == (Offset::Offset(8), "eight".into())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_starts_waits_for_offsets_that_are_not_decided() {
    let rig = Rig::any().await;
    let (t, group) = (rig.topic("t", 1).await, unique("g"));
    send_numbers(&rig.producer(), &t, 0..10).await;
    let producer = transactional(&rig, &unique("x"));
    let nobody: BaseConsumer = rig.config().set("group.id", &group).create().unwrap();
    producer.begin_transaction().unwrap();
    let metadata = nobody.group_metadata().unwrap();
    producer.send_offsets_to_transaction(&place(&t, 0, 7, ""), &metadata, PATIENCE).unwrap();
    let consumer = member(&rig, &group, &t);
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        assert!(consumer.poll(SHORT).is_none(), "it must not start anywhere yet");
    }
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(numbers(&take(&consumer, 3)), [7, 8, 9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_a_former_round_cannot_commit_in_a_transaction() {
    let rig = Rig::any().await;
    let (t, group) = (rig.topic("t", 2).await, unique("g"));
    let share = |consumer: &BaseConsumer| {
        assert!(consumer.poll(Duration::from_millis(50)).is_none());
        consumer.assignment().unwrap().count()
    };
    let first = member(&rig, &group, &t);
    eventually("the first has everything", || share(&first) == 2);
    let before = first.group_metadata().unwrap();
    let second = member(&rig, &group, &t);
    eventually("each has half", || (share(&first), share(&second)) == (1, 1));

    let producer = transactional(&rig, &unique("x"));
    producer.begin_transaction().unwrap();
    let places = place(&t, 0, 3, "");
    let error = reason(producer.send_offsets_to_transaction(&places, &before, PATIENCE));
    assert_eq!(error.code(), RDKafkaErrorCode::IllegalGeneration, "{error}");
    assert!(error.txn_requires_abort(), "{error}");
    producer.abort_transaction(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let now = first.group_metadata().unwrap();
    producer.send_offsets_to_transaction(&places, &now, PATIENCE).unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
    eventually("it is committed", || committed(&rig, &group, &t).0 == Offset::Offset(3));
}

/// Copies records in transactions of at most 50 until `enough` says so. Whatever fails is aborted.
fn copy(rig: &Rig, group: &str, from: &str, to: &str, mut enough: impl FnMut(usize) -> bool) {
    let consumer = member(rig, group, from);
    let producer = transactional(rig, &unique("copy"));
    let mut transactions = 0;
    while !enough(transactions) {
        let mut next = TopicPartitionList::new();
        producer.begin_transaction().unwrap();
        let mut copied = 0;
        while copied < 50
            && let Some(message) = consumer.poll(SHORT)
        {
            let Ok(message) = message else { continue };
            let record = BaseRecord::<(), [u8]>::to(to).payload(message.payload().unwrap());
            producer.send(record).map_err(|(error, _)| error).unwrap();
            let offset = Offset::Offset(message.offset() + 1);
            match next.find_partition(from, message.partition()) {
                Some(mut known) => known.set_offset(offset).unwrap(),
                None => next.add_partition_offset(from, message.partition(), offset).unwrap(),
            }
            copied += 1;
        }
        let metadata = consumer.group_metadata().unwrap();
        let sent = producer
            .send_offsets_to_transaction(&next, &metadata, PATIENCE)
            .and_then(|()| producer.commit_transaction(PATIENCE));
        if let Err(error) = sent {
            // Others have its partitions now; they begin where this one has committed last.
            assert!(!error.to_string().contains("atal"), "{error}");
            producer.abort_transaction(PATIENCE).unwrap();
            consumer.unsubscribe();
            consumer.subscribe(&[from]).unwrap();
        } else if copied > 0 {
            transactions += 1;
        }
    }
    // The last one dies with a transaction open.
    producer.begin_transaction().unwrap();
    let record = BaseRecord::<(), str>::to(to).payload("-1");
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
    producer.abort_transaction(PATIENCE).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn records_are_copied_exactly_once_while_the_group_changes() {
    let rig = Rig::any().await;
    let (from, to) = (rig.topic("from", 4).await, rig.topic("to", 1).await);
    let (group, plain) = (unique("g"), rig.producer());
    let texts: Vec<String> = (0..4_000).map(|n| n.to_string()).collect();
    let sent = (0..).zip(&texts).map(|(n, text)| {
        let record = rdkafka::producer::FutureRecord::<str, str>::to(&from);
        crate::kafka::send(&plain, record.partition(n % 4).payload(text))
    });
    futures::future::join_all(sent).await;

    let seen = std::sync::Mutex::new(Vec::new());
    let is_done = || seen.lock().unwrap().len() >= 4_000;
    std::thread::scope(|scope| {
        scope.spawn(|| copy(&rig, &group, &from, &to, |_| is_done()));
        // These come and go.
        for _ in 0..2 {
            scope.spawn(|| copy(&rig, &group, &from, &to, |done| done >= 8 || is_done()));
        }
        let reader = rig.committed(&to, 0, Offset::Beginning);
        let deadline = Instant::now() + 3 * PATIENCE;
        while !is_done() {
            assert!(Instant::now() < deadline, "only {} came", seen.lock().unwrap().len());
            if let Some(message) = reader.poll(SHORT) {
                seen.lock().unwrap().extend(numbers(&[message.unwrap().detach()]));
            }
        }
    });
    let seen = seen.into_inner().unwrap();
    let distinct: BTreeSet<i64> = seen.iter().copied().collect();
    assert_eq!((seen.len(), distinct.len()), (4_000, 4_000), "each once");
    assert!(distinct.into_iter().eq(0..4_000));
}
