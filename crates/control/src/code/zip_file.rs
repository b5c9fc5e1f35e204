//! Whether a zip file can be unpacked safely and holds the program to run.

use std::io::{Cursor, Read};

/// Most bytes a zip file may unpack to.
const LARGEST_UNPACKED: u64 = 512 << 20;
/// Most entries a zip file may have.
const MOST_ENTRIES: usize = 100_000;

/// Why a zip file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZipProblem {
    /// It is none, or damaged.
    #[error("it cannot be read: {0}")]
    Broken(String),
    /// An entry would be unpacked elsewhere.
    #[error("entry `{0}` lies outside of the folder it is unpacked to")]
    Escapes(String),
    /// An entry is damaged.
    #[error("entry `{entry}` cannot be read: {problem}")]
    BrokenEntry {
        /// Its path.
        entry: String,
        /// What is wrong.
        problem: String,
    },
    /// It is too large.
    #[error("it unpacks to more than {LARGEST_UNPACKED} bytes or {MOST_ENTRIES} files")]
    TooLarge,
    /// There is nothing to run.
    #[error(
        "it has no file `{0}`; add it, or name another one by key `python` of property group \
         `kinesis.analytics.flink.run.options`"
    )]
    NoMain(String),
}

/// Reads every entry: the archive is whole, small enough, stays in its folder and has `main`.
pub(super) fn check(bytes: &[u8], main: &str) -> Result<(), ZipProblem> {
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| ZipProblem::Broken(e.to_string()))?;
    if archive.len() > MOST_ENTRIES {
        return Err(ZipProblem::TooLarge);
    }
    let wanted = main.trim_start_matches("./");
    let mut found = false;
    let mut unpacked = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|e| ZipProblem::Broken(e.to_string()))?;
        let name = entry.name().map_err(|e| ZipProblem::Broken(e.to_string()))?.into_owned();
        if entry.enclosed_name().is_none() || name.starts_with('/') || entry.is_symlink() {
            return Err(ZipProblem::Escapes(name));
        }
        let room = LARGEST_UNPACKED - unpacked;
        let read = std::io::copy(&mut (&mut entry).take(room + 1), &mut std::io::sink())
            .map_err(|e| ZipProblem::BrokenEntry { entry: name.clone(), problem: e.to_string() })?;
        if read > room {
            return Err(ZipProblem::TooLarge);
        }
        unpacked += read;
        found |= entry.is_file() && name.trim_start_matches("./") == wanted;
    }
    if found { Ok(()) } else { Err(ZipProblem::NoMain(main.to_owned())) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_zip_with_the_main_file_is_accepted() {
        let bytes = archive(&[("main.py", b"print()"), ("lib/a.py", b"")]);
        assert_eq!(check(&bytes, "main.py"), Ok(()));
        assert_eq!(check(&bytes, "lib/a.py"), Ok(()));
    }

    #[test]
    fn a_zip_without_it_is_refused_by_its_name() {
        let bytes = archive(&[("job.py", b"print()")]);
        assert_eq!(check(&bytes, "main.py"), Err(ZipProblem::NoMain("main.py".to_owned())));
    }

    #[test]
    fn what_is_no_zip_is_refused() {
        assert!(matches!(check(b"PK no zip", "main.py"), Err(ZipProblem::Broken(_))));
        let mut cut = archive(&[("main.py", b"print()")]);
        cut.truncate(cut.len() - 10);
        assert!(matches!(check(&cut, "main.py"), Err(ZipProblem::Broken(_))));
    }

    #[test]
    fn damaged_content_is_found() {
        let mut bytes = archive(&[("main.py", &[b'a'; 4000])]);
        bytes[45] ^= 0xff;
        assert!(check(&bytes, "main.py").is_err());
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for path in ["../main.py", "/main.py", "a/../../main.py"] {
            let bytes = archive(&[(path, b"print()"), ("main.py", b"")]);
            assert_eq!(check(&bytes, "main.py"), Err(ZipProblem::Escapes(path.to_owned())));
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("main.py", SimpleFileOptions::default()).unwrap();
        let block = vec![0; 1 << 20];
        for _ in 0..=(LARGEST_UNPACKED >> 20) {
            writer.write_all(&block).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        assert!(bytes.len() < 2 << 20);
        assert_eq!(check(&bytes, "main.py"), Err(ZipProblem::TooLarge));
    }
}
