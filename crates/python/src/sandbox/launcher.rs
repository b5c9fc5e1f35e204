//! Enters the sandbox and becomes the Python interpreter; runs in a process of its own.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Uid, execve, fork, setgid, setgroups, setsid, setuid};

use super::{Plan, environment, filter, mounts, python_arguments};

/// Most address space of the program, in bytes.
const MEMORY_BYTES: u64 = 2 << 30;
/// Most CPU time, in seconds: recording a program takes well under one.
const CPU_SECONDS: u64 = 120;
/// Most bytes of one written file.
const FILE_BYTES: u64 = 256 << 20;
/// Most open files.
const OPEN_FILES: u64 = 256;
const NOBODY: u32 = 65534;

/// Runs the program of `plan` (JSON) locked in; returns its exit status, or says why it could not.
///
/// Must be called from a process with a single thread.
pub fn enter(plan: &str) -> Result<i32, String> {
    let plan: Plan = serde_json::from_str(plan).map_err(|e| format!("unreadable plan: {e}"))?;
    let root = Uid::effective().is_root();
    enter_namespaces(root).map_err(|error| {
        format!(
            "this system does not let Weir isolate user programs ({error}); allow user namespaces, or \
             start the worker with --allow-unsandboxed-python if every program is trusted"
        )
    })?;
    // Only now: another user namespace forgets it.
    die_with_parent()?;
    mounts::build(&plan)?;
    #[expect(unsafe_code, reason = "fork has no safe form; this process has one thread")]
    let forked = unsafe { fork() }.map_err(|e| format!("forking: {e}"))?;
    match forked {
        ForkResult::Parent { child } => loop {
            match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, status)) => return Ok(status),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(128 + signal as i32),
                Ok(_) => {}
                Err(error) => return Err(format!("waiting for the program: {error}")),
            }
        },
        ForkResult::Child => Err(become_python(&plan, root)),
    }
}

/// Returns only if something failed.
fn become_python(plan: &Plan, root: bool) -> String {
    let ready = own_session()
        .and_then(|()| mounts::enter())
        .and_then(|()| limit())
        .and_then(|()| if root { drop_rights() } else { Ok(()) })
        // Only now: another user forgets it.
        .and_then(|()| die_with_parent())
        .and_then(|()| no_new_rights())
        .and_then(|()| {
            let prefix = plan.prefix.display().to_string();
            filter::close_files(&[mounts::PROGRAM, mounts::PACKAGE, &prefix])
        })
        .and_then(|()| filter::close_calls())
        .and_then(|()| {
            std::env::set_current_dir(mounts::PROGRAM)
                .map_err(|e| format!("entering the folder: {e}"))
        });
    match ready.and_then(|()| exec(plan)) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn exec(plan: &Plan) -> Result<std::convert::Infallible, String> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|e| e.to_string());
    let package = Path::new(mounts::PACKAGE);
    let program = Path::new(mounts::PROGRAM);
    let executable = text(plan.executable.as_os_str().as_bytes())?;
    let mut arguments = vec![executable.clone()];
    for argument in python_arguments(package, &program.join(&plan.main)) {
        arguments.push(text(argument.as_os_str().as_bytes())?);
    }
    let mut variables = Vec::new();
    for (key, value) in environment(package, program, &plan.extra_paths) {
        variables.push(text(format!("{key}={value}").as_bytes())?);
    }
    execve(&executable, &arguments, &variables)
        .map_err(|e| format!("starting `{}`: {e}", plan.executable.display()))
}

fn enter_namespaces(root: bool) -> Result<(), String> {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWPID;
    if !root {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags).map_err(|e| format!("unshare: {e}"))?;
    if !root {
        let write = |path: &str, text: String| {
            std::fs::write(path, text).map_err(|e| format!("writing {path}: {e}"))
        };
        write("/proc/self/setgroups", "deny".to_owned())?;
        write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    }
    Ok(())
}

fn die_with_parent() -> Result<(), String> {
    set_process_option(libc::PR_SET_PDEATHSIG, Signal::SIGKILL as libc::c_ulong)
}

/// Takes the program out of its job's process group, to which it could send signals otherwise.
fn own_session() -> Result<(), String> {
    setsid().map(drop).map_err(|e| format!("beginning a session: {e}"))
}

fn no_new_rights() -> Result<(), String> {
    set_process_option(libc::PR_SET_NO_NEW_PRIVS, 1)
}

fn set_process_option(option: libc::c_int, value: libc::c_ulong) -> Result<(), String> {
    let zero: libc::c_ulong = 0;
    #[expect(unsafe_code, reason = "prctl with plain numbers")]
    let result = unsafe { libc::prctl(option, value, zero, zero, zero) };
    if result == 0 { Ok(()) } else { Err(format!("prctl: {}", std::io::Error::last_os_error())) }
}

fn limit() -> Result<(), String> {
    let limits = [
        (Resource::RLIMIT_AS, MEMORY_BYTES),
        (Resource::RLIMIT_CPU, CPU_SECONDS),
        (Resource::RLIMIT_FSIZE, FILE_BYTES),
        (Resource::RLIMIT_NOFILE, OPEN_FILES),
        (Resource::RLIMIT_CORE, 0),
    ];
    for (resource, most) in limits {
        setrlimit(resource, most, most).map_err(|e| format!("limiting {resource:?}: {e}"))?;
    }
    Ok(())
}

fn drop_rights() -> Result<(), String> {
    setgroups(&[])
        .and_then(|()| setgid(Gid::from_raw(NOBODY)))
        .and_then(|()| setuid(Uid::from_raw(NOBODY)))
        .map_err(|e| format!("becoming `nobody`: {e}"))
}
