//! A forced stop ends processes that do not listen, and says so only when they are gone.

use std::time::{Duration, Instant};

use crate::failover::signal;
use crate::support::{Application, Feeder, Installation, configuration, eventually, zip_file};

/// A program that never comes to an end, and does not take a hint.
const HANGS: &str = r#"
import signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
print("it hangs")
while True:
    time.sleep(3600)
"#;

/// Nobody waits longer for a forced stop.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut after_name = stat.rsplit_once(')')?.1.split_whitespace();
    let (state, parent) = (after_name.next()?, after_name.next()?);
    if state == "Z" { None } else { parent.parse().ok() }
}

/// A process and all that came of it.
fn family(of: u32) -> Vec<u32> {
    let mut found = vec![of];
    let pids = || {
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
    };
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(pids().filter(|pid| parent_of(*pid) == Some(parent)));
        next += 1;
    }
    found
}

fn lives(pid: u32) -> bool {
    parent_of(pid).is_some()
}

/// Stops it by force; its job must be gone as soon as it is READY. Gives how long that took.
fn stop(application: &Application<'_>, job: u32) -> Duration {
    let told = Instant::now();
    let operation = application.stop(true);
    let detail = eventually("it is READY", || {
        let status = application.describe();
        let lived = lives(job);
        match status["ApplicationStatus"].as_str().unwrap() {
            "READY" => Ok(status),
            "FORCE_STOPPING" => Err((lived, status)),
            other => panic!("{other}"),
        }
    });
    // What lived after this was seen would have lived before, too.
    assert!(!lives(job), "READY, and process {job} lives: {detail:#}");
    let took = told.elapsed();
    application.await_operation(&operation, "SUCCESSFUL");
    took
}

#[test]
fn a_start_that_hangs_in_its_program_is_ended_with_all_its_processes() {
    let weir = Installation::start("force-starting");
    let worker = weir.start_worker("worker");
    let application = weir.application("hangs");
    application.create(&configuration(&zip_file(&[("main.py", HANGS)]), "ZIPFILE", &[]));
    let start = application.start();
    eventually("it hangs", || {
        let logged = application.logged();
        if logged.iter().any(|line| line == "it hangs") { Ok(()) } else { Err(logged) }
    });
    assert_eq!(application.describe()["ApplicationStatus"], "STARTING");
    let job = worker.jobs()[0];
    let all = family(job);
    assert!(all.len() >= 3, "the job, the sandbox and Python: {all:?}");
    let took = stop(&application, job);
    assert!(took < STOPS_WITHIN, "{took:?}");
    eventually("the program is gone, too", || {
        let left: Vec<u32> = all.iter().copied().filter(|pid| lives(*pid)).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
    let told = application.get(&format!("/operations/{start}"));
    let status = &told["ApplicationOperationInfoDetails"]["OperationStatus"];
    assert!(status == "CANCELLED" || status == "FAILED", "{told:#}");
}

#[test]
fn a_killed_job_takes_its_program_with_it() {
    let weir = Installation::start("force-killed");
    let worker = weir.start_worker("worker");
    let application = weir.application("hangs");
    application.create(&configuration(&zip_file(&[("main.py", HANGS)]), "ZIPFILE", &[]));
    application.start();
    eventually("it hangs", || {
        let logged = application.logged();
        if logged.iter().any(|line| line == "it hangs") { Ok(()) } else { Err(logged) }
    });
    let all = family(worker.jobs()[0]);
    assert!(all.len() >= 3, "the job, the sandbox and Python: {all:?}");
    // So do all of a worker that dies.
    worker.kill();
    eventually("all are gone", || {
        let left: Vec<u32> = all.iter().copied().filter(|pid| lives(*pid)).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

#[test]
fn a_running_job_that_does_not_listen_is_ended() {
    let weir = Installation::start("force-running");
    let worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("force-running", 2));
    let application = weir.application("stopped");
    application.create_sums("force-running", 10);
    application.start();
    application.await_status("RUNNING");
    application.await_checkpoint(2);
    let job = worker.jobs()[0];
    signal(job, "STOP");
    let took = stop(&application, job);
    assert!(took < STOPS_WITHIN, "{took:?}");

    application.start();
    application.await_status("RUNNING");
    assert_ne!(worker.jobs()[0], job);
    feeder.finish();
}
