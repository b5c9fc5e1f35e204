//! `Metadata`: brokers, topics and their partitions; creates topics on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};

use super::{NODE, Session, text};
use crate::kafka::catalog::{Refusal, Topic, unknown_topic};
use crate::kafka::log::LEADER_EPOCH;

pub(super) fn answer(
    session: &Session,
    request: MetadataRequest,
    version: i16,
) -> MetadataResponse {
    let catalog = &session.shared.catalog;
    // In version 0 an empty list stands for all topics.
    let wanted = request.topics.filter(|topics| version > 0 || !topics.is_empty());
    let topics = match wanted {
        None => catalog.all().iter().map(|topic| describe(topic)).collect(),
        Some(topics) => {
            let may_create = request.allow_auto_topic_creation;
            topics.into_iter().map(|topic| find(session, topic, may_create)).collect()
        }
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(NODE)
        .with_host(session.host())
        .with_port(session.port());
    let cluster = session.shared.identity.lock().map(|identity| identity.cluster()).ok();
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(cluster.map(|id| text(id.to_string())))
        .with_controller_id(NODE)
        .with_topics(topics)
}

fn find(
    session: &Session,
    wanted: MetadataRequestTopic,
    may_create: bool,
) -> MetadataResponseTopic {
    let catalog = &session.shared.catalog;
    let Some(name) = &wanted.name else {
        return match catalog.by_id(wanted.topic_id) {
            Some(topic) => describe(&topic),
            None => MetadataResponseTopic::default()
                .with_topic_id(wanted.topic_id)
                .with_error_code(ResponseError::UnknownTopicId.code()),
        };
    };
    let found = match catalog.by_name(name) {
        Some(topic) => Ok(topic),
        None if may_create && session.shared.options.auto_create_topics => create(session, name),
        None => Err(unknown_topic(name)),
    };
    match found {
        Ok(topic) => describe(&topic),
        Err(refusal) => MetadataResponseTopic::default()
            .with_name(wanted.name)
            .with_error_code(refusal.code.code()),
    }
}

fn create(session: &Session, name: &str) -> Result<Arc<Topic>, Refusal> {
    let catalog = &session.shared.catalog;
    let partitions = session.shared.options.default_partitions;
    catalog.create(name, partitions, BTreeMap::new()).or_else(|refusal| {
        // Somebody else may have created it at the same time.
        catalog.by_name(name).ok_or(refusal)
    })
}

fn describe(topic: &Topic) -> MetadataResponseTopic {
    let partition = |number| {
        MetadataResponsePartition::default()
            .with_partition_index(number)
            .with_leader_id(NODE)
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
    };
    MetadataResponseTopic::default()
        .with_name(Some(text(&*topic.name).into()))
        .with_topic_id(topic.id)
        .with_partitions((0..).take(topic.partitions.len()).map(partition).collect())
}
