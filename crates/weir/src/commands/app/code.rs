//! A program on this machine as the code of a request.

use std::io::{Cursor, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zip::write::SimpleFileOptions;

use super::session::Error;

/// Code as a request carries it.
#[derive(Debug)]
pub(super) enum Code {
    /// A Flink SQL script.
    Script(String),
    /// A zip file, in base64.
    Zip(String),
}

impl Code {
    /// Reads a zip file, a SQL script (`.sql`), or a folder, which becomes a zip file.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
        if path.is_dir() {
            return Ok(Self::Zip(STANDARD.encode(zipped(path)?)));
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("sql")) {
            let text = String::from_utf8(bytes)
                .map_err(|_| format!("{} is not UTF-8 text", path.display()))?;
            return Ok(Self::Script(text));
        }
        if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("py")) {
            return Ok(Self::Zip(STANDARD.encode(zipped_program(&bytes)?)));
        }
        Ok(Self::Zip(STANDARD.encode(bytes)))
    }

    /// AWS `CodeContentType`.
    pub(super) fn content_type(&self) -> &'static str {
        match self {
            Self::Script(_) => "PLAINTEXT",
            Self::Zip(_) => "ZIPFILE",
        }
    }

    /// Name of the member of `CodeContent`, and its value.
    pub(super) fn member(self) -> (&'static str, String) {
        match self {
            Self::Script(text) => ("TextContent", text),
            Self::Zip(base64) => ("ZipFileContent", base64),
        }
    }
}

/// A zip file whose only file is `main.py`.
fn zipped_program(program: &[u8]) -> Result<Vec<u8>, Error> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("main.py", SimpleFileOptions::default())?;
    zip.write_all(program)?;
    Ok(zip.finish()?.into_inner())
}

/// A zip file of a folder's files; hidden ones and Python's caches are left out.
fn zipped(folder: &Path) -> Result<Vec<u8>, Error> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        let failed = |error: std::io::Error| format!("cannot read {}: {error}", next.display());
        let entries: Result<Vec<_>, _> = std::fs::read_dir(&next).map_err(failed)?.collect();
        let mut entries = entries.map_err(failed)?;
        // The same folder gives the same bytes.
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let path = entry.path();
            if name.to_string_lossy().starts_with('.') || name == "__pycache__" {
                continue;
            }
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let inside = path
                .strip_prefix(folder)?
                .to_str()
                .ok_or_else(|| format!("the name of {} is not UTF-8", path.display()))?;
            zip.start_file(inside, SimpleFileOptions::default())?;
            let bytes = std::fs::read(&path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            zip.write_all(&bytes)?;
        }
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: Code) -> Vec<String> {
        let Code::Zip(base64) = code else { panic!("a zip file was expected") };
        let bytes = STANDARD.decode(base64).unwrap();
        let archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut names: Vec<String> =
            archive.file_names().map(|name| name.unwrap().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_becomes_a_zip_without_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        };
        for name in ["main.py", "lib/a.py", ".git/config", "lib/__pycache__/a.pyc"] {
            put(name);
        }
        assert_eq!(names(Code::read(folder.path()).unwrap()), ["lib/a.py", "main.py"]);
        let program = folder.path().join("lib/a.py");
        assert_eq!(names(Code::read(&program).unwrap()), ["main.py"]);
    }

    #[test]
    fn a_script_is_text_and_everything_else_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        std::fs::write(&path, "SELECT 1").unwrap();
        let script = Code::read(&path).unwrap();
        assert_eq!(script.content_type(), "PLAINTEXT");
        assert_eq!(script.member(), ("TextContent", "SELECT 1".to_owned()));
        let path = folder.path().join("a.zip");
        std::fs::write(&path, "bytes").unwrap();
        let zip = Code::read(&path).unwrap();
        assert_eq!(zip.member(), ("ZipFileContent", STANDARD.encode("bytes")));
        let missing = Code::read(&folder.path().join("none.zip")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read "), "{missing}");
    }
}
