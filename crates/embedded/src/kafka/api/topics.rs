//! `CreateTopics`, `DeleteTopics` and `CreatePartitions`.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
};

use super::{NODE, Session, text};
use crate::kafka::catalog::{Refusal, unknown_topic};

/// From this version on topics to delete are listed with name or id.
const DELETE_BY_ID: i16 = 6;

pub(super) fn create(session: &Session, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let is_trial = request.validate_only;
    let topics = request.topics.into_iter().map(|wanted| {
        let result = CreatableTopicResult::default().with_name(wanted.name.clone());
        match create_one(session, &wanted, is_trial) {
            Ok((id, partitions)) => result
                .with_topic_id(id)
                .with_num_partitions(i32::try_from(partitions).unwrap_or(i32::MAX))
                .with_replication_factor(1),
            Err(refusal) => result
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.reason))),
        }
    });
    CreateTopicsResponse::default().with_topics(topics.collect())
}

/// Id and number of partitions of the new topic; the id is zero after a trial.
fn create_one(
    session: &Session,
    wanted: &CreatableTopic,
    is_trial: bool,
) -> Result<(uuid::Uuid, usize), Refusal> {
    let count = partitions_of(wanted, session.shared.options.default_partitions)?;
    let mut settings = BTreeMap::new();
    for config in &wanted.configs {
        if let Some(value) = &config.value {
            settings.insert(config.name.to_string(), value.to_string());
        }
    }
    let catalog = &session.shared.catalog;
    if is_trial {
        catalog.check_new(&wanted.name, count, &settings)?;
        return Ok((uuid::Uuid::nil(), count));
    }
    let topic = catalog.create(&wanted.name, count, settings)?;
    Ok((topic.id, count))
}

fn partitions_of(wanted: &CreatableTopic, default: usize) -> Result<usize, Refusal> {
    if !wanted.assignments.is_empty() {
        check_assignment(wanted.assignments.iter().map(|assignment| &assignment.broker_ids))?;
        return Ok(wanted.assignments.len());
    }
    if !matches!(wanted.replication_factor, -1 | 1) {
        return Err(Refusal::new(
            ResponseError::InvalidReplicationFactor,
            format!("there is one broker, so no {} replicas", wanted.replication_factor),
        ));
    }
    match wanted.num_partitions {
        -1 => Ok(default),
        // What is not a number of partitions is refused by the catalog.
        count => Ok(usize::try_from(count).unwrap_or(0)),
    }
}

fn check_assignment<'a>(replicas: impl Iterator<Item = &'a Vec<BrokerId>>) -> Result<(), Refusal> {
    for replicas in replicas {
        if *replicas != [NODE] {
            let reason = format!("broker {} is the only one", NODE.0);
            return Err(Refusal::new(ResponseError::InvalidReplicaAssignment, reason));
        }
    }
    Ok(())
}

pub(super) fn delete(
    session: &Session,
    request: DeleteTopicsRequest,
    version: i16,
) -> DeleteTopicsResponse {
    let topics = if version >= DELETE_BY_ID {
        request.topics
    } else {
        let by_name = |name| DeleteTopicState::default().with_name(Some(name));
        request.topic_names.into_iter().map(by_name).collect()
    };
    let responses = topics.into_iter().map(|wanted| {
        let result = DeletableTopicResult::default()
            .with_name(wanted.name.clone())
            .with_topic_id(wanted.topic_id);
        match delete_one(session, &wanted) {
            Ok(topic) => result.with_name(Some(text(topic).into())),
            Err(refusal) => result
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.reason))),
        }
    });
    DeleteTopicsResponse::default().with_responses(responses.collect())
}

fn delete_one(session: &Session, wanted: &DeleteTopicState) -> Result<String, Refusal> {
    let catalog = &session.shared.catalog;
    let name = match &wanted.name {
        Some(name) => name.to_string(),
        None => match catalog.by_id(wanted.topic_id) {
            Some(topic) => topic.name.clone(),
            None => {
                let code = ResponseError::UnknownTopicId;
                return Err(Refusal { code, ..unknown_topic(&wanted.topic_id.to_string()) });
            }
        },
    };
    catalog.delete(&name)?;
    session.offsets().forget_topic(&name)?;
    Ok(name)
}

pub(super) fn grow(
    session: &Session,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let is_trial = request.validate_only;
    let results = request.topics.into_iter().map(|wanted| {
        let result = CreatePartitionsTopicResult::default().with_name(wanted.name.clone());
        match grow_one(session, &wanted, is_trial) {
            Ok(()) => result,
            Err(refusal) => result
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.reason))),
        }
    });
    CreatePartitionsResponse::default().with_results(results.collect())
}

fn grow_one(
    session: &Session,
    wanted: &CreatePartitionsTopic,
    is_trial: bool,
) -> Result<(), Refusal> {
    let assignments = wanted.assignments.iter().flatten();
    check_assignment(assignments.map(|assignment| &assignment.broker_ids))?;
    let count = usize::try_from(wanted.count).unwrap_or(0);
    let catalog = &session.shared.catalog;
    if is_trial {
        return catalog.check_growth(&wanted.name, count).map(|_| ());
    }
    catalog.grow(&wanted.name, count).map(|_| ())
}
