//! `ListOffsets`: the first, the last, or the one at a time.

use std::io;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::Session;
use super::fetch::isolation;
use crate::kafka::log::{At, Isolation, LEADER_EPOCH, Log};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const NEWEST_TIMESTAMP: i64 = -3;

/// No such record, or no timestamp: offset and timestamp as Kafka gives them.
const NONE: i64 = -1;

pub(super) fn answer(session: &Session, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let isolation = isolation(request.isolation_level);
    let topics = request.topics.into_iter().map(|wanted| {
        let topic = session.shared.catalog.by_name(&wanted.name);
        let look_up = |wanted: ListOffsetsPartition| {
            let partition = topic.as_ref().and_then(|t| t.partition(wanted.partition_index));
            let found = match partition {
                Some(partition) => find(&partition.log(), wanted.timestamp, isolation),
                None => Err(ResponseError::UnknownTopicOrPartition),
            };
            respond(wanted.partition_index, found)
        };
        ListOffsetsTopicResponse::default()
            .with_partitions(wanted.partitions.into_iter().map(look_up).collect())
            .with_name(wanted.name)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

fn find(log: &Log, timestamp: i64, isolation: Isolation) -> Result<At, ResponseError> {
    let end = log.end_for(isolation);
    let none = At { offset: NONE, timestamp: NONE };
    let failed = |error: io::Error| {
        tracing::error!(%error, "a log cannot be searched");
        ResponseError::KafkaStorageError
    };
    let visible = |at: Option<At>| at.filter(|at| at.offset < end).unwrap_or(none);
    match timestamp {
        LATEST => Ok(At { offset: end, ..none }),
        EARLIEST => Ok(At { offset: log.start_offset(), ..none }),
        NEWEST_TIMESTAMP => log.newest().map(visible).map_err(failed),
        0.. => log.first_since(timestamp).map(visible).map_err(failed),
        ..NEWEST_TIMESTAMP => Err(ResponseError::InvalidRequest),
    }
}

fn respond(partition: i32, found: Result<At, ResponseError>) -> ListOffsetsPartitionResponse {
    let response = ListOffsetsPartitionResponse::default().with_partition_index(partition);
    match found {
        Ok(at) => response
            .with_offset(at.offset)
            .with_timestamp(at.timestamp)
            .with_leader_epoch(LEADER_EPOCH),
        Err(code) => response.with_offset(NONE).with_timestamp(NONE).with_error_code(code.code()),
    }
}
