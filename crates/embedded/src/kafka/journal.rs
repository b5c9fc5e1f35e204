//! A small file of records that are only ever appended, for what the broker must not forget.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Length and checksum before each record.
const PREFIX: usize = 8;

/// An open journal. A record counts as written when `append` returns (see
/// [`Durability`](super::log::Durability) for what that survives).
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    size: u64,
    sync: bool,
}

impl Journal {
    /// Opens or creates the journal and returns its records, oldest first. A record at the end
    /// that was only partly written is cut off.
    pub(super) fn open(path: &Path, sync: bool) -> io::Result<(Self, Vec<Vec<u8>>)> {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let bytes = std::fs::read(path)?;
        let mut records = Vec::new();
        let mut size = 0;
        while let Some(record) = first_record(&bytes[size..]) {
            size += PREFIX + record.len();
            records.push(record.to_vec());
        }
        if size < bytes.len() {
            tracing::warn!(path = %path.display(), bytes = bytes.len() - size, "cut off a record");
            file.set_len(size as u64)?;
        }
        Ok((Self { path: path.to_owned(), file, size: size as u64, sync }, records))
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a record.
    pub(super) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        let framed = frame(record)?;
        self.file.write_all_at(&framed, self.size)?;
        if self.sync {
            self.file.sync_data()?;
        }
        self.size += framed.len() as u64;
        Ok(())
    }

    /// Replaces all records, in one step.
    pub(super) fn replace(&mut self, records: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in records {
            bytes.extend_from_slice(&frame(&record)?);
        }
        let fresh = self.path.with_extension("new");
        let file =
            File::options().read(true).write(true).create(true).truncate(true).open(&fresh)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        std::fs::rename(&fresh, &self.path)?;
        self.file = file;
        self.size = bytes.len() as u64;
        Ok(())
    }
}

fn frame(record: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(record.len()).map_err(io::Error::other)?;
    let mut framed = Vec::with_capacity(PREFIX + record.len());
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(&crc32c::crc32c(record).to_be_bytes());
    framed.extend_from_slice(record);
    Ok(framed)
}

fn first_record(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let record = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    (crc32c::crc32c(record).to_be_bytes() == *sum && !record.is_empty()).then_some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_a_torn_one_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, records) = Journal::open(&path, false).unwrap();
        assert_eq!(records, Vec::<Vec<u8>>::new());
        journal.append(b"one").unwrap();
        journal.append(b"two").unwrap();
        let whole = journal.size();
        journal.append(b"torn").unwrap();
        drop(journal);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(whole + PREFIX as u64 + 2)
            .unwrap();

        let (mut journal, records) = Journal::open(&path, false).unwrap();
        assert_eq!(records, [b"one", b"two"]);
        assert_eq!(journal.size(), whole);
        journal.append(b"three").unwrap();
        journal.replace([b"both".to_vec()].into_iter()).unwrap();
        journal.append(b"last").unwrap();
        assert_eq!(Journal::open(&path, false).unwrap().1, [b"both", b"last"]);
    }
}
