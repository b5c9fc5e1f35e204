//! `TxnOffsetCommit`: offsets that are committed if their transaction is.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::txn_offset_commit_request::TxnOffsetCommitRequestPartition;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use super::Session;
use super::commits::{check_metadata, code_for};
use crate::kafka::offsets::{Committed, Place};
use crate::kafka::transaction::Instance;

pub(super) fn commit(
    session: &Session,
    request: TxnOffsetCommitRequest,
) -> TxnOffsetCommitResponse {
    let group = &request.group_id;
    let refusal = match group.is_empty() {
        true => Err(ResponseError::InvalidGroupId),
        false => session.shared.coordinator.may_commit_in_transaction(
            group,
            &request.member_id,
            request.generation_id,
        ),
    };
    let mut accepted = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let known = session.shared.catalog.by_name(&topic.name);
        let mut codes = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let index = partition.partition_index;
            let exists = known.as_ref().is_some_and(|topic| topic.partition(index).is_some());
            let checked = refusal.and_then(|()| match exists {
                true => committed(partition),
                false => Err(ResponseError::UnknownTopicOrPartition),
            });
            codes.push((index, checked.as_ref().err().copied()));
            if let Ok(committed) = checked {
                let place = Place { topic: topic.name.to_string(), partition: index };
                accepted.push((place, committed));
            }
        }
        topics.push((topic.name, codes));
    }
    let who = Instance { producer: request.producer_id.0, epoch: request.producer_epoch };
    let kept = match accepted.is_empty() {
        true => Ok(()),
        false => {
            let id = &request.transactional_id;
            session.shared.step(id, |known| known.add_offsets(who, group, accepted))
        }
    };
    let failure = kept.err().map(|code| match code {
        // The coordinator of groups knows of epochs only.
        ResponseError::ProducerFenced => ResponseError::InvalidProducerEpoch,
        other => other,
    });
    let respond = |(name, codes): (_, Vec<(i32, Option<ResponseError>)>)| {
        let partition = |(index, code): (i32, Option<ResponseError>)| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code_for(code.or(failure)))
        };
        TxnOffsetCommitResponseTopic::default()
            .with_name(name)
            .with_partitions(codes.into_iter().map(partition).collect())
    };
    TxnOffsetCommitResponse::default().with_topics(topics.into_iter().map(respond).collect())
}

fn committed(partition: TxnOffsetCommitRequestPartition) -> Result<Committed, ResponseError> {
    Ok(Committed {
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: check_metadata(partition.committed_metadata)?,
    })
}
