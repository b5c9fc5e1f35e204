use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use embedded::kafka::Options;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::any_kafka::AnyKafka;
use crate::kafka::groups::member;
use crate::kafka::{PATIENCE, Rig, numbers, send_numbers, take};

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_where_it_has_committed_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let rig = Rig::own(dir.path()).await;
        rig.create_topic("t", 1).await;
        send_numbers(&rig.producer(), "t", 0..100).await;
        let consumer = member(&rig, "g", "t");
        let taken = take(&consumer, 40);
        assert_eq!(numbers(&taken), (0..40).collect::<Vec<_>>());
        let mut next = TopicPartitionList::new();
        next.add_partition_offset("t", 0, Offset::Offset(taken[39].offset() + 1)).unwrap();
        consumer.commit(&next, CommitMode::Sync).unwrap();
        drop(consumer);
        rig.stop().await;
    }
    let rig = Rig::own(dir.path()).await;
    let consumer = member(&rig, "g", "t");
    assert_eq!(numbers(&take(&consumer, 60)), (40..100).collect::<Vec<_>>());
    let groups = consumer.fetch_group_list(None, PATIENCE).unwrap();
    assert_eq!(groups.groups().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_rebuilt_when_the_broker_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::own(dir.path()).await;
    rig.create_topic("t", 1).await;
    let consumer = member(&rig, "g", "t");
    send_numbers(&rig.producer(), "t", 0..10).await;
    take(&consumer, 10);
    let address = rig.kafka.servers().parse().unwrap();
    let begun = Instant::now();
    rig.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "a waiting fetch holds nothing up");

    let kafka = AnyKafka::own(dir.path(), address, Options::default()).await;
    let rig = Rig { kafka, _folder: None };
    send_numbers(&rig.producer(), "t", 10..20).await;
    let deadline = Instant::now() + PATIENCE;
    let mut seen = BTreeSet::new();
    while !seen.contains(&19) {
        assert!(Instant::now() < deadline, "seen so far: {seen:?}");
        // Errors about the connection are what this is about.
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            seen.insert(numbers(&[message.detach()])[0]);
        }
    }
    drop(consumer);
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_committed_without_a_group_member_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::own(dir.path()).await;
    rig.create_topic("t", 2).await;
    let reader = outsider(&rig);
    let mut places = TopicPartitionList::new();
    places.add_partition_offset("t", 0, Offset::Offset(7)).unwrap();
    places.set_partition_offset("t", 0, Offset::Offset(7)).unwrap();
    reader.commit(&places, CommitMode::Sync).unwrap();
    rig.stop().await;

    let rig = Rig::own(dir.path()).await;
    let reader = outsider(&rig);
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition("t", 0);
    wanted.add_partition("t", 1);
    let found = reader.committed_offsets(wanted, PATIENCE).unwrap();
    let found: Vec<Offset> = found.elements().iter().map(|place| place.offset()).collect();
    assert_eq!(found, [Offset::Offset(7), Offset::Invalid]);
}

/// A consumer that is not a member of its group.
fn outsider(rig: &Rig) -> BaseConsumer {
    rig.config().set("group.id", "g").set("enable.auto.commit", "false").create().unwrap()
}
