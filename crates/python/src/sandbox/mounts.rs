//! The program's view of the file system.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::pivot_root;

use super::{PROPERTIES_PATH, Plan};

/// Where the program's folder appears.
pub(super) const PROGRAM: &str = "/tmp/app";
/// Where the `pyflink` package appears.
pub(super) const PACKAGE: &str = "/tmp/.weir";

/// Where the view is put together before it becomes `/`.
const VIEW: &str = "/tmp";

/// Folders of the system that a Python process needs.
const SYSTEM: [&str; 5] = ["/usr", "/lib", "/lib64", "/bin", "/sbin"];

/// Devices that a Python process needs.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/random", "/dev/urandom"];

/// Files of `/etc` that a Python process needs.
const ETC: [&str; 3] = ["ld.so.cache", "localtime", "nsswitch.conf"];

const NONE: Option<&str> = None;

/// Puts the view together: what is not named here is not in it, neither files nor sockets. The caller
/// is in its own mount namespace already.
pub(super) fn build(plan: &Plan) -> Result<(), String> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
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

    tmpfs(Path::new(VIEW), "size=1m,mode=755")?;
    for folder in SYSTEM {
        show_system(Path::new(folder))?;
    }
    for device in DEVICES {
        show_device(Path::new(device))?;
    }
    tmpfs(&inside("/tmp"), "size=256m,mode=1777")?;
    bind(&program, &inside(PROGRAM))?;
    bind(&package, &inside(PACKAGE))?;
    if !inside(&plan.prefix).exists() {
        bind(&prefix, &inside(&plan.prefix))?;
    }
    tmpfs(&inside("/etc"), "size=16m,mode=755")?;
    for (name, content) in etc {
        write(&inside("/etc").join(name), &content)?;
    }
    let passwd: &[u8] = b"root:x:0:0::/tmp:/bin/false\nnobody:x:65534:65534::/tmp:/bin/false\n";
    write(&inside("/etc/passwd"), passwd)?;
    write(&inside(PROPERTIES_PATH), &properties)
}

/// Makes the view the only one, with the processes of the caller's own namespace; where the system
/// forbids these, with none at all.
pub(super) fn enter() -> Result<(), String> {
    let processes = inside("/proc");
    folder(&processes)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), &processes, Some("proc"), flags, NONE)
        .or_else(|_| tmpfs(&processes, "size=1m"))?;
    // The view is mounted over the old root, which is then taken away from below it.
    std::env::set_current_dir(VIEW)
        .and_then(|()| Ok(pivot_root(".", ".")?))
        .and_then(|()| Ok(umount2(".", MntFlags::MNT_DETACH)?))
        .and_then(|()| std::env::set_current_dir("/"))
        .map_err(|e| format!("leaving the system's files: {e}"))
}

/// Where an absolute path lies while the view is put together.
fn inside(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    Path::new(VIEW).join(path.strip_prefix("/").unwrap_or(path))
}

/// Shows a folder of the system, or the link that it is, where it is.
fn show_system(path: &Path) -> Result<(), String> {
    if let Ok(target) = std::fs::read_link(path) {
        return std::os::unix::fs::symlink(target, inside(path))
            .map_err(|e| format!("linking `{}`: {e}", path.display()));
    }
    if path.is_dir() { bind(&open(path)?, &inside(path)) } else { Ok(()) }
}

fn show_device(path: &Path) -> Result<(), String> {
    let at = inside(path);
    write(&at, b"")?;
    mount(Some(path), &at, NONE, MsFlags::MS_BIND, NONE)
        .map_err(|e| format!("showing `{}`: {e}", path.display()))
}

fn open(path: &Path) -> Result<(File, PathBuf), String> {
    let file = File::open(path).map_err(|e| format!("opening `{}`: {e}", path.display()))?;
    Ok((file, path.to_path_buf()))
}

fn tmpfs(at: &Path, options: &str) -> Result<(), String> {
    folder(at)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options))
        .map_err(|e| format!("mounting a private `{}`: {e}", at.display()))
}

fn folder(at: &Path) -> Result<(), String> {
    std::fs::create_dir_all(at).map_err(|e| format!("making `{}`: {e}", at.display()))
}

/// Makes an opened folder appear at `at`, read-only.
fn bind((file, path): &(File, PathBuf), at: &Path) -> Result<(), String> {
    folder(at)?;
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    let bound = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(from.as_str()), at, NONE, bound, NONE)
        .and_then(|()| {
            let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
            mount(NONE, at, NONE, read_only | MsFlags::MS_NOSUID | MsFlags::MS_NODEV, NONE)
        })
        .map_err(|e| format!("showing `{}` at `{}`: {e}", path.display(), at.display()))
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    folder(path.parent().expect("a file lies in a folder"))?;
    std::fs::write(path, content).map_err(|e| format!("writing `{}`: {e}", path.display()))
}
