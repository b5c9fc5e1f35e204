use std::time::Instant;

use rdkafka::Offset;
use rdkafka::admin::{AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::producer::FutureRecord;
use rdkafka::types::RDKafkaErrorCode;

use super::{PATIENCE, Rig, numbers, send, send_numbers, take};
use crate::any_kafka::unique;
use crate::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_created_described_grown_and_deleted() {
    let rig = Rig::any().await;
    let t = unique("t");
    let t = t.as_str();
    let (admin, options) = (rig.admin(), AdminOptions::new());
    let topic = NewTopic::new(t, 3, TopicReplication::Fixed(1)).set("retention.ms", "60000");
    assert_eq!(admin.create_topics([&topic], &options).await.unwrap(), [Ok(t.to_owned())]);
    let again = admin.create_topics([&topic], &options).await.unwrap();
    assert_eq!(again, [Err((t.to_owned(), RDKafkaErrorCode::TopicAlreadyExists))]);

    let deadline = Instant::now() + PATIENCE;
    let described = loop {
        // A real broker hears of the new topic a moment after it was created.
        let topic = ResourceSpecifier::Topic(t);
        let described = admin.describe_configs([&topic], &options).await.unwrap().remove(0);
        match described {
            Ok(described) if described.get("retention.ms").is_some() => break described,
            other => assert!(Instant::now() < deadline, "{other:?}"),
        }
    };
    let value = |name| described.get(name).unwrap().value.clone().unwrap();
    assert_eq!(value("retention.ms"), "60000");
    assert_eq!(value("cleanup.policy"), "delete");

    let grown = admin.create_partitions([&NewPartitions::new(t, 5)], &options).await.unwrap();
    assert_eq!(grown, [Ok(t.to_owned())]);
    let shrunk = admin.create_partitions([&NewPartitions::new(t, 4)], &options).await.unwrap();
    assert_eq!(shrunk, [Err((t.to_owned(), RDKafkaErrorCode::InvalidPartitions))]);
    let reader = rig.reader(t, 4, Offset::Beginning);
    eventually("there are five partitions", || {
        let metadata = reader.fetch_metadata(Some(t), PATIENCE).unwrap();
        assert_eq!(metadata.brokers().len(), 1);
        metadata.topics()[0].partitions().len() == 5
    });

    let deleted = admin.delete_topics(&[t, "unknown"], &options).await.unwrap();
    let unknown = ("unknown".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition);
    assert_eq!(deleted, [Ok(t.to_owned()), Err(unknown)]);
    eventually("the topic is gone", || {
        let left = reader.fetch_metadata(None, PATIENCE).unwrap();
        left.topics().iter().all(|topic| topic.name() != t)
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_broker_would_do_is_refused() {
    let rig = Rig::any().await;
    let new = |name, partitions| NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let topics = [
        new("no/slash", 1),
        new("none", 0),
        NewTopic::new("copies", 1, TopicReplication::Fixed(3)),
        new("made-up", 1).set("no.such.setting", "1"),
    ];
    let answers = rig.admin().create_topics(&topics, &AdminOptions::new()).await.unwrap();
    let codes: Vec<_> = answers.into_iter().map(|answer| answer.unwrap_err().1).collect();
    assert_eq!(
        codes,
        [
            RDKafkaErrorCode::InvalidTopic,
            RDKafkaErrorCode::InvalidPartitions,
            RDKafkaErrorCode::InvalidReplicationFactor,
            RDKafkaErrorCode::InvalidConfig,
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_created_again_under_the_same_name_is_empty() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let t = t.as_str();
    send_numbers(&rig.producer(), t, 0..10).await;
    rig.admin().delete_topics(&[t], &AdminOptions::new()).await.unwrap();
    rig.create_topic(t, 1).await;
    let record = FutureRecord::<str, str>::to(t).payload("99");
    assert_eq!(send(&rig.producer(), record).await, (0, 0));
    assert_eq!(numbers(&take(&rig.reader(t, 0, Offset::Beginning), 1)), [99]);
}
