use std::fs;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::restart::spawn_host;
use crate::any_kafka::LOOPBACK;
use crate::kafka::{PATIENCE, Rig, config, numbers, take};

/// Calls until it is done (true), or the transaction has to be aborted (false).
fn insist(call: impl Fn() -> Result<(), KafkaError>) -> bool {
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "it never ends");
        match call() {
            Ok(()) => return true,
            Err(KafkaError::Transaction(error)) if error.is_retriable() => {}
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => return false,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_all_or_nothing_while_the_broker_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("listen"), LOOPBACK.to_string()).unwrap();
    let mut host = spawn_host(dir.path());
    let servers = fs::read_to_string(dir.path().join("ready")).unwrap();
    // The same port again after each kill, so that the producer finds the broker.
    fs::write(dir.path().join("listen"), &servers).unwrap();
    let mut settings = config(&servers);
    settings.set("transactional.id", "x").set("linger.ms", "1").set("batch.num.messages", "7");
    settings.set("reconnect.backoff.max.ms", "100").set("retry.backoff.ms", "20");
    let producer: ThreadedProducer<DefaultProducerContext> = settings.create().unwrap();
    assert!(insist(|| producer.init_transactions(PATIENCE)));

    let mut committed = Vec::new();
    for round in 0..12_i64 {
        producer.begin_transaction().unwrap();
        let all: Vec<i64> = (round * 100..round * 100 + 100).collect();
        for number in &all {
            let text = number.to_string();
            let record = BaseRecord::<(), str>::to("t").partition(0).payload(&text);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        std::thread::scope(|scope| {
            let host = &mut host;
            let dir = dir.path();
            scope.spawn(move || {
                // At another moment each time: while records are written, or while it ends.
                let until = Instant::now() + Duration::from_millis(round.unsigned_abs() * 3);
                while Instant::now() < until {
                    std::thread::yield_now();
                }
                host.kill().unwrap();
                host.wait().unwrap();
                *host = spawn_host(dir);
            });
            let is_aborted = round % 4 == 3;
            if !is_aborted && insist(|| producer.commit_transaction(PATIENCE)) {
                committed.extend(all);
            } else {
                assert!(insist(|| producer.abort_transaction(PATIENCE)));
            }
        });
    }
    drop(producer);
    host.kill().unwrap();
    host.wait().unwrap();

    let rig = Rig::own(&dir.path().join("kafka")).await;
    assert!(committed.len() >= 300, "only {} records were committed", committed.len());
    let reader = rig.committed("t", 0, Offset::Beginning);
    assert_eq!(numbers(&take(&reader, committed.len())), committed);
    let everything = rig.reader("t", 0, Offset::End).fetch_watermarks("t", 0, PATIENCE).unwrap();
    let stable = reader.fetch_watermarks("t", 0, PATIENCE).unwrap();
    assert_eq!(everything, stable, "nothing is left open");
    assert!(reader.poll(Duration::from_millis(500)).is_none(), "nothing more was committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_outlives_the_broker() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("listen"), LOOPBACK.to_string()).unwrap();
    let mut host = spawn_host(dir.path());
    let servers = fs::read_to_string(dir.path().join("ready")).unwrap();
    fs::write(dir.path().join("listen"), &servers).unwrap();
    let mut settings = config(&servers);
    settings.set("transactional.id", "x").set("transaction.timeout.ms", "60000");
    settings.set("reconnect.backoff.max.ms", "100");
    let producer: ThreadedProducer<DefaultProducerContext> = settings.create().unwrap();
    assert!(insist(|| producer.init_transactions(PATIENCE)));
    producer.begin_transaction().unwrap();
    let write = |text: &str| {
        let record = BaseRecord::<(), str>::to("t").partition(0).payload(text);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(PATIENCE).unwrap();
    };
    write("1");
    host.kill().unwrap();
    host.wait().unwrap();
    host = spawn_host(dir.path());
    write("2");
    let watcher: rdkafka::consumer::BaseConsumer =
        config(&servers).set("isolation.level", "read_committed").create().unwrap();
    assert_eq!(watcher.fetch_watermarks("t", 0, PATIENCE).unwrap(), (0, 0));
    assert!(insist(|| producer.commit_transaction(PATIENCE)));
    assert_eq!(watcher.fetch_watermarks("t", 0, PATIENCE).unwrap(), (0, 3));
    host.kill().unwrap();
    host.wait().unwrap();
}
