//! What is in the sinks: committed records of Kafka, visible files of S3.

use std::collections::BTreeMap;

use connectors::Registry;
use connectors::s3::{Object, S3};
use serde::Serialize;

use super::Error;
use super::application::Application;
use super::streams;
use super::tally::{Key, Window};
use super::world::{CHECKPOINTS, OUTPUT};

/// Longest list of examples.
const EXAMPLES: usize = 10;

const SUCCESS: &str = "_SUCCESS";

/// Results by application.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) windows: BTreeMap<String, Vec<(Key, Window)>>,
    pub(super) records: BTreeMap<String, Vec<i64>>,
}

/// Reads everything committed in the applications' topics.
pub(super) fn read_kafka(
    registry: &Registry,
    servers: &str,
    applications: &[Application],
) -> Result<Results, Error> {
    let mut results = Results::default();
    let mut take = |topic: &str, text: &str| -> Result<(), Error> {
        if let Some(name) = topic.strip_suffix("-windows") {
            let rows = results.windows.entry(name.to_owned()).or_default();
            rows.push(streams::window(text)?);
        } else if let Some(name) = topic.strip_suffix("-records") {
            results.records.entry(name.to_owned()).or_default().push(streams::id(text)?);
        }
        Ok(())
    };
    streams::read_all(registry, servers, &topics(applications), &mut take)?;
    Ok(results)
}

/// All topics that applications write to, as a list.
pub(super) fn topics(applications: &[Application]) -> String {
    let names: Vec<String> =
        applications.iter().flat_map(|it| [it.windows_topic(), it.records_topic()]).collect();
    names.join(";")
}

/// The visible files, looked at again and again: a file that was once seen must stay as it is.
#[derive(Debug, Default)]
pub(super) struct Files {
    seen: BTreeMap<String, Object>,
    results: Results,
    /// Time of each partition's success file when it was first seen, in ms.
    successes: BTreeMap<String, i64>,
    vanished: Vec<String>,
    rewritten: Vec<String>,
}

/// What is to be said of the files.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct FilesReport {
    pub(super) files: usize,
    /// Seen once, and later not there any more.
    pub(super) vanished: usize,
    /// Seen once, and later with other contents.
    pub(super) rewritten: usize,
    /// Partitions of windows, and those that have no success file although all is over.
    pub(super) partitions: usize,
    pub(super) without_success: usize,
    /// Files that came into a partition after its success file.
    pub(super) after_success: usize,
    pub(super) examples: Vec<String>,
}

impl FilesReport {
    pub(super) fn good(&self) -> bool {
        self.vanished + self.rewritten + self.without_success + self.after_success == 0
    }
}

impl Files {
    /// Lists everything and reads what is new. Blocks.
    pub(super) fn look(&mut self, s3: &S3) -> Result<(), Error> {
        let listed = s3.list(OUTPUT, "")?;
        let there: BTreeMap<&str, &Object> =
            listed.iter().map(|object| (object.key.as_str(), object)).collect();
        self.vanished
            .extend(self.seen.keys().filter(|key| !there.contains_key(key.as_str())).cloned());
        self.seen.retain(|key, _| there.contains_key(key.as_str()));
        for object in &listed {
            let (folder, name) = object.key.rsplit_once('/').unwrap_or(("", &object.key));
            if name == SUCCESS {
                // It is empty, and may be written again.
                self.successes.entry(folder.to_owned()).or_insert(object.modified_ms);
                continue;
            }
            match self.seen.get(&object.key) {
                Some(before) if before.etag == object.etag && before.bytes == object.bytes => {}
                Some(_) => self.rewritten.push(object.key.clone()),
                None => {
                    self.read(s3, &object.key)?;
                    self.seen.insert(object.key.clone(), object.clone());
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, s3: &S3, key: &str) -> Result<(), Error> {
        let text = String::from_utf8(s3.get(OUTPUT, key)?.to_vec())?;
        let mut parts = key.split('/');
        let (name, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let in_file = |error: Error| format!("in `{key}`: {error}");
        match kind {
            "windows" => {
                let rows: Result<Vec<_>, _> = text.lines().map(streams::window).collect();
                let rows = rows.map_err(in_file)?;
                self.results.windows.entry(name.to_owned()).or_default().extend(rows);
            }
            "records" => {
                let ids: Result<Vec<_>, _> = text.lines().map(streams::id).collect();
                let ids = ids.map_err(in_file)?;
                self.results.records.entry(name.to_owned()).or_default().extend(ids);
            }
            _ => return Err(format!("`{key}` belongs to nobody").into()),
        }
        Ok(())
    }

    pub(super) fn results(&self) -> &Results {
        &self.results
    }

    pub(super) fn report(&self) -> FilesReport {
        let mut report = FilesReport {
            files: self.seen.len(),
            vanished: self.vanished.len(),
            rewritten: self.rewritten.len(),
            ..FilesReport::default()
        };
        let mut examples: Vec<String> = Vec::new();
        examples.extend(self.vanished.iter().map(|key| format!("vanished: {key}")));
        examples.extend(self.rewritten.iter().map(|key| format!("rewritten: {key}")));
        let mut partitions = BTreeMap::<&str, i64>::new();
        for (key, object) in &self.seen {
            let (folder, _) = key.rsplit_once('/').unwrap_or(("", key));
            if !folder.contains("/windows/") {
                continue;
            }
            let last = partitions.entry(folder).or_default();
            *last = (*last).max(object.modified_ms);
            if self.successes.get(folder).is_some_and(|success| object.modified_ms > *success) {
                report.after_success += 1;
                examples.push(format!("after its success file: {key}"));
            }
        }
        report.partitions = partitions.len();
        for folder in partitions.keys().filter(|folder| !self.successes.contains_key(**folder)) {
            report.without_success += 1;
            examples.push(format!("no success file: {folder}"));
        }
        examples.truncate(EXAMPLES);
        report.examples = examples;
        report
    }
}

/// What nobody sees: how much is there when all applications have ended.
#[derive(Debug, Default, Serialize)]
pub(super) struct Leftovers {
    /// Uploads neither finished nor aborted; a next attempt would sweep them up.
    pub(super) open_uploads: usize,
    /// Objects of checkpoints, snapshots and prepared output.
    pub(super) objects: usize,
    pub(super) bytes: u64,
}

/// Counts what nobody sees. Blocks.
pub(super) fn leftovers(s3: &S3) -> Result<Leftovers, Error> {
    let objects = s3.list(CHECKPOINTS, "")?;
    Ok(Leftovers {
        open_uploads: s3.list_uploads(OUTPUT, "")?.len(),
        objects: objects.len(),
        bytes: objects.iter().map(|object| object.bytes).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(key: &str, modified_ms: i64) -> (String, Object) {
        let etag = String::new();
        (key.to_owned(), Object { key: key.to_owned(), bytes: 1, etag, modified_ms })
    }

    #[test]
    fn files_that_come_too_late_or_lack_their_mark_are_told() {
        let files = Files {
            seen: [
                file("a/windows/minute=1/x", 10),
                file("a/windows/minute=1/y", 30),
                file("a/windows/minute=2/z", 10),
                file("a/records/block=0/z", 10),
            ]
            .into(),
            successes: [("a/windows/minute=1".to_owned(), 20)].into(),
            vanished: vec!["a/records/block=0/gone".to_owned()],
            ..Files::default()
        };
        let report = files.report();
        assert_eq!((report.files, report.partitions), (4, 2));
        assert_eq!((report.vanished, report.after_success, report.without_success), (1, 1, 1));
        assert!(!report.good());
        assert_eq!(report.examples.len(), 3, "{report:?}");
    }
}
