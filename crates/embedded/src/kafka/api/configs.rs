//! `DescribeConfigs`: the settings of topics and of the broker.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::producers::MAX_TIMEOUT_MS;
use super::{NODE, Session, text};
use crate::kafka::catalog::{Refusal, unknown_topic};
use crate::kafka::settings::{TOPIC_SETTINGS, max_message_bytes};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Where a value comes from, as the protocol numbers it.
const FROM_TOPIC: i8 = 1;
const FROM_STATIC_BROKER: i8 = 4;
const FROM_DEFAULT: i8 = 5;

const BOOLEAN: i8 = 1;
const INT: i8 = 3;

pub(super) fn describe(
    session: &Session,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let results = request.resources.into_iter().map(|wanted| {
        let found = match wanted.resource_type {
            TOPIC => topic(session, &wanted.resource_name),
            BROKER => broker(session, &wanted.resource_name),
            other => Err(Refusal::new(
                ResponseError::InvalidRequest,
                format!("resources of type {other} have no settings here"),
            )),
        };
        respond(wanted, found)
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn respond(
    wanted: DescribeConfigsResource,
    found: Result<Vec<DescribeConfigsResourceResult>, Refusal>,
) -> DescribeConfigsResult {
    let result = DescribeConfigsResult::default()
        .with_resource_type(wanted.resource_type)
        .with_resource_name(wanted.resource_name);
    match found {
        Ok(mut settings) => {
            if let Some(names) = wanted.configuration_keys {
                settings.retain(|setting| names.contains(&setting.name));
            }
            result.with_configs(settings)
        }
        Err(refusal) => result
            .with_error_code(refusal.code.code())
            .with_error_message(Some(text(refusal.reason))),
    }
}

fn topic(session: &Session, name: &str) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    let topic = session.shared.catalog.by_name(name).ok_or_else(|| unknown_topic(name))?;
    let mut settings: Vec<_> = TOPIC_SETTINGS
        .iter()
        .map(|known| match topic.settings.get(known.name) {
            Some(value) => setting(known.name, value, known.kind, FROM_TOPIC),
            None => setting(known.name, known.default, known.kind, FROM_DEFAULT),
        })
        .collect();
    settings.push(setting("max.message.bytes", &max_message_bytes(), INT, FROM_DEFAULT));
    Ok(settings)
}

fn broker(session: &Session, name: &str) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    if name != NODE.0.to_string() {
        let reason = format!("broker `{name}` does not exist; there is broker {}", NODE.0);
        return Err(Refusal::new(ResponseError::InvalidRequest, reason));
    }
    let options = &session.shared.options;
    let values = BTreeMap::from([
        ("auto.create.topics.enable", (options.auto_create_topics.to_string(), BOOLEAN)),
        ("default.replication.factor", ("1".to_owned(), INT)),
        ("message.max.bytes", (max_message_bytes(), INT)),
        ("num.partitions", (options.default_partitions.to_string(), INT)),
        ("transaction.max.timeout.ms", (MAX_TIMEOUT_MS.to_string(), INT)),
    ]);
    let describe = |(name, (value, kind)): (&str, (String, i8))| {
        setting(name, &value, kind, FROM_STATIC_BROKER).with_read_only(true)
    };
    Ok(values.into_iter().map(describe).collect())
}

fn setting(name: &str, value: &str, kind: i8, source: i8) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(text(name))
        .with_value(Some(text(value)))
        .with_config_type(kind)
        .with_config_source(source)
}
