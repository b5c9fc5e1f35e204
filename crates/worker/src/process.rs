//! One job process: its three streams and its end.

use std::io;
use std::process::{ExitStatus, Stdio};

use control::JobKey;
use model::protocol::{Event, Order};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::Options;

/// A running job process. It is killed when dropped; it ends by itself when its worker is gone,
/// because its standard input then ends.
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    events: Lines<BufReader<ChildStdout>>,
    complaints: Lines<BufReader<ChildStderr>>,
    complaints_open: bool,
}

/// What came from the process.
pub(crate) enum Heard {
    Event(Box<Event>),
    /// A line on standard error: a panic, or a message of a library.
    Complaint(String),
    /// Its standard output has ended.
    End,
}

impl Process {
    pub(crate) fn start(options: &Options, job: &JobKey, memory_bytes: u64) -> io::Result<Self> {
        let mut child = Command::new(&options.program)
            .arg0("weir")
            .args(&options.arguments)
            // So that a list of processes tells whose they are.
            .args(["--application", job.application.as_str()])
            .args(["--attempt", &job.attempt.to_string()])
            .arg("--memory-bytes")
            .arg(memory_bytes.to_string())
            .env_clear()
            .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")])
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C at a terminal is for the worker, which then has it take its last checkpoint.
            .process_group(0)
            .spawn()?;
        let gone = || io::Error::other("a stream of the new process is missing");
        let orders = child.stdin.take().ok_or_else(gone)?;
        let events = child.stdout.take().ok_or_else(gone)?;
        let complaints = child.stderr.take().ok_or_else(gone)?;
        Ok(Self {
            child,
            orders,
            events: BufReader::new(events).lines(),
            complaints: BufReader::new(complaints).lines(),
            complaints_open: true,
        })
    }

    /// Passes an order on; a process that is gone does not hear it, and its end is heard.
    pub(crate) async fn tell(&mut self, order: &Order) {
        let mut line = serde_json::to_vec(order).expect("orders serialise");
        line.push(b'\n');
        if let Err(error) = self.orders.write_all(&line).await {
            tracing::debug!(%error, "the job does not take orders any more");
        }
    }

    /// The next thing the process says. Cancel safe.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            tokio::select! {
                line = self.events.next_line() => match line {
                    Ok(Some(line)) => match serde_json::from_str(&line) {
                        Ok(event) => return Heard::Event(Box::new(event)),
                        Err(_) => return Heard::Complaint(line),
                    },
                    Ok(None) | Err(_) => return Heard::End,
                },
                line = self.complaints.next_line(), if self.complaints_open => match line {
                    Ok(Some(line)) => return Heard::Complaint(line),
                    Ok(None) | Err(_) => self.complaints_open = false,
                },
            }
        }
    }

    /// What is left on standard error once the process has ended.
    pub(crate) async fn last_complaints(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Ok(Some(line)) = self.complaints.next_line().await {
            lines.push(line);
        }
        lines
    }

    /// Kills the process, if it still runs, and waits for its end.
    pub(crate) async fn end(&mut self) -> io::Result<ExitStatus> {
        self.child.start_kill()?;
        self.child.wait().await
    }

    /// Waits for its end.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}
