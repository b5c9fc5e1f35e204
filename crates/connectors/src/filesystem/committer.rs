//! Makes prepared files visible, then marks complete partitions.

use std::collections::BTreeSet;

use engine::sink::{CommitContext, Committable, Committer};
use engine::{Error, Result};
use model::fault::{Domain, Fault};

use super::files::Files;
use super::options::CommitPolicy;
use super::pending::{Prepared, Waiting};
use super::sweep::Leftovers;
use super::trigger::Moment;

/// Files made visible at the same time.
const AT_ONCE: usize = 16;

/// The committer of one file sink. All it does may be done again by another attempt.
#[derive(Debug)]
pub struct FileCommitter<F> {
    files: F,
    policy: Option<CommitPolicy>,
    waiting: Waiting,
    leftovers: Leftovers,
}

impl<F: Files> Committer for FileCommitter<F> {
    fn commit(&mut self, _checkpoint: u64, committables: &[Committable]) -> Result<()> {
        let prepared = read_all(committables)?;
        let files: Vec<_> = prepared.iter().filter(|it| partition_of(it).is_some()).collect();
        for group in files.chunks(AT_ONCE) {
            self.show(group)?;
        }
        let Some(policy) = self.policy.clone() else { return Ok(()) };
        for partition in self.completed(&policy, &prepared) {
            self.files.mark(&partition, &policy.file_name)?;
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
        let prepared = read_all(committables)?;
        prepared.iter().try_for_each(|file| self.files.discard(file))
    }

    fn sweep(&mut self) -> Result<usize> {
        let mut old = self.files.unfinished()?;
        old.retain(|(name, _)| self.leftovers.left(name));
        let count = old.len();
        self.files.remove(old.into_iter().map(|(_, it)| it).collect())?;
        Ok(count)
    }
}

impl<F: Files> FileCommitter<F> {
    /// Of a table whose files lie in `files`; `waiting` is what its writers know, too.
    pub fn new(
        files: F,
        policy: Option<CommitPolicy>,
        waiting: Waiting,
        context: &CommitContext,
    ) -> Self {
        let CommitContext { application_id, attempt, .. } = context;
        let leftovers = Leftovers { application_id: application_id.clone(), attempt: *attempt };
        Self { files, policy, waiting, leftovers }
    }

    /// Makes some files visible at the same time. What was not there to be shown was shown before:
    /// part names are never used twice, so that a file of this name and size is ours.
    fn show(&mut self, files: &[&Prepared]) -> Result<()> {
        for (file, shown) in files.iter().zip(self.files.show(files)) {
            if shown? {
                continue;
            }
            let there = self.files.bytes(file)?;
            let (name, bytes, hint) = match file {
                Prepared::S3(file) => (
                    format!("s3://{}/{}", file.bucket, file.key),
                    file.bytes,
                    "the bucket's rule for unfinished uploads must keep them longer than an \
                     application may stand still",
                ),
                Prepared::Local(file) => (
                    file.path.clone(),
                    file.bytes,
                    "it must not be deleted while the application stands still",
                ),
                Prepared::Progress(_) => continue,
            };
            if there != Some(bytes) {
                return Err(lost(&name, bytes, there, hint));
            }
        }
        Ok(())
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
