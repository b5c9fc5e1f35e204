//! Whether a zip file can be unpacked safely and holds the program to run.

use std::io::{Cursor, Read};

use model::artifact::{Kind, LIMITS, Limits, Places, Problem};

/// Why a zip file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZipProblem {
    /// It is none, or damaged.
    #[error("it cannot be read: {0}")]
    Broken(String),
    /// It could not be unpacked.
    #[error(transparent)]
    Unfit(#[from] Problem),
    /// An entry is damaged.
    #[error("entry `{entry}` cannot be read: {problem}")]
    BrokenEntry {
        /// Its path.
        entry: String,
        /// What is wrong.
        problem: String,
    },
    /// There is nothing to run.
    #[error(
        "it has no file `{0}`; add it, or name another one by key `python` of property group \
         `kinesis.analytics.flink.run.options`"
    )]
    NoMain(String),
}

/// Reads every entry: the archive is whole, small enough, stays in its folder and has `main`.
pub(super) fn check(bytes: &[u8], main: &str) -> Result<(), ZipProblem> {
    check_within(LIMITS, bytes, main)
}

fn check_within(limits: Limits, bytes: &[u8], main: &str) -> Result<(), ZipProblem> {
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| ZipProblem::Broken(e.to_string()))?;
    let mut places = Places::new(limits, archive.len())?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|e| ZipProblem::Broken(e.to_string()))?;
        let name = entry.name().map_err(|e| ZipProblem::Broken(e.to_string()))?.into_owned();
        let kind = match (entry.is_symlink(), entry.is_dir()) {
            (true, _) => Kind::Link,
            (false, true) => Kind::Folder,
            (false, false) => Kind::File,
        };
        places.take(&name, kind)?;
        let most = places.room() + 1;
        let read = std::io::copy(&mut (&mut entry).take(most), &mut std::io::sink())
            .map_err(|e| ZipProblem::BrokenEntry { entry: name, problem: e.to_string() })?;
        places.fill(read)?;
    }
    if places.has_file(main) { Ok(()) } else { Err(ZipProblem::NoMain(main.to_owned())) }
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
    fn what_could_not_be_unpacked_is_refused() {
        for path in ["../main.py", "/main.py", "a/../../main.py", "a\\main.py", "..\\main.py"] {
            let bytes = archive(&[(path, b"print()"), ("main.py", b"")]);
            let escapes = ZipProblem::Unfit(Problem::Escapes(path.to_owned()));
            assert_eq!(check(&bytes, "main.py"), Err(escapes));
        }
        let bytes = archive(&[("main.py", b""), ("main.py/a", b"")]);
        let twice = ZipProblem::Unfit(Problem::Twice("main.py/a".to_owned()));
        assert_eq!(check(&bytes, "main.py"), Err(twice));
        let mut writer = zip::ZipWriter::new(Cursor::new(archive(&[("main.py", b"print()")])));
        writer.add_symlink("etc", "/etc", SimpleFileOptions::default()).unwrap();
        let link = ZipProblem::Unfit(Problem::Link("etc".to_owned()));
        assert_eq!(check(&writer.finish().unwrap().into_inner(), "main.py"), Err(link));
    }

    #[test]
    fn a_bomb_is_refused_whatever_it_declares() {
        const FEW: Limits = Limits { entries: 3, bytes: 1 << 20 };
        let block = vec![0; 2 << 20];
        let mut bytes = archive(&[("main.py", &block)]);
        assert!(bytes.len() < 5_000, "it is no bomb: {}", bytes.len());
        let large = Err(ZipProblem::Unfit(Problem::TooLarge(1 << 20)));
        assert_eq!(check_within(FEW, &bytes, "main.py"), large);
        // In both headers, it declares ten bytes.
        let declared = u32::try_from(block.len()).unwrap().to_le_bytes();
        for at in
            (0..bytes.len() - 4).filter(|at| bytes[*at..*at + 4] == declared).collect::<Vec<_>>()
        {
            bytes[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
        }
        assert!(check_within(FEW, &bytes, "main.py").is_err());

        let half = &block[..700_000];
        let two = archive(&[("main.py", half), ("more.py", half)]);
        assert_eq!(check_within(FEW, &two, "main.py"), large);
        let many = archive(&[("main.py", b""), ("a", b""), ("b", b""), ("c", b"")]);
        let many = check_within(FEW, &many, "main.py");
        assert_eq!(many, Err(ZipProblem::Unfit(Problem::TooMany(3))));
    }
}
