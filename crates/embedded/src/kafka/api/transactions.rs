//! `AddPartitionsToTxn`, `AddOffsetsToTxn` and `EndTxn`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse,
};

use super::Session;
use crate::kafka::offsets::Place;
use crate::kafka::settling::now;
use crate::kafka::transaction::{Instance, Outcome};

/// Clients before this version do not know that there is a code for a fenced producer.
const KNOWS_FENCED: i16 = 2;

pub(super) fn add_partitions(
    session: &Session,
    request: AddPartitionsToTxnRequest,
    version: i16,
) -> AddPartitionsToTxnResponse {
    let id = &request.v3_and_below_transactional_id;
    let who = Instance {
        producer: request.v3_and_below_producer_id.0,
        epoch: request.v3_and_below_producer_epoch,
    };
    let topics = request.v3_and_below_topics;
    let exists = |topic: &str, partition| {
        let topic = session.shared.catalog.by_name(topic);
        topic.is_some_and(|topic| topic.partition(partition).is_some())
    };
    let places = topics.iter().flat_map(|topic| {
        let name = topic.name.to_string();
        let place = move |&partition| Place { topic: name.clone(), partition };
        topic.partitions.iter().map(place)
    });
    let places: Vec<Place> = places.collect();
    let all_exist = places.iter().all(|place| exists(&place.topic, place.partition));
    let added = match all_exist {
        true => session.shared.step(id, |known| known.add_partitions(who, now(), places)),
        // All or nothing: those that are there are told that nothing was tried.
        false => Err(ResponseError::OperationNotAttempted),
    };
    let code = code_of(added, version < KNOWS_FENCED);
    let results = topics.into_iter().map(|topic| {
        let result = |&partition: &i32| {
            let is_known = exists(&topic.name, partition);
            let unknown = ResponseError::UnknownTopicOrPartition.code();
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(partition)
                .with_partition_error_code(if is_known { code } else { unknown })
        };
        let results = topic.partitions.iter().map(result).collect();
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name.clone())
            .with_results_by_partition(results)
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results.collect())
}

pub(super) fn add_offsets(
    session: &Session,
    request: AddOffsetsToTxnRequest,
    version: i16,
) -> AddOffsetsToTxnResponse {
    let who = Instance { producer: request.producer_id.0, epoch: request.producer_epoch };
    let added = match request.group_id.is_empty() {
        true => Err(ResponseError::InvalidGroupId),
        false => {
            let id = &request.transactional_id;
            session.shared.step(id, |known| known.add_group(who, now(), &request.group_id))
        }
    };
    AddOffsetsToTxnResponse::default().with_error_code(code_of(added, version < KNOWS_FENCED))
}

pub(super) fn end(session: &Session, request: EndTxnRequest, version: i16) -> EndTxnResponse {
    let who = Instance { producer: request.producer_id.0, epoch: request.producer_epoch };
    let outcome = if request.committed { Outcome::Commit } else { Outcome::Abort };
    let id = &request.transactional_id;
    let ended = session.shared.step(id, |known| known.end(who, outcome)).map(drop);
    EndTxnResponse::default().with_error_code(code_of(ended, version < KNOWS_FENCED))
}

/// The code for the client, in words that it knows.
pub(super) fn code_of(result: Result<(), ResponseError>, is_old: bool) -> i16 {
    match result {
        Ok(()) => 0,
        Err(ResponseError::ProducerFenced) if is_old => ResponseError::InvalidProducerEpoch.code(),
        Err(code) => code.code(),
    }
}
