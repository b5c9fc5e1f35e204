//! A child process that does not outlive us.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// Signals of Postgres: <https://www.postgresql.org/docs/current/server-shutdown.html>.
#[derive(Debug, Clone, Copy)]
pub(super) enum Signal {
    /// Fast shutdown.
    Interrupt,
    /// For a server that does not obey.
    Kill,
}

/// A child with a thread of its own that spawned it and waits for it.
///
/// The thread must live as long as the child: the kernel sends the parent-death signal when the
/// *thread* that forked ends, so a thread of a pool would take the server down with it.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    exit: Arc<Exit>,
}

#[derive(Debug, Default)]
struct Exit {
    status: Mutex<Option<ExitStatus>>,
    changed: Condvar,
}

impl Exit {
    fn lock(&self) -> MutexGuard<'_, Option<ExitStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Spawns `command`; the child gets SIGINT when this process dies.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        interrupt_when_parent_dies(&mut command);
        let exit = Arc::new(Exit::default());
        let (started, start) = mpsc::channel();
        let seen = Arc::clone(&exit);
        thread::Builder::new().name("postgres".into()).spawn(move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return started.send(Err(error)).unwrap_or_default(),
            };
            started.send(Ok(child.id())).unwrap_or_default();
            if let Ok(status) = child.wait() {
                *seen.lock() = Some(status);
            }
            seen.changed.notify_all();
        })?;
        let pid = start.recv().map_err(io::Error::other)??;
        Ok(Self { pid, exit })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The exit status, as soon as there is one, at the latest after `patience`.
    pub(super) fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let status = self.exit.lock();
        let (status, _) = self
            .exit
            .changed
            .wait_timeout_while(status, patience, |status| status.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        *status
    }

    /// Sends a signal unless the child has ended.
    #[expect(unsafe_code, reason = "the standard library sends no signal but SIGKILL")]
    pub(super) fn signal(&self, signal: Signal) {
        let number = match signal {
            Signal::Interrupt => libc::SIGINT,
            Signal::Kill => libc::SIGKILL,
        };
        let status = self.exit.lock();
        if status.is_none() {
            // SAFETY: a plain system call; the pid is that of our child.
            unsafe { libc::kill(self.pid.cast_signed(), number) };
        }
    }
}

#[expect(unsafe_code, reason = "the parent-death signal is set between fork and exec")]
fn interrupt_when_parent_dies(command: &mut Command) {
    let parent = std::process::id();
    // SAFETY: the closure makes two system calls and allocates nothing. It must run after every
    // change of identity, which clears the setting: it is added last.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT) != 0 {
                return Err(io::Error::last_os_error());
            }
            if libc::getppid().cast_unsigned() != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
}
