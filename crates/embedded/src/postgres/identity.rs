//! As whom Postgres runs: it refuses to run as root.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// User and group `nobody` and `nogroup` on Debian.
const NOBODY: u32 = 65_534;

/// The identity of the server process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// As we are: an ordinary user.
    Ourselves,
    /// We are root: inside a user namespace of its own without any mapping, Postgres sees itself
    /// as an ordinary user, while its files still belong to us outside.
    UserNamespace,
    /// We are root and may not make user namespaces: as the user `nobody`.
    Nobody,
}

impl Identity {
    /// The identity to use, found by trying `program --version`.
    pub(super) fn choose(program: &Path) -> Result<Self> {
        // The owner of a process's folder in /proc is its effective user.
        let us = Path::new("/proc/self");
        if us.metadata().map_err(Error::io("read", us))?.uid() != 0 {
            return Ok(Self::Ourselves);
        }
        let mut probe = Command::new(program);
        probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null());
        Self::UserNamespace.apply(&mut probe);
        match probe.status() {
            Ok(status) if status.success() => Ok(Self::UserNamespace),
            Ok(_) | Err(_) => Ok(Self::Nobody),
        }
    }

    /// Gives a folder to this identity, closed to everybody else.
    pub(super) fn own(self, dir: &Path) -> Result<()> {
        std::fs::set_permissions(dir, Permissions::from_mode(0o700))
            .map_err(Error::io("protect", dir))?;
        match self {
            Self::Ourselves | Self::UserNamespace => Ok(()),
            Self::Nobody => {
                chown(dir, Some(NOBODY), Some(NOBODY)).map_err(Error::io("give to nobody", dir))
            }
        }
    }

    /// Makes `command` run as this identity.
    pub(super) fn apply(self, command: &mut Command) {
        match self {
            Self::Ourselves => {}
            Self::UserNamespace => in_user_namespace(command),
            Self::Nobody => {
                command.uid(NOBODY).gid(NOBODY);
            }
        }
    }
}

#[expect(unsafe_code, reason = "a namespace is entered between fork and exec")]
fn in_user_namespace(command: &mut Command) {
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe {
        command.pre_exec(|| match libc::unshare(libc::CLONE_NEWUSER) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}
