//! From a place ("latest") to offsets, by asking the brokers.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::Error;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::Consumer;
use super::options::{Fallback, Place};

/// A partition of a topic.
pub(super) type Partition = (String, i32);

/// Longest wait for one answer of a broker.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// Why offsets were not found.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The brokers may answer later.
    Later(String),
    /// Asking again gives the same.
    Never(Error),
}

impl From<KafkaError> for Trouble {
    fn from(error: KafkaError) -> Self {
        Self::Later(error.to_string())
    }
}

/// The offset of `place` in each of `partitions`.
pub(super) fn resolve(
    consumer: &Consumer,
    place: &Place,
    group: Option<&str>,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, i64>, Trouble> {
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    match place {
        Place::Earliest => listed(consumer, partitions, Offset::Beginning),
        Place::Latest => listed(consumer, partitions, Offset::End),
        Place::Timestamp(millis) => {
            let mut found = listed(consumer, partitions, Offset::Offset(*millis))?;
            let missing: Vec<Partition> = partitions
                .iter()
                .filter(|partition| !found.contains_key(*partition))
                .cloned()
                .collect();
            found.extend(resolve(consumer, &Place::Latest, group, &missing)?);
            Ok(found)
        }
        Place::Group(fallback) => committed(consumer, *fallback, group, partitions),
        Place::Specific(offsets) => {
            let named = |(topic, partition): &Partition| {
                let offset = offsets.get(partition)?;
                Some(((topic.clone(), *partition), *offset))
            };
            let mut found: BTreeMap<Partition, i64> = partitions.iter().filter_map(named).collect();
            let rest: Vec<Partition> = partitions
                .iter()
                .filter(|partition| !found.contains_key(*partition))
                .cloned()
                .collect();
            let place = match group {
                Some(_) => Place::Group(Fallback::Earliest),
                None => Place::Earliest,
            };
            found.extend(resolve(consumer, &place, group, &rest)?);
            Ok(found)
        }
    }
}

fn list_of(partitions: &[Partition], offset: Offset) -> Result<TopicPartitionList, Trouble> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition_offset(topic, *partition, offset)?;
    }
    Ok(list)
}

/// Asks the leaders, all partitions of a broker in one request. The protocol takes −2 (earliest)
/// and −1 (latest) in the place of a time. A partition without a record that late is left out.
fn listed(
    consumer: &Consumer,
    partitions: &[Partition],
    time: Offset,
) -> Result<BTreeMap<Partition, i64>, Trouble> {
    let answer = consumer.offsets_for_times(list_of(partitions, time)?, ANSWER)?;
    let mut found = BTreeMap::new();
    for element in answer.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            found.insert((element.topic().to_owned(), element.partition()), offset);
        }
    }
    Ok(found)
}

fn committed(
    consumer: &Consumer,
    fallback: Fallback,
    group: Option<&str>,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, i64>, Trouble> {
    let answer = consumer.committed_offsets(list_of(partitions, Offset::Invalid)?, ANSWER)?;
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for element in answer.elements() {
        element.error()?;
        let partition = (element.topic().to_owned(), element.partition());
        match element.offset() {
            Offset::Offset(offset) => {
                found.insert(partition, offset);
            }
            _ => missing.push(partition),
        }
    }
    let place = match fallback {
        Fallback::Earliest => Place::Earliest,
        Fallback::Latest => Place::Latest,
        Fallback::None => {
            let Some((topic, partition)) = missing.first() else { return Ok(found) };
            return Err(Trouble::Never(Error::user(format!(
                "group `{}` has committed no offset for partition {partition} of topic `{topic}`; \
                 set `properties.auto.offset.reset` to `earliest` or `latest`, or choose another \
                 `scan.startup.mode`",
                group.unwrap_or_default()
            ))));
        }
    };
    found.extend(resolve(consumer, &place, group, &missing)?);
    Ok(found)
}
