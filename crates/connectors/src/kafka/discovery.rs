//! Finds the partitions of a source subtask, at the start and every few minutes, on a thread of its own:
//! brokers may take seconds to answer, and the subtask must not wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use engine::Error;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;

use super::client::Consumer;
use super::offsets::{ANSWER, Partition, Trouble, resolve};
use super::options::{Place, Scan, Topics};
use super::partitioner::owner;
use super::split::Progress;

/// Pause before asking again for what was not there.
const RETRY: Duration = Duration::from_secs(1);

/// A partition to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// First offset to read.
    pub(super) start: i64,
    /// First offset not to read; `None` = it has no end.
    pub(super) stop: Option<i64>,
}

/// What the thread tells.
#[derive(Debug)]
pub(super) enum News {
    /// New partitions of this subtask, perhaps none. The first such news ends the start.
    Found(Vec<Found>),
    /// It did not work and is tried again.
    Trouble(String),
    /// It will never work.
    Failed(Error),
}

/// What the thread knows from the beginning.
pub(super) struct Task {
    pub(super) consumer: Arc<Consumer>,
    pub(super) scan: Scan,
    pub(super) subtask: usize,
    pub(super) parallelism: usize,
    /// Positions of all partitions in the restored checkpoint.
    pub(super) restored: Option<Restored>,
}

/// What a checkpoint says of a Kafka source.
#[derive(Debug, Clone, Default)]
pub(super) struct Restored {
    pub(super) progress: BTreeMap<Partition, Progress>,
    /// Parallelism at that time, by each subtask that had finished its start.
    pub(super) started: BTreeMap<usize, usize>,
}

impl Restored {
    /// Whether the reader of that time had looked for this partition, so that it is new if it
    /// has no position. Otherwise its start has still to happen.
    fn had_started(&self, topic: &str, partition: i32) -> bool {
        let parallelism = self.started.values().next().copied();
        parallelism.is_some_and(|parallelism| {
            self.started.contains_key(&owner(topic, partition, parallelism))
        })
    }
}

/// A running discovery; dropping it ends its thread.
#[derive(Debug)]
pub(super) struct Discovery {
    pub(super) news: Receiver<News>,
    _alive: Sender<()>,
}

impl Discovery {
    pub(super) fn start(task: Task) -> Result<Self, Error> {
        let (tell, news) = channel();
        let (alive, gone) = channel();
        std::thread::Builder::new()
            .name("kafka-discovery".to_owned())
            .spawn(move || task.run(&tell, &gone))
            .map_err(|error| Error::internal("no thread for Kafka discovery").because(error))?;
        Ok(Self { news, _alive: alive })
    }
}

impl Task {
    fn run(self, tell: &Sender<News>, gone: &Receiver<()>) {
        let mut known = BTreeSet::new();
        // Topics that exist, or did not exist when the start was done: what appears in them later
        // is new and read from its beginning.
        let mut started = false;
        loop {
            let mut pause = self.scan.discovery;
            let news = match self.round(&mut known, &mut started) {
                Ok((found, missing)) => {
                    if let Some(topic) = missing.first() {
                        pause = Some(RETRY);
                        let text = format!("topic `{topic}` does not exist yet");
                        let told = tell.send(News::Trouble(text));
                        if told.is_err() {
                            return;
                        }
                    }
                    (!found.is_empty() || self.complete(&missing)).then_some(News::Found(found))
                }
                Err(Trouble::Later(text)) => {
                    pause = Some(RETRY);
                    Some(News::Trouble(text))
                }
                Err(Trouble::Never(error)) => {
                    pause = None;
                    Some(News::Failed(error))
                }
            };
            if news.is_some_and(|news| tell.send(news).is_err()) {
                return;
            }
            let Some(pause) = pause else { return };
            if gone.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// Whether a round without news still counts as the end of the start: a bounded source has
    /// to wait for its topics, an unbounded one takes them when they come.
    fn complete(&self, missing: &[String]) -> bool {
        self.scan.stop.is_none() || missing.is_empty()
    }

    /// One look at the topics: new partitions, and named topics that do not exist.
    fn round(
        &self,
        known: &mut BTreeSet<Partition>,
        started: &mut bool,
    ) -> Result<(Vec<Found>, Vec<String>), Trouble> {
        let (all, missing) = self.partitions()?;
        let own = |(topic, partition): &Partition| {
            owner(topic, *partition, self.parallelism) == self.subtask
        };
        let new: Vec<Partition> =
            all.into_iter().filter(|at| own(at) && !known.contains(at)).collect();
        let found = self.place(&new, *started)?;
        known.extend(new);
        *started = *started || self.complete(&missing);
        Ok((found, missing))
    }

    fn partitions(&self) -> Result<(Vec<Partition>, Vec<String>), Trouble> {
        let mut all = Vec::new();
        let mut missing = Vec::new();
        match &self.scan.topics {
            Topics::Named(names) => {
                for name in names {
                    match self.partitions_of(Some(name), |_| true)? {
                        found if found.is_empty() => missing.push(name.clone()),
                        found => all.extend(found),
                    }
                }
            }
            Topics::Matching(pattern) => {
                all = self.partitions_of(None, |name| pattern.is_match(name))?;
            }
        }
        Ok((all, missing))
    }

    fn partitions_of(
        &self,
        topic: Option<&str>,
        fits: impl Fn(&str) -> bool,
    ) -> Result<Vec<Partition>, Trouble> {
        let metadata = self.consumer.fetch_metadata(topic, ANSWER)?;
        let mut found = Vec::new();
        for topic in metadata.topics().iter().filter(|topic| fits(topic.name())) {
            match topic.error().map(RDKafkaErrorCode::from) {
                None => {}
                Some(
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                ) => continue,
                Some(error) => {
                    return Err(Trouble::Later(format!("topic `{}`: {error}", topic.name())));
                }
            }
            found
                .extend(topic.partitions().iter().map(|part| (topic.name().to_owned(), part.id())));
        }
        Ok(found)
    }

    /// Start and stop of partitions not seen before.
    fn place(&self, new: &[Partition], started: bool) -> Result<Vec<Found>, Trouble> {
        let progress = |at: &Partition| self.restored.as_ref()?.progress.get(at);
        let mut fresh = Vec::new();
        let mut late = Vec::new();
        for at in new.iter().filter(|at| progress(at).is_none()) {
            let restored = self.restored.as_ref();
            let new = started || restored.is_some_and(|r| r.had_started(&at.0, at.1));
            if new { late.push(at.clone()) } else { fresh.push(at.clone()) }
        }
        let ask = |place: &Place, partitions: &[Partition]| {
            resolve(&self.consumer, place, self.scan.group.as_deref(), partitions)
        };
        let mut starts = ask(&self.scan.start, &fresh)?;
        starts.extend(ask(&Place::Earliest, &late)?);
        let mut stops = BTreeMap::new();
        if let Some(stop) = &self.scan.stop {
            let open: Vec<Partition> = new
                .iter()
                .filter(|at| progress(at).is_none_or(|progress| progress.stop.is_none()))
                .cloned()
                .collect();
            stops = ask(stop, &open)?;
        }
        let found = new.iter().map(|at| {
            let known = progress(at);
            let start = known.map(|known| known.offset).or_else(|| starts.get(at).copied());
            let Some(start) = start else {
                return Err(Trouble::Later(format!(
                    "no offset for partition {} of `{}`",
                    at.1, at.0
                )));
            };
            let stop = known.and_then(|known| known.stop).or_else(|| stops.get(at).copied());
            Ok(Found { topic: at.0.clone(), partition: at.1, start, stop })
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_without_position_is_new_only_if_its_reader_had_started() {
        let owner_of_0 = owner("t", 0, 2);
        let restored =
            Restored { progress: BTreeMap::new(), started: BTreeMap::from([(owner_of_0, 2)]) };
        assert!(restored.had_started("t", 0));
        assert!(!restored.had_started("t", 1));
        assert!(restored.had_started("t", 2));
        assert!(!Restored::default().had_started("t", 0));
    }
}
