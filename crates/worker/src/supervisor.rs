//! The life of one job process, from its claim to its end.
//!
//! Everything it says goes to `control` with its attempt number. A verdict of fenced, a lost
//! lease or an order to end kills it; nothing it does afterwards can become visible, because the
//! commit point needs the attempt.

use std::collections::BTreeSet;
use std::time::Duration;

use control::{Claim, Control, JobKey, Verdict};
use model::protocol::{Assignment, Event, LogLine, Order};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::Options;
use crate::assignment::assignment;
use crate::ending::{Ending, tell_end};
use crate::process::{Heard, Process};
use crate::starting::Starting;

/// Memory of one KPU (AWS: 4 GiB).
const KPU_BYTES: u64 = 4 << 30;

/// Log lines wait this long for others before they are written.
const LOG_PAUSE: Duration = Duration::from_millis(200);

/// Lines that are written at once at the latest.
const LOG_LINES: usize = 500;

/// A process that has said its last word may take this long to end.
const END_WITHIN: Duration = Duration::from_secs(10);

/// So may one that is told to end at once: it throws away what it has prepared. One that does not listen
/// (it is stopped, or runs the customer's program) is killed then.
const CANCEL_WITHIN: Duration = Duration::from_secs(5);

/// A running job reports its counters every second. From one that is alive but has said nothing for
/// so long nothing is to be expected any more: it is stopped, or its threads wait for each other. On
/// a machine so busy that a second takes twenty, ending a job does little harm.
const SILENCE: Duration = Duration::from_secs(20);

/// So long it may say nothing before it runs: it plans, runs the customer's program, reads state.
const SILENCE_AT_START: Duration = Duration::from_secs(5 * 60);

/// How a supervision ended.
enum End {
    /// It has said so itself, and control knows.
    Told,
    /// Another attempt has taken over, or the lease is lost: control must not hear of it.
    Fenced,
    /// The process ended without a word.
    Gone(String),
    /// The process is alive, but has said nothing for so long.
    Silent(Duration),
    /// The process was told to end at once and did not.
    Deaf,
    /// The worker ends; `finished`: after a last checkpoint.
    Left { finished: bool },
}

/// What a supervision hears of beside orders.
pub(crate) struct Hints {
    /// The lease is lost, or the worker ends at once.
    pub(crate) kill: CancellationToken,
    /// The worker is about to end: the job is to take a last checkpoint.
    pub(crate) drain: CancellationToken,
}

/// Runs one claimed job to its end.
pub(crate) async fn supervise(
    control: Control,
    options: Options,
    claim: Claim,
    orders: mpsc::Receiver<Order>,
    hints: Hints,
) {
    let kill = hints.kill.clone();
    let job = claim.job.clone();
    let name = job.application.to_string();
    let folder = options.folder.join(format!("{name}-{}", job.attempt));
    tracing::info!(application = name, attempt = job.attempt, restore = %claim.restore, "job starts");
    let starting = Starting::of(&claim, &options.name);
    let assigned = assignment(&control, &options, &claim, &folder, starting.span());
    let assigned = assigned.instrument(starting.span().clone()).await;
    let supervised = match assigned {
        Ok(assignment) => {
            let supervisor = Supervisor {
                control: control.clone(),
                job: job.clone(),
                log: Vec::new(),
                log_due: None,
                sent: BTreeSet::new(),
                kill: kill.clone(),
                drain: hints.drain,
                leave_by: None,
                starting: Some(starting),
                cancel_by: None,
            };
            supervisor.live(&options, &claim, assignment, orders).await
        }
        Err(failure) => {
            starting.failed(&failure);
            tell_end(&control, &job, &kill, &Ending::Failed(failure)).await;
            End::Told
        }
    };
    match supervised {
        End::Told => tracing::info!(application = name, attempt = job.attempt, "job ended"),
        End::Fenced => tracing::info!(application = name, attempt = job.attempt, "job killed"),
        End::Gone(how) => {
            tracing::warn!(application = name, attempt = job.attempt, how, "job vanished");
            tell_end(&control, &job, &kill, &Ending::Gone(how)).await;
        }
        End::Silent(silence) => {
            tracing::warn!(
                application = name,
                attempt = job.attempt,
                ?silence,
                "silent job killed"
            );
            tell_end(&control, &job, &kill, &Ending::Silent(silence)).await;
        }
        End::Deaf => {
            tracing::warn!(application = name, attempt = job.attempt, "deaf job killed");
            tell_end(&control, &job, &kill, &Ending::Deaf).await;
        }
        End::Left { finished } => {
            tracing::info!(application = name, attempt = job.attempt, finished, "job left");
            tell_end(&control, &job, &kill, &Ending::Left { finished }).await;
        }
    }
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await {
        tracing::warn!(folder = %folder.display(), %error, "a job's folder could not be removed");
    }
}

struct Supervisor {
    control: Control,
    job: JobKey,
    log: Vec<LogLine>,
    log_due: Option<Instant>,
    /// Snapshots that were ordered: an order is repeated until it is fulfilled, but passed on once.
    sent: BTreeSet<String>,
    kill: CancellationToken,
    drain: CancellationToken,
    /// Until when the job may take its last checkpoint; `None` while the worker is not about to
    /// end.
    leave_by: Option<Instant>,
    /// Until it runs or fails.
    starting: Option<Starting>,
    /// Until when it may end by itself, once it is told to end at once.
    cancel_by: Option<Instant>,
}

impl Supervisor {
    async fn live(
        mut self,
        options: &Options,
        claim: &Claim,
        assignment: Assignment,
        mut orders: mpsc::Receiver<Order>,
    ) -> End {
        let memory_bytes = KPU_BYTES * u64::from(claim.kpus.max(1));
        let mut process = match Process::start(options, &self.job, memory_bytes) {
            Ok(process) => process,
            Err(error) => {
                return End::Gone(format!(
                    "`{}` could not be started: {error}",
                    options.program.display()
                ));
            }
        };
        process.tell(&Order::Assign(Box::new(assignment))).await;
        // Failed or Finished: passed on when the process has ended, so that a next attempt never runs
        // beside it.
        let mut last_word = None;
        let mut runs = false;
        // Since when it is listened to without hearing anything.
        let (mut listening, mut patience) = (Instant::now(), SILENCE_AT_START);
        let end = loop {
            let log_due = self.log_due.unwrap_or_else(|| Instant::now() + LOG_PAUSE);
            tokio::select! {
                () = self.kill.cancelled() => break End::Fenced,
                () = self.drain.cancelled(), if self.leave_by.is_none() => {
                    self.leave_by = Some(Instant::now() + options.drain_within);
                    // One that does not run yet has nothing to lose.
                    if !runs && last_word.is_none() {
                        break End::Left { finished: false };
                    }
                    process.tell(&Order::Drain).await;
                }
                () = sleep_until(self.leave_by) => break End::Left { finished: false },
                Some(order) = orders.recv() => {
                    if self.is_new(&order) {
                        if matches!(order, Order::Cancel) {
                            self.cancel_by = Some(Instant::now() + CANCEL_WITHIN);
                        }
                        process.tell(&order).await;
                    }
                }
                () = sleep_until(self.cancel_by), if last_word.is_none() => break End::Deaf,
                () = tokio::time::sleep_until(log_due), if self.log_due.is_some() => {
                    self.write_log().await;
                }
                () = tokio::time::sleep_until(listening + patience) => {
                    // One that has said its last word need not say more.
                    break match last_word {
                        Some(_) => End::Told,
                        None => End::Silent(listening.elapsed()),
                    };
                }
                heard = process.hear() => match heard {
                    Heard::Complaint(line) => self.complain(line).await,
                    Heard::Event(event) => {
                        if matches!(*event, Event::Running { .. }) {
                            (runs, patience) = (true, SILENCE);
                        }
                        if let (Event::Failed(failure), Some(starting)) = (&*event, &self.starting) {
                            starting.failed(failure);
                        }
                        if matches!(*event, Event::Failed(_) | Event::Finished { .. }) {
                            last_word = Some(*event);
                        } else if self.report(*event, &mut process).await == Verdict::Fenced {
                            break End::Fenced;
                        }
                        if runs {
                            self.starting = None;
                        }
                        // Only now: while this was reported, nobody listened.
                        listening = Instant::now();
                    }
                    Heard::End if last_word.is_some() => break End::Told,
                    Heard::End => break End::Gone(String::new()),
                },
            }
        };
        let end = self.conclude(end, &mut process).await;
        if let (End::Gone(_) | End::Silent(_), Some(starting)) = (&end, self.starting.take()) {
            starting.vanished();
        }
        match (end, last_word) {
            (End::Told, Some(event)) if self.leave_by.is_some() => match event {
                Event::Finished { stopped: true } => End::Left { finished: true },
                Event::Failed(failure) => {
                    let application = &self.job.application;
                    tracing::warn!(%application, cause = failure.message, "no last checkpoint");
                    End::Left { finished: false }
                }
                event => self.last(event, &mut process).await,
            },
            (End::Gone(_) | End::Silent(_) | End::Deaf, _) if self.leave_by.is_some() => {
                End::Left { finished: false }
            }
            (End::Told, Some(event)) => self.last(event, &mut process).await,
            (end, _) => end,
        }
    }

    /// Passes the last word on.
    async fn last(&mut self, event: Event, process: &mut Process) -> End {
        match self.report(event, process).await {
            Verdict::Current => End::Told,
            Verdict::Fenced => End::Fenced,
        }
    }

    async fn conclude(&mut self, end: End, process: &mut Process) -> End {
        let status = match end {
            End::Fenced | End::Silent(_) | End::Deaf | End::Left { .. } => process.end().await,
            End::Told | End::Gone(_) => {
                match tokio::time::timeout(END_WITHIN, process.wait()).await {
                    Ok(status) => status,
                    Err(_) => process.end().await,
                }
            }
        };
        for line in process.last_complaints().await {
            self.complain(line).await;
        }
        let complaint = self.log.last().map(|line| line.message.clone());
        self.write_log().await;
        let End::Gone(_) = end else { return end };
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let said = complaint.map_or_else(String::new, |line| format!("; the last it said: {line}"));
        End::Gone(format!("the job process ended without a word ({how}){said}"))
    }

    fn is_new(&mut self, order: &Order) -> bool {
        match order {
            Order::Snapshot { name, .. } => self.sent.insert(name.clone()),
            Order::Cancel => self.sent.insert(String::new()),
            Order::Assign(_) | Order::Drain | Order::CheckpointRecorded { .. } | Order::Fenced => {
                true
            }
        }
    }

    /// Tells control what the job said. While the database does not answer, it is told again, so
    /// nothing is lost but time; a lost lease ends the waiting.
    async fn report(&mut self, event: Event, process: &mut Process) -> Verdict {
        let mut pause = Duration::from_millis(100);
        let kill = self.kill.clone();
        loop {
            let told = tokio::select! {
                () = kill.cancelled() => return Verdict::Fenced,
                told = self.try_report(&event, process) => told,
            };
            match told {
                Ok(verdict) => return verdict,
                Err(error) => {
                    tracing::warn!(application = %self.job.application, %error, "a report was not taken");
                    if matches!(event, Event::Metrics(_) | Event::Log(_)) {
                        return Verdict::Current;
                    }
                    tokio::select! {
                        () = kill.cancelled() => return Verdict::Fenced,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
            }
        }
    }

    async fn try_report(
        &mut self,
        event: &Event,
        process: &mut Process,
    ) -> control::Result<Verdict> {
        let (control, job) = (self.control.clone(), self.job.clone());
        match event {
            Event::Planned { graph, restart } => {
                control.graph_planned(&job, graph, restart.as_ref()).await
            }
            Event::Running { restored, dropped } => {
                control.job_running(&job, *restored, dropped).await
            }
            Event::CheckpointWritten(written) => {
                let verdict = control.checkpoint_written(&job, written).await?;
                let order = match verdict {
                    Verdict::Current => Order::CheckpointRecorded { id: written.id },
                    Verdict::Fenced => Order::Fenced,
                };
                process.tell(&order).await;
                Ok(verdict)
            }
            Event::CheckpointCommitted { id } => control.checkpoint_committed(&job, *id).await,
            Event::CheckpointFailed { id, snapshot, message } => {
                control.checkpoint_failed(&job, *id, snapshot.as_deref(), message).await
            }
            Event::Metrics(metrics) => control.metrics_reported(&job, metrics).await,
            Event::Log(line) => {
                self.keep(line.clone()).await;
                Ok(Verdict::Current)
            }
            Event::Failed(failure) => {
                self.write_log().await;
                control.job_failed(&job, failure).await
            }
            Event::Finished { stopped } => {
                self.write_log().await;
                control.job_finished(&job, *stopped).await
            }
        }
    }

    async fn complain(&mut self, message: String) {
        let at_ms = now_ms();
        let level = "ERROR".to_owned();
        self.keep(LogLine { at_ms, level, logger: "job".to_owned(), message }).await;
    }

    async fn keep(&mut self, line: LogLine) {
        self.log.push(line);
        self.log_due.get_or_insert_with(|| Instant::now() + LOG_PAUSE);
        if self.log.len() >= LOG_LINES {
            self.write_log().await;
        }
    }

    async fn write_log(&mut self) {
        self.log_due = None;
        if self.log.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut self.log);
        if let Err(error) = self.control.log_lines(&self.job, &lines).await {
            let count = lines.len();
            tracing::warn!(application = %self.job.application, count, %error, "log lines were lost");
        }
    }
}

/// Waits for ever if there is no such time.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
