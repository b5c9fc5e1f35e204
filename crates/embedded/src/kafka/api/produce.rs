//! `Produce`: one record batch for each of some partitions.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::{Session, text};
use crate::kafka::catalog::{Refusal, Topic, unknown_topic};
use crate::kafka::log::AppendError;

/// None for a producer that wants no acknowledgement.
pub(super) fn answer(session: &Session, request: ProduceRequest) -> Option<ProduceResponse> {
    let refusal = refuse_all(&request);
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for data in request.topic_data {
        let topic = match &refusal {
            Some(refusal) => Err(refusal.clone()),
            None => {
                session.shared.catalog.by_name(&data.name).ok_or_else(|| unknown_topic(&data.name))
            }
        };
        let append = |partition: PartitionProduceData| {
            let written =
                topic.as_ref().map_err(Clone::clone).and_then(|topic| append(topic, &partition));
            respond(partition.index, written)
        };
        let partitions = data.partition_data.into_iter().map(append).collect();
        responses.push(
            TopicProduceResponse::default()
                .with_name(data.name)
                .with_partition_responses(partitions),
        );
    }
    // One replica: acknowledged by the leader is acknowledged by all.
    (request.acks != 0).then(|| ProduceResponse::default().with_responses(responses))
}

/// What is wrong with the request as a whole.
fn refuse_all(request: &ProduceRequest) -> Option<Refusal> {
    if !matches!(request.acks, -1..=1) {
        let reason = format!("acks is -1, 0 or 1, not {}", request.acks);
        return Some(Refusal::new(ResponseError::InvalidRequiredAcks, reason));
    }
    request.transactional_id.as_ref().map(|_| {
        let reason = "this broker does not support transactions";
        Refusal::new(ResponseError::InvalidTxnState, reason)
    })
}

fn append(topic: &Topic, data: &PartitionProduceData) -> Result<i64, Refusal> {
    let Some(partition) = topic.partition(data.index) else {
        let reason = format!("topic `{}` has no partition {}", topic.name, data.index);
        return Err(Refusal::new(ResponseError::UnknownTopicOrPartition, reason));
    };
    let Some(records) = &data.records else {
        return Err(Refusal::new(ResponseError::InvalidRecord, "there are no records"));
    };
    partition.append(records).map_err(|error| match error {
        AppendError::Refused { code, reason } => Refusal::new(code, reason),
        AppendError::Io(error) => Refusal::from(error),
    })
}

fn respond(partition: i32, written: Result<i64, Refusal>) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(partition);
    match written {
        Ok(base_offset) => response.with_base_offset(base_offset).with_log_start_offset(0),
        Err(refusal) => response
            .with_base_offset(-1)
            .with_error_code(refusal.code.code())
            .with_error_message(Some(text(refusal.reason))),
    }
}
