//! What is needed of a broker before there is a table: topics.

use std::time::Duration;

use engine::{Error, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use tokio::runtime::Handle;

/// How long the brokers may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Creates a topic with one replica unless it exists. Blocks; must not be called from a task.
///
/// # Errors
/// The brokers do not answer, or refuse the topic.
pub fn create_topic(servers: &str, name: &str, partitions: i32, runtime: &Handle) -> Result<()> {
    let failed = |why: String| Error::external(format!("topic `{name}` was not created: {why}"));
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    let admin: AdminClient<DefaultClientContext> =
        config.create().map_err(|error| failed(error.to_string()))?;
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let options =
        AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let created = runtime.block_on(admin.create_topics([&topic], &options));
    let results = created.map_err(|error| failed(error.to_string()))?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(failed(code.to_string())),
        }
    }
    Ok(())
}
