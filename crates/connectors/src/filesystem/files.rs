//! Where prepared files lie: what the committer asks of that place, and the places there are.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use engine::{Error, Result};

use super::location::Location;
use super::part::{hidden_name, unwritable};
use super::pending::{HiddenFile, Prepared};
use crate::s3::{self, OpenUpload, S3};

/// What is asked of the place where a table's files lie. Every call may take effect although it
/// fails. Of prepared output only files are given, no [`Prepared::Progress`].
pub trait Files: Debug + Send {
    /// A file that is begun and not visible.
    type Unfinished;

    /// Makes files visible, all at the same time. For each: false if there was nothing to be made
    /// visible (any more).
    fn show(&mut self, files: &[&Prepared]) -> Vec<Result<bool>>;

    /// Size of the visible file, if there is one.
    fn bytes(&mut self, file: &Prepared) -> Result<Option<u64>>;

    /// Throws away what is not visible; what is gone is no error.
    fn discard(&mut self, file: &Prepared) -> Result<()>;

    /// Writes an empty file into a partition, over an older one.
    fn mark(&mut self, partition: &str, name: &str) -> Result<()>;

    /// All that is begun, by the name of the file it is to become.
    fn unfinished(&mut self) -> Result<Vec<(String, Self::Unfinished)>>;

    /// Throws it away; what is gone is no error.
    fn remove(&mut self, unfinished: Vec<Self::Unfinished>) -> Result<()>;
}

/// A folder of this machine or of a bucket.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) location: Location,
    /// Whoever's table is on S3 has a client.
    pub(super) s3: Option<S3>,
}

/// An upload or a hidden file.
#[derive(Debug)]
pub(super) enum Unfinished {
    Upload(OpenUpload),
    File(PathBuf),
}

impl Place {
    fn client(&self) -> Result<&S3> {
        self.s3.as_ref().ok_or_else(|| {
            Error::user("the checkpoint holds files on S3, but the table's path is local now")
        })
    }
}

impl Files for Place {
    type Unfinished = Unfinished;

    fn show(&mut self, files: &[&Prepared]) -> Vec<Result<bool>> {
        let begin = |prepared: &&Prepared| match prepared {
            Prepared::S3(file) => {
                let s3 = self.client()?;
                Ok(Some(s3.start_complete(&file.bucket, &file.key, &file.upload, &file.parts)))
            }
            Prepared::Local(_) | Prepared::Progress(_) => Ok(None),
        };
        let begun: Vec<Result<_>> = files.iter().map(begin).collect();
        let finish = |(prepared, begun): (&&Prepared, Result<Option<s3::Pending<()>>>)| match (
            begun?.map(s3::Pending::wait),
            prepared,
        ) {
            (Some(Err(s3::Error::NoSuchUpload { .. })), _) => Ok(false),
            (Some(answer), _) => Ok(answer.map(|()| true)?),
            (None, Prepared::Local(file)) => rename(file),
            (None, Prepared::S3(_) | Prepared::Progress(_)) => Ok(true),
        };
        files.iter().zip(begun).map(finish).collect()
    }

    fn bytes(&mut self, file: &Prepared) -> Result<Option<u64>> {
        match file {
            Prepared::S3(file) => {
                Ok(self.client()?.head(&file.bucket, &file.key)?.map(|object| object.bytes))
            }
            Prepared::Local(file) => Ok(fs::metadata(&file.path).ok().map(|about| about.len())),
            Prepared::Progress(_) => Ok(None),
        }
    }

    fn discard(&mut self, file: &Prepared) -> Result<()> {
        match file {
            Prepared::S3(file) => {
                Ok(self.client()?.start_abort(&file.bucket, &file.key, &file.upload).wait()?)
            }
            Prepared::Local(file) => remove_file(Path::new(&file.hidden)),
            Prepared::Progress(_) => Ok(()),
        }
    }

    fn mark(&mut self, partition: &str, name: &str) -> Result<()> {
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

    fn unfinished(&mut self) -> Result<Vec<(String, Unfinished)>> {
        let mut found = Vec::new();
        match (&self.location, &self.s3) {
            (Location::Local(folder), _) => hidden_files(folder, &mut found)?,
            (Location::S3 { bucket, prefix }, Some(s3)) => {
                let slash = if prefix.is_empty() { "" } else { "/" };
                let open = s3.list_uploads(bucket, &format!("{prefix}{slash}"))?;
                found.extend(open.into_iter().map(|it| {
                    let name = it.key.rsplit('/').next().unwrap_or_default().to_owned();
                    (name, Unfinished::Upload(it))
                }));
            }
            (Location::S3 { .. }, None) => {}
        }
        Ok(found)
    }

    fn remove(&mut self, unfinished: Vec<Unfinished>) -> Result<()> {
        let mut aborts = Vec::new();
        for it in unfinished {
            match (it, &self.location, &self.s3) {
                (Unfinished::Upload(it), Location::S3 { bucket, .. }, Some(s3)) => {
                    aborts.push(s3.start_abort(bucket, &it.key, &it.upload));
                }
                (Unfinished::Upload(_), _, _) => {}
                (Unfinished::File(path), _, _) => remove_file(&path)?,
            }
        }
        aborts.into_iter().try_for_each(|abort| Ok(abort.wait()?))
    }
}

fn rename(file: &HiddenFile) -> Result<bool> {
    let path = Path::new(&file.path);
    let failed = |error| unwritable(path, error);
    let renamed = match fs::rename(&file.hidden, path) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(failed(error)),
    };
    // The name is durable once its folder is; whoever renamed it may have died before that.
    let folder = path.parent().unwrap_or(path);
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if renamed || error.kind() != ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(renamed),
    }
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unwritable(path, error)),
        _ => Ok(()),
    }
}

/// All hidden files in a folder and below.
fn hidden_files(folder: &Path, found: &mut Vec<(String, Unfinished)>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unwritable(folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| unwritable(folder, error))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| unwritable(&path, error))?;
        let name = entry.file_name();
        if kind.is_dir() {
            hidden_files(&path, found)?;
        } else if let Some(name) = name.to_str().and_then(hidden_name) {
            found.push((name.to_owned(), Unfinished::File(path)));
        }
    }
    Ok(())
}
