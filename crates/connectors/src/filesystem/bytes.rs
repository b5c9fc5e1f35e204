//! The bytes of one file, in order, from anywhere in it.

use std::fmt::{self, Debug};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use engine::{Error, Result};

use crate::s3::{Pending, S3};

/// Bytes asked of an object store at once.
const RANGE_BYTES: u64 = 8 << 20;

/// An open file.
pub(super) enum FileBytes {
    Local(File),
    S3(Ranges),
}

impl FileBytes {
    /// Opens a local file at byte `offset`.
    pub(super) fn open_local(path: &str, offset: u64) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::user(format!("file `{path}` cannot be read: {error}")).because(error)
        };
        let mut file = File::open(path).map_err(failed)?;
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(Self::Local(file))
    }

    /// Opens an object of `size` bytes at byte `offset`.
    pub(super) fn open_s3(s3: &S3, bucket: &str, key: &str, offset: u64, size: u64) -> Self {
        let mut ranges = Ranges {
            s3: s3.clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            next: offset,
            size,
            arrived: Bytes::new(),
            coming: None,
        };
        ranges.ask();
        Self::S3(ranges)
    }

    /// Reads up to `room` bytes behind `buffer`; 0 = the end.
    pub(super) fn read(&mut self, room: usize, buffer: &mut Vec<u8>) -> Result<usize> {
        match self {
            Self::Local(file) => {
                let taken = file.take(room as u64).read_to_end(buffer);
                taken.map_err(|error| {
                    Error::external(format!("a file cannot be read: {error}")).because(error)
                })
            }
            Self::S3(ranges) => ranges.read(room, buffer),
        }
    }
}

impl Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local(_) => "Local",
            Self::S3(_) => "S3",
        })
    }
}

/// An object, read in large ranges of which the next is always on its way.
pub(super) struct Ranges {
    s3: S3,
    bucket: String,
    key: String,
    /// Where the next request begins.
    next: u64,
    size: u64,
    arrived: Bytes,
    coming: Option<Pending<Bytes>>,
}

impl Ranges {
    fn ask(&mut self) {
        if self.coming.is_none() && self.next < self.size {
            let length = RANGE_BYTES.min(self.size - self.next);
            self.coming = Some(self.s3.start_get_range(&self.bucket, &self.key, self.next, length));
            self.next += length;
        }
    }

    fn read(&mut self, room: usize, buffer: &mut Vec<u8>) -> Result<usize> {
        if self.arrived.is_empty() {
            let Some(coming) = self.coming.take() else { return Ok(0) };
            self.arrived = coming.wait()?;
            self.ask();
        }
        let taken = self.arrived.split_to(room.min(self.arrived.len()));
        buffer.extend_from_slice(&taken);
        Ok(taken.len())
    }
}
