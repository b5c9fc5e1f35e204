//! The customer's zip: what is in it, and unpacking it safely.

use std::io::Read;
use std::path::{Path, PathBuf};

use model::artifact::{Kind, LIMITS, Limits, Places, Problem, place};
use model::configuration::{PYTHON_RUN_OPTIONS, python_main_file};
use model::protocol::PropertyGroups;
use zip::ZipArchive;

use crate::Error;

/// Folders and files that the run options add to the module path (`pyFiles`, comma separated).
#[must_use]
pub fn extra_paths(properties: &PropertyGroups) -> Vec<String> {
    let files = properties.get(PYTHON_RUN_OPTIONS).and_then(|group| group.get("pyFiles"));
    files.map_or_else(Vec::new, |list| {
        list.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
    })
}

/// Unpacks `zip` into `folder` and returns the path of the main file.
pub fn unpack(zip: &Path, folder: &Path, properties: &PropertyGroups) -> Result<PathBuf, Error> {
    unpack_within(LIMITS, zip, folder, properties)
}

fn unpack_within(
    limits: Limits,
    zip: &Path,
    folder: &Path,
    properties: &PropertyGroups,
) -> Result<PathBuf, Error> {
    let file = std::fs::File::open(zip).map_err(Error::io("opening the code artifact"))?;
    let mut archive = ZipArchive::new(file)
        .map_err(|error| Error::Archive(format!("the code is not a readable zip file: {error}")))?;
    let mut places = Places::new(limits, archive.len()).map_err(unfit)?;
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
        let kind = match (entry.is_symlink(), entry.is_dir()) {
            (true, _) => Kind::Link,
            (false, true) => Kind::Folder,
            (false, false) => Kind::File,
        };
        let to = folder.join(places.take(&name, kind).map_err(unfit)?);
        if kind == Kind::Folder {
            std::fs::create_dir_all(&to).map_err(Error::io("making a folder of the program"))?;
            continue;
        }
        let parent = to.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(parent).map_err(Error::io("making a folder of the program"))?;
        let mut out =
            std::fs::File::create_new(&to).map_err(Error::io("writing a file of the program"))?;
        let written = std::io::copy(&mut entry.by_ref().take(places.room() + 1), &mut out)
            .map_err(|error| {
                Error::Archive(format!("`{name}` in the zip cannot be unpacked: {error}"))
            })?;
        places.fill(written).map_err(unfit)?;
    }
    let main = python_main_file(properties);
    if places.has_file(main) {
        return Ok(folder.join(place(main).map_err(unfit)?));
    }
    Err(Error::Archive(format!(
        "the zip has no `{main}`: put it at the top of the zip, or name the program's file with key \
         `python` of property group `{PYTHON_RUN_OPTIONS}`"
    )))
}

fn unfit(problem: Problem) -> Error {
    Error::Archive(problem.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::write::SimpleFileOptions;

    use super::*;

    type Writer = zip::ZipWriter<Cursor<Vec<u8>>>;

    fn archive(entries: &[(&str, &[u8])], more: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        more(&mut writer);
        writer.finish().unwrap().into_inner()
    }

    /// The refusal of a zip, of which nothing lies outside of its folder.
    #[track_caller]
    fn refused(bytes: &[u8]) -> String {
        const FEW: Limits = Limits { entries: 3, bytes: 1 << 20 };
        let scratch = tempfile::tempdir().unwrap();
        let (zip, folder) = (scratch.path().join("code.zip"), scratch.path().join("in"));
        std::fs::write(&zip, bytes).unwrap();
        std::fs::create_dir(&folder).unwrap();
        let unpacked = unpack_within(FEW, &zip, &folder, &PropertyGroups::default());
        let outside: Vec<_> =
            std::fs::read_dir(&scratch).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(outside.len(), 2, "{outside:?}");
        match unpacked {
            Err(Error::Archive(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for name in ["../main.py", "/main.py", "a/../../b", "a\\b", "..\\b"] {
            let said = refused(&archive(&[("main.py", b""), (name, b"")], |_| ()));
            assert!(said.contains("leads outside"), "{said}");
        }
        // A link, and what would be written through it.
        let bytes = archive(&[("main.py", b"")], |writer| {
            writer.add_symlink("up", "..", SimpleFileOptions::default()).unwrap();
            writer.start_file("up/escaped", SimpleFileOptions::default()).unwrap();
        });
        assert!(refused(&bytes).contains("`up` in the zip is a link"));
        let said = refused(&archive(&[("main.py", b""), ("./main.py", b"")], |_| ()));
        assert!(said.contains("twice"), "{said}");
    }

    #[test]
    fn a_bomb_is_refused_whatever_it_declares() {
        let block = vec![0; 2 << 20];
        let mut bytes = archive(&[("main.py", &block)], |_| ());
        assert!(refused(&bytes).contains("more than 1048576 bytes"));
        // In both headers, it declares ten bytes.
        let declared = u32::try_from(block.len()).unwrap().to_le_bytes();
        for at in 0..bytes.len() - 4 {
            if bytes[at..at + 4] == declared {
                bytes[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
            }
        }
        refused(&bytes);
        let many = archive(&[("main.py", b""), ("a", b""), ("b", b""), ("c", b"")], |_| ());
        assert!(refused(&many).contains("more than 3 entries"));
    }
}
