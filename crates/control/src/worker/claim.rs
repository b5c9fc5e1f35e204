//! A worker takes a run.

use std::time::Duration;

use model::{
    configuration::{
        LogLevel, MetricsLevel, Program as StoredProgram, RestoreDecision, RestoreWish,
    },
    fault::{Domain, Fault},
    hidden::Bytes,
    ids::{ApplicationId, VersionId, WorkerId},
    object_keys::application_folder,
    protocol::{Checkpointing, Failure, PropertyGroups},
    trace::Traceparent,
};
use store::{Application, Asking, Claimable, NewEvent, Run, Tx};

use crate::{
    Control, JobKey,
    error::{Error, Result},
    rules::{Candidates, End, choose},
    worker::ending::finish_run,
};

/// Everything of an assignment that the control plane knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// What the worker's process works for.
    pub job: JobKey,
    /// Identity of the application.
    pub application_id: ApplicationId,
    /// Folder of the application's objects, relative to the installation's bucket and prefix.
    pub folder: String,
    /// Application version to run.
    pub version: VersionId,
    /// The program.
    pub program: Program,
    /// Property groups.
    pub properties: PropertyGroups,
    /// Number of subtasks.
    pub parallelism: usize,
    /// KPUs it takes.
    pub kpus: u32,
    /// Checkpoint settings.
    pub checkpointing: Checkpointing,
    /// Which lines go to the application's log.
    pub log_level: LogLevel,
    /// How fine the job's metrics are.
    pub metrics_level: MetricsLevel,
    /// What to start from.
    pub restore: RestoreDecision,
    /// Manifests of checkpoints whose output may not be visible yet, oldest first; the attempt makes it
    /// visible before anything else.
    pub unfinished: Vec<String>,
    /// Drop state that fits no operator of the program.
    pub allow_non_restored_state: bool,
    /// Number the next checkpoint gets.
    pub next_checkpoint: u64,
    /// The request that asked for the run, in its trace.
    pub traceparent: Option<Traceparent>,
    /// Whether the run has had an attempt before: this one is not what that request waits for.
    pub restart: bool,
}

/// The program of a [`Claim`].
#[derive(Clone, PartialEq, Eq)]
pub enum Program {
    /// A Flink SQL script.
    Sql {
        /// The text.
        text: String,
    },
    /// A zip file with a PyFlink program; [`Control::artifact`] gives its bytes.
    Zip {
        /// SHA-256 of the bytes; the same zip need be fetched only once.
        sha256: String,
    },
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sql { text } => f.debug_tuple("Sql").field(&Bytes(text.len())).finish(),
            Self::Zip { sha256 } => f.debug_tuple("Zip").field(sha256).finish(),
        }
    }
}

impl Control {
    /// Takes the run that has waited longest among those that no worker has and that fit into
    /// `free_kpus`, as the next attempt. `None` if there is none, or if what is free is kept for a
    /// larger run that has waited longer.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim(&self, worker: WorkerId, free_kpus: u32) -> Result<Option<Claim>> {
        loop {
            let mut tx = self.store.begin().await?;
            let asking = Asking {
                worker,
                free_kpus,
                patience: self.settings.room.patience,
                silence: self.settings.timing.lease,
            };
            let Some(claimable) = tx.lock_claimable(&asking).await? else { return Ok(None) };
            let claimed = self.take(&mut tx, worker, claimable).await?;
            tx.commit().await?;
            if let Some(claim) = claimed {
                tracing::info!(
                    application = %claim.job.application,
                    attempt = claim.job.attempt,
                    restore = %claim.restore,
                    "claimed"
                );
                return Ok(Some(claim));
            }
        }
    }

    /// The bytes of an uploaded zip file.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn artifact(&self, sha256: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.store.artifact(sha256).await?)
    }

    /// Gives a locked run to a worker; `None` if it cannot be started and has ended instead.
    async fn take(
        &self,
        tx: &mut Tx,
        worker: WorkerId,
        claimable: Claimable,
    ) -> Result<Option<Claim>> {
        let Claimable { name, run } = claimable;
        let mut application = Self::existing(tx, &name).await?;
        let version = tx.version(application.id, run.version).await?.ok_or_else(|| {
            Error::NoSuchVersion { application: name.clone(), version: run.version }
        })?;
        let wish = &run.configuration.restore;
        let decision = choose(wish, candidates(tx, &application, &run).await?);
        let (Ok(decision), Some(code)) = (decision, version.configuration.code) else {
            let why = "the snapshot to start from or the code is gone";
            tx.set_failure(run.id, &cannot_start(why)).await?;
            finish_run(tx, &mut application, run, End::StartFailed).await?;
            return Ok(None);
        };
        note_lost_worker(tx, &application, &run).await?;
        let restart = run.attempt > 0;
        let lease = self.settings.timing.lease;
        let attempt = tx.claim_run(&run, worker, lease, &decision, restart).await?;
        let checkpointing = version.configuration.flink.checkpoint.for_job();
        tx.set_checkpoint_interval(run.id, interval(&checkpointing)).await?;
        let event = NewEvent {
            kind: "AttemptStarted",
            message: &format!("attempt {attempt} starts from {decision}"),
            version: run.version,
            attempt: Some(attempt),
        };
        tx.insert_event(application.id, &event).await?;
        let program = match code.program {
            StoredProgram::Sql { text } => Program::Sql { text },
            StoredProgram::Zip => Program::Zip { sha256: code.sha256 },
        };
        Ok(Some(Claim {
            folder: application_folder(&name, application.id),
            job: JobKey { application: name, run: run.id, attempt },
            application_id: application.id,
            version: run.version,
            program,
            properties: version.configuration.properties,
            parallelism: usize::try_from(run.parallelism)
                .expect("a parallelism of at most 256 fits"),
            kpus: run.kpus,
            checkpointing,
            log_level: version.configuration.flink.monitoring.log_level,
            metrics_level: version.configuration.flink.monitoring.metrics_level,
            restore: decision,
            unfinished: tx.unfinished_checkpoints(application.id).await?,
            allow_non_restored_state: run.configuration.allow_non_restored_state,
            next_checkpoint: tx.next_checkpoint(application.id).await?,
            traceparent: run.traceparent,
            restart,
        }))
    }
}

/// Longest time between two checkpoints when all goes well; `None` if none are taken.
fn interval(checkpointing: &Checkpointing) -> Option<Duration> {
    let Checkpointing { enabled, interval_ms, min_pause_ms } = *checkpointing;
    enabled.then(|| Duration::from_millis(interval_ms.max(min_pause_ms)))
}

async fn candidates(tx: &mut Tx, application: &Application, run: &Run) -> Result<Candidates> {
    let named = match &run.configuration.restore {
        RestoreWish::Snapshot { name } => tx.snapshot(application.id, name).await?,
        RestoreWish::LatestSnapshot | RestoreWish::Skip | RestoreWish::Enhanced { .. } => None,
    };
    let enhanced = match &run.configuration.restore {
        RestoreWish::Enhanced { name, .. } => tx.enhanced(name).await?,
        RestoreWish::LatestSnapshot | RestoreWish::Skip | RestoreWish::Snapshot { .. } => None,
    };
    let own = tx.latest_checkpoint(application.id, run.id).await?;
    let checkpoint = match (own, run.base_checkpoint) {
        (None, Some(base)) => tx.checkpoint(application.id, base).await?,
        (own, _) => own,
    };
    Ok(Candidates {
        before: run.decision.clone(),
        checkpoint,
        latest: tx.latest_snapshot(application.id).await?,
        named,
        enhanced,
    })
}

/// A run that still has a worker is claimed because that one's lease is over.
async fn note_lost_worker(tx: &mut Tx, application: &Application, run: &Run) -> Result<()> {
    let Some(worker) = run.claimed_by else { return Ok(()) };
    let name = tx.worker_name(worker).await?.unwrap_or_else(|| worker.to_string());
    let failure = Failure {
        fault: Fault { domain: Domain::Internal, retry: true },
        message: format!("worker `{name}` stopped answering"),
        traceback: None,
    };
    tx.set_failure(run.id, &failure).await?;
    let event = NewEvent {
        kind: "WorkerLost",
        message: &failure.message,
        version: run.version,
        attempt: Some(run.attempt),
    };
    tx.insert_event(application.id, &event).await?;
    Ok(())
}

fn cannot_start(why: &str) -> Failure {
    Failure {
        fault: Fault { domain: Domain::User, retry: false },
        message: why.to_owned(),
        traceback: None,
    }
}
