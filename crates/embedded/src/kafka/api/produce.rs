//! `Produce`: one record batch for each of some partitions.

use std::sync::MutexGuard;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::{Session, text};
use crate::kafka::catalog::{Refusal, Topic, unknown_topic};
use crate::kafka::log::AppendError;
use crate::kafka::log::batch::Header;
use crate::kafka::offsets::Place;
use crate::kafka::transaction::Instance;
use crate::kafka::transactions::Transactions;

/// None for a producer that wants no acknowledgement.
pub(super) fn answer(session: &Session, request: ProduceRequest) -> Option<ProduceResponse> {
    let refusal = refuse_all(&request);
    let id = request.transactional_id.as_ref().map(|id| id.to_string());
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for data in request.topic_data {
        let topic = match &refusal {
            Some(refusal) => Err(refusal.clone()),
            None => {
                session.shared.catalog.by_name(&data.name).ok_or_else(|| unknown_topic(&data.name))
            }
        };
        let append = |partition: PartitionProduceData| {
            let written = topic
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|topic| append(session, id.as_deref(), topic, &partition));
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
    if request.transactional_id.is_some() && request.acks != -1 {
        let reason = "records of transactions must be acknowledged by all";
        return Some(Refusal::new(ResponseError::InvalidRequiredAcks, reason));
    }
    None
}

fn append(
    session: &Session,
    id: Option<&str>,
    topic: &Topic,
    data: &PartitionProduceData,
) -> Result<i64, Refusal> {
    let Some(partition) = topic.partition(data.index) else {
        let reason = format!("topic `{}` has no partition {}", topic.name, data.index);
        return Err(Refusal::new(ResponseError::UnknownTopicOrPartition, reason));
    };
    let Some(records) = &data.records else {
        return Err(Refusal::new(ResponseError::InvalidRecord, "there are no records"));
    };
    // Held until the batch is written: nobody must end the transaction in between.
    let _open = match transaction_of(records) {
        Some(who) => {
            let place = Place { topic: topic.name.clone(), partition: data.index };
            Some(check(session, id, who, &place)?)
        }
        None => None,
    };
    partition.append(records).map_err(|error| match error {
        AppendError::Refused { code, reason } => Refusal::new(code, reason),
        AppendError::Io(error) => Refusal::from(error),
    })
}

/// Who wrote the batch as part of a transaction.
fn transaction_of(batch: &[u8]) -> Option<Instance> {
    let header = Header::parse(batch).filter(Header::is_transactional)?;
    header.stamp.map(|stamp| Instance { producer: stamp.producer, epoch: stamp.epoch })
}

/// Is this partition part of the open transaction of this producer?
fn check<'a>(
    session: &'a Session,
    id: Option<&str>,
    who: Instance,
    place: &Place,
) -> Result<MutexGuard<'a, Transactions>, Refusal> {
    let transactions = session.shared.transactions();
    let known = id.and_then(|id| transactions.get(id));
    let known = known.ok_or(ResponseError::InvalidProducerIdMapping);
    known.and_then(|known| known.may_write(who, place)).map_err(|code| match code {
        // The code for those who write, since before there were transactions.
        ResponseError::ProducerFenced => {
            let reason = "there is a newer producer with the same transactional id";
            Refusal::new(ResponseError::InvalidProducerEpoch, reason)
        }
        ResponseError::InvalidTxnState => {
            Refusal::new(code, "the producer has no open transaction with this partition in it")
        }
        other => Refusal::new(other, "the transactional id is not this producer's"),
    })?;
    Ok(transactions)
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
