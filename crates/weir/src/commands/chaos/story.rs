//! The story, step by step.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::application::Application;
use super::generator::{Generator, Written};
use super::inject::{Injector, Outcome};
use super::recovery::Recoveries;
use super::report::{Input, Report, SinkReport};
use super::schedule::{Planned, schedule};
use super::sinks::{Files, Results, leftovers, read_kafka, topics};
use super::streams::{self, Reader};
use super::tally::{Reading, compare_ids, compare_windows, windows};
use super::watch::{Watch, Watched};
use super::world::World;
use super::{Arguments, Error, INPUT, PARTITIONS, fault};
use crate::terminal::say;

/// How long a quiet installation may take for anything.
const PATIENCE: Duration = Duration::from_secs(180);
/// Time before the first fault.
const CALM: Duration = Duration::from_secs(3);
/// Time between two lines about how far it is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Tells the whole story.
pub(super) async fn tell(folder: &Path, arguments: &Arguments) -> Result<Report, Error> {
    let mut faults = fault::chosen(&arguments.faults)?;
    if arguments.kafka.is_some() && arguments.kafka_pid_file.is_none() {
        faults.retain(|fault| !fault.hits_kafka());
    }
    say(format!("Seed {}; data and logs are in {}", arguments.seed, folder.display()));
    let world = Arc::new(World::start(folder, arguments).await?);
    let applications = Arc::new(create(&world, arguments).await?);
    let registry = world.connectors();
    let generator =
        Generator::start(Arc::clone(&registry), world.kafka(), arguments.rate, arguments.seed);
    let recoveries = Arc::new(Recoveries::default());
    let watch = Watch::start(&world, &applications, &recoveries);
    let mut report = Report {
        seed: arguments.seed,
        applications: applications.len(),
        workers: world.workers.len(),
        kafka: if arguments.kafka.is_some() { "real" } else { "private" }.to_owned(),
        guarantee: format!("{:?}", arguments.guarantee),
        ..Report::default()
    };

    let duration_ms = (arguments.minutes.max(0.0) * 60_000.0) as u64;
    let plan =
        schedule(arguments.seed, &faults, duration_ms, (arguments.every.max(0.1) * 1000.0) as u64);
    say(format!("{} faults in {} s", plan.len(), duration_ms / 1000));
    tokio::time::sleep(CALM).await;
    let began = Instant::now();
    let injector = Injector {
        world: Arc::clone(&world),
        applications: Arc::clone(&applications),
        desks: Arc::new(applications.iter().map(|_| tokio::sync::Mutex::new(())).collect()),
        recoveries: Arc::clone(&recoveries),
    };
    go_wrong(&injector, plan, &mut report, || generator.count()).await;
    report.seconds = began.elapsed().as_secs();

    say("Everything works again; waiting until all output is there");
    world.heal().await?;
    let mut running = true;
    for application in applications.iter() {
        if let Err(error) = application.run(PATIENCE).await {
            running = false;
            report.unexpected.push(error.to_string());
            report.unexpected.extend(application.events().await.into_iter().take(10));
        }
    }
    let written = blocking(move || generator.finish()).await?;
    let readings = {
        let (registry, servers) = (Arc::clone(&registry), world.kafka().to_owned());
        blocking(move || read_input(&registry, &servers)).await?
    };
    report.input = compare_input(&written, &readings);
    if running && let Err(error) = await_output(&world, &applications, &readings).await {
        report.unexpected.push(error.to_string());
    }
    report.late_records = stop_all(&applications, &mut report.unexpected).await;
    let watched = watch.stop().await;
    judge(&world, &applications, readings, &watched, &mut report).await?;
    report.recovery = recoveries.report();
    (report.s3_requests, report.s3_disturbed) = world.network.counted();
    report.judge();
    drop((injector, registry));
    match Arc::try_unwrap(world) {
        Ok(world) => world.stop().await?,
        Err(_) => say("the installation is still in use and is killed"),
    }
    Ok(report)
}

/// Makes topics and applications, and starts these.
async fn create(world: &World, arguments: &Arguments) -> Result<Vec<Application>, Error> {
    let applications: Vec<Application> = (0..arguments.applications)
        .map(|index| Application {
            name: format!("chaos-{}", index + 1),
            window_s: 10 * (1 + i64::from(index % 3)),
            parallelism: u64::from(1 + index % 2),
            servers: world.kafka().to_owned(),
            guarantee: arguments.guarantee,
            checkpoint_ms: arguments.checkpoint_ms,
            client: world.client.clone(),
        })
        .collect();
    let mut names = vec![(INPUT.to_owned(), PARTITIONS)];
    names.extend(applications.iter().map(|it| (it.windows_topic(), 2)));
    names.extend(applications.iter().map(|it| (it.records_topic(), 2)));
    let (servers, runtime) = (world.kafka().to_owned(), tokio::runtime::Handle::current());
    blocking(move || {
        for (name, partitions) in names {
            connectors::create_topic(&servers, &name, partitions, &runtime)?;
        }
        Ok(())
    })
    .await?;
    for application in &applications {
        application.create().await?;
        application.run(PATIENCE).await?;
    }
    say(format!("{} applications run", applications.len()));
    Ok(applications)
}

/// Lets everything go wrong that is planned, and waits until it is over.
async fn go_wrong(
    injector: &Injector,
    plan: Vec<Planned>,
    report: &mut Report,
    written: impl Fn() -> u64,
) {
    let began = tokio::time::Instant::now();
    let mut doing = JoinSet::new();
    let mut told = began;
    for planned in plan {
        tokio::time::sleep_until(began + Duration::from_millis(planned.at_ms)).await;
        if told.elapsed() > TELL_EVERY {
            told = tokio::time::Instant::now();
            say(format!("  {:>5} s  {} records", began.elapsed().as_secs(), written()));
        }
        let injector = injector.clone();
        doing.spawn(async move {
            injector.recoveries.fault_begins();
            let done = injector.perform(planned).await;
            injector.recoveries.fault_ends();
            let at_s = planned.at_ms as f64 / 1000.0;
            let (name, lasts_ms) = (planned.fault.name(), planned.lasts_ms);
            match &done {
                Ok(Outcome::Done(what)) => {
                    say(format!("  {at_s:>7.1} s  {name} for {lasts_ms} ms  {what}"));
                }
                Ok(Outcome::Skipped(_)) => {}
                Err(error) => say(format!("  {at_s:>7.1} s  {name}: {error}")),
            }
            (planned, done)
        });
        while let Some(done) = doing.try_join_next() {
            count(done, report);
        }
    }
    while let Some(done) = doing.join_next().await {
        count(done, report);
    }
}

type Done = Result<(Planned, Result<Outcome, Error>), tokio::task::JoinError>;

fn count(done: Done, report: &mut Report) {
    match done {
        Ok((planned, Ok(Outcome::Done(_)))) => {
            *report.faults.entry(planned.fault.name()).or_default() += 1;
        }
        Ok((_, Ok(Outcome::Skipped(why)))) => *report.skipped.entry(why).or_default() += 1,
        Ok((planned, Err(error))) => {
            report.unexpected.push(format!("{}: {error}", planned.fault.name()));
        }
        Err(error) => report.unexpected.push(format!("a fault broke: {error}")),
    }
}

fn read_input(registry: &connectors::Registry, servers: &str) -> Result<Vec<Reading>, Error> {
    let mut readings = Vec::new();
    streams::read_all(registry, servers, INPUT, &mut |_, text| {
        readings.push(streams::reading(text)?);
        Ok(())
    })?;
    Ok(readings)
}

/// Whether the topic has what was acknowledged.
fn compare_input(written: &Written, readings: &[Reading]) -> Input {
    let mut times = BTreeMap::<i64, usize>::new();
    readings.iter().for_each(|reading| *times.entry(reading.id).or_default() += 1);
    Input {
        acknowledged: written.acknowledged.len(),
        uncertain: written.uncertain.len(),
        in_topic: readings.len(),
        lost: written.acknowledged.iter().filter(|id| !times.contains_key(id)).count(),
        doubled: times.values().filter(|times| **times > 1).count(),
    }
}

/// Waits until as many results are in the sinks as there must be.
async fn await_output(
    world: &World,
    applications: &Arc<Vec<Application>>,
    readings: &[Reading],
) -> Result<(), Error> {
    let want_windows: BTreeMap<String, usize> = applications
        .iter()
        .map(|it| (it.name.clone(), windows(readings, it.window_s * 1000).len()))
        .collect();
    let want_records = readings.len();
    let (registry, servers, s3) = (world.connectors(), world.kafka().to_owned(), world.s3_client());
    let applications = Arc::clone(applications);
    blocking(move || {
        let mut reader = Reader::follow(&registry, &servers, &topics(&applications))?;
        let mut in_kafka = BTreeMap::<String, usize>::new();
        let mut files = Files::default();
        let deadline = Instant::now() + PATIENCE;
        let mut told = Instant::now();
        loop {
            reader.drain(Duration::from_secs(1), &mut |topic, _| {
                *in_kafka.entry(topic.to_owned()).or_default() += 1;
                Ok(())
            })?;
            files.look(&s3)?;
            let missing =
                missing(&applications, &want_windows, want_records, &in_kafka, files.results());
            let Some(first) = missing.first() else { return Ok(()) };
            let text = format!("{} sinks are incomplete: {first}, …", missing.len());
            if Instant::now() > deadline {
                return Err(format!("after {PATIENCE:?} {text}").into());
            }
            if told.elapsed() > TELL_EVERY {
                told = Instant::now();
                say(format!("  {text}"));
            }
        }
    })
    .await
}

fn missing(
    applications: &[Application],
    want_windows: &BTreeMap<String, usize>,
    want_records: usize,
    in_kafka: &BTreeMap<String, usize>,
    in_s3: &Results,
) -> Vec<String> {
    let mut missing = Vec::new();
    for it in applications {
        let want = want_windows.get(&it.name).copied().unwrap_or_default();
        for (what, have, want) in [
            ("windows in Kafka", in_kafka.get(&it.windows_topic()).copied(), want),
            ("records in Kafka", in_kafka.get(&it.records_topic()).copied(), want_records),
            ("windows in S3", in_s3.windows.get(&it.name).map(Vec::len), want),
            ("records in S3", in_s3.records.get(&it.name).map(Vec::len), want_records),
        ] {
            let have = have.unwrap_or_default();
            if have < want {
                missing.push(format!("{have} of {want} {what} of {}", it.name));
            }
        }
    }
    missing
}

/// Stops all applications with a snapshot; gives the number of records that were late in the
/// last run of each.
async fn stop_all(applications: &[Application], unexpected: &mut Vec<String>) -> u64 {
    let mut late = 0;
    for application in applications {
        if let Ok(metrics) = application.metrics().await {
            late += metrics["LateRecords"].as_u64().unwrap_or_default();
        }
        let stopped = async {
            application.post("/stop", json!({ "Force": false })).await?;
            application.until("READY", PATIENCE, |seen| seen.status == "READY").await
        };
        if let Err(error) = stopped.await {
            unexpected.push(format!("the last stop of {}: {error}", application.name));
        }
    }
    late
}

/// Compares both sinks of each application with what must be there.
async fn judge(
    world: &World,
    applications: &Arc<Vec<Application>>,
    readings: Vec<Reading>,
    watched: &Arc<Watched>,
    report: &mut Report,
) -> Result<(), Error> {
    let (registry, servers, s3) = (world.connectors(), world.kafka().to_owned(), world.s3_client());
    let (all, seen) = (Arc::clone(applications), Arc::clone(watched));
    let (sinks, windows, files, left) = blocking(move || {
        let in_kafka = read_kafka(&registry, &servers, &all)?;
        let mut files = seen.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.look(&s3)?;
        let (sinks, windows) = compare(&all, &readings, &in_kafka, files.results());
        Ok((sinks, windows, files.report(), leftovers(&s3)?))
    })
    .await?;
    (report.sinks, report.windows, report.files) = (sinks, windows, files);
    report.leftovers = left;
    report.memory = watched.memory.lock().unwrap_or_else(PoisonError::into_inner).report();
    report.ended = watched.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(())
}

fn compare(
    applications: &[Application],
    readings: &[Reading],
    in_kafka: &Results,
    in_s3: &Results,
) -> (Vec<SinkReport>, usize) {
    let (mut sinks, mut count) = (Vec::new(), 0);
    for it in applications {
        let expected = windows(readings, it.window_s * 1000);
        count += expected.len();
        for (of_windows, of_records, results) in [
            ("windows in Kafka", "records in Kafka", in_kafka),
            ("windows in S3", "records in S3", in_s3),
        ] {
            let rows = results.windows.get(&it.name).cloned().unwrap_or_default();
            let ids = results.records.get(&it.name).cloned().unwrap_or_default();
            let want = readings.iter().map(|reading| reading.id);
            let sink = |sink, tally| SinkReport { application: it.name.clone(), sink, tally };
            sinks.push(sink(of_windows, compare_windows(&expected, rows)));
            sinks.push(sink(of_records, compare_ids(want, ids)));
        }
    }
    (sinks, count)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await?
}
