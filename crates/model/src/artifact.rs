//! What a customer's zip file may hold: one rule for who admits it and who unpacks it, so that what is
//! admitted can also be unpacked.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// How much a zip file may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most entries, folders included.
    pub entries: usize,
    /// Most bytes that it unpacks to.
    pub bytes: u64,
}

/// The limits of an artifact.
pub const LIMITS: Limits = Limits { entries: 20_000, bytes: 512 << 20 };

/// Longest path of an entry, in bytes.
const LONGEST_PATH: usize = 1_000;
/// Longest name of one file or folder, in bytes: what file systems take.
const LONGEST_NAME: usize = 255;

/// Why a zip file may not be unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// An entry would be unpacked elsewhere, or nowhere.
    #[error("`{0}` in the zip leads outside the program's folder")]
    Escapes(String),
    /// An entry is a symbolic link.
    #[error("`{0}` in the zip is a link; only files and folders are taken")]
    Link(String),
    /// Two entries would be unpacked to the same place.
    #[error("`{0}` is in the zip twice, or as a file and as a folder")]
    Twice(String),
    /// No file system takes the path.
    #[error(
        "the path of an entry is longer than {LONGEST_PATH} bytes, or a name in it than {LONGEST_NAME}"
    )]
    LongPath,
    /// There are too many entries.
    #[error("the zip has more than {0} entries")]
    TooMany(usize),
    /// It is too large.
    #[error("the zip unpacks to more than {0} bytes")]
    TooLarge(u64),
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
}

/// The places that the entries of one zip file take, and the room that is left.
#[derive(Debug)]
pub struct Places {
    limits: Limits,
    left: u64,
    taken: BTreeMap<PathBuf, Kind>,
}

impl Places {
    /// For a zip with this many entries.
    ///
    /// # Errors
    /// [`Problem::TooMany`]
    pub fn new(limits: Limits, entries: usize) -> Result<Self, Problem> {
        if entries > limits.entries {
            return Err(Problem::TooMany(limits.entries));
        }
        Ok(Self { limits, left: limits.bytes, taken: BTreeMap::new() })
    }

    /// Where an entry goes, relative to the folder that the zip is unpacked to.
    ///
    /// # Errors
    /// What may not be unpacked, or would be unpacked over something else.
    pub fn take(&mut self, name: &str, kind: Kind) -> Result<PathBuf, Problem> {
        if kind == Kind::Link {
            return Err(Problem::Link(name.to_owned()));
        }
        let path = place(name)?;
        let twice = || Problem::Twice(name.to_owned());
        for folder in path.ancestors().skip(1).filter(|folder| *folder != Path::new("")) {
            if self.taken.insert(folder.to_path_buf(), Kind::Folder) == Some(Kind::File) {
                return Err(twice());
            }
        }
        match (self.taken.insert(path.clone(), kind), kind) {
            (None, _) | (Some(Kind::Folder), Kind::Folder) => Ok(path),
            (Some(_), _) => Err(twice()),
        }
    }

    /// Bytes that may still be unpacked.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.left
    }

    /// Counts what an entry was unpacked to, in bytes; what it declared does not matter.
    ///
    /// # Errors
    /// [`Problem::TooLarge`]
    pub fn fill(&mut self, bytes: u64) -> Result<(), Problem> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(Problem::TooLarge(self.limits.bytes))?;
        Ok(())
    }

    /// Whether there is a file of that name.
    #[must_use]
    pub fn has_file(&self, name: &str) -> bool {
        place(name).is_ok_and(|path| self.taken.get(&path) == Some(&Kind::File))
    }
}

/// Where an entry of that name goes, relative to the folder that its zip is unpacked to.
///
/// # Errors
/// Names that lead elsewhere, that mean something else on other systems (backslashes), or that no file
/// system takes.
pub fn place(name: &str) -> Result<PathBuf, Problem> {
    let escapes = || Problem::Escapes(name.to_owned());
    if name.contains(['\\', '\0']) {
        return Err(escapes());
    }
    let mut path = PathBuf::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) if part.len() > LONGEST_NAME => return Err(Problem::LongPath),
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(escapes());
            }
        }
    }
    match path.as_os_str().len() {
        0 => Err(escapes()),
        bytes if bytes > LONGEST_PATH => Err(Problem::LongPath),
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places::new(LIMITS, 1).unwrap()
    }

    #[test]
    fn names_that_stay_inside_are_taken() {
        for (name, at) in [("main.py", "main.py"), ("./a//b.py", "a/b.py"), ("a/b/", "a/b")] {
            assert_eq!(place(name), Ok(PathBuf::from(at)), "{name}");
        }
    }

    #[test]
    fn names_that_lead_outside_are_refused() {
        for name in
            ["", ".", "./", "/main.py", "//a", "../a", "a/../b", "a/..", "..\\a", "a\\b", "a\0"]
        {
            assert_eq!(place(name), Err(Problem::Escapes(name.to_owned())), "{name:?}");
        }
        let (long, deep) = ("a".repeat(256), "a/".repeat(600));
        assert_eq!(place(&long), Err(Problem::LongPath));
        assert_eq!(place(&deep), Err(Problem::LongPath));
        assert!(place(&long[1..]).is_ok());
    }

    #[test]
    fn links_and_what_is_there_twice_are_refused() {
        use Kind::{File, Folder, Link};
        #[track_caller]
        fn check(first: (&str, Kind), second: (&str, Kind), fits: bool) {
            let mut places = places();
            places.take(first.0, first.1).unwrap();
            let taken = places.take(second.0, second.1);
            let twice = Err(Problem::Twice(second.0.to_owned()));
            assert_eq!(taken.map(drop), if fits { Ok(()) } else { twice }, "{first:?} {second:?}");
        }
        check(("a", File), ("b", File), true);
        check(("a/", Folder), ("a/b", File), true);
        check(("a/b", File), ("a/", Folder), true);
        check(("a/", Folder), ("./a/", Folder), true);
        check(("a", File), ("a", File), false);
        check(("a", File), ("./a", File), false);
        check(("a", File), ("a/b", File), false);
        check(("a/b", File), ("a", File), false);
        check(("a", File), ("a/", Folder), false);
        assert_eq!(places().take("a", Link), Err(Problem::Link("a".to_owned())));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let limits = Limits { entries: 2, bytes: 10 };
        assert_eq!(Places::new(limits, 3).map(drop), Err(Problem::TooMany(2)));
        let mut places = Places::new(limits, 2).unwrap();
        places.fill(10).unwrap();
        assert_eq!(places.room(), 0);
        assert_eq!(places.fill(1), Err(Problem::TooLarge(10)));
    }

    #[test]
    fn a_file_is_found_however_its_path_is_written() {
        let mut places = places();
        places.take("./app/start.py", Kind::File).unwrap();
        assert!(places.has_file("app//start.py") && places.has_file("./app/start.py"));
        assert!(!places.has_file("app") && !places.has_file("start.py") && !places.has_file(""));
    }
}
