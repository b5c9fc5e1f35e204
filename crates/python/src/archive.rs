//! The customer's zip: what is in it, and unpacking it safely.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use model::protocol::PropertyGroups;
use zip::ZipArchive;

use crate::Error;

/// Property group that names the program's files (AWS's page on Python applications).
pub const RUN_OPTIONS: &str = "kinesis.analytics.flink.run.options";

/// Most bytes a zip may unpack to.
pub const MAX_UNPACKED_BYTES: u64 = 512 << 20;

/// Most files a zip may hold.
const MAX_FILES: usize = 20_000;

/// Path of the program's main file inside the zip: key `python` of the run options, or `main.py`.
#[must_use]
pub fn main_file(properties: &PropertyGroups) -> &str {
    properties
        .get(RUN_OPTIONS)
        .and_then(|group| group.get("python"))
        .map_or("main.py", |m| m.trim())
}

/// Folders and files that the run options add to the module path (`pyFiles`, comma separated).
#[must_use]
pub fn extra_paths(properties: &PropertyGroups) -> Vec<String> {
    let files = properties.get(RUN_OPTIONS).and_then(|group| group.get("pyFiles"));
    files.map_or_else(Vec::new, |list| {
        list.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
    })
}

/// Unpacks `zip` into `folder` and returns the path of the main file.
pub fn unpack(zip: &Path, folder: &Path, properties: &PropertyGroups) -> Result<PathBuf, Error> {
    let file = std::fs::File::open(zip).map_err(Error::io("opening the code artifact"))?;
    let mut archive = ZipArchive::new(file)
        .map_err(|error| Error::Archive(format!("the code is not a readable zip file: {error}")))?;
    if archive.len() > MAX_FILES {
        return Err(Error::Archive(format!("the zip holds more than {MAX_FILES} files")));
    }
    let mut left = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| {
            Error::Archive(format!("entry {index} of the zip is broken: {error}"))
        })?;
        let name = entry
            .name()
            .map_err(|error| {
                Error::Archive(format!("entry {index} has no readable name: {error}"))
            })?
            .into_owned();
        let to = folder.join(safe_path(&name)?);
        if entry.is_dir() {
            std::fs::create_dir_all(&to).map_err(Error::io("making a folder of the program"))?;
            continue;
        }
        if entry.is_symlink() {
            return Err(Error::Archive(format!(
                "`{name}` in the zip is a link; only files are taken"
            )));
        }
        let parent = to.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(parent).map_err(Error::io("making a folder of the program"))?;
        let mut out =
            std::fs::File::create(&to).map_err(Error::io("writing a file of the program"))?;
        let written =
            std::io::copy(&mut entry.by_ref().take(left + 1), &mut out).map_err(|error| {
                Error::Archive(format!("`{name}` in the zip cannot be unpacked: {error}"))
            })?;
        left = left.checked_sub(written).ok_or_else(|| {
            Error::Archive(format!("the zip unpacks to more than {MAX_UNPACKED_BYTES} bytes"))
        })?;
    }
    let main = main_file(properties);
    let path = folder.join(safe_path(main)?);
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::Archive(format!(
        "the zip has no `{main}`: put it at the top of the zip, or name the program's file with key \
         `python` of property group `{RUN_OPTIONS}`"
    )))
}

fn safe_path(name: &str) -> Result<PathBuf, Error> {
    let path = Path::new(name);
    let plain = path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if plain && !name.is_empty() && !name.contains('\\') {
        Ok(path.to_path_buf())
    } else {
        Err(Error::Archive(format!("`{name}` in the zip leads outside the program's folder")))
    }
}
