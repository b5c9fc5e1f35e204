//! What dies is replaced, and no result is lost or doubled.

use std::process::Command;

use crate::support::{Application, Feeder, Installation, Worker, eventually, sums};

/// An application over a topic, running.
fn start<'a>(weir: &'a Installation, name: &str, topic: &str, seconds: u32) -> Application<'a> {
    let application = weir.application(name);
    application.create_sums(topic, seconds);
    application.start();
    application.await_status("RUNNING");
    application
}

fn await_results(application: &Application<'_>) {
    eventually("first results", || {
        let results = application.results();
        if results.is_empty() { Err(application.weir()) } else { Ok(()) }
    });
}

/// A killed job runs again within this time.
const JOB_RECOVERY_MS: u64 = 3_000;
/// So do a killed worker's applications, from its last sign of life on.
const WORKER_RECOVERY_MS: u64 = 10_000;

/// How long an application was down the last time; no longer than `at_most` ms.
fn recovered_within(application: &Application<'_>, at_most: u64) -> u64 {
    let weir = application.weir();
    let recovery = weir["LastRecoveryMs"].as_u64().unwrap();
    assert!(recovery <= at_most, "{recovery} ms: {weir:#}");
    let metrics = application.get("/metrics");
    assert_eq!(metrics["LastRecoveryMs"], recovery);
    recovery
}

#[test]
fn applications_move_to_another_worker_when_theirs_is_killed() {
    let recoveries = moves("failover", Worker::kill, |()| ());
    eprintln!("a killed worker's applications ran again after {recoveries:?} ms");
    for recovery in recoveries {
        assert!(recovery <= WORKER_RECOVERY_MS, "{recovery} ms");
    }
}

#[test]
fn applications_move_at_once_when_their_worker_is_told_to_stop() {
    moves("goodbye", Worker::terminate, |()| ());
}

#[test]
fn a_worker_that_wakes_up_after_its_lease_can_do_no_harm() {
    let sleep = |worker: Worker| {
        let all: Vec<u32> = worker.jobs().into_iter().chain([worker.pid()]).collect();
        all.iter().for_each(|pid| signal(*pid, "STOP"));
        (worker, all)
    };
    moves("sleeper", sleep, |(worker, all)| {
        // The worker last: it ends its jobs as soon as it can.
        all.iter().for_each(|pid| signal(*pid, "CONT"));
        eventually("it ends its jobs", || {
            let jobs = worker.jobs();
            if jobs.is_empty() { Ok(()) } else { Err(jobs) }
        });
    });
}

/// Two applications on one worker, to which `happens`; another takes them over while telemetry
/// flows, and `afterwards` something more may happen to the first. Gives how long they were down.
fn moves<T>(name: &str, happens: impl FnOnce(Worker) -> T, afterwards: impl FnOnce(T)) -> [u64; 2] {
    let weir = Installation::start(name);
    let first = weir.start_worker("first");
    let feeder = Feeder::start(weir.topic(name, 2));
    // Windows of different lengths, so that they cannot be mixed up unnoticed.
    let applications = [
        (start(&weir, &format!("{name}-tens"), name, 10), 10),
        (start(&weir, &format!("{name}-twenties"), name, 20), 20),
    ];
    applications.iter().for_each(|(application, _)| await_results(application));

    let second = weir.start_worker("second");
    let reached = applications.each_ref().map(|(it, _)| it.await_checkpoint(1));
    let past = happens(first);
    let restored = applications.each_ref().map(|(application, _)| {
        let now = application.await_attempt(2);
        let worker = now["Worker"].as_str().unwrap();
        assert!(worker.ends_with(&second.name_suffix()), "{now:#}");
        now["RestoredCheckpointId"].as_u64().unwrap()
    });
    for (restored, reached) in restored.iter().zip(reached) {
        assert!(*restored >= reached, "{restored} is older than {reached}");
    }
    afterwards(past);
    for ((application, _), restored) in applications.iter().zip(restored) {
        application.await_checkpoint(restored + 2);
    }

    let recoveries = applications.each_ref().map(|(application, _)| {
        let weir = application.weir();
        assert_eq!(weir["FullRestarts"], 1, "{weir:#}");
        assert_eq!(weir["DowntimeMs"], weir["LastRecoveryMs"], "{weir:#}");
        weir["LastRecoveryMs"].as_u64().unwrap()
    });
    let readings = feeder.finish();
    for (application, seconds) in applications {
        assert_eq!(application.weir()["Attempt"], 2);
        application.must_end_with(&sums(&readings, seconds));
    }
    recoveries
}

#[test]
fn a_killed_job_is_started_again_and_the_others_do_not_notice() {
    let weir = Installation::start("job-killed");
    let worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("job-killed", 2));
    let neighbour = start(&weir, "neighbour", "job-killed", 5);
    let spared = worker.jobs()[0];
    let victim = start(&weir, "victim", "job-killed", 10);
    await_results(&victim);
    await_results(&neighbour);

    // At different moments of a checkpoint.
    let mut reached = victim.await_checkpoint(2);
    let mut recoveries = Vec::new();
    for attempt in 2..=4 {
        signal(*worker.jobs().iter().find(|job| **job != spared).unwrap(), "KILL");
        let now = victim.await_attempt(attempt);
        assert_eq!(now["Restarts"], attempt - 1, "{now:#}");
        let restored = now["RestoredCheckpointId"].as_u64().unwrap();
        assert!(restored >= reached, "{restored} is older than {reached}");
        let cause = now["Failure"]["Message"].as_str().unwrap();
        assert!(cause.contains("signal: 9"), "{cause}");
        recoveries.push(recovered_within(&victim, JOB_RECOVERY_MS));
        reached = victim.await_checkpoint(restored + 1);
    }

    eprintln!("a killed job ran again after {recoveries:?} ms");
    let weir = victim.weir();
    assert_eq!(
        (&weir["FullRestarts"], &weir["Health"]["Condition"]),
        (&3.into(), &"HEALTHY".into())
    );
    assert_eq!(weir["DowntimeMs"], recoveries.iter().sum::<u64>(), "{weir:#}");
    let readings = feeder.finish();
    let untouched = neighbour.weir();
    assert_eq!((&untouched["Attempt"], &untouched["Restarts"]), (&1.into(), &0.into()));
    victim.must_end_with(&sums(&readings, 10));
    neighbour.must_end_with(&sums(&readings, 5));
}

#[test]
fn a_job_that_is_alive_but_silent_is_replaced() {
    let weir = Installation::start("silent");
    let worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("silent", 2));
    let application = start(&weir, "silent", "silent", 10);
    await_results(&application);
    let reached = application.await_checkpoint(2);
    let silenced = worker.jobs();
    silenced.iter().for_each(|pid| signal(*pid, "STOP"));

    let now = application.await_attempt(2);
    let cause = now["Failure"]["Message"].as_str().unwrap();
    assert!(cause.contains("said nothing for 2"), "{cause}");
    assert!(now["RestoredCheckpointId"].as_u64().unwrap() >= reached, "{now:#}");
    // It was down since it was last heard, not since it was killed for that.
    let down = now["LastRecoveryMs"].as_u64().unwrap();
    assert!(down >= 20_000, "{now:#}");
    eprintln!("a silent job was replaced after {down} ms");
    assert!(!worker.jobs().iter().any(|pid| silenced.contains(pid)));
    application.must_end_with(&sums(&feeder.finish(), 10));
}

#[test]
fn applications_do_not_notice_that_api_servers_come_and_go() {
    let weir = Installation::start("api-killed");
    let _worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("api-killed", 2));
    let application = start(&weir, "api-killed", "api-killed", 5);
    await_results(&application);
    weir.kill_api();
    let before = application.results().len();
    eventually("results without any API server", || {
        let now = application.results().len();
        if now > before + 10 { Ok(()) } else { Err((before, now)) }
    });
    drop(weir.replace_api("second"));
    let reached = application.await_checkpoint(1);
    // Two at a time, then the newer goes.
    let second = weir.replace_api("third");
    application.await_checkpoint(reached + 1);
    weir.kill_api();
    drop(weir.replace_api("fourth"));
    let now = application.weir();
    assert_eq!((&now["Attempt"], &now["Restarts"]), (&1.into(), &0.into()), "{now:#}");
    drop(second);
    application.must_end_with(&sums(&feeder.finish(), 5));
}

pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}
