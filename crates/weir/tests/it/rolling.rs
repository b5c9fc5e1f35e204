//! Processes are told to stop one after the other and others take their place: nobody but who looks
//! for it notices.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::exactly_once::{create, must_end_with};
use crate::failover::signal;
use crate::support::{Api, Application, Feeder, Installation, Worker, sums};

/// A job that moves runs again within the time of a restart.
const MOVE_MS: u64 = 3_000;
/// A worker without anything that hangs ends within this time, an API server with a follower, too.
const END_WITHIN: Duration = Duration::from_secs(15);

/// Tells the worker that has the job to stop; gives what Weir tells of the next attempt, at `next`.
fn moves(application: &Application<'_>, from: Worker, next: &Worker) -> Value {
    let now = application.weir();
    let attempt = now["Attempt"].as_u64().unwrap();
    let reached =
        application.await_checkpoint(now["RestoredCheckpointId"].as_u64().unwrap_or(0) + 1);
    let told = Instant::now();
    from.terminate();
    let took = told.elapsed();
    assert!(took < END_WITHIN, "{took:?}");
    let now = application.await_attempt(attempt + 1);
    assert!(now["Worker"].as_str().unwrap().ends_with(&next.name_suffix()), "{now:#}");
    // From a checkpoint that it took because it was told to stop: nothing is read twice.
    let restored = now["RestoredCheckpointId"].as_u64().unwrap();
    assert!(restored > reached, "{restored} {reached}: {now:#}");
    let recovery = now["LastRecoveryMs"].as_u64().unwrap();
    eprintln!("the worker ended after {took:?}; the job ran again after {recovery} ms");
    assert!(recovery <= MOVE_MS, "{now:#}");
    assert_eq!(now["Health"]["Condition"], "HEALTHY", "{now:#}");
    now
}

#[test]
fn workers_restarted_one_after_the_other_move_their_applications() {
    let name = "rolling";
    let weir = Installation::start(name);
    // The first worker's program is replaced while it runs, as an upgrade does.
    let program = weir.folder().join("weir-of-yesterday");
    std::fs::hard_link(crate::weir(), &program)
        .or_else(|_| std::fs::copy(crate::weir(), &program).map(|_| ()))
        .unwrap();
    let first = weir.start_worker_of(&program, "first");
    let feeder = Feeder::start(weir.topic(name, 2));
    create(&weir, name);
    let application = weir.application(name);
    application.start();
    application.await_status("RUNNING");
    application.await_checkpoint(1);
    std::fs::remove_file(&program).unwrap();
    signal(first.jobs()[0], "KILL");
    application.await_attempt(2);

    let second = weir.start_worker("second");
    moves(&application, first, &second);
    let third = weir.start_worker("third");
    moves(&application, second, &third);
    let events = application.get("/events")["Events"].to_string();
    assert_eq!(events.matches("JobMoves").count(), 2, "{events}");
    let now = application.weir();
    assert_eq!((&now["Attempt"], &now["FullRestarts"]), (&4.into(), &3.into()), "{now:#}");
    must_end_with(&weir, name, &sums(&feeder.finish(), 5));
}

#[test]
fn a_job_without_another_worker_waits_for_the_next_one() {
    let name = "rolling-alone";
    let weir = Installation::start(name);
    let first = weir.start_worker("first");
    let feeder = Feeder::start(weir.topic(name, 2));
    create(&weir, name);
    let application = weir.application(name);
    application.start();
    application.await_status("RUNNING");
    let reached = application.await_checkpoint(1);
    first.terminate();
    let now = application.describe();
    assert_eq!(now["ApplicationStatus"], "RUNNING", "{now:#}");
    let _second = weir.start_worker("second");
    let now = application.await_attempt(2);
    assert!(now["RestoredCheckpointId"].as_u64().unwrap() > reached, "{now:#}");
    must_end_with(&weir, name, &sums(&feeder.finish(), 5));
}

/// One request by a connection of its own; `None` if the server does not take it.
fn status(url: &str, path: &str) -> Option<u16> {
    let address = url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut line = String::new();
    BufReader::new(connection).read_line(&mut line).ok()?;
    line.split(' ').nth(1)?.parse().ok()
}

#[test]
fn api_servers_restarted_one_after_the_other_answer_all_the_time() {
    let weir = Installation::start("rolling-api");
    weir.application("still").create_sums("rolling-api", 5);
    let start = |listen: &str, name: &str| weir.start_api_beside(listen, name);
    let mut servers = [start("127.0.0.1:0", "a1"), start("127.0.0.1:0", "b1")];
    let urls = servers.each_ref().map(|server| server.url().to_owned());
    let (done, answers) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let poll = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let path = "/v1/applications/still";
                let answered = urls.iter().find_map(|url| status(url, path));
                assert_eq!(answered, Some(200), "neither answers as it should");
                answers.fetch_add(1, Ordering::Relaxed);
            }
        });
        let more = |than: u32| {
            crate::support::eventually("answers", || {
                let now = answers.load(Ordering::Relaxed);
                if now > than + 20 || poll.is_finished() { Ok(now) } else { Err(now) }
            })
        };
        for (round, name) in ["two", "three"].into_iter().enumerate() {
            for (index, slot) in servers.iter_mut().enumerate() {
                let before = more(answers.load(Ordering::Relaxed));
                let mut follower = follow(slot);
                let listen = urls[index].strip_prefix("http://").unwrap().to_owned();
                let old = std::mem::replace(slot, start("127.0.0.1:0", &format!("{round}{index}")));
                let told = Instant::now();
                old.terminate();
                assert!(told.elapsed() < END_WITHIN, "{:?}", told.elapsed());
                // Who followed a log is told that there is no more, not cut off.
                let mut rest = String::new();
                std::io::Read::read_to_string(&mut follower, &mut rest).unwrap();
                assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
                more(before);
                *slot = start(&listen, &format!("{name}-{index}"));
            }
        }
        more(answers.load(Ordering::Relaxed));
        done.store(true, Ordering::Relaxed);
        poll.join().unwrap();
    });
}

/// Follows a log; the answer has begun.
fn follow(server: &Api) -> BufReader<TcpStream> {
    let address = server.url().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(END_WITHIN)).unwrap();
    let path = "/v1/applications/still/logs?follow=true";
    write!(connection, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let mut answer = BufReader::new(connection);
    let mut line = String::new();
    answer.read_line(&mut line).unwrap();
    assert!(line.contains("200"), "{line}");
    answer
}
