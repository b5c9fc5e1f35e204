//! Where the server's Unix socket goes.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The port is only part of the socket's name unless TCP is asked for.
pub(super) const PORT: u16 = 5432;

/// `sun_path` holds 108 bytes, one of them the closing zero.
const LONGEST_SOCKET_PATH: usize = 107;

/// `dir` if a socket's path in it is short enough, else a private folder below `short`, the same
/// one at every start.
pub(super) fn folder(dir: &Path, short: &Path) -> Result<PathBuf> {
    if socket_in(dir, PORT).as_os_str().len() <= LONGEST_SOCKET_PATH {
        return Ok(dir.to_owned());
    }
    let folder = short.join(format!("weir-postgres-{:016x}", fnv1a(dir.as_os_str().as_bytes())));
    match DirBuilder::new().mode(0o700).create(&folder) {
        Ok(()) => Ok(folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => ours(folder),
        Err(error) => Err(Error::io("create", &folder)(error)),
    }
}

/// The socket's file in `folder`.
pub(super) fn socket_in(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}

/// Refuses a folder that somebody else has put there (it decides with whom we speak).
fn ours(folder: PathBuf) -> Result<PathBuf> {
    let found = folder.symlink_metadata().map_err(Error::io("read", &folder))?;
    let us = Path::new("/proc/self").metadata().map_err(Error::io("read", &folder))?;
    // `nobody` owns it when the server runs as that user.
    let trusted = found.uid() == us.uid() || us.uid() == 0;
    if found.is_dir() && trusted && found.mode() & 0o077 == 0 {
        return Ok(folder);
    }
    Err(Error::io("use", &folder)(io::Error::from(io::ErrorKind::PermissionDenied)))
}

/// FNV-1a, 64 bits: a name for a path that is the same in every version of this program.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_path_keeps_its_own_folder() {
        let dir = Path::new("/srv/weir/postgres");
        assert_eq!(folder(dir, Path::new("/nowhere")).unwrap(), dir);
    }

    #[test]
    fn a_long_path_gets_the_same_private_folder_every_time() {
        let short = tempfile::tempdir().unwrap();
        let dir = PathBuf::from(format!("/srv/{}", "x".repeat(120)));
        let first = folder(&dir, short.path()).unwrap();
        assert!(first.starts_with(short.path()));
        assert_eq!(first.metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(folder(&dir, short.path()).unwrap(), first);
    }

    #[test]
    fn a_folder_open_to_others_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let short = tempfile::tempdir().unwrap();
        let dir = PathBuf::from(format!("/srv/{}", "x".repeat(120)));
        let first = folder(&dir, short.path()).unwrap();
        std::fs::set_permissions(&first, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(folder(&dir, short.path()).is_err());
    }
}
