//! What makes a broker the same one after a restart: its cluster id and the producer ids given out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Producer ids are reserved on disk in blocks, so that none is given out twice after a crash.
const BLOCK: i64 = 1000;

/// The broker's own file.
#[derive(Debug)]
pub(super) struct Identity {
    path: PathBuf,
    stored: Stored,
    next_producer: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    cluster: Uuid,
    /// Producer ids from here on have never been given out.
    free_producers: i64,
}

impl Identity {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let stored = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let stored = Stored { cluster: Uuid::new_v4(), free_producers: 0 };
                write(path, &stored)?;
                stored
            }
            Err(error) => return Err(error),
        };
        let next_producer = stored.free_producers;
        Ok(Self { path: path.to_owned(), stored, next_producer })
    }

    /// Id of the cluster that consists of this broker.
    pub(super) fn cluster(&self) -> Uuid {
        self.stored.cluster
    }

    /// A producer id that nobody has.
    pub(super) fn new_producer(&mut self) -> io::Result<i64> {
        if self.next_producer >= self.stored.free_producers {
            let free_producers = self.next_producer + BLOCK;
            let stored = Stored { free_producers, ..self.stored.clone() };
            write(&self.path, &stored)?;
            self.stored = stored;
        }
        self.next_producer += 1;
        Ok(self.next_producer - 1)
    }
}

fn write(path: &Path, stored: &Stored) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(stored).map_err(io::Error::other)?;
    let fresh = path.with_extension("new");
    fs::write(&fresh, text)?;
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_producer_id_is_given_out_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broker.json");
        let mut first = Identity::open(&path).unwrap();
        let before: Vec<i64> = (0..1500).map(|_| first.new_producer().unwrap()).collect();
        assert_eq!(before, (0..1500).collect::<Vec<_>>());
        let mut second = Identity::open(&path).unwrap();
        assert_eq!(second.cluster(), first.cluster());
        assert!(second.new_producer().unwrap() >= 1500);
    }
}
