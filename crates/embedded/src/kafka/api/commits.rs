//! `FindCoordinator`, `OffsetCommit` and `OffsetFetch`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, OffsetCommitRequest, OffsetCommitResponse,
    OffsetFetchRequest, OffsetFetchResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{NODE, Session, text};
use crate::kafka::offsets::{Committed, Place};

/// Kinds of coordinators. All are this broker.
const FOR_GROUPS: i8 = 0;
const FOR_TRANSACTIONS: i8 = 1;

/// From these versions on several groups can be asked for at once.
const FIND_MANY: i16 = 4;
const FETCH_MANY: i16 = 8;

/// Kafka's `offset.metadata.max.bytes`.
const LONGEST_METADATA: usize = 4096;

pub(super) fn find_coordinator(
    session: &Session,
    request: FindCoordinatorRequest,
    version: i16,
) -> FindCoordinatorResponse {
    if !matches!(request.key_type, FOR_GROUPS | FOR_TRANSACTIONS) {
        let code = ResponseError::InvalidRequest.code();
        let reason = Some(text("there are coordinators for groups and for transactions only"));
        let refuse = |key| {
            Coordinator::default().with_key(key).with_error_code(code).with_node_id((-1).into())
        };
        return FindCoordinatorResponse::default()
            .with_error_code(if version < FIND_MANY { code } else { 0 })
            .with_error_message(reason.filter(|_| version < FIND_MANY))
            .with_node_id((-1).into())
            .with_coordinators(request.coordinator_keys.into_iter().map(refuse).collect());
    }
    if version < FIND_MANY {
        return FindCoordinatorResponse::default()
            .with_node_id(NODE)
            .with_host(session.host())
            .with_port(session.port());
    }
    let coordinator = |key| {
        Coordinator::default()
            .with_key(key)
            .with_node_id(NODE)
            .with_host(session.host())
            .with_port(session.port())
    };
    let coordinators = request.coordinator_keys.into_iter().map(coordinator).collect();
    FindCoordinatorResponse::default().with_coordinators(coordinators)
}

pub(super) fn commit(session: &Session, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let refusal = may_commit(session, &request).err();
    let mut accepted = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let known = session.shared.catalog.by_name(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let index = partition.partition_index;
            let exists = known.as_ref().is_some_and(|topic| topic.partition(index).is_some());
            let checked = match refusal {
                Some(code) => Err(code),
                None if !exists => Err(ResponseError::UnknownTopicOrPartition),
                None => committed(partition),
            };
            let code = match checked {
                Ok(what) => {
                    let place = Place { topic: topic.name.to_string(), partition: index };
                    accepted.push((place, what));
                    0
                }
                Err(code) => code.code(),
            };
            partitions.push((index, code));
        }
        topics.push((topic.name, partitions));
    }
    let written = match accepted.is_empty() {
        true => Ok(()),
        false => session.offsets().commit(&request.group_id, accepted),
    };
    let failure = written.err().map(|error| {
        tracing::error!(%error, "committed offsets cannot be written");
        ResponseError::KafkaStorageError.code()
    });
    let respond = |(name, partitions): (_, Vec<(i32, i16)>)| {
        let partition = |(index, code)| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(failure.unwrap_or(code))
        };
        OffsetCommitResponseTopic::default()
            .with_name(name)
            .with_partitions(partitions.into_iter().map(partition).collect())
    };
    OffsetCommitResponse::default().with_topics(topics.into_iter().map(respond).collect())
}

fn may_commit(session: &Session, request: &OffsetCommitRequest) -> Result<(), ResponseError> {
    if request.group_id.is_empty() {
        return Err(ResponseError::InvalidGroupId);
    }
    let generation = request.generation_id_or_member_epoch;
    session.shared.coordinator.may_commit(&request.group_id, &request.member_id, generation)
}

fn committed(partition: OffsetCommitRequestPartition) -> Result<Committed, ResponseError> {
    Ok(Committed {
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: check_metadata(partition.committed_metadata)?,
    })
}

/// What a consumer wants to be kept with an offset, if it is not too long.
pub(super) fn check_metadata(metadata: Option<StrBytes>) -> Result<String, ResponseError> {
    let metadata = metadata.unwrap_or_default();
    match metadata.len() > LONGEST_METADATA {
        true => Err(ResponseError::OffsetMetadataTooLarge),
        false => Ok(metadata.to_string()),
    }
}

pub(super) fn code_for(refusal: Option<ResponseError>) -> i16 {
    refusal.map_or(0, |code| code.code())
}

pub(super) fn fetch(
    session: &Session,
    request: OffsetFetchRequest,
    version: i16,
) -> OffsetFetchResponse {
    if version < FETCH_MANY {
        let names = request.topics.map(|topics| {
            topics.into_iter().map(|topic| (topic.name.0, topic.partition_indexes)).collect()
        });
        let found = look_up(session, &request.group_id, names, request.require_stable);
        let topics = found.into_iter().map(|(name, found)| {
            OffsetFetchResponseTopic::default()
                .with_name(name.into())
                .with_partitions(found.into_iter().map(old_style).collect())
        });
        return OffsetFetchResponse::default().with_topics(topics.collect());
    }
    let groups = request.groups.into_iter().map(|group| {
        let names = group.topics.map(|topics| {
            topics.into_iter().map(|topic| (topic.name.0, topic.partition_indexes)).collect()
        });
        let found = look_up(session, &group.group_id, names, request.require_stable);
        let topics = found.into_iter().map(|(name, found)| {
            OffsetFetchResponseTopics::default()
                .with_name(name.into())
                .with_partitions(found.into_iter().map(new_style).collect())
        });
        OffsetFetchResponseGroup::default()
            .with_topics(topics.collect())
            .with_group_id(group.group_id)
    });
    OffsetFetchResponse::default().with_groups(groups.collect())
}

/// Partitions of a topic with what was committed for them, unless that is not decided.
type Found = Vec<(i32, Result<Option<Committed>, ResponseError>)>;

/// What a group has committed, for these topics or for all. Where `stable` is wanted, an open
/// transaction that will commit an offset must have ended first.
fn look_up(
    session: &Session,
    group: &str,
    topics: Option<Vec<(StrBytes, Vec<i32>)>>,
    stable: bool,
) -> Vec<(StrBytes, Found)> {
    let transactions = session.shared.transactions();
    let offsets = session.offsets();
    let look_up = |place: &Place| match stable && transactions.hold(group, place) {
        true => Err(ResponseError::UnstableOffsetCommit),
        false => Ok(offsets.get(group, place).cloned()),
    };
    let Some(topics) = topics else {
        let mut all: Vec<(StrBytes, Found)> = Vec::new();
        for (place, _) in offsets.of_group(group) {
            let found = (place.partition, look_up(place));
            match all.last_mut() {
                Some((topic, places)) if **topic == *place.topic => places.push(found),
                Some(_) | None => all.push((text(&*place.topic), vec![found])),
            }
        }
        return all;
    };
    topics
        .into_iter()
        .map(|(topic, partitions)| {
            let find = |partition| {
                let place = Place { topic: topic.to_string(), partition };
                (partition, look_up(&place))
            };
            let found = partitions.into_iter().map(find).collect();
            (topic, found)
        })
        .collect()
}

/// How the protocol says that nothing was committed, or nothing yet.
fn or_nothing(found: Result<Option<Committed>, ResponseError>) -> (Committed, i16) {
    let nothing = Committed { offset: -1, leader_epoch: -1, metadata: String::new() };
    match found {
        Ok(committed) => (committed.unwrap_or(nothing), 0),
        Err(code) => (nothing, code.code()),
    }
}

fn old_style(
    (partition, found): (i32, Result<Option<Committed>, ResponseError>),
) -> OffsetFetchResponsePartition {
    let (committed, code) = or_nothing(found);
    OffsetFetchResponsePartition::default()
        .with_error_code(code)
        .with_partition_index(partition)
        .with_committed_offset(committed.offset)
        .with_committed_leader_epoch(committed.leader_epoch)
        .with_metadata(Some(text(committed.metadata)))
}

fn new_style(
    (partition, found): (i32, Result<Option<Committed>, ResponseError>),
) -> OffsetFetchResponsePartitions {
    let (committed, code) = or_nothing(found);
    OffsetFetchResponsePartitions::default()
        .with_error_code(code)
        .with_partition_index(partition)
        .with_committed_offset(committed.offset)
        .with_committed_leader_epoch(committed.leader_epoch)
        .with_metadata(Some(text(committed.metadata)))
}
