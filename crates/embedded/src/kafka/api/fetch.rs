//! `Fetch`: record batches from any offset on, waiting for them if there are too few.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::{FetchRequest, FetchResponse, ProducerId};
use tokio::time::Instant;

use super::Session;
use crate::kafka::catalog::Topic;
use crate::kafka::log::{Aborted, Isolation, Slice, end_of};
use crate::kafka::partition::Partition;

/// From this version on topics are named by their ids.
const BY_ID: i16 = 13;

/// One partition of the request, as far as it is known here.
type Wanted = (FetchPartition, Result<Arc<Partition>, ResponseError>);

pub(super) async fn answer(
    session: &Session,
    request: FetchRequest,
    version: i16,
) -> FetchResponse {
    if request.session_id != 0 {
        // Sessions are never given out here: each request names all its partitions.
        let code = ResponseError::FetchSessionIdNotFound.code();
        return FetchResponse::default().with_error_code(code);
    }
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + wait;
    let enough = u64::try_from(request.min_bytes).unwrap_or(0);
    let mut topics: Vec<(FetchTopic, Vec<Wanted>)> = Vec::with_capacity(request.topics.len());
    for mut topic in request.topics {
        let partitions = std::mem::take(&mut topic.partitions);
        let found = find(session, &topic, version);
        let wanted = partitions.into_iter().map(|wanted| {
            let partition = found.as_ref().map_err(|code| *code).and_then(|topic| {
                let known = topic.partition(wanted.partition).cloned();
                known.ok_or(ResponseError::UnknownTopicOrPartition)
            });
            (wanted, partition)
        });
        topics.push((topic, wanted.collect()));
    }
    let isolation = isolation(request.isolation_level);
    while !has_enough(&topics, enough, isolation) {
        watch(session, &topics);
        // Whatever came before the watch was set would otherwise be waited for in vain.
        if has_enough(&topics, enough, isolation) {
            break;
        }
        tokio::select! {
            () = session.grown.notified() => {}
            () = tokio::time::sleep_until(deadline) => break,
            () = session.stop.cancelled() => break,
        }
    }
    let mut budget = usize::try_from(request.max_bytes).unwrap_or(0);
    let mut is_first = true;
    let mut responses = Vec::with_capacity(topics.len());
    for (topic, partitions) in topics {
        let read =
            |(wanted, partition)| read(wanted, partition, isolation, &mut budget, &mut is_first);
        responses.push(
            FetchableTopicResponse::default()
                .with_topic(topic.topic)
                .with_topic_id(topic.topic_id)
                .with_partitions(partitions.into_iter().map(read).collect()),
        );
    }
    FetchResponse::default().with_responses(responses)
}

fn find(session: &Session, topic: &FetchTopic, version: i16) -> Result<Arc<Topic>, ResponseError> {
    let catalog = &session.shared.catalog;
    if version >= BY_ID {
        return catalog.by_id(topic.topic_id).ok_or(ResponseError::UnknownTopicId);
    }
    catalog.by_name(&topic.topic).ok_or(ResponseError::UnknownTopicOrPartition)
}

fn watch(session: &Session, topics: &[(FetchTopic, Vec<Wanted>)]) {
    let partitions = topics.iter().flat_map(|(_, partitions)| partitions);
    for partition in partitions.filter_map(|(_, partition)| partition.as_ref().ok()) {
        partition.watch(&session.grown);
    }
}

/// Is there enough to answer? An error is answered at once.
fn has_enough(topics: &[(FetchTopic, Vec<Wanted>)], enough: u64, isolation: Isolation) -> bool {
    let mut bytes = 0;
    for (wanted, partition) in topics.iter().flat_map(|(_, partitions)| partitions) {
        let Ok(partition) = partition else { return true };
        let Ok(slice) = locate(partition, wanted.fetch_offset, isolation) else { return true };
        bytes += slice.len();
    }
    bytes >= enough
}

fn locate(
    partition: &Partition,
    offset: i64,
    isolation: Isolation,
) -> Result<Slice, ResponseError> {
    match partition.log().slice(offset, isolation) {
        Ok(Some(slice)) => Ok(slice),
        Ok(None) => Err(ResponseError::OffsetOutOfRange),
        Err(error) => {
            tracing::error!(%error, "a log cannot be read");
            Err(ResponseError::KafkaStorageError)
        }
    }
}

/// Reads one partition within what is left of the budget; the first one that has anything gives at
/// least one batch, so that a batch larger than the budget does not stop the reader for ever.
fn read(
    wanted: FetchPartition,
    partition: Result<Arc<Partition>, ResponseError>,
    isolation: Isolation,
    budget: &mut usize,
    is_first: &mut bool,
) -> PartitionData {
    let data = PartitionData::default()
        .with_partition_index(wanted.partition)
        .with_high_watermark(-1)
        .with_aborted_transactions(None);
    let partition = match partition {
        Ok(partition) => partition,
        Err(code) => return data.with_error_code(code.code()),
    };
    let (start, end, stable) = {
        let log = partition.log();
        (log.start_offset(), log.end_offset(), log.end_for(Isolation::Committed))
    };
    let data =
        data.with_high_watermark(end).with_last_stable_offset(stable).with_log_start_offset(start);
    let most = usize::try_from(wanted.partition_max_bytes).unwrap_or(0).min(*budget);
    let records = locate(&partition, wanted.fetch_offset, isolation).and_then(|slice| {
        let read = if *is_first { slice.read_some(most) } else { slice.read(most) };
        read.map_err(|error| {
            tracing::error!(%error, "a log cannot be read");
            ResponseError::KafkaStorageError
        })
    });
    match records {
        Ok(records) => {
            *budget = budget.saturating_sub(records.len());
            *is_first &= records.is_empty();
            let data = match isolation {
                Isolation::Uncommitted => data,
                Isolation::Committed => {
                    let end = end_of(&records).unwrap_or(wanted.fetch_offset);
                    data.with_aborted_transactions(Some(aborted(
                        &partition,
                        wanted.fetch_offset,
                        end,
                    )))
                }
            };
            data.with_records(Some(records))
        }
        Err(code) => data.with_error_code(code.code()).with_records(Some(Bytes::new())),
    }
}

/// Transactions whose records between these offsets the reader has to leave out.
fn aborted(partition: &Partition, from: i64, to: i64) -> Vec<AbortedTransaction> {
    let found = partition.log().aborted(from, to).into_iter();
    let describe = |aborted: Aborted| {
        AbortedTransaction::default()
            .with_producer_id(ProducerId(aborted.producer))
            .with_first_offset(aborted.first)
    };
    found.map(describe).collect()
}

/// How the protocol numbers it.
pub(super) fn isolation(level: i8) -> Isolation {
    match level {
        0 => Isolation::Uncommitted,
        _ => Isolation::Committed,
    }
}
