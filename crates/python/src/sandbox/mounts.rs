//! The program's view of the file system.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::{PROPERTIES_PATH, Plan};

/// Where the program's folder appears.
pub(super) const PROGRAM: &str = "/tmp/app";
/// Where the `pyflink` package appears.
pub(super) const PACKAGE: &str = "/tmp/.weir";

/// Folders that may hide an interpreter but must not be seen.
const PRIVATE: [&str; 2] = ["/root", "/home"];

/// Files of `/etc` that a Python process needs.
const ETC: [&str; 3] = ["ld.so.cache", "localtime", "nsswitch.conf"];

/// Builds the view; the caller is in its own mount namespace already.
pub(super) fn build(plan: &Plan) -> Result<(), String> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(|e| format!("making mounts private: {e}"))?;

    // Opened before the places they lie in may be covered.
    let program = open(&plan.program)?;
    let package = open(&plan.package)?;
    let prefix = open(&plan.prefix)?;
    let properties =
        std::fs::read(&plan.properties).map_err(|e| format!("reading the properties: {e}"))?;
    let etc: Vec<(&str, Vec<u8>)> = ETC
        .into_iter()
        .filter_map(|name| Some((name, std::fs::read(Path::new("/etc").join(name)).ok()?)))
        .collect();

    tmpfs("/tmp", "size=256m,mode=1777")?;
    for folder in PRIVATE.iter().filter(|folder| Path::new(folder).is_dir()) {
        tmpfs(folder, "size=1m,mode=755")?;
    }
    bind(&program, Path::new(PROGRAM))?;
    bind(&package, Path::new(PACKAGE))?;
    if !plan.prefix.exists() {
        bind(&prefix, &plan.prefix)?;
    }
    tmpfs("/etc", "size=16m,mode=755")?;
    for (name, content) in etc {
        write(&Path::new("/etc").join(name), &content)?;
    }
    let passwd: &[u8] = b"root:x:0:0::/tmp:/bin/false\nnobody:x:65534:65534::/tmp:/bin/false\n";
    write(Path::new("/etc/passwd"), passwd)?;
    write(Path::new(PROPERTIES_PATH), &properties)?;
    Ok(())
}

/// A fresh view of the processes; where the system forbids it, none at all.
pub(super) fn hide_processes() -> Result<(), String> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let none: Option<&str> = None;
    mount(Some("proc"), "/proc", Some("proc"), flags, none).or_else(|_| tmpfs("/proc", "size=1m"))
}

fn open(path: &Path) -> Result<(File, PathBuf), String> {
    let file = File::open(path).map_err(|e| format!("opening `{}`: {e}", path.display()))?;
    Ok((file, path.to_path_buf()))
}

fn tmpfs(at: &str, options: &str) -> Result<(), String> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options))
        .map_err(|e| format!("mounting a private `{at}`: {e}"))
}

/// Makes an opened folder appear at `at`, read-only.
fn bind((file, path): &(File, PathBuf), at: &Path) -> Result<(), String> {
    std::fs::create_dir_all(at).map_err(|e| format!("making `{}`: {e}", at.display()))?;
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    let none: Option<&str> = None;
    let bound = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(from.as_str()), at, none, bound, none)
        .and_then(|()| {
            let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
            mount(none, at, none, read_only | MsFlags::MS_NOSUID | MsFlags::MS_NODEV, none)
        })
        .map_err(|e| format!("showing `{}` at `{}`: {e}", path.display(), at.display()))
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    let folder = path.parent().expect("a file lies in a folder");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, content))
        .map_err(|e| format!("writing `{}`: {e}", path.display()))
}
