//! The object store: objects, and files that are uploaded in parts.

use std::collections::BTreeMap;

use connectors::filesystem::{Files, Prepared, Upload};
use connectors::s3::{self, Part};
use engine::{Error, Result};

use super::schedule::Fault::{Killed, KilledAfter, Lost, Refused, Slow, Twice};
use super::world::{Actor, Inner, NoAnswer};
use crate::objects::Objects;

/// Where the table's files lie.
pub(super) const TABLE: &str = "table/";
pub(super) const SUCCESS: &str = "_SUCCESS";

const READS: &[super::schedule::Fault] = &[Killed, Refused];
const WRITES: &[super::schedule::Fault] = &[Killed, KilledAfter, Twice, Lost, Refused, Slow];
const DELETES: &[super::schedule::Fault] = &[Killed, KilledAfter, Lost, Refused];

/// An upload that is not completed.
#[derive(Debug, Clone)]
struct Open {
    key: String,
    part: Option<Vec<u8>>,
}

/// Its content.
#[derive(Debug, Default)]
pub(super) struct ObjectStore {
    pub(super) objects: BTreeMap<String, Vec<u8>>,
    /// Visible files of the table.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<u64, Open>,
    last_upload: u64,
    pub(super) rewritten: Option<String>,
}

impl ObjectStore {
    fn put(&mut self, key: &str, bytes: &[u8]) {
        let before = self.objects.insert(key.to_owned(), bytes.to_vec());
        if before.is_some_and(|before| before != bytes) {
            self.rewritten = Some(format!("object `{key}` was written over with something else"));
        }
    }

    fn complete(&mut self, upload: u64) -> bool {
        let Some(Open { key, part: Some(part) }) = self.uploads.remove(&upload) else {
            return false;
        };
        if self.files.insert(key.clone(), part).is_some() {
            self.rewritten = Some(format!("visible file `{key}` was written over"));
        }
        true
    }

    /// Keys of uploads that are begun and not completed.
    pub(super) fn unfinished(&self) -> Vec<&str> {
        self.uploads.values().map(|open| open.key.as_str()).collect()
    }
}

fn unavailable(what: &str) -> s3::Error {
    let (action, reason) = (what.to_owned(), "no answer".to_owned());
    s3::Error::Unavailable { action, reason }
}

/// The store as one process sees it.
#[derive(Debug)]
pub(super) struct SimObjects(pub(super) Actor);

impl Objects for SimObjects {
    fn put(&self, key: &str, bytes: Vec<u8>) -> s3::Result<()> {
        let put = |world: &mut Inner| world.objects.put(key, &bytes);
        self.0.call(format_args!("put {key}"), WRITES, put).map_err(|_| unavailable("write"))
    }

    fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> s3::Result<bool> {
        let put = |world: &mut Inner| {
            let absent = !world.objects.objects.contains_key(key);
            if absent {
                world.objects.put(key, &bytes);
            }
            absent
        };
        let what = format_args!("put {key} if absent");
        self.0.call(what, WRITES, put).map_err(|_| unavailable("write"))
    }

    fn get(&self, key: &str) -> s3::Result<Vec<u8>> {
        let get = |world: &mut Inner| world.objects.objects.get(key).cloned();
        let found = self.0.call(format_args!("get {key}"), READS, get);
        found
            .map_err(|_| unavailable("read"))?
            .ok_or_else(|| s3::Error::NoSuchKey { bucket: "weir".to_owned(), key: key.to_owned() })
    }

    fn list(&self, prefix: &str) -> s3::Result<Vec<String>> {
        let list = |world: &mut Inner| {
            let keys = world.objects.objects.keys().filter(|key| key.starts_with(prefix));
            keys.cloned().collect()
        };
        self.0.call(format_args!("list {prefix}"), READS, list).map_err(|_| unavailable("list"))
    }

    fn delete_all(&self, keys: &[String]) -> s3::Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let delete =
            |world: &mut Inner| keys.iter().for_each(|key| drop(world.objects.objects.remove(key)));
        let what = format_args!("delete {}", keys.join(" "));
        self.0.call(what, DELETES, delete).map_err(|_| unavailable("delete"))
    }
}

/// The table's folder as one process sees it.
#[derive(Debug)]
pub(super) struct SimFiles(pub(super) Actor);

fn no_answer(_: NoAnswer) -> Error {
    Error::external("the object store did not answer")
}

fn upload_of(file: &Prepared) -> (&Upload, u64) {
    let Prepared::S3(upload) = file else { panic!("{file:?} was never prepared") };
    (upload, upload.upload.parse().unwrap())
}

impl SimFiles {
    /// Uploads a file without completing it, as a part file's writer does.
    pub(super) fn prepare(&self, name: &str, partition: &str, bytes: &[u8]) -> Result<Prepared> {
        let key = format!("{TABLE}{partition}/{name}");
        let begin = |world: &mut Inner| {
            let store = &mut world.objects;
            store.last_upload += 1;
            store.uploads.insert(store.last_upload, Open { key: key.clone(), part: None });
            store.last_upload
        };
        let upload = self.0.call(format_args!("begin upload of {key}"), WRITES, begin);
        let upload = upload.map_err(no_answer)?;
        let send = |world: &mut Inner| {
            let open = world.objects.uploads.get_mut(&upload);
            open.map(|open| open.part = Some(bytes.to_vec())).is_some()
        };
        let sent = self.0.call(format_args!("upload part of {key}"), WRITES, send);
        if !sent.map_err(no_answer)? {
            return Err(Error::external("the upload does not exist any more"));
        }
        Ok(Prepared::S3(Upload {
            bucket: "lake".to_owned(),
            key,
            upload: upload.to_string(),
            parts: vec![Part { number: 1, etag: String::new() }],
            bytes: bytes.len() as u64,
            partition: partition.to_owned(),
        }))
    }
}

impl Files for SimFiles {
    type Unfinished = u64;

    fn show(&mut self, files: &[&Prepared]) -> Vec<Result<bool>> {
        let show = |file: &&Prepared| {
            let (upload, number) = upload_of(file);
            let complete = |world: &mut Inner| world.objects.complete(number);
            let what = format_args!("complete {}", upload.key);
            self.0.call(what, WRITES, complete).map_err(no_answer)
        };
        files.iter().map(show).collect()
    }

    fn bytes(&mut self, file: &Prepared) -> Result<Option<u64>> {
        let key = &upload_of(file).0.key;
        let bytes = |world: &mut Inner| world.objects.files.get(key).map(|it| it.len() as u64);
        self.0.call(format_args!("look at {key}"), READS, bytes).map_err(no_answer)
    }

    fn discard(&mut self, file: &Prepared) -> Result<()> {
        self.remove(vec![upload_of(file).1])
    }

    fn mark(&mut self, partition: &str, name: &str) -> Result<()> {
        let key = format!("{TABLE}{partition}/{name}");
        let mark = |world: &mut Inner| drop(world.objects.files.insert(key.clone(), Vec::new()));
        self.0.call(format_args!("put {key}"), WRITES, mark).map_err(no_answer)
    }

    fn unfinished(&mut self) -> Result<Vec<(String, u64)>> {
        let list = |world: &mut Inner| {
            let name = |open: &Open| open.key.rsplit('/').next().unwrap_or_default().to_owned();
            world.objects.uploads.iter().map(|(number, open)| (name(open), *number)).collect()
        };
        self.0.call(format_args!("list uploads"), READS, list).map_err(no_answer)
    }

    fn remove(&mut self, unfinished: Vec<u64>) -> Result<()> {
        for upload in unfinished {
            let abort = |world: &mut Inner| drop(world.objects.uploads.remove(&upload));
            let what = format_args!("abort upload {upload}");
            self.0.call(what, DELETES, abort).map_err(no_answer)?;
        }
        Ok(())
    }
}
