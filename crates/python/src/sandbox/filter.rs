//! System calls and paths that user code is denied.

use std::collections::BTreeMap;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, path_beneath_rules,
};
use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// Folders that may be read and executed from, beside the program's own.
const READABLE: [&str; 9] =
    ["/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/dev/urandom", "/dev/random"];

/// Places that may be written.
const WRITABLE: [&str; 2] = ["/tmp", "/dev/null"];

/// Calls that change what a process may do or see, or reach into the kernel or other processes.
const DENIED: &[libc::c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    // Some families of sockets (the machine's host, ciphers) belong to no network namespace.
    libc::SYS_socket,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_io_uring_setup,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_fsmount,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
];

/// Closes the file system but for the named places, and all network ports.
pub(super) fn close_files(readable: &[&str]) -> Result<(), String> {
    let abi = ABI::V5;
    let read = AccessFs::from_read(abi);
    let write = AccessFs::from_all(abi);
    let closed = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?
            .create()?
            .add_rules(path_beneath_rules(READABLE, read))?
            .add_rules(path_beneath_rules(readable, read))?
            .add_rules(path_beneath_rules(WRITABLE, write))?
            .restrict_self()
    };
    closed().map(drop).map_err(|e: landlock::RulesetError| format!("closing the file system: {e}"))
}

/// Makes the denied calls fail with EPERM.
pub(super) fn close_calls() -> Result<(), String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|e| e.to_string())?;
    #[expect(clippy::useless_conversion, reason = "c_long is not i64 on every target")]
    let rules: BTreeMap<i64, _> =
        DENIED.iter().map(|call| (i64::from(*call), Vec::new())).collect();
    let denied = SeccompAction::Errno(u32::try_from(libc::EPERM).expect("EPERM is positive"));
    let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch)
        .and_then(TryInto::try_into)
        .map_err(|e| format!("preparing the call filter: {e}"))?;
    seccompiler::apply_filter(&program).map_err(|e| format!("closing system calls: {e}"))
}
