use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::Producer;
use rdkafka::types::RDKafkaErrorCode;

use super::{PATIENCE, Rig, outside, read_until, reason, transactional, write};
use crate::any_kafka::unique;
use crate::eventually;
use crate::kafka::send_numbers;

/// What a producer is told that has been replaced, or has been too slow.
#[track_caller]
fn assert_fenced(result: Result<(), rdkafka::error::KafkaError>) {
    let error = reason(result);
    assert!(error.is_fatal(), "{error}");
    let fenced = [
        RDKafkaErrorCode::Fenced,
        RDKafkaErrorCode::ProducerFenced,
        RDKafkaErrorCode::InvalidProducerEpoch,
    ];
    assert!(fenced.contains(&error.code()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_instance_aborts_what_the_old_one_left_open_and_fences_it() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let id = unique("x");
    let old = transactional(&rig, &id);
    old.begin_transaction().unwrap();
    write(&old, &t, 0, 0..10);
    let new = transactional(&rig, &id);
    new.begin_transaction().unwrap();
    write(&new, &t, 0, 10..20);
    assert_fenced(old.commit_transaction(PATIENCE));
    new.commit_transaction(PATIENCE).unwrap();
    assert_eq!(read_until(&rig, "read_committed", &t, 19), (10..20).collect::<Vec<_>>());
    let aborted = read_until(&rig, "read_uncommitted", &t, 19);
    assert_eq!(aborted, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_instance_cannot_begin_again() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let id = unique("x");
    let old = transactional(&rig, &id);
    old.begin_transaction().unwrap();
    write(&old, &t, 0, 0..10);
    old.commit_transaction(PATIENCE).unwrap();
    let new = transactional(&rig, &id);

    old.begin_transaction().unwrap();
    let record = rdkafka::producer::BaseRecord::<(), str>::to(&t).partition(0).payload("77");
    old.send(record).map_err(|(error, _)| error).unwrap();
    assert_fenced(old.commit_transaction(PATIENCE));
    new.begin_transaction().unwrap();
    write(&new, &t, 0, 10..20);
    new.commit_transaction(PATIENCE).unwrap();
    assert_eq!(read_until(&rig, "read_uncommitted", &t, 19), (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_open_for_too_long_is_aborted_by_the_broker() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let timeout = [("transaction.timeout.ms", "1500")];
    let producer = outside(&rig, &unique("x"), &timeout);
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    write(&producer, &t, 0, 0..10);
    send_numbers(&rig.producer(), &t, 10..20).await;
    let watcher: BaseConsumer =
        rig.config().set("isolation.level", "read_committed").create().unwrap();
    eventually("the transaction is aborted", || {
        watcher.fetch_watermarks(&t, 0, PATIENCE).unwrap() == (0, 21)
    });
    assert_eq!(read_until(&rig, "read_committed", &t, 19), (10..20).collect::<Vec<_>>());
    assert_fenced(producer.commit_transaction(PATIENCE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_of_more_than_a_quarter_of_an_hour_is_refused() {
    let rig = Rig::any().await;
    let most = outside(&rig, &unique("x"), &[("transaction.timeout.ms", "900000")]);
    most.init_transactions(PATIENCE).unwrap();
    let more = outside(&rig, &unique("x"), &[("transaction.timeout.ms", "900001")]);
    let error = reason(more.init_transactions(PATIENCE));
    assert_eq!(error.code(), RDKafkaErrorCode::InvalidTransactionTimeout, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_transactions_end_too() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let id = unique("x");
    for round in 0..3 {
        let producer = transactional(&rig, &id);
        for _ in 0..2 {
            producer.begin_transaction().unwrap();
            producer.commit_transaction(PATIENCE).unwrap();
            producer.begin_transaction().unwrap();
            producer.abort_transaction(PATIENCE).unwrap();
        }
        producer.begin_transaction().unwrap();
        write(&producer, &t, 0, round..round + 1);
        producer.commit_transaction(PATIENCE).unwrap();
    }
    assert_eq!(read_until(&rig, "read_committed", &t, 2), [0, 1, 2]);
}
