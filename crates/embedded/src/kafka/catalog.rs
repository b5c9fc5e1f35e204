//! The topics of a broker and their folders.
//!
//! `topics/NAME/topic.json` says what a topic is; `topics/NAME/N.log` are its partitions. A topic
//! is made in the folder `limbo` and moved into place, and deleted the other way round, so that a
//! crash leaves no half of one.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::log::Durability;
use super::partition::Partition;
use super::settings;

/// More than this in one topic is taken for a mistake: each partition is an open file.
const MOST_PARTITIONS: usize = 10_000;

/// Kafka's limit, which comes from file names.
const LONGEST_NAME: usize = 249;

/// A topic. Never changed: a topic with more partitions is a new value that shares the old ones.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) id: Uuid,
    pub(super) partitions: Vec<Arc<Partition>>,
    /// Settings that differ from the defaults.
    pub(super) settings: BTreeMap<String, String>,
}

impl Topic {
    /// The partition of this number, if there is one.
    pub(super) fn partition(&self, number: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(number).ok()?)
    }
}

/// A refusal for the client, with words that say why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ResponseError,
    pub(super) reason: String,
}

impl Refusal {
    pub(super) fn new(code: ResponseError, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        tracing::error!(%error, "the broker's folder cannot be written");
        Self::new(ResponseError::KafkaStorageError, format!("the disk failed: {error}"))
    }
}

/// All topics.
#[derive(Debug)]
pub(super) struct Catalog {
    dir: PathBuf,
    durability: Durability,
    topics: RwLock<Topics>,
}

#[derive(Debug, Default)]
struct Topics {
    by_name: BTreeMap<String, Arc<Topic>>,
    names: HashMap<Uuid, String>,
}

/// What `topic.json` holds.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    id: Uuid,
    partitions: usize,
    settings: BTreeMap<String, String>,
}

impl Catalog {
    /// Opens all topics below `dir`.
    pub(super) fn open(dir: &Path, durability: Durability) -> io::Result<Self> {
        let catalog = Self { dir: dir.to_owned(), durability, topics: RwLock::default() };
        match fs::remove_dir_all(catalog.limbo()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(catalog.limbo())?;
        fs::create_dir_all(dir.join("topics"))?;
        for entry in fs::read_dir(dir.join("topics"))? {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            let text = fs::read(catalog.folder(&name).join("topic.json"))?;
            let description = serde_json::from_slice(&text).map_err(io::Error::other)?;
            let topic = catalog.open_topic(name, description, &[])?;
            catalog.write().insert(topic);
        }
        Ok(catalog)
    }

    /// All topics by name.
    pub(super) fn all(&self) -> Vec<Arc<Topic>> {
        self.read().by_name.values().cloned().collect()
    }

    pub(super) fn by_name(&self, name: &str) -> Option<Arc<Topic>> {
        self.read().by_name.get(name).cloned()
    }

    pub(super) fn by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        let topics = self.read();
        topics.by_name.get(topics.names.get(&id)?).cloned()
    }

    /// Would [`Catalog::create`] accept this?
    pub(super) fn check_new(
        &self,
        name: &str,
        partitions: usize,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        check_name(name)?;
        check_partitions(partitions)?;
        settings::check(settings)?;
        match self.by_name(name) {
            None => Ok(()),
            Some(_) => Err(Refusal::new(
                ResponseError::TopicAlreadyExists,
                format!("topic `{name}` already exists"),
            )),
        }
    }

    /// Creates a topic.
    pub(super) fn create(
        &self,
        name: &str,
        partitions: usize,
        settings: BTreeMap<String, String>,
    ) -> Result<Arc<Topic>, Refusal> {
        self.check_new(name, partitions, &settings)?;
        let mut topics = self.write();
        if let Some(topic) = topics.by_name.get(name) {
            // Another client was faster by a moment; one of them may be told so.
            let reason = format!("topic `{}` already exists", topic.name);
            return Err(Refusal::new(ResponseError::TopicAlreadyExists, reason));
        }
        let description = Description { id: Uuid::new_v4(), partitions, settings };
        let unfinished = self.limbo().join(description.id.to_string());
        fs::create_dir(&unfinished)?;
        describe(&unfinished, &description)?;
        fs::rename(&unfinished, self.folder(name))?;
        let topic = self.open_topic(name.to_owned(), description, &[])?;
        Ok(topics.insert(topic))
    }

    /// Would [`Catalog::grow`] accept this?
    pub(super) fn check_growth(&self, name: &str, count: usize) -> Result<(), Refusal> {
        let topic = self.by_name(name).ok_or_else(|| unknown_topic(name))?;
        check_partitions(count)?;
        let partitions = topic.partitions.len();
        if count > partitions {
            return Ok(());
        }
        Err(Refusal::new(
            ResponseError::InvalidPartitions,
            format!("topic `{name}` has {partitions} partitions; their number can only grow"),
        ))
    }

    /// Adds partitions to a topic until it has `count`.
    pub(super) fn grow(&self, name: &str, count: usize) -> Result<Arc<Topic>, Refusal> {
        self.check_growth(name, count)?;
        let mut topics = self.write();
        let Some(topic) = topics.by_name.get(name).cloned() else {
            return Err(unknown_topic(name));
        };
        // Another client may have been faster: then there is nothing left to add.
        let partitions = count.max(topic.partitions.len());
        let settings = topic.settings.clone();
        let description = Description { id: topic.id, partitions, settings };
        describe(&self.folder(name), &description)?;
        let grown = self.open_topic(name.to_owned(), description, &topic.partitions)?;
        Ok(topics.insert(grown))
    }

    /// Deletes a topic and wakes everybody who reads it.
    pub(super) fn delete(&self, name: &str) -> Result<Arc<Topic>, Refusal> {
        let mut topics = self.write();
        let Some(topic) = topics.by_name.get(name).cloned() else {
            return Err(unknown_topic(name));
        };
        let gone = self.limbo().join(topic.id.to_string());
        fs::rename(self.folder(name), &gone)?;
        topics.by_name.remove(name);
        topics.names.remove(&topic.id);
        drop(topics);
        if let Err(error) = fs::remove_dir_all(&gone) {
            tracing::warn!(%error, "the files of a deleted topic are left until the next start");
        }
        topic.partitions.iter().for_each(|partition| partition.wake());
        Ok(topic)
    }

    fn open_topic(
        &self,
        name: String,
        description: Description,
        shared: &[Arc<Partition>],
    ) -> io::Result<Topic> {
        let Description { id, partitions: count, settings } = description;
        let mut partitions = shared.to_vec();
        for number in shared.len()..count {
            let path = self.folder(&name).join(format!("{number}.log"));
            partitions.push(Arc::new(Partition::open(&path, self.durability)?));
        }
        Ok(Topic { name, id, partitions, settings })
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.dir.join("topics").join(name)
    }

    fn limbo(&self) -> PathBuf {
        self.dir.join("limbo")
    }

    fn read(&self) -> RwLockReadGuard<'_, Topics> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Topics> {
        self.topics.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topics {
    fn insert(&mut self, topic: Topic) -> Arc<Topic> {
        let topic = Arc::new(topic);
        self.names.insert(topic.id, topic.name.clone());
        self.by_name.insert(topic.name.clone(), Arc::clone(&topic));
        topic
    }
}

/// The refusal for a topic that is not there.
pub(super) fn unknown_topic(name: &str) -> Refusal {
    let reason = format!("topic `{name}` does not exist");
    Refusal::new(ResponseError::UnknownTopicOrPartition, reason)
}

fn describe(folder: &Path, description: &Description) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(description).map_err(io::Error::other)?;
    let fresh = folder.join("topic.json.new");
    fs::write(&fresh, text)?;
    fs::rename(fresh, folder.join("topic.json"))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_name = !matches!(name, "" | "." | "..") && name.len() <= LONGEST_NAME;
    if is_name && name.chars().all(is_legal) {
        return Ok(());
    }
    Err(Refusal::new(
        ResponseError::InvalidTopicException,
        format!("`{name}` is no topic name; use at most {LONGEST_NAME} of a-z A-Z 0-9 . _ -"),
    ))
}

fn check_partitions(count: usize) -> Result<(), Refusal> {
    if (1..=MOST_PARTITIONS).contains(&count) {
        return Ok(());
    }
    Err(Refusal::new(
        ResponseError::InvalidPartitions,
        format!("a topic has 1 to {MOST_PARTITIONS} partitions, not {count}"),
    ))
}
