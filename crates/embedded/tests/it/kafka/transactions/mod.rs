//! Transactions, as librdkafka does them.

mod fencing;
mod offsets;
mod raw;
mod reading;

use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::error::{KafkaError, RDKafkaError};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::producer::{DefaultProducerContext, NoCustomPartitioner};

use super::{PATIENCE, Rig, numbers, take};

type Transactional = ThreadedProducer<DefaultProducerContext, NoCustomPartitioner>;

/// A producer with this transactional id that has not yet asked to be let in.
fn outside(rig: &Rig, id: &str, more: &[(&str, &str)]) -> Transactional {
    let mut config = rig.config();
    config.set("transactional.id", id).set("linger.ms", "1");
    for (key, value) in more {
        config.set(*key, *value);
    }
    config.create().unwrap()
}

fn transactional(rig: &Rig, id: &str) -> Transactional {
    let producer = outside(rig, id, &[]);
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

/// Sends numbers to a partition, as part of the open transaction, and waits until they are there.
fn write(producer: &Transactional, topic: &str, partition: i32, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let text = number.to_string();
        let record = BaseRecord::<(), str>::to(topic).partition(partition).payload(&text);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

/// The numbers of all records of partition 0 up to the first that is a `limit` or more.
fn read_until(rig: &Rig, isolation: &str, topic: &str, limit: i64) -> Vec<i64> {
    let reader = rig.reader_of(isolation, topic, 0, Offset::Beginning);
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| *last < limit) {
        assert!(Instant::now() < deadline, "{limit} does not come; seen: {seen:?}");
        if let Some(message) = rdkafka::consumer::BaseConsumer::poll(&reader, SHORT) {
            seen.extend(numbers(&[message.unwrap().detach()]));
        }
    }
    seen
}

const SHORT: Duration = Duration::from_millis(100);

/// What librdkafka says about a failed call of the transactional API.
#[track_caller]
fn reason(result: Result<(), KafkaError>) -> RDKafkaError {
    match result {
        Err(KafkaError::Transaction(error)) => error,
        other => panic!("{other:?}"),
    }
}
