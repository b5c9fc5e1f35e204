//! `weir bench`: events per second, events per CPU-second and peak memory of a few queries; `weir bench api`:
//! requests per second of an API server.
//!
//! Each query runs in a process of its own (`weir run`), from a local JSON file or from Kafka. The
//! data and queries q0 to q3 have the shape of those that were measured with Apache Flink: rows of about
//! 84 bytes, 1,000 sensors, 1,000 events per second of event time, up to 2 s of disorder.

mod api;
mod data;
mod queries;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use serde::Deserialize;

use self::queries::{QUERIES, Query};
use crate::terminal::{print, say};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Options of `weir bench`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Number of events
    #[arg(long, default_value_t = 20_000_000)]
    events: u64,
    /// Where the events come from
    #[arg(long, value_enum, default_values_t = [From::File, From::Kafka])]
    from: Vec<From>,
    /// Queries to run [default: all]
    #[arg(long, value_delimiter = ',')]
    queries: Vec<String>,
    /// Runs of each query
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// Number of subtasks
    #[arg(long, default_value_t = 1)]
    parallelism: u16,
    /// Folder for the data; the events file is made once and kept
    #[arg(long, default_value = ".weir/bench")]
    folder: PathBuf,
    /// Results as JSON lines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Requests per second that an API server answers, instead of queries
    Api(api::Arguments),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum From {
    File,
    Kafka,
}

/// What `weir run --report` writes.
#[derive(Debug, Deserialize)]
struct Report {
    records_read: u64,
    records_written: u64,
    elapsed_ms: u64,
    cpu_ms: u64,
    peak_bytes: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    std::fs::create_dir_all(&arguments.folder)?;
    let folder = arguments.folder.canonicalize()?;
    if let Some(What::Api(arguments)) = &arguments.what {
        api::run(arguments, &folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<&Query> = QUERIES
        .iter()
        .filter(|q| arguments.queries.is_empty() || arguments.queries.iter().any(|n| n == q.name))
        .collect();
    if !arguments.json {
        print("query          from   events/s  events/CPU-s  CPU-s/M  peak MB   rows out");
    }
    if arguments.from.contains(&From::File) {
        let file = events_file(&folder, arguments.events)?;
        let source = queries::file_source(&file);
        for query in &chosen {
            measure(query, "file", &source, &folder, arguments)?;
        }
    }
    if arguments.from.contains(&From::Kafka) {
        crate::runtime()?.block_on(from_kafka(&chosen, &folder, arguments))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the events once; a file of the same name is taken as it is.
fn events_file(folder: &Path, events: u64) -> Result<PathBuf, Error> {
    let path = folder.join(format!("events-{events}.json"));
    if !path.exists() {
        say(format!("making {events} events in {}", path.display()));
        let began = Instant::now();
        let unfinished = path.with_extension("unfinished");
        data::write(&unfinished, events)?;
        std::fs::rename(&unfinished, &path)?;
        say(format!("made in {:.1} s", began.elapsed().as_secs_f64()));
    }
    // Once through, so that no run pays for a cold page cache.
    std::io::copy(&mut std::fs::File::open(&path)?, &mut std::io::sink())?;
    Ok(path)
}

async fn from_kafka(chosen: &[&Query], folder: &Path, arguments: &Arguments) -> Result<(), Error> {
    let broker_folder = folder.join(format!("kafka-{}", std::process::id()));
    let any = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
    let options = embedded::kafka::Options::default();
    let broker = embedded::kafka::Broker::start(&broker_folder, any, options).await?;
    let servers = broker.address().to_string();
    say(format!("writing {} events to Kafka", arguments.events));
    let began = Instant::now();
    let (to, events) = (servers.clone(), arguments.events);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || data::produce(&to, events, runtime)).await??;
    say(format!("written in {:.1} s", began.elapsed().as_secs_f64()));
    let source = queries::kafka_source(&servers);
    for query in chosen {
        // A process of its own does the work; this one serves it as the broker.
        tokio::task::block_in_place(|| measure(query, "kafka", &source, folder, arguments))?;
    }
    broker.stop().await;
    Ok(std::fs::remove_dir_all(broker_folder)?)
}

fn measure(
    query: &Query,
    from: &str,
    source: &str,
    folder: &Path,
    arguments: &Arguments,
) -> Result<(), Error> {
    for _ in 0..arguments.runs {
        let out = folder.join("out");
        if out.exists() {
            std::fs::remove_dir_all(&out)?;
        }
        let script = folder.join("query.sql");
        let report = folder.join("report.json");
        std::fs::write(&script, query.script(source, &out))?;
        let ran = Command::new(std::env::current_exe()?)
            .arg("run")
            .arg(&script)
            .args(["--quiet", "--parallelism", &arguments.parallelism.to_string(), "--report"])
            .arg(&report)
            .stdout(Stdio::null())
            .status()?;
        if !ran.success() {
            return Err(format!("query {} failed", query.name).into());
        }
        let report: Report = serde_json::from_slice(&std::fs::read(&report)?)?;
        show(query, from, &report, arguments.json);
    }
    Ok(())
}

fn show(query: &Query, from: &str, report: &Report, json: bool) {
    let per = |ms: u64| report.records_read as f64 * 1000.0 / ms.max(1) as f64;
    let cpu_per_million = report.cpu_ms as f64 * 1000.0 / report.records_read.max(1) as f64;
    if json {
        print(
            serde_json::json!({
                "query": query.name,
                "from": from,
                "events": report.records_read,
                "rows_out": report.records_written,
                "elapsed_ms": report.elapsed_ms,
                "cpu_ms": report.cpu_ms,
                "events_per_second": per(report.elapsed_ms),
                "events_per_cpu_second": per(report.cpu_ms),
                "peak_bytes": report.peak_bytes,
            })
            .to_string(),
        );
        return;
    }
    print(format!(
        "{:<14} {from:<6} {:>8.0}  {:>12.0}  {cpu_per_million:>7.3}  {:>7.1}  {:>9}",
        query.name,
        per(report.elapsed_ms),
        per(report.cpu_ms),
        report.peak_bytes as f64 / 1e6,
        report.records_written,
    ));
}
