//! `weir bench api`: requests per second that an API server answers.
//!
//! A private Postgres, an API server in a process of its own, and as many clients as are asked for: each
//! lists all applications or describes one of them, in turns, over a connection that it keeps. The clients
//! run in this process; what they cost is not counted, but they share the machine. They show a key, which
//! the server looks up and counts, as it does for everybody.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use embedded::postgres::Postgres;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::{Body, Client};
use crate::terminal::{print, say};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Applications in one list: AWS allows no more.
const PAGE: usize = 50;

/// Options of `weir bench api`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Number of applications
    #[arg(long, default_value_t = 200)]
    applications: usize,
    /// Clients at the same time
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Seconds per measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Results as JSON lines
    #[arg(long)]
    json: bool,
}

/// What the clients ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    List,
    Describe,
    /// One list for every ten descriptions.
    Mixed,
}

impl Call {
    fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Describe => "describe",
            Self::Mixed => "mixed",
        }
    }

    /// Path of a client's `turn`th request.
    fn path(self, turn: usize, applications: usize) -> String {
        let lists = match self {
            Self::List => true,
            Self::Describe => false,
            Self::Mixed => turn.is_multiple_of(11),
        };
        if lists {
            return format!("/v1/applications?Limit={PAGE}");
        }
        format!("/v1/applications/{}", name(turn % applications))
    }
}

pub(crate) fn run(arguments: &Arguments, folder: &Path) -> Result<(), Error> {
    crate::runtime()?.block_on(measure_all(arguments, folder))
}

async fn measure_all(arguments: &Arguments, folder: &Path) -> Result<(), Error> {
    let folder = folder.join(format!("api-{}", std::process::id()));
    let postgres = Postgres::start(&folder.join("postgres")).await?;
    let (server, base) = start_server(postgres.url(), arguments.applications).await?;
    let client = Client::new(&base).with_key(Some(&key(postgres.url()).await?));
    let measured = measure(arguments, &server, &client).await;
    drop(server);
    postgres.stop().await?;
    std::fs::remove_dir_all(&folder)?;
    measured
}

/// An API server in a process of its own, and its URL.
async fn start_server(database: &str, applications: usize) -> Result<(Child, String), Error> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["api", "--listen", "127.0.0.1:0", "--log", "warn", "--rate-limit", "0"])
        .env("DATABASE_URL", database)
        .env("WEIR_MOST_APPLICATIONS", applications.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stderr.take().ok_or("no standard error")?).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, url)) = line.split_once("listens on ") {
            let url = url.trim().to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok((child, url));
        }
    }
    Err("the API server ended before it listened".into())
}

/// A bearer key, made as an operator makes one.
async fn key(database: &str) -> Result<String, Error> {
    let made = Command::new(std::env::current_exe()?)
        .args(["key", "--json", "create", "--name", "bench", "--role", "admin"])
        .env("DATABASE_URL", database)
        .stdin(Stdio::null())
        .output()
        .await?;
    let key: Value = serde_json::from_slice(&made.stdout)?;
    Ok(key[0]["ApiKey"].as_str().ok_or("no key was made")?.to_owned())
}

fn name(index: usize) -> String {
    format!("application-{index:04}")
}

async fn measure(arguments: &Arguments, server: &Child, client: &Client) -> Result<(), Error> {
    say(format!("creating {} applications", arguments.applications));
    for index in 0..arguments.applications {
        client.post("/v1/applications", application(index)).await?;
    }
    if !arguments.json {
        print("call      requests/s  requests/CPU-s  median ms   p99 ms");
    }
    for call in [Call::List, Call::Describe, Call::Mixed] {
        one(call, arguments, server, client).await?;
    }
    Ok(())
}

fn application(index: usize) -> Value {
    let group = |n: usize| {
        let map: serde_json::Map<String, Value> =
            (0..5).map(|k| (format!("key.{k}"), json!(format!("value {k}")))).collect();
        json!({"PropertyGroupId": format!("group.{n}"), "PropertyMap": map})
    };
    let script = "CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen');
CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT n FROM numbers;";
    json!({
        "ApplicationName": name(index),
        "RuntimeEnvironment": "FLINK-1_20",
        "ServiceExecutionRole": "arn:aws:iam::000000000000:role/bench",
        "ApplicationConfiguration": {
            "ApplicationCodeConfiguration": {
                "CodeContentType": "PLAINTEXT",
                "CodeContent": {"TextContent": script}
            },
            "EnvironmentProperties": {"PropertyGroups": [group(0), group(1), group(2)]}
        }
    })
}

async fn one(
    call: Call,
    arguments: &Arguments,
    server: &Child,
    client: &Client,
) -> Result<(), Error> {
    let applications = arguments.applications;
    let turn = Arc::new(AtomicU64::new(0));
    let (cpu, began) = (cpu_ms(server)?, Instant::now());
    let until = began + Duration::from_secs(arguments.seconds);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..arguments.clients {
        let (client, turn) = (client.clone(), Arc::clone(&turn));
        clients.spawn(async move {
            let mut taken = Vec::new();
            while Instant::now() < until {
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                let path = call.path(usize::try_from(turn).unwrap_or(0), applications);
                let asked = Instant::now();
                let answer = client.send(reqwest::Method::GET, &path, Body::Nothing).await?;
                answer.bytes().await?;
                taken.push(asked.elapsed());
            }
            Ok::<_, Error>(taken)
        });
    }
    let mut taken = Vec::new();
    while let Some(ended) = clients.join_next().await {
        taken.extend(ended??);
    }
    let (elapsed, cpu) = (began.elapsed().as_secs_f64(), (cpu_ms(server)? - cpu) as f64 / 1000.0);
    taken.sort();
    let count = taken.len() as f64;
    let at = |share: f64| {
        let index = ((count * share) as usize).min(taken.len().saturating_sub(1));
        taken.get(index).map_or(0.0, |it| it.as_secs_f64() * 1000.0)
    };
    let (rate, per_cpu, median, p99) = (count / elapsed, count / cpu.max(0.001), at(0.5), at(0.99));
    if arguments.json {
        print(
            json!({
                "call": call.as_str(), "applications": applications, "clients": arguments.clients,
                "requests_per_s": rate.round(), "requests_per_cpu_s": per_cpu.round(),
                "median_ms": median, "p99_ms": p99,
            })
            .to_string(),
        );
    } else {
        let what = call.as_str();
        print(format!("{what:<9} {rate:>10.0} {per_cpu:>15.0} {median:>10.1} {p99:>8.1}"));
    }
    Ok(())
}

/// CPU time that a process has used so far, in ms, from `/proc` (in ticks of 10 ms).
fn cpu_ms(process: &Child) -> Result<u64, Error> {
    let pid = process.id().ok_or("the API server ended")?;
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(')').ok_or("/proc is not understood")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? * 10)
}
