//! Opening a log: everything in memory is rebuilt from the file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use super::batch::{self, HEADER, Header};
use super::index::Index;
use super::producers::Producers;
use super::spans::Spans;
use super::{Durability, Log, MAX_BATCH_BYTES};

impl Log {
    /// Opens or creates the log in the file `path`. A batch at the end that was only partly
    /// written, and so never acknowledged, is cut off.
    pub(in crate::kafka) fn open(path: &Path, durability: Durability) -> io::Result<Self> {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let length = file.metadata()?.len();
        let mut log = Self {
            path: path.to_owned(),
            file: Arc::new(file),
            size: 0,
            next_offset: 0,
            index: Index::new(),
            producers: Producers::default(),
            spans: Spans::default(),
            durability,
        };
        log.scan(length)?;
        if log.size < length {
            let bytes = length - log.size;
            tracing::warn!(path = %path.display(), bytes, "cut off an unfinished record batch");
            log.file.set_len(log.size)?;
        }
        Ok(log)
    }

    fn scan(&mut self, length: u64) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        let mut reader = BufReader::with_capacity(1 << 20, &*file);
        let mut bytes = Vec::new();
        while length - self.size >= HEADER as u64 {
            bytes.resize(HEADER, 0);
            reader.read_exact(&mut bytes)?;
            let Some(header) = Header::parse(&bytes).filter(|header| self.can_follow(header))
            else {
                return Ok(());
            };
            if header.length as u64 > length - self.size {
                return Ok(());
            }
            bytes.resize(header.length, 0);
            reader.read_exact(&mut bytes[HEADER..])?;
            if !batch::is_intact(&bytes) {
                return Ok(());
            }
            self.accept(&header, &bytes);
        }
        Ok(())
    }

    fn can_follow(&self, header: &Header) -> bool {
        header.base_offset == self.next_offset && header.length <= MAX_BATCH_BYTES
    }
}
