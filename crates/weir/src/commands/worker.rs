//! `weir worker`: a worker on its own.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::settings::{Bucket, Database, Log, Python, Quotas, Restarts, S3};
use crate::telemetry::{Service, Telemetry};
use crate::terminal::say;
use crate::{control_plane, services};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Options of `weir worker`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    bucket: Bucket,
    #[command(flatten)]
    s3: S3,
    #[command(flatten)]
    restarts: Restarts,
    #[command(flatten)]
    quotas: Quotas,
    #[command(flatten)]
    log: Log,
    #[command(flatten)]
    python: Python,
    /// Folder for the jobs' private files
    #[arg(long, env = "WEIR_WORKER_DIR", default_value = ".weir/worker")]
    folder: PathBuf,
    /// KPUs to offer (1 CPU and 4 GiB each) [default: four for each CPU]
    #[arg(long, env = "WEIR_WORKER_KPUS")]
    kpus: Option<u32>,
    /// Seconds that jobs may take for their last checkpoints when the worker is told to stop
    /// (SIGTERM); a second signal ends it at once
    #[arg(long, env = "WEIR_DRAIN_SECONDS", default_value_t = 20)]
    drain_seconds: u64,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let telemetry = Telemetry::start(Service::Worker, Some(&arguments.log));
    let runtime = crate::runtime()?;
    let ended = runtime.block_on(work(arguments, &telemetry));
    // A copy or a cleaning that is under way is begun again elsewhere; nobody waits for it.
    runtime.shutdown_background();
    ended
}

async fn work(arguments: Arguments, telemetry: &Telemetry) -> Result<ExitCode, Error> {
    let storage = arguments.bucket.storage(arguments.s3.settings());
    let control = control_plane::open(
        &arguments.database.database_url,
        &storage,
        &arguments.restarts,
        &arguments.quotas,
    )
    .await?;
    std::fs::create_dir_all(&arguments.folder)?;
    let folder = arguments.folder.canonicalize()?;
    let Arguments { python, kpus, drain_seconds, .. } = arguments;
    let worker = control_plane::worker(control, &storage, folder, &python, kpus, telemetry)?
        .draining_within(Duration::from_secs(drain_seconds));
    say("worker is ready");
    let stop = worker::Stop::default();
    let working = worker.run(stop.clone());
    tokio::pin!(working);
    for told in [&stop.drain, &stop.at_once] {
        tokio::select! {
            ended = &mut working => {
                ended?;
                return Ok(ExitCode::SUCCESS);
            }
            () = services::interrupted() => told.cancel(),
        }
    }
    working.await?;
    Ok(ExitCode::SUCCESS)
}
