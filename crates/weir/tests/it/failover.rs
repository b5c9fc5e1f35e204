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

#[test]
fn applications_move_to_another_worker_when_theirs_is_killed() {
    moves("failover", Worker::kill, |()| ());
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
/// flows, and `afterwards` something more may happen to the first.
fn moves<T>(name: &str, happens: impl FnOnce(Worker) -> T, afterwards: impl FnOnce(T)) {
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

    let readings = feeder.finish();
    for (application, seconds) in applications {
        assert_eq!(application.weir()["Attempt"], 2);
        application.must_end_with(&sums(&readings, seconds));
    }
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
    for attempt in 2..=4 {
        signal(*worker.jobs().iter().find(|job| **job != spared).unwrap(), "KILL");
        let now = victim.await_attempt(attempt);
        assert_eq!(now["Restarts"], attempt - 1, "{now:#}");
        let restored = now["RestoredCheckpointId"].as_u64().unwrap();
        assert!(restored >= reached, "{restored} is older than {reached}");
        let cause = now["Failure"]["Message"].as_str().unwrap();
        assert!(cause.contains("signal: 9"), "{cause}");
        reached = victim.await_checkpoint(restored + 1);
    }

    let readings = feeder.finish();
    let untouched = neighbour.weir();
    assert_eq!((&untouched["Attempt"], &untouched["Restarts"]), (&1.into(), &0.into()));
    victim.must_end_with(&sums(&readings, 10));
    neighbour.must_end_with(&sums(&readings, 5));
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}
