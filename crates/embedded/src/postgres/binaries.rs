//! Finds the Postgres programs of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Where Debian and Ubuntu keep one folder per major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// An installation that has both `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    /// None: the programs are found through PATH.
    pub(super) bin: Option<PathBuf>,
    /// For example `15`.
    pub(super) major: String,
}

impl Binaries {
    /// The installation for the cluster in `data`: PATH first, then Debian's folders from the
    /// newest, then `cache`. A cluster that exists already decides the major version.
    pub(super) fn find(data: &Path, cache: Option<&Path>) -> Result<Self> {
        let written_by = fs::read_to_string(data.join("PG_VERSION")).ok();
        let mut other = None;
        for bin in candidates(Path::new(DEBIAN), cache) {
            let Some(major) = probe(bin.as_deref()) else { continue };
            match &written_by {
                Some(version) if version.trim() != major => {
                    other.get_or_insert(major);
                }
                Some(_) | None => return Ok(Self { bin, major }),
            }
        }
        match (written_by, other) {
            (Some(written_by), Some(found)) => Err(Error::PostgresVersion {
                dir: data.to_owned(),
                written_by: written_by.trim().to_owned(),
                found,
            }),
            (_, _) => Err(Error::PostgresNotFound { cache: cache.map(Path::to_owned) }),
        }
    }

    /// Path (or bare name, for PATH) of one program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        at(self.bin.as_deref(), name)
    }
}

fn at(bin: Option<&Path>, name: &str) -> PathBuf {
    bin.map_or_else(|| PathBuf::from(name), |bin| bin.join(name))
}

fn candidates(debian: &Path, cache: Option<&Path>) -> Vec<Option<PathBuf>> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(debian)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let mut found = vec![None];
    found.extend(versions.into_iter().map(|(_, bin)| Some(bin)));
    if let Some(cache) = cache {
        found.extend([Some(cache.join("bin")), Some(cache.to_owned())]);
    }
    found
}

/// The major version, if both programs are there and run.
fn probe(bin: Option<&Path>) -> Option<String> {
    version_of(&at(bin, "initdb"))?;
    version_of(&at(bin, "postgres"))
}

fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then_some(())?;
    major_version(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15.
fn major_version(text: &str) -> Option<String> {
    let version = text.split_whitespace().nth(2)?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    (digits > 0).then(|| version[..digits].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_is_the_number_before_the_first_dot_or_letter() {
        for (text, want) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some("15")),
            ("initdb (PostgreSQL) 18.6\n", Some("18")),
            ("postgres (PostgreSQL) 19beta1\n", Some("19")),
            ("postgres (PostgreSQL) devel\n", None),
            ("", None),
        ] {
            assert_eq!(major_version(text).as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn path_comes_first_then_debian_from_the_newest_then_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["9", "15", "16", "not-a-version"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let cache = Path::new("/cache");
        let want = vec![
            None,
            Some(dir.path().join("16/bin")),
            Some(dir.path().join("15/bin")),
            Some(dir.path().join("9/bin")),
            Some(cache.join("bin")),
            Some(cache.to_owned()),
        ];
        assert_eq!(candidates(dir.path(), Some(cache)), want);
    }

    #[test]
    fn a_cluster_of_an_unknown_version_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("PG_VERSION"), "8\n").unwrap();
        let error = Binaries::find(dir.path(), None).unwrap_err().to_string();
        assert!(error.contains("install postgres 8") || error.contains("was not found"), "{error}");
    }
}
