//! The life of one job process, from its claim to its end.
//!
//! Everything it says goes to `control` with its attempt number. A verdict of fenced, a lost
//! lease or an order to end kills it; nothing it does afterwards can become visible, because the
//! commit point needs the attempt.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use control::{Claim, Control, JobKey, Program, Verdict};
use model::fault::{Domain, Fault};
use model::protocol::{Assignment, Code, Event, Failure, LogLine, Order};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Options;
use crate::process::{Heard, Process};

/// Memory of one KPU (AWS: 4 GiB).
const KPU_BYTES: u64 = 4 << 30;

/// Log lines wait this long for others before they are written.
const LOG_PAUSE: Duration = Duration::from_millis(200);

/// Lines that are written at once at the latest.
const LOG_LINES: usize = 500;

/// A process that has said its last word may take this long to end.
const END_WITHIN: Duration = Duration::from_secs(10);

/// A running job reports its counters every second. From one that is alive but has said nothing for
/// so long nothing is to be expected any more: it is stopped, or its threads wait for each other. On
/// a machine so busy that a second takes twenty, ending a job does little harm.
const SILENCE: Duration = Duration::from_secs(20);

/// So long it may say nothing before it runs: it plans, runs the customer's program, reads state.
const SILENCE_AT_START: Duration = Duration::from_secs(5 * 60);

/// Pause before the end of a job is told again to a database that did not answer.
const TELL_AGAIN: Duration = Duration::from_millis(200);

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
}

/// What is told of a job that has not spoken for itself.
enum Ending {
    Failed(Failure),
    Gone(String),
    Silent(Duration),
}

/// Runs one claimed job to its end.
pub(crate) async fn supervise(
    control: Control,
    options: Options,
    claim: Claim,
    orders: mpsc::Receiver<Order>,
    kill: CancellationToken,
) {
    let job = claim.job.clone();
    let name = job.application.to_string();
    let folder = options.folder.join(format!("{name}-{}", job.attempt));
    tracing::info!(application = name, attempt = job.attempt, restore = %claim.restore, "job starts");
    let supervised = match assignment(&control, &options, &claim, &folder).await {
        Ok(assignment) => {
            let supervisor = Supervisor {
                control: control.clone(),
                job: job.clone(),
                log: Vec::new(),
                log_due: None,
                sent: BTreeSet::new(),
                kill: kill.clone(),
            };
            supervisor.live(&options, &claim, assignment, orders).await
        }
        Err(failure) => {
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
    }
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await {
        tracing::warn!(folder = %folder.display(), %error, "a job's folder could not be removed");
    }
}

/// Makes the job's private folder and everything it needs to know.
async fn assignment(
    control: &Control,
    options: &Options,
    claim: &Claim,
    folder: &PathBuf,
) -> Result<Assignment, Failure> {
    let broken = |message: String| Failure {
        fault: Fault { domain: Domain::Internal, retry: true },
        message,
        traceback: None,
    };
    tokio::fs::create_dir_all(folder)
        .await
        .map_err(|error| broken(format!("making the job's folder: {error}")))?;
    let code = match &claim.program {
        Program::Sql { text } => Code::Sql { text: text.clone() },
        Program::Zip { sha256 } => {
            let found = control.artifact(sha256).await;
            let bytes = found
                .map_err(|error| broken(format!("reading the code: {error}")))?
                .ok_or_else(|| broken(format!("the code with SHA-256 {sha256} is missing")))?;
            let path = folder.join("code.zip");
            tokio::fs::write(&path, bytes)
                .await
                .map_err(|error| broken(format!("writing the code: {error}")))?;
            Code::Zip { path: path.display().to_string() }
        }
    };
    Ok(Assignment {
        application: claim.job.application.to_string(),
        application_id: claim.application_id.to_string(),
        version: claim.version.get(),
        attempt: claim.job.attempt,
        code,
        properties: claim.properties.clone(),
        parallelism: claim.parallelism,
        checkpointing: claim.checkpointing.clone(),
        restore: claim.restore.manifest().map(str::to_owned),
        unfinished: claim.unfinished.clone(),
        allow_non_restored_state: claim.allow_non_restored_state,
        next_checkpoint: claim.next_checkpoint,
        storage: options.storage.clone(),
        folder: claim.folder.clone(),
        scratch: folder.display().to_string(),
    })
}

struct Supervisor {
    control: Control,
    job: JobKey,
    log: Vec<LogLine>,
    log_due: Option<Instant>,
    /// Snapshots that were ordered: an order is repeated until it is fulfilled, but passed on once.
    sent: BTreeSet<String>,
    /// The lease is lost, or the worker ends.
    kill: CancellationToken,
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
        // Since when it is listened to without hearing anything.
        let (mut listening, mut patience) = (Instant::now(), SILENCE_AT_START);
        let end = loop {
            let log_due = self.log_due.unwrap_or_else(|| Instant::now() + LOG_PAUSE);
            tokio::select! {
                () = self.kill.cancelled() => break End::Fenced,
                Some(order) = orders.recv() => {
                    if self.is_new(&order) {
                        process.tell(&order).await;
                    }
                }
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
                            patience = SILENCE;
                        }
                        if matches!(*event, Event::Failed(_) | Event::Finished { .. }) {
                            last_word = Some(*event);
                        } else if self.report(*event, &mut process).await == Verdict::Fenced {
                            break End::Fenced;
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
        match (end, last_word) {
            (End::Told, Some(event)) => match self.report(event, &mut process).await {
                Verdict::Current => End::Told,
                Verdict::Fenced => End::Fenced,
            },
            (end, _) => end,
        }
    }

    async fn conclude(&mut self, end: End, process: &mut Process) -> End {
        let status = match end {
            End::Fenced | End::Silent(_) => process.end().await,
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
            Order::Assign(_) | Order::CheckpointRecorded { .. } | Order::Fenced => true,
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

/// Tells control of a job's end, again and again while the database does not answer: until then the
/// run counts as held and nobody starts it again. Once the lease is over (`kill`) others find it
/// without a word.
async fn tell_end(control: &Control, job: &JobKey, kill: &CancellationToken, ending: &Ending) {
    loop {
        let told = match ending {
            Ending::Failed(failure) => control.job_failed(job, failure).await,
            Ending::Gone(how) => control.job_gone(job, how).await,
            Ending::Silent(silence) => control.job_silent(job, *silence).await,
        };
        let Err(error) = told else { return };
        tracing::warn!(application = %job.application, %error, "the end of a job could not be told");
        tokio::select! {
            () = kill.cancelled() => return,
            () = tokio::time::sleep(TELL_AGAIN) => {}
        }
    }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
