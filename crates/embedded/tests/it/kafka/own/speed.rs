use std::fs;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::restart::spawn_host;
use crate::any_kafka::LOOPBACK;
use crate::kafka::{PATIENCE, config};

const RECORDS: usize = 1_000_000;

/// User and system time of a process so far.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

#[test]
#[ignore = "a measurement: run it by name, with --release and --nocapture"]
fn a_million_small_records() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("listen"), LOOPBACK.to_string()).unwrap();
    let mut host = spawn_host(dir.path());
    let servers = fs::read_to_string(dir.path().join("ready")).unwrap();
    let report = |what: &str, begun: Instant, cpu: f64| {
        let seconds = begun.elapsed().as_secs_f64();
        let rate = RECORDS as f64 / seconds;
        println!("{what}: {seconds:.2} s, {rate:.0} records/s, broker {cpu:.2} CPU-s");
    };

    let (begun, cpu) = (Instant::now(), cpu_seconds(host.id()));
    let mut settings = config(&servers);
    settings.set("linger.ms", "20").set("queue.buffering.max.messages", "2000000");
    let producer: BaseProducer = settings.create().unwrap();
    for number in 0..RECORDS {
        let payload =
            format!("{{\"sensor_id\":\"{}\",\"temperature\":29.5,\"n\":{number:020}}}", 7);
        let mut record = BaseRecord::<str, str>::to("t").partition(0).payload(&payload);
        while let Err((error, back)) = producer.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert_eq!(error, full);
            record = back;
            producer.poll(Duration::from_millis(1));
        }
    }
    producer.flush(PATIENCE).unwrap();
    report("produce", begun, cpu_seconds(host.id()) - cpu);

    let (begun, cpu) = (Instant::now(), cpu_seconds(host.id()));
    let mut settings = config(&servers);
    settings.set("group.id", "g").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = settings.create().unwrap();
    let mut places = TopicPartitionList::new();
    places.add_partition_offset("t", 0, Offset::Offset(0)).unwrap();
    consumer.assign(&places).unwrap();
    let mut seen = 0;
    while seen < RECORDS {
        assert!(begun.elapsed() < 3 * PATIENCE, "{seen} records were seen");
        if let Some(message) = consumer.poll(PATIENCE) {
            message.unwrap();
            seen += 1;
        }
    }
    report("consume", begun, cpu_seconds(host.id()) - cpu);
    drop(consumer);
    host.kill().unwrap();
    host.wait().unwrap();
}
