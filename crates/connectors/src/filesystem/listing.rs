//! Which files a source table consists of.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use engine::{Error, Result};

use super::location::Location;
use crate::s3::S3;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileEntry {
    /// Local path or object key; the file's name in checkpoints and messages.
    pub(super) path: String,
    /// The same below the table's path: partition folders and the name.
    pub(super) relative: String,
    /// Size in bytes.
    pub(super) bytes: u64,
    /// Last change, in ms since 1970.
    pub(super) modified_ms: i64,
}

impl FileEntry {
    /// The last segment of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(self.path.as_str(), |(_, name)| name)
    }
}

/// All files at or below `location`, ordered by path. Names that begin with `.` or `_` are
/// hidden, as are folders with such names.
pub(super) fn list(location: &Location, s3: Option<&S3>) -> Result<Vec<FileEntry>> {
    let mut found = match (location, s3) {
        (Location::S3 { bucket, prefix }, Some(s3)) => list_s3(s3, bucket, prefix)?,
        (Location::S3 { .. }, None) => return Err(Error::internal("no S3 client for an S3 path")),
        (Location::Local(root), _) => list_local(root)?,
    };
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn missing(path: &str) -> Error {
    Error::user(format!("path `{path}` does not exist; create it, or correct the option `path`"))
}

fn hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

fn list_local(root: &Path) -> Result<Vec<FileEntry>> {
    let unreadable = |path: &Path, error: std::io::Error| {
        Error::user(format!("path `{}` cannot be read: {error}", path.display())).because(error)
    };
    let about = match fs::metadata(root) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(missing(&root.display().to_string()));
        }
        Err(error) => return Err(unreadable(root, error)),
    };
    if about.is_file() {
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![local_entry(root, name, &about)]);
    }
    let mut found = Vec::new();
    let mut folders = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, relative)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))? {
            let entry = entry.map_err(|error| unreadable(&folder, error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if hidden(&name) {
                continue;
            }
            let path = entry.path();
            let about = fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
            let relative = format!("{relative}{name}");
            if about.is_dir() {
                folders.push((path, format!("{relative}/")));
            } else {
                found.push(local_entry(&path, relative, &about));
            }
        }
    }
    Ok(found)
}

fn local_entry(path: &Path, relative: String, about: &fs::Metadata) -> FileEntry {
    let modified = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    FileEntry {
        path: path.to_string_lossy().into_owned(),
        relative,
        bytes: about.len(),
        modified_ms: modified.and_then(|age| i64::try_from(age.as_millis()).ok()).unwrap_or(0),
    }
}

fn list_s3(s3: &S3, bucket: &str, prefix: &str) -> Result<Vec<FileEntry>> {
    let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let mut objects = s3.list(bucket, &folder)?;
    let mut root = folder.as_str();
    if objects.is_empty() && !prefix.is_empty() {
        objects.extend(s3.head(bucket, prefix)?);
        root = prefix.rsplit_once('/').map_or("", |(above, _)| &prefix[..=above.len()]);
    }
    if objects.is_empty() {
        return Err(missing(&format!("s3://{bucket}/{prefix}")));
    }
    let entries = objects.into_iter().filter_map(|object| {
        let relative = object.key.strip_prefix(root)?.to_owned();
        // A key that ends in a slash only marks a folder.
        let shown = !relative.ends_with('/') && !relative.split('/').any(hidden);
        shown.then_some(FileEntry {
            path: object.key,
            relative,
            bytes: object.bytes,
            modified_ms: object.modified_ms,
        })
    });
    Ok(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_and_hidden_names_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["b.json", "a/z.json", "a/_t/x.json", "_skip", ".hidden", "dt=1/h=2/x.json"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "12").unwrap();
        }
        let found = list(&Location::Local(root.into()), None).unwrap();
        let relative: Vec<&str> = found.iter().map(|file| file.relative.as_str()).collect();
        assert_eq!(relative, ["a/z.json", "b.json", "dt=1/h=2/x.json"]);
        assert_eq!((found[1].name(), found[1].bytes), ("b.json", 2));

        let one = list(&Location::Local(root.join("b.json")), None).unwrap();
        assert_eq!(one[0].relative, "b.json");
        let error = list(&Location::Local(root.join("none")), None).unwrap_err();
        assert!(error.to_string().contains("does not exist"), "{error}");
    }
}
