//! Makes prepared files visible, then marks complete partitions.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use engine::sink::{Committable, Committer};
use engine::{Error, Result};
use model::fault::{Domain, Fault};

use super::location::Location;
use super::options::CommitPolicy;
use super::part::unwritable;
use super::pending::{HiddenFile, Prepared, Upload, Waiting};
use super::sweep::Leftovers;
use super::trigger::Moment;
use crate::s3::{self, S3};

/// Uploads completed at the same time.
const AT_ONCE: usize = 16;

/// The committer of one file sink. All it does may be done again by another attempt.
#[derive(Debug)]
pub(super) struct FileCommitter {
    pub(super) location: Location,
    pub(super) s3: Option<S3>,
    pub(super) policy: Option<CommitPolicy>,
    pub(super) waiting: Waiting,
    pub(super) leftovers: Leftovers,
}

impl Committer for FileCommitter {
    fn commit(&mut self, _checkpoint: u64, committables: &[Committable]) -> Result<()> {
        let prepared = read_all(committables)?;
        for group in prepared.chunks(AT_ONCE) {
            self.show(group)?;
        }
        let Some(policy) = self.policy.clone() else { return Ok(()) };
        for partition in self.completed(&policy, &prepared) {
            self.mark(&partition, &policy.file_name)?;
            self.waiting.remove(&partition);
        }
        Ok(())
    }

    /// Partitions that were complete are marked already.
    fn restored(&mut self, committables: &[Committable]) -> Result<()> {
        let prepared = read_all(committables)?;
        let Some(policy) = self.policy.clone() else { return Ok(()) };
        for partition in self.completed(&policy, &prepared) {
            self.waiting.remove(&partition);
        }
        Ok(())
    }

    fn abort(&mut self, committables: &[Committable]) -> Result<()> {
        for prepared in read_all(committables)? {
            match prepared {
                Prepared::S3(file) => {
                    self.client()?.start_abort(&file.bucket, &file.key, &file.upload).wait()?;
                }
                Prepared::Local(file) => match fs::remove_file(&file.hidden) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(unwritable(Path::new(&file.hidden), error));
                    }
                    _ => {}
                },
                Prepared::Progress(_) => {}
            }
        }
        Ok(())
    }

    fn sweep(&mut self) -> Result<usize> {
        self.leftovers.remove(&self.location, self.s3.as_ref())
    }
}

impl FileCommitter {
    fn client(&self) -> Result<&S3> {
        self.s3.as_ref().ok_or_else(|| {
            Error::user("the checkpoint holds files on S3, but the table's path is local now")
        })
    }

    /// Makes some files visible, uploads at the same time.
    fn show(&self, files: &[Prepared]) -> Result<()> {
        let mut sent = Vec::new();
        for prepared in files {
            match prepared {
                Prepared::S3(file) => {
                    let s3 = self.client()?;
                    let done =
                        s3.start_complete(&file.bucket, &file.key, &file.upload, &file.parts);
                    sent.push((file, done));
                }
                Prepared::Local(file) => rename(file)?,
                Prepared::Progress(_) => {}
            }
        }
        for (file, done) in sent {
            match done.wait() {
                Err(s3::Error::NoSuchUpload { .. }) => self.require_done(file)?,
                answer => answer?,
            }
        }
        Ok(())
    }

    /// The upload is gone: fine if it was completed before. Part names are never used twice, so
    /// that an object of this name and size is ours.
    fn require_done(&self, file: &Upload) -> Result<()> {
        let there = self.client()?.head(&file.bucket, &file.key)?;
        match there {
            Some(object) if object.bytes == file.bytes => Ok(()),
            there => Err(lost(
                &format!("s3://{}/{}", file.bucket, file.key),
                file.bytes,
                there.map(|object| object.bytes),
                "the bucket's rule for unfinished uploads must keep them longer than an \
                 application may stand still",
            )),
        }
    }

    /// Partitions that are complete as of a checkpoint; they wait until they are marked.
    fn completed(&self, policy: &CommitPolicy, prepared: &[Prepared]) -> Vec<String> {
        let mut moment = Moment { watermark: i64::MIN, now_ms: i64::MIN };
        let mut watermarks = Vec::new();
        for entry in prepared {
            if let Prepared::Progress(progress) = entry {
                watermarks.push(progress.watermark);
                moment.now_ms = moment.now_ms.max(progress.now_ms);
                for (partition, first_ms) in &progress.waiting {
                    self.waiting.add(partition, *first_ms);
                }
            }
        }
        moment.watermark = watermarks.into_iter().min().unwrap_or(i64::MIN);
        let written: BTreeSet<&str> = prepared.iter().filter_map(partition_of).collect();
        for partition in written {
            self.waiting.add(partition, moment.now_ms);
        }
        let all = self.waiting.all().into_iter();
        let complete = all.filter(|(partition, first)| policy.complete(partition, *first, moment));
        complete.map(|(partition, _)| partition).collect()
    }

    /// Writes an empty success file, over an older one.
    fn mark(&self, partition: &str, name: &str) -> Result<()> {
        match self.location.join(partition).join(name) {
            Location::S3 { bucket, prefix: key } => {
                self.client()?.put(&bucket, &key, bytes::Bytes::new())?;
            }
            Location::Local(path) => {
                File::create(&path).map_err(|error| unwritable(&path, error))?;
            }
        }
        Ok(())
    }
}

fn read_all(committables: &[Committable]) -> Result<Vec<Prepared>> {
    committables.iter().map(|text| Prepared::read(text)).collect()
}

fn partition_of(prepared: &Prepared) -> Option<&str> {
    match prepared {
        Prepared::S3(file) => Some(&file.partition),
        Prepared::Local(file) => Some(&file.partition),
        Prepared::Progress(_) => None,
    }
}

fn rename(file: &HiddenFile) -> Result<()> {
    let path = Path::new(&file.path);
    let failed = |error| unwritable(path, error);
    match fs::rename(&file.hidden, path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let there = fs::metadata(path).ok().map(|about| about.len());
            if there != Some(file.bytes) {
                let hint = "it must not be deleted while the application stands still";
                return Err(lost(&file.path, file.bytes, there, hint));
            }
        }
        Err(error) => return Err(failed(error)),
    }
    // The name is durable once its folder is.
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Output that a checkpoint promised is not there: no restart brings it back.
fn lost(path: &str, bytes: u64, there: Option<u64>, hint: &str) -> Error {
    let instead = match there {
        Some(other) => format!("a file of {other} bytes is there instead"),
        None => "nothing is there".to_owned(),
    };
    Error {
        fault: Fault { domain: Domain::External, retry: false },
        message: format!(
            "output is lost: `{path}` with {bytes} bytes was prepared by a checkpoint, but {instead}; \
             {hint}"
        ),
        source: None,
    }
}
