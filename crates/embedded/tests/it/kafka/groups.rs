use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Message, Offset};

use super::{PATIENCE, Rig, numbers, send_numbers, take};
use crate::eventually;

fn member(rig: &Rig, group: &str, topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = rig
        .config()
        .set("group.id", group)
        .set("client.id", "tester")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "100")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

/// The partitions a member has, after letting it do its work for a moment.
fn share(member: &BaseConsumer) -> BTreeSet<i32> {
    if let Some(message) = member.poll(Duration::from_millis(50)) {
        message.unwrap();
    }
    member.assignment().unwrap().elements().iter().map(|place| place.partition()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consumers_share_the_partitions_and_one_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::start(dir.path()).await;
    rig.create_topic("t", 4).await;
    let all: BTreeSet<i32> = (0..4).collect();
    let first = member(&rig, "g", "t");
    eventually("the first has everything", || share(&first) == all);
    let second = member(&rig, "g", "t");
    eventually("each has half", || {
        let (mine, yours) = (share(&first), share(&second));
        mine.len() == 2 && yours.len() == 2 && &mine | &yours == all
    });
    let groups = second.fetch_group_list(Some("g"), PATIENCE).unwrap();
    let group = &groups.groups()[0];
    assert_eq!((group.state(), group.protocol_type()), ("Stable", "consumer"));
    assert_eq!(group.members().len(), 2);
    assert_eq!(group.members()[0].client_id(), "tester");
    // Leaves by itself.
    drop(second);
    eventually("the first has everything again", || share(&first) == all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_vanishes_is_replaced_after_its_session_timeout() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::start(dir.path()).await;
    rig.create_topic("t", 2).await;
    let first = member(&rig, "g", "t");
    // A member that never comes back: it leaves without saying so.
    let mut config = rig.config();
    config.set("group.id", "g").set("session.timeout.ms", "2000");
    config.set("heartbeat.interval.ms", "100000").set("enable.auto.commit", "false");
    let silent: BaseConsumer = config.create().unwrap();
    silent.subscribe(&["t"]).unwrap();
    eventually("both are in", || {
        share(&silent);
        share(&first).len() == 1
    });
    eventually("the silent one is out", || share(&first).len() == 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_where_it_has_committed_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let rig = Rig::start(dir.path()).await;
        rig.create_topic("t", 1).await;
        send_numbers(&rig.producer(), "t", 0..100).await;
        let consumer = member(&rig, "g", "t");
        let taken = take(&consumer, 40);
        assert_eq!(numbers(&taken), (0..40).collect::<Vec<_>>());
        let mut next = rdkafka::TopicPartitionList::new();
        next.add_partition_offset("t", 0, Offset::Offset(taken[39].offset() + 1)).unwrap();
        consumer.commit(&next, CommitMode::Sync).unwrap();
        drop(consumer);
        rig.broker.stop().await;
    }
    let rig = Rig::start(dir.path()).await;
    let consumer = member(&rig, "g", "t");
    assert_eq!(numbers(&take(&consumer, 60)), (40..100).collect::<Vec<_>>());
    let groups = consumer.fetch_group_list(None, PATIENCE).unwrap();
    assert_eq!(groups.groups().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_rebuilt_when_the_broker_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::start(dir.path()).await;
    rig.create_topic("t", 1).await;
    let consumer = member(&rig, "g", "t");
    send_numbers(&rig.producer(), "t", 0..10).await;
    take(&consumer, 10);
    let address = rig.broker.address();
    let begun = Instant::now();
    rig.broker.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "a waiting fetch holds nothing up");

    let options = embedded::kafka::Options::default();
    let broker = embedded::kafka::Broker::start(dir.path(), address, options).await.unwrap();
    let rig = Rig { broker };
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
