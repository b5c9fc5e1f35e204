//! Finds and removes what earlier attempts began to write and nobody will finish.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use engine::Result;

use super::location::Location;
use super::part::{file_name, hidden_name, unwritable};
use crate::s3::S3;

/// Whose leftovers are meant: those of an application's attempts before this one.
#[derive(Debug, Clone)]
pub(super) struct Leftovers {
    pub(super) application_id: String,
    pub(super) attempt: u64,
}

impl Leftovers {
    /// Removes unfinished uploads or hidden files below a table's location; returns how many.
    pub(super) fn remove(&self, location: &Location, s3: Option<&S3>) -> Result<usize> {
        match (location, s3) {
            (Location::Local(folder), _) => self.remove_files(folder),
            (Location::S3 { bucket, prefix }, Some(s3)) => self.abort_uploads(s3, bucket, prefix),
            (Location::S3 { .. }, None) => Ok(0),
        }
    }

    fn abort_uploads(&self, s3: &S3, bucket: &str, prefix: &str) -> Result<usize> {
        let slash = if prefix.is_empty() { "" } else { "/" };
        let mut old = s3.list_uploads(bucket, &format!("{prefix}{slash}"))?;
        old.retain(|it| self.left(it.key.rsplit('/').next().unwrap_or_default()));
        let aborts = old.iter().map(|it| s3.start_abort(bucket, &it.key, &it.upload));
        for abort in aborts.collect::<Vec<_>>() {
            abort.wait()?;
        }
        Ok(old.len())
    }

    fn remove_files(&self, folder: &Path) -> Result<usize> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(unwritable(folder, error)),
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry.map_err(|error| unwritable(folder, error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| unwritable(&path, error))?;
            let name = entry.file_name();
            if kind.is_dir() {
                removed += self.remove_files(&path)?;
            } else if let Some(name) = name.to_str().and_then(hidden_name)
                && self.left(name)
            {
                fs::remove_file(&path).map_err(|error| unwritable(&path, error))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Whether a part file of this name is one of them.
    fn left(&self, name: &str) -> bool {
        let begin = file_name(&format!("{}-", self.application_id));
        let attempt = name.strip_prefix(&begin).and_then(|rest| rest.split_once('-'));
        let attempt = attempt.and_then(|(attempt, _)| attempt.parse::<u64>().ok());
        attempt.is_some_and(|attempt| attempt < self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_earlier_attempts_of_the_same_application_are_meant() {
        let leftovers = Leftovers { application_id: "alerts-7".to_owned(), attempt: 12 };
        for (name, want) in [
            ("part-alerts-7-9-0a0b0c0d-0-0", true),
            ("part-alerts-7-11-0a0b0c0d-0-0", true),
            ("part-alerts-7-12-0a0b0c0d-0-0", false),
            ("part-alerts-7-13-0a0b0c0d-0-0", false),
            ("part-alerts-77-1-0a0b0c0d-0-0", false),
            ("part-alerts-7-x-1-0a0b0c0d-0-0", false),
            ("part-other-1-0a0b0c0d-0-0", false),
            ("alerts-7-9-0a0b0c0d-0-0", false),
        ] {
            assert_eq!(leftovers.left(name), want, "{name}");
        }
    }
}
