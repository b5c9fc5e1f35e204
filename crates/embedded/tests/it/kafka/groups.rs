use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::{PATIENCE, Rig};
use crate::any_kafka::unique;
use crate::eventually;

pub(super) fn member(rig: &Rig, group: &str, topic: &str) -> BaseConsumer {
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
    let rig = Rig::any().await;
    let t = rig.topic("t", 4).await;
    let t = t.as_str();
    let all: BTreeSet<i32> = (0..4).collect();
    let group = unique("g");
    let first = member(&rig, &group, t);
    eventually("the first has everything", || share(&first) == all);
    let second = member(&rig, &group, t);
    eventually("each has half", || {
        let (mine, yours) = (share(&first), share(&second));
        mine.len() == 2 && yours.len() == 2 && &mine | &yours == all
    });
    let groups = second.fetch_group_list(Some(&group), PATIENCE).unwrap();
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
    let rig = Rig::any().await;
    let t = rig.topic("t", 2).await;
    let t = t.as_str();
    let group = unique("g");
    let first = member(&rig, &group, t);
    // A member that never comes back: it leaves without saying so.
    let mut config = rig.config();
    config.set("group.id", &group).set("session.timeout.ms", "2000");
    config.set("heartbeat.interval.ms", "100000").set("enable.auto.commit", "false");
    let silent: BaseConsumer = config.create().unwrap();
    silent.subscribe(&[t]).unwrap();
    eventually("both are in", || {
        share(&silent);
        share(&first).len() == 1
    });
    eventually("the silent one is out", || share(&first).len() == 2);
}
