//! One part file while it is written.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use engine::{Error, Result};

use super::location::Location;
use super::pending::{HiddenFile, Prepared, Upload};
use crate::s3::{MIN_PART_BYTES, Part, Pending, S3};

/// Bytes of an uploaded part; memory of an open file is about twice that.
const PART_BYTES: usize = 8 << 20;
const _: () = assert!(PART_BYTES >= MIN_PART_BYTES);

/// S3 allows 10 000 parts.
pub(super) const MAX_FILE_BYTES: u64 = 9_000 * PART_BYTES as u64;

/// Name of a part file.
pub(super) fn file_name(rest: &str) -> String {
    format!("part-{rest}")
}

/// The part file that a hidden file of this name is to become.
pub(super) fn hidden_name(name: &str) -> Option<&str> {
    name.strip_prefix('.')?.strip_suffix(".inprogress")
}

/// A part file that nobody sees yet.
#[derive(Debug)]
pub(super) enum PartFile {
    Local(LocalPart),
    S3(Box<S3Part>),
}

impl PartFile {
    /// Opens `name` in the folder `partition` of a table.
    pub(super) fn open(
        location: &Location,
        s3: Option<&S3>,
        partition: &str,
        name: &str,
    ) -> Result<Self> {
        match (location.join(partition), s3) {
            (Location::Local(folder), _) => {
                LocalPart::open(&folder, partition, name).map(Self::Local)
            }
            (place @ Location::S3 { .. }, Some(s3)) => {
                let Location::S3 { bucket, prefix: key } = place.join(name) else {
                    return Err(Error::internal("a place in a bucket is in a bucket"));
                };
                Ok(Self::S3(Box::new(S3Part::new(s3.clone(), bucket, key, partition))))
            }
            (Location::S3 { .. }, None) => Err(Error::internal("no S3 client for an S3 path")),
        }
    }

    /// Bytes written so far.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Local(part) => part.bytes,
            Self::S3(part) => part.bytes,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Local(part) => part.write(bytes),
            Self::S3(part) => part.write(bytes),
        }
    }

    /// Ends the file; what is left to send is on its way when this returns.
    pub(super) fn close(self) -> Result<Closing> {
        match self {
            Self::Local(part) => part.close(),
            Self::S3(part) => part.close(),
        }
    }
}

/// A file that is ended but perhaps not durable yet.
#[derive(Debug)]
pub(super) enum Closing {
    Durable(HiddenFile),
    Sending(Box<S3Part>),
}

impl Closing {
    /// Waits until all bytes are durable.
    pub(super) fn finish(self) -> Result<Prepared> {
        match self {
            Self::Durable(file) => Ok(Prepared::Local(file)),
            Self::Sending(part) => part.finish(),
        }
    }
}

/// A local file under a hidden name; deleted when it is dropped unfinished.
#[derive(Debug)]
pub(super) struct LocalPart {
    file: Option<BufWriter<File>>,
    hidden: PathBuf,
    path: PathBuf,
    partition: String,
    bytes: u64,
}

impl LocalPart {
    fn open(folder: &Path, partition: &str, name: &str) -> Result<Self> {
        let hidden = folder.join(format!(".{name}.inprogress"));
        let file = fs::create_dir_all(folder).and_then(|()| File::create(&hidden));
        let file = file.map_err(|error| unwritable(&hidden, error))?;
        Ok(Self {
            file: Some(BufWriter::with_capacity(1 << 16, file)),
            hidden,
            path: folder.join(name),
            partition: partition.to_owned(),
            bytes: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        let file = self.file.as_mut().expect("closing consumes the part");
        file.write_all(bytes).map_err(|error| unwritable(&self.hidden, error))
    }

    fn close(mut self) -> Result<Closing> {
        let file = self.file.take().expect("closing consumes the part");
        let file =
            file.into_inner().map_err(|error| unwritable(&self.hidden, error.into_error()))?;
        file.sync_all().map_err(|error| unwritable(&self.hidden, error))?;
        Ok(Closing::Durable(HiddenFile {
            hidden: self.hidden.to_string_lossy().into_owned(),
            path: self.path.to_string_lossy().into_owned(),
            bytes: self.bytes,
            partition: self.partition.clone(),
        }))
    }
}

impl Drop for LocalPart {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // No checkpoint knows the file; if it stays, it is hidden and harmless.
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

/// Says which file could not be written; a full or lost disk may come back.
pub(super) fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::external(format!("file `{}` cannot be written: {error}", path.display())).because(error)
}

/// An object sent in parts while it is written; its upload is aborted when it is dropped unfinished.
#[derive(Debug)]
pub(super) struct S3Part {
    s3: S3,
    bucket: String,
    key: String,
    partition: String,
    buffer: Vec<u8>,
    bytes: u64,
    /// Known once the first part is sent.
    upload: Option<String>,
    parts: Vec<Part>,
    first: Option<Pending<(String, Part)>>,
    /// At most one later part is on its way while the next one fills.
    later: Option<Pending<Part>>,
}

impl S3Part {
    fn new(s3: S3, bucket: String, key: String, partition: &str) -> Self {
        Self {
            s3,
            bucket,
            key,
            partition: partition.to_owned(),
            buffer: Vec::new(),
            bytes: 0,
            upload: None,
            parts: Vec::new(),
            first: None,
            later: None,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES { self.send() } else { Ok(()) }
    }

    /// Sends the buffer, after what was sent before has arrived.
    fn send(&mut self) -> Result<()> {
        self.settle()?;
        let body = Bytes::from(std::mem::take(&mut self.buffer));
        match &self.upload {
            None => self.first = Some(self.s3.start_upload_with(&self.bucket, &self.key, body)),
            Some(upload) => {
                let number = i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX);
                let part = self.s3.start_part(&self.bucket, &self.key, upload, number, body);
                self.later = Some(part);
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        if let Some(first) = self.first.take() {
            let (upload, part) = first.wait()?;
            self.upload = Some(upload);
            self.parts.push(part);
        }
        if let Some(later) = self.later.take() {
            self.parts.push(later.wait()?);
        }
        Ok(())
    }

    fn close(mut self: Box<Self>) -> Result<Closing> {
        let begun = self.upload.is_some() || self.first.is_some();
        if !begun || !self.buffer.is_empty() {
            self.send()?;
        }
        Ok(Closing::Sending(self))
    }

    fn finish(mut self) -> Result<Prepared> {
        self.settle()?;
        let upload = self.upload.take();
        Ok(Prepared::S3(Upload {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            upload: upload.ok_or_else(|| Error::internal("a closed object has an upload"))?,
            parts: std::mem::take(&mut self.parts),
            bytes: self.bytes,
            partition: self.partition.clone(),
        }))
    }
}

impl Drop for S3Part {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            // Nobody waits: an upload that stays is invisible, and the bucket's rules clear it.
            drop(self.s3.start_abort(&self.bucket, &self.key, &upload));
        }
    }
}
