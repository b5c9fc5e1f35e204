use embedded::kafka::Options;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;

use crate::kafka::{PATIENCE, Rig, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_created_for_a_producer_only_when_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { default_partitions: 3, ..Options::default() };
    let rig = Rig::own_with(dir.path(), options).await;
    let producer = rig.producer();
    let record = FutureRecord::<str, str>::to("fresh").partition(2).payload("x");
    assert_eq!(send(&producer, record).await, (2, 0));
    rig.stop().await;

    let options = Options { auto_create_topics: false, ..Options::default() };
    let rig = Rig::own_with(dir.path(), options).await;
    let mut config = rig.config();
    let producer: FutureProducer =
        config.set("topic.metadata.propagation.max.ms", "200").create().unwrap();
    let record = FutureRecord::<str, str>::to("other").payload("x");
    let (error, _) = producer.send(record, PATIENCE).await.unwrap_err();
    let code = error.rdkafka_error_code();
    assert!(
        matches!(
            code,
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)
        ),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_broker_would_not_do_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::own(dir.path()).await;
    let appended = NewTopic::new("appended", 1, TopicReplication::Fixed(1))
        .set("message.timestamp.type", "LogAppendTime");
    let answers = rig.admin().create_topics([&appended], &AdminOptions::new()).await.unwrap();
    assert_eq!(answers, [Err(("appended".to_owned(), RDKafkaErrorCode::InvalidConfig))]);
}
