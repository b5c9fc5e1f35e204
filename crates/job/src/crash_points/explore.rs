//! Tries every schedule up to a number of faults.

use std::sync::{Condvar, Mutex};
use std::time::Instant;

use super::scenarios::{ALL, OLDER, SKIPPED, STEADY, Scenario};
use super::schedule::Schedule;
use super::world::{Played, play};

/// What an exploration came to.
#[derive(Debug, Default)]
struct Tally {
    schedules: usize,
    calls: usize,
    /// The shortest first.
    violations: Vec<(Schedule, String)>,
}

/// Which schedules are tried: all with one fault, and one of `share` with two.
#[derive(Debug, Clone, Copy)]
struct Effort {
    faults: usize,
    share: u64,
}

impl Effort {
    fn takes(self, schedule: &Schedule) -> bool {
        let cost = schedule.cost();
        cost <= 1 || (cost <= self.faults && schedule.hash().is_multiple_of(self.share))
    }
}

/// Schedules that are to be played, and how many threads may still find more.
struct Agenda {
    waiting: Vec<Schedule>,
    busy: usize,
    tally: Tally,
}

/// Violations after which it is enough.
const ENOUGH: usize = 20;

fn explore(scenario: &'static Scenario, effort: Effort) -> Tally {
    let first = Agenda { waiting: vec![Schedule::default()], busy: 0, tally: Tally::default() };
    let (agenda, more) = (Mutex::new(first), Condvar::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let idle = |it: &mut Agenda| it.waiting.is_empty() && it.busy > 0;
                    let mut now = more.wait_while(agenda.lock().unwrap(), idle).unwrap();
                    let enough = now.tally.violations.len() >= ENOUGH;
                    let Some(schedule) = now.waiting.pop().filter(|_| !enough) else {
                        now.waiting.clear();
                        more.notify_all();
                        return;
                    };
                    now.busy += 1;
                    drop(now);
                    let played = play(scenario, &schedule, false);
                    let mut now = agenda.lock().unwrap();
                    now.busy -= 1;
                    now.tally.schedules += 1;
                    now.tally.calls += played.calls;
                    match played.violation {
                        Some(violation) => now.tally.violations.push((schedule, violation)),
                        None => now.waiting.extend(next(&schedule, &played, effort)),
                    }
                    more.notify_all();
                }
            });
        }
    });
    let mut tally = agenda.into_inner().unwrap().tally;
    tally.violations.sort_by_key(|(schedule, _)| (schedule.0.len(), schedule.last()));
    tally
}

/// The schedule with one fault more, at a later call.
fn next(schedule: &Schedule, played: &Played, effort: Effort) -> Vec<Schedule> {
    let mut longer = Vec::new();
    for point in &played.points {
        let one_more = point.faults.iter().map(|fault| schedule.with(point.step, *fault));
        longer.extend(one_more.filter(|it| effort.takes(it)));
    }
    longer
}

/// What a person needs to see it happen.
#[track_caller]
fn blame(scenario: &'static Scenario, schedule: &Schedule) {
    let Played { trace, violation, .. } = play(scenario, schedule, true);
    let name = scenario.name;
    panic!(
        "{}\n{}\nreplay: WEIR_SCHEDULE={name}:{schedule} cargo test -p job crash_points -- --nocapture\n",
        trace.join("\n"),
        violation.unwrap_or_else(|| "all is well".to_owned())
    );
}

#[expect(clippy::disallowed_methods, reason = "the command that replays a schedule names it so")]
fn wanted(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Plays everything with one fault, and a share of everything with two.
fn check(scenario: &'static Scenario, share: u64) {
    if wanted("WEIR_SCHEDULE").is_some() {
        return;
    }
    let share = wanted("WEIR_CRASH_SHARE").map_or(share, |it| it.parse().unwrap());
    let faults = wanted("WEIR_CRASH_FAULTS").map_or(2, |it| it.parse().unwrap());
    let began = Instant::now();
    let tally = explore(scenario, Effort { faults, share });
    println!(
        "{}: {} schedules, {} calls, {:.1} s",
        scenario.name,
        tally.schedules,
        tally.calls,
        began.elapsed().as_secs_f64()
    );
    for (schedule, violation) in &tally.violations {
        println!("{}:{schedule}: {violation}", scenario.name);
    }
    if let Some((schedule, _)) = tally.violations.first() {
        blame(scenario, schedule);
    }
}

#[test]
fn nothing_is_lost_or_doubled_while_the_application_goes_on() {
    check(&STEADY, 1000);
}

#[test]
fn what_is_recorded_stays_when_the_customer_starts_anew() {
    check(&SKIPPED, 1000);
}

#[test]
fn what_is_recorded_stays_when_the_customer_goes_back() {
    check(&OLDER, 1000);
}

/// Plays a schedule that once failed. Its numbers change with the calls of the protocol: one that does
/// not fit any more has to be found anew.
#[track_caller]
fn holds(scenario: &'static Scenario, schedule: &str) {
    let schedule = schedule.parse().unwrap();
    if play(scenario, &schedule, false).violation.is_some() {
        blame(scenario, &schedule);
    }
}

/// A paused process fences its successor, which has read the marker but not yet sent, and sends
/// itself; the successor then does not learn why its transaction failed.
#[test]
fn two_processes_that_fence_each_other_send_once() {
    holds(&STEADY, "43p,51s");
}

/// A process dies between the recording of a stop snapshot and the report of its commit; the attempt
/// that follows goes on for a checkpoint before it hears that it is to stop.
#[test]
fn what_is_recorded_after_a_stop_snapshot_is_not_given_again() {
    holds(&STEADY, "46p,49s,58l");
    holds(&STEADY, "78p,88s,103w");
}

/// `WEIR_SCHEDULE=scenario:schedule` plays one, call by call.
#[test]
fn a_schedule_is_replayed() {
    let Some(text) = wanted("WEIR_SCHEDULE") else { return };
    let (name, schedule) = text.split_once(':').expect("scenario:schedule");
    let scenario = ALL.into_iter().find(|it| it.name == name).expect("a scenario of that name");
    let schedule: Schedule = schedule.parse().unwrap();
    let played = play(scenario, &schedule, true);
    println!("{}", played.trace.join("\n"));
    if let Some(violation) = played.violation {
        panic!("{violation}");
    }
}
