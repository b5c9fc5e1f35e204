//! `weir chaos`: everything dies while applications run, and at the end every record is counted.
//!
//! **Start at**: [`run`], then `story.rs`, which tells the steps in order. `fault.rs` lists what goes
//! wrong, `schedule.rs` decides when, `inject.rs` does it; `tally.rs` judges what came out.

mod application;
mod fault;
mod generator;
mod inject;
mod memory;
mod network;
mod operator;
mod process;
mod recovery;
mod report;
mod schedule;
mod sinks;
mod story;
mod streams;
mod tally;
mod watch;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use self::application::Guarantee;
use crate::services;
use crate::terminal::{print, say};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Topic of the telemetry.
const INPUT: &str = "chaos-telemetry";
/// Its partitions.
const PARTITIONS: i32 = 4;

/// Options of `weir chaos`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long things go wrong, in minutes
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Seed of the telemetry and of what goes wrong when [default: a new one, which is told]
    #[arg(long, default_value_t = fastrand::u64(..1_000_000))]
    seed: u64,
    /// Worker processes
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=50))]
    workers: u32,
    /// Applications, each with two windowed and two plain sinks
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=200))]
    applications: u32,
    /// What goes wrong: all, or a list of faults (kill-job), groups (job, worker, api, postgres,
    /// kafka, s3, network, operator) and deeds (kill, pause, restart); no-… leaves some out
    #[arg(long, value_delimiter = ',', default_value = "all")]
    faults: Vec<String>,
    /// Average time between two faults, in seconds
    #[arg(long, default_value_t = 4.0)]
    every: f64,
    /// Records written a second
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(10..=100_000))]
    rate: u64,
    /// Time between two checkpoints, in ms
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..))]
    checkpoint_ms: u64,
    /// A Kafka to be used in the place of the private broker, HOST:PORT; its topics must be new
    #[arg(long)]
    kafka: Option<String>,
    /// A file with the process id of that Kafka, which somebody else starts again when it ends;
    /// without it nothing happens to Kafka
    #[arg(long, requires = "kafka")]
    kafka_pid_file: Option<PathBuf>,
    /// What the applications ask of their Kafka sinks
    #[arg(long, value_enum, default_value = "exactly-once")]
    guarantee: Guarantee,
    /// Folder for data and logs; it is kept [default: a new one below .weir, removed if all is good]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// What API and workers log
    #[arg(long, default_value = "info")]
    log: String,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the test; the status is 1 when anything was lost or doubled.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let folder = world::folder(arguments.data_dir.as_deref())?;
    let own = arguments.data_dir.is_none();
    let report = crate::runtime()?.block_on(async {
        tokio::select! {
            report = story::tell(&folder, &arguments) => report.map(Some),
            () = services::interrupted() => Ok(None),
        }
    });
    let report = match report {
        Ok(Some(report)) => report,
        Ok(None) => return Ok(ExitCode::from(130)),
        Err(error) => {
            say(format!("data and logs are in {}", folder.display()));
            return Err(error);
        }
    };
    if arguments.json {
        print(serde_json::to_string_pretty(&report)?);
    } else {
        report.lines().iter().for_each(print);
    }
    if own && report.good {
        std::fs::remove_dir_all(&folder)?;
    } else {
        say(format!("data and logs are in {}", folder.display()));
    }
    Ok(if report.good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
