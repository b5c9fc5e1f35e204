//! The connectors while their broker is down, which only an embedded one can be told to be.

use crate::kafka::{EARLIEST, Kafka, ids, poll_until};
use crate::kafka_sink::{id_table, ids as rows};
use crate::table::{Written, reader, source};

#[test]
fn a_broker_that_is_down_is_waited_for() {
    let mut kafka = Kafka::own();
    kafka.create("t", 1);
    kafka.produce("t", 0, 0..5);
    kafka.stop_broker();
    let source = source(&kafka.registry, &kafka.table("t", &[EARLIEST]));
    let mut reader = reader(&*source, 0, 1, None);
    let log = kafka.log.clone();
    poll_until(&mut *reader, |_| !log.lock().unwrap().is_empty());
    let line = log.lock().unwrap()[0].clone();
    assert!(line.contains(&format!("waiting for Kafka at `{}`", kafka.servers)), "{line}");
    assert!(!reader.knows_splits() && reader.positions().unwrap().is_empty());
    kafka.start_broker();
    assert_eq!(ids(&mut *reader, 5).len(), 5);
    // And when it goes away in between.
    kafka.stop_broker();
    kafka.start_broker();
    kafka.produce("t", 0, 5..8);
    assert_eq!(ids(&mut *reader, 3), [5, 6, 7]);
}

#[test]
fn undelivered_records_fail_the_checkpoint() {
    let mut kafka = Kafka::own();
    kafka.create("out", 1);
    kafka.stop_broker();
    let soon = ("properties.delivery.timeout.ms", "1000");
    let mut out = Written::open(&kafka.registry, &id_table(&kafka, &[soon]), "a");
    out.write(rows(&[1]));
    let out_topic = kafka.name("out");
    let error = out.writer.prepare(1).unwrap_err();
    assert!(
        error.to_string().contains(&format!("could not be delivered to topic `{out_topic}`")),
        "{error}"
    );
    assert!(error.fault.retry);
    let line = kafka.log.lock().unwrap()[0].clone();
    assert!(line.contains("waiting for Kafka at"), "{line}");
    // Without a guarantee it is only told.
    let careless = [soon, ("sink.delivery-guarantee", "none")];
    let mut out = Written::open(&kafka.registry, &id_table(&kafka, &careless), "a");
    out.write(rows(&[1]));
    out.prepare(1);
}
