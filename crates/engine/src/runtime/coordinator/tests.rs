use super::*;
use crate::batch::Barrier;
use crate::runtime::{Acknowledgement, Ended, SubtaskId};
use crate::state::OperatorState;

/// One thing that happens, at the time before it.
enum Happens {
    Tick,
    Snapshot(&'static str),
    Stop(&'static str),
    Drain,
    /// Subtask, checkpoint.
    Ack(usize, u64),
    End(usize, u64),
    EndStopped(usize, u64),
    Written(u64),
    Recorded(u64),
    Committed(u64),
    Failed(u64),
}
use Happens::*;

fn settings(interval_ms: u64, min_pause_ms: u64, tolerated_failures: u32) -> CoordinatorSettings {
    CoordinatorSettings {
        enabled: interval_ms > 0,
        interval_ms,
        min_pause_ms,
        timeout_ms: 500,
        tolerated_failures,
    }
}

fn coordinator(interval_ms: u64, min_pause_ms: u64, tolerated_failures: u32) -> Coordinator {
    let settings = settings(interval_ms, min_pause_ms, tolerated_failures);
    Coordinator::new(settings, [id(0), id(1)], 1, 0)
}

/// Subtask 0 reads, subtask 1 writes.
fn id(index: usize) -> SubtaskId {
    SubtaskId { operator_id: ["read", "write"][index].to_owned(), index }
}

fn share(index: usize, checkpoint: u64, word: &str) -> Acknowledgement {
    let position = || ("p".to_owned(), format!("{checkpoint}{word}"));
    Acknowledgement {
        checkpoint,
        subtask: id(index),
        states: Vec::new(),
        splits: (index == 0)
            .then(|| ("read".to_owned(), [position()].into()))
            .into_iter()
            .collect(),
        committables: (index == 1)
            .then(|| ("write".to_owned(), vec![format!("c{checkpoint}{word}")]))
            .into_iter()
            .collect(),
    }
}

fn show(action: &Action) -> String {
    let list = |map: &Committables| {
        map.values().flatten().map(String::as_str).collect::<Vec<_>>().join("+")
    };
    match action {
        Action::Inject(barrier) => {
            format!("inject {}{}", barrier.id, if barrier.stop { " stop" } else { "" })
        }
        Action::Write(it) => {
            let name = it.snapshot.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
            let splits = it.operators.get("read").map(|read| read.splits["p"].as_str());
            let made = it.operators.get("write").map(|write| write.committables.join("+"));
            let parts = format!("{} {}", splits.unwrap_or("-"), made.unwrap_or_default());
            format!("write {}{name}: {parts}", it.checkpoint).trim_end().to_owned()
        }
        Action::Commit { checkpoint, committables, positions } => {
            let at = positions["read"]["p"].as_str();
            format!("commit {checkpoint}: {at} {}", list(committables)).trim_end().to_owned()
        }
        Action::Failed { checkpoint, snapshot, .. } => {
            let number = checkpoint.map_or("-".to_owned(), |number| number.to_string());
            format!("failed {number} {}", snapshot.as_deref().unwrap_or("-"))
        }
        Action::GiveUp { message } => format!("give up: {message}"),
        Action::Finish { stopped } => {
            (if *stopped { "finish stopped" } else { "finish" }).to_owned()
        }
    }
}

#[track_caller]
fn check(mut coordinator: Coordinator, story: &[(i64, Happens, &str)]) {
    for (step, (now, happens, want)) in story.iter().enumerate() {
        let now = *now;
        let actions = match happens {
            Tick => coordinator.tick(now),
            Snapshot(name) => coordinator.snapshot(*name, false, now),
            Stop(name) => coordinator.snapshot(*name, true, now),
            Drain => coordinator.drain(now),
            Ack(subtask, n) => coordinator.acknowledged(share(*subtask, *n, ""), now),
            End(subtask, n) => {
                let last = share(*subtask, *n, "e");
                coordinator.ended(Ended { last, stopped: false }, now)
            }
            EndStopped(subtask, n) => {
                let last = Acknowledgement { committables: Vec::new(), ..share(*subtask, *n, "x") };
                coordinator.ended(Ended { last, stopped: true }, now)
            }
            Written(n) => {
                let answer = if coordinator.written(*n) { "hand over" } else { "keep" };
                assert_eq!(answer, *want, "step {step} at {now}");
                continue;
            }
            Recorded(n) => coordinator.recorded(*n),
            Committed(n) => coordinator.committed(*n, now),
            Failed(n) => coordinator.failed(*n, "no", now),
        };
        let got: Vec<String> = actions.iter().map(show).collect();
        assert_eq!(got.join("; "), *want, "step {step} at {now}");
    }
}

#[test]
fn one_checkpoint_after_the_other() {
    check(
        coordinator(100, 0, 0),
        &[
            (99, Tick, ""),
            (100, Tick, "inject 1"),
            (101, Ack(0, 1), ""),
            (110, Ack(1, 1), "write 1: 1 c1"),
            (120, Recorded(1), "commit 1: 1 c1"),
            // Not before the first is committed, although it is time.
            (205, Tick, ""),
            (210, Committed(1), "inject 2"),
            (211, Ack(1, 2), ""),
            (212, Ack(0, 2), "write 2: 2 c2"),
            (213, Recorded(2), "commit 2: 2 c2"),
            (214, Committed(2), ""),
            (309, Tick, ""),
            (310, Tick, "inject 3"),
        ],
    );
}

#[test]
fn a_pause_lies_between_two_checkpoints() {
    let mut it = coordinator(100, 80, 0);
    assert_eq!(it.next_tick(), Some(100));
    it.tick(100);
    assert_eq!(it.next_tick(), Some(600));
    it.acknowledged(share(0, 1, ""), 150);
    it.acknowledged(share(1, 1, ""), 150);
    it.recorded(1);
    assert_eq!(it.next_tick(), None);
    it.committed(1, 190);
    assert_eq!(it.next_tick(), Some(270));
    assert!(it.tick(269).is_empty());
    assert_eq!(it.tick(270), [Action::Inject(Barrier { id: 2, stop: false })]);
}

#[test]
fn snapshots_wait_for_their_turn() {
    check(
        coordinator(0, 1000, 0),
        &[
            (100, Tick, ""),
            (100, Snapshot("a"), "inject 1"),
            (101, Snapshot("b"), ""),
            (102, Ack(0, 1), ""),
            (103, Ack(1, 1), "write 1 as a: 1 c1"),
            (104, Recorded(1), "commit 1: 1 c1"),
            (105, Committed(1), "inject 2"),
            (106, Ack(0, 2), ""),
            (107, Ack(1, 2), "write 2 as b: 2 c2"),
            (108, Recorded(2), "commit 2: 2 c2"),
            (109, Committed(2), ""),
        ],
    );
}

#[test]
fn what_a_failed_checkpoint_prepared_is_committed_by_the_next() {
    check(
        coordinator(100, 0, 1),
        &[
            (100, Tick, "inject 1"),
            (101, Ack(1, 1), ""),
            (599, Tick, ""),
            // The time is up; the next one starts at once, as it is due.
            (600, Tick, "failed 1 -; inject 2"),
            (601, Ack(0, 1), ""),
            (602, Ack(1, 2), ""),
            (603, Ack(0, 2), "write 2: 2 c1+c2"),
            (604, Recorded(1), ""),
            (605, Recorded(2), "commit 2: 2 c1+c2"),
            (606, Committed(2), ""),
            (700, Tick, "inject 3"),
            (701, Ack(0, 3), ""),
            (702, Ack(1, 3), "write 3: 3 c3"),
            (703, Failed(3), "failed 3 -"),
            (800, Tick, "inject 4"),
            (801, Ack(0, 4), ""),
            (802, Ack(1, 4), "write 4: 4 c3+c4"),
            (803, Failed(4), "failed 4 -; give up: checkpoint 4 failed: no"),
            (900, Tick, ""),
        ],
    );
}

#[test]
fn what_comes_too_late_is_not_lost() {
    check(
        coordinator(100, 50, 9),
        &[
            (100, Tick, "inject 1"),
            (600, Tick, "failed 1 -"),
            (610, Ack(1, 1), ""),
            (650, Tick, "inject 2"),
            (651, Ack(0, 1), ""),
            (652, Ack(0, 2), ""),
            (653, Ack(1, 2), "write 2: 2 c1+c2"),
        ],
    );
}

/// Once it may be recorded, only the record decides: a later checkpoint must not take its output
/// over, or it would be committed twice.
#[test]
fn what_may_be_recorded_does_not_time_out() {
    check(
        coordinator(100, 0, 0),
        &[
            (100, Tick, "inject 1"),
            (101, Ack(0, 1), ""),
            (102, Ack(1, 1), "write 1: 1 c1"),
            (103, Written(1), "hand over"),
            (104, Written(1), "keep"),
            (9_999, Tick, ""),
            (10_000, Failed(1), ""),
            (10_001, Recorded(1), "commit 1: 1 c1"),
            (10_002, Written(1), "keep"),
        ],
    );
}

#[test]
fn what_was_given_up_is_not_recorded_when_it_is_written_at_last() {
    check(
        coordinator(100, 0, 9),
        &[
            (100, Tick, "inject 1"),
            (101, Ack(0, 1), ""),
            (102, Ack(1, 1), "write 1: 1 c1"),
            (600, Tick, "failed 1 -; inject 2"),
            (601, Written(1), "keep"),
            (602, Ack(0, 2), ""),
            (603, Ack(1, 2), "write 2: 2 c1+c2"),
            (604, Written(2), "hand over"),
        ],
    );
}

#[test]
fn a_failed_snapshot_does_not_count_against_the_job() {
    check(
        coordinator(0, 0, 0),
        &[
            (1, Snapshot("a"), "inject 1"),
            (2, Failed(1), "failed 1 a"),
            (3, Snapshot("b"), "inject 2"),
            (4, Failed(1), ""),
        ],
    );
}

#[test]
fn an_ended_subtask_counts_in_every_later_checkpoint() {
    check(
        coordinator(100, 0, 0),
        &[
            (10, End(0, 1), ""),
            (100, Tick, "inject 1"),
            (101, Ack(1, 1), "write 1: 1e c1"),
            (102, Recorded(1), "commit 1: 1e c1"),
            (103, Committed(1), ""),
            (200, Tick, "inject 2"),
            // The sink ends instead of passing the barrier; so this one is the last.
            (201, End(1, 2), "write 2: 1e c2e"),
            (202, Recorded(2), "commit 2: 1e c2e"),
            (203, Committed(2), "finish"),
            (300, Tick, ""),
        ],
    );
}

/// Output after the barrier belongs to the next checkpoint, also when its subtask has ended.
#[test]
fn what_is_prepared_at_the_end_waits_for_a_checkpoint_that_holds_the_end() {
    check(
        coordinator(100, 0, 0),
        &[
            (100, Tick, "inject 1"),
            (101, Ack(1, 1), ""),
            (102, End(1, 2), ""),
            (103, Ack(0, 1), "write 1: 1 c1"),
            (104, End(0, 2), ""),
            (105, Recorded(1), "commit 1: 1 c1"),
            (106, Committed(1), "write 2: 2e c2e"),
            (107, Recorded(2), "commit 2: 2e c2e"),
            (108, Committed(2), "finish"),
        ],
    );
}

#[test]
fn the_last_checkpoint_is_tried_again() {
    check(
        coordinator(0, 0, 1),
        &[
            (100, End(0, 1), ""),
            (101, End(1, 1), "write 1: 1e c1e"),
            (102, Failed(1), "failed 1 -"),
            (1101, Tick, ""),
            (1102, Tick, "write 2: 1e c1e"),
            (1103, Recorded(2), "commit 2: 1e c1e"),
            (1104, Committed(2), "finish"),
        ],
    );
}

#[test]
fn snapshots_are_also_taken_of_what_has_ended() {
    check(
        coordinator(0, 0, 0),
        &[
            (100, End(0, 1), ""),
            (101, End(1, 1), "write 1: 1e c1e"),
            (102, Snapshot("a"), ""),
            (103, Recorded(1), "commit 1: 1e c1e"),
            (104, Committed(1), "write 2 as a: 1e"),
            (105, Recorded(2), "commit 2: 1e"),
            (106, Committed(2), "finish"),
            (107, Snapshot("b"), "failed - b"),
        ],
    );
}

#[test]
fn a_stop_is_the_last_checkpoint() {
    check(
        coordinator(100, 0, 0),
        &[
            (50, Snapshot("a"), "inject 1"),
            (51, Stop("b"), ""),
            (52, Snapshot("c"), ""),
            (60, Ack(0, 1), ""),
            (61, Ack(1, 1), "write 1 as a: 1 c1"),
            (62, Recorded(1), "commit 1: 1 c1"),
            (63, Committed(1), "failed - c; inject 2 stop"),
            (64, Ack(0, 2), ""),
            (65, EndStopped(0, 3), ""),
            (66, Ack(1, 2), "write 2 as b: 2 c2"),
            (67, Recorded(2), "commit 2: 2 c2"),
            (68, Committed(2), ""),
            (900, Tick, ""),
            (901, EndStopped(1, 3), "finish stopped"),
        ],
    );
}

#[test]
fn a_drain_ends_with_a_checkpoint_after_the_snapshots_that_were_wanted_before() {
    check(
        coordinator(0, 0, 0),
        &[
            (50, Snapshot("a"), "inject 1"),
            (51, Drain, ""),
            (52, Drain, ""),
            (53, Snapshot("b"), ""),
            (60, Ack(0, 1), ""),
            (61, Ack(1, 1), "write 1 as a: 1 c1"),
            (62, Recorded(1), "commit 1: 1 c1"),
            (63, Committed(1), "failed - b; inject 2 stop"),
            (64, Drain, ""),
            (65, EndStopped(0, 3), ""),
            (66, Ack(0, 2), ""),
            (67, Ack(1, 2), "write 2: 2 c2"),
            (68, Recorded(2), "commit 2: 2 c2"),
            (69, EndStopped(1, 3), ""),
            (70, Committed(2), "finish stopped"),
            (71, Drain, ""),
        ],
    );
}

#[test]
fn a_stop_that_fails_fails_the_job() {
    check(
        coordinator(100, 0, 9),
        &[
            (50, Stop("a"), "inject 1 stop"),
            (51, Ack(0, 1), ""),
            (550, Tick, "failed 1 a; give up: checkpoint 1 failed: not complete after 500 ms"),
            (551, Ack(1, 1), ""),
        ],
    );
}

#[test]
fn a_stop_meets_an_end() {
    check(
        coordinator(0, 0, 0),
        &[
            (50, Stop("a"), "inject 1 stop"),
            (51, End(0, 1), ""),
            (52, End(1, 1), "write 1 as a: 1e c1e"),
            (53, Recorded(1), "commit 1: 1e c1e"),
            (54, Committed(1), "finish stopped"),
        ],
    );
}

#[test]
fn what_no_manifest_holds_can_be_thrown_away() {
    let mut it = coordinator(100, 0, 9);
    it.tick(100);
    it.acknowledged(share(1, 1, ""), 101);
    it.failed(1, "no", 102);
    it.tick(200);
    it.acknowledged(share(1, 2, ""), 201);
    it.ended(Ended { last: share(1, 3, "e"), stopped: false }, 202);
    let all = it.uncommitted();
    assert_eq!(all["write"], ["c1", "c2", "c3e"]);

    let mut it = coordinator(100, 0, 9);
    it.tick(100);
    it.acknowledged(share(1, 1, ""), 101);
    assert_eq!(it.acknowledged(share(0, 1, ""), 102).len(), 1);
    assert!(it.uncommitted().is_empty(), "the manifest may be recorded");
}

#[test]
fn states_keep_the_subtask_they_come_from() {
    let state = |n| OperatorState { format: n, fingerprint: String::new(), bytes: vec![] };
    let part = |index, n| {
        let subtask = SubtaskId { operator_id: "op".to_owned(), index };
        let states = vec![("op".to_owned(), state(n))];
        let (splits, committables) = (Vec::new(), Vec::new());
        Acknowledgement { checkpoint: 1, subtask, states, splits, committables }
    };
    let subtasks = [part(0, 7).subtask, part(1, 8).subtask];
    let mut it = Coordinator::new(settings(1, 0, 0), subtasks, 1, 0);
    it.tick(1);
    it.acknowledged(part(1, 8), 2);
    let actions = it.acknowledged(part(0, 7), 3);
    let [Action::Write(collected)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(collected.operators["op"].states, [(0, state(7)), (1, state(8))]);
    assert_eq!((collected.started_ms, collected.collected_ms), (1, 3));
    assert_eq!(collected.operators["op"].acknowledged_ms, 3);
}
