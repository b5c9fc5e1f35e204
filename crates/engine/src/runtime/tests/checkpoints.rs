//! Barriers, what they hold, and going on from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::harness::*;
use crate::batch::Barrier;
use crate::graph::{Exchange, NodeKind};
use crate::runtime::coordinator::{Action, Collected, Coordinator, CoordinatorSettings};
use crate::runtime::{Acknowledgement, Ended, ExecutionEvent, RestoredGraph, RestoredOperator};
use crate::sink::Committer;

const BATCHES: i64 = 30;

/// Batch `number` of split `split`: every key of 0..20 once, value 1.
fn batch(split: i64, number: i64) -> arrow::array::RecordBatch {
    let records: Vec<_> = (0..20).map(|key| (key, 1, number * 10 + split)).collect();
    rows(&records)
}

/// Splits which each hold at another place until the switch is on.
fn held(splits: i64, on: &Arc<AtomicBool>) -> Steps {
    let mut steps =
        Steps::of((0..splits).map(|s| (0..BATCHES).map(|b| batch(s, b)).collect()).collect());
    for (number, split) in steps.splits.iter_mut().enumerate() {
        split.insert(number * 3 % 20, Step::Hold(Arc::clone(on)));
    }
    steps
}

/// Batches before each position, over all splits.
fn prefix(steps: &Steps, positions: &BTreeMap<String, String>) -> i64 {
    let of = |(id, position): (&String, &String)| {
        let split: usize = id.strip_prefix("split-").unwrap().parse().unwrap();
        let before = &steps.splits[split][..position.parse().unwrap()];
        before.iter().filter(|step| matches!(step, Step::Rows(_))).count()
    };
    i64::try_from(positions.iter().map(of).sum::<usize>()).unwrap()
}

fn settings() -> CoordinatorSettings {
    CoordinatorSettings {
        enabled: false,
        interval_ms: 0,
        min_pause_ms: 0,
        timeout_ms: 1_000_000,
        tolerated_failures: 0,
    }
}

/// A job's loop: performs what the coordinator says, recording everything at once.
struct Job {
    running: Running,
    coordinator: Coordinator,
    sink: Collect,
    /// Sinks commit (else the job "dies" between recording and committing).
    commits: bool,
}

impl Job {
    fn new(running: Running, sink: &Collect, next_checkpoint: u64) -> Self {
        let coordinator = Coordinator::new(settings(), running.subtasks(), next_checkpoint, 0);
        Self { running, coordinator, sink: sink.clone(), commits: true }
    }

    fn snapshot(&mut self, stop: bool) {
        let actions = self.coordinator.snapshot("s", stop, 0);
        assert!(self.perform(actions).is_none());
    }

    /// Until a checkpoint is recorded, or everything has ended (`None`).
    fn follow(&mut self) -> Option<Collected> {
        loop {
            let actions = match self.running.next() {
                ExecutionEvent::Acknowledged(it) => self.coordinator.acknowledged(it, 0),
                ExecutionEvent::Ended(it) => self.coordinator.ended(it, 0),
                ExecutionEvent::AllEnded => continue,
                ExecutionEvent::Failed(error) => panic!("{error}"),
            };
            let finish = actions.iter().any(|action| matches!(action, Action::Finish { .. }));
            if let Some(collected) = self.perform(actions) {
                return Some(collected);
            }
            if finish {
                return None;
            }
        }
    }

    fn perform(&mut self, actions: Vec<Action>) -> Option<Collected> {
        let mut written = None;
        for action in actions {
            match action {
                Action::Inject(barrier) => self.running.execution.inject(barrier),
                Action::Write(collected) => {
                    let actions = self.coordinator.recorded(collected.checkpoint);
                    written = Some(*collected);
                    if self.commits {
                        assert!(self.perform(actions).is_none());
                    }
                }
                Action::Commit { checkpoint, committables, positions } => {
                    for committables in committables.values() {
                        self.sink.clone().commit(checkpoint, committables).unwrap();
                    }
                    self.running.execution.committed(checkpoint, positions);
                    let actions = self.coordinator.committed(checkpoint, 0);
                    assert!(self.perform(actions).is_none());
                }
                Action::Finish { .. } => {}
                Action::Failed { message, .. } | Action::GiveUp { message } => panic!("{message}"),
            }
        }
        written
    }
}

fn restored(collected: &Collected) -> RestoredGraph {
    let operators = collected.operators.iter().map(|(id, operator)| {
        let state = operator.states.iter().map(|(_, state)| state.clone()).collect();
        let splits = operator.is_source.then(|| operator.splits.clone());
        (id.clone(), RestoredOperator { state, splits })
    });
    RestoredGraph { operators: operators.collect() }
}

fn counts(collected: &Collected) -> BTreeMap<i64, i64> {
    let mut all = BTreeMap::new();
    for (_, state) in &collected.operators["operator-1"].states {
        for (key, (_, sum, count)) in CounterState::read(state).sums {
            assert_eq!(sum, count);
            assert!(all.insert(key, sum).is_none(), "key {key} is in two subtasks");
        }
    }
    all
}

#[test]
fn state_at_a_barrier_is_exactly_the_prefix() {
    for (splits, parallelism) in [(1, 1), (3, 1), (3, 2), (7, 3), (8, 4)] {
        let on = Arc::new(AtomicBool::new(false));
        let steps = held(splits, &on);
        let sink = Collect::default();
        let mut job =
            Job::new(Running::start(counting(&steps, &sink), options(parallelism)), &sink, 1);
        job.snapshot(false);
        // Everything flows again while the barriers are on their way.
        on.store(true, Ordering::SeqCst);
        let collected = job.follow().unwrap();
        let read = prefix(&steps, &collected.operators["source-0"].splits);
        let want = (0..20).map(|key| (key, read)).filter(|_| read > 0).collect();
        assert_eq!(counts(&collected), want, "parallelism {parallelism}");
        assert_eq!(collected.operators["source-0"].splits.len(), steps.splits.len());
        let last = job.follow().unwrap();
        assert_eq!(last.checkpoint, 2);
        assert_eq!(sink.visible(), (0..20).map(|k| (k, splits * BATCHES)).collect::<Vec<_>>());
        job.running.execution.join().unwrap();
    }
}

#[test]
fn a_checkpoint_is_restored_at_any_parallelism() {
    for (before, after) in [(1, 4), (4, 1), (2, 3), (3, 2)] {
        let on = Arc::new(AtomicBool::new(false));
        let steps = held(5, &on);
        let sink = Collect::default();
        let mut job = Job::new(Running::start(counting(&steps, &sink), options(before)), &sink, 1);
        job.snapshot(false);
        on.store(true, Ordering::SeqCst);
        let collected = job.follow().unwrap();
        // The first run dies anywhere after its checkpoint.
        job.running.execution.cancel();
        job.running.execution.join().unwrap();
        let seen_before = sink.visible();

        let mut options = from(restored(&collected), options(after));
        options.first_checkpoint = collected.checkpoint + 1;
        let again = Running::start(counting(&steps, &sink), options);
        let mut job = Job::new(again, &sink, collected.checkpoint + 1);
        assert!(job.follow().is_some());
        job.running.execution.join().unwrap();
        assert_eq!(seen_before, [], "nothing is emitted before the end");
        let want: Vec<_> = (0..20).map(|key| (key, 5 * BATCHES)).collect();
        assert_eq!(sink.visible(), want, "from {before} to {after}");
    }
}

/// Records pass straight into the sink, so that every committed one can be counted.
#[test]
fn output_is_committed_exactly_once_over_a_crash() {
    for commits in [true, false] {
        let on = Arc::new(AtomicBool::new(false));
        let steps = held(4, &on);
        let sink = Collect::default();
        let graph = || {
            let kinds = vec![source(&steps, None), NodeKind::Sink(Arc::new(sink.clone()))];
            line(kinds, vec![Exchange::Hash(vec![0])])
        };
        let mut job = Job::new(Running::start(graph(), options(2)), &sink, 1);
        job.commits = commits;
        job.snapshot(false);
        on.store(true, Ordering::SeqCst);
        let collected = job.follow().unwrap();
        job.running.execution.cancel();
        job.running.execution.join().unwrap();

        // Recovery finishes what the checkpoint holds, whether it was committed or not.
        let prepared = &collected.operators["sink-1"].committables;
        sink.clone().commit(collected.checkpoint, prepared).unwrap();
        let mut options = from(restored(&collected), options(3));
        options.first_checkpoint = 2;
        let mut job = Job::new(Running::start(graph(), options), &sink, 2);
        assert!(job.follow().is_some());
        job.running.execution.join().unwrap();
        let want: Vec<_> =
            (0..20).flat_map(|k| vec![(k, 1); usize::try_from(4 * BATCHES).unwrap()]).collect();
        assert!(sink.visible() == want, "committed before the crash: {commits}");
    }
}

#[test]
fn a_stop_barrier_ends_everything_without_firing() {
    for parallelism in [1, 3] {
        let on = Arc::new(AtomicBool::new(false));
        let steps = held(4, &on);
        let sink = Collect::default();
        let mut job =
            Job::new(Running::start(counting(&steps, &sink), options(parallelism)), &sink, 5);
        eventually("some records", || job.running.execution.metrics()["operator-1"].records_in > 0);
        job.snapshot(true);
        let collected = job.follow().unwrap();
        assert!(collected.stop);
        assert_eq!((collected.checkpoint, collected.snapshot.as_deref()), (5, Some("s")));
        let read = prefix(&steps, &collected.operators["source-0"].splits);
        assert!(read < 4 * BATCHES);
        assert_eq!(counts(&collected).values().sum::<i64>(), 20 * read);
        assert!(job.follow().is_none());
        job.running.execution.join().unwrap();
        assert!(!sink.seen().contains(&Seen::Watermark(i64::MAX)));
        assert_eq!(sink.visible(), []);

        on.store(true, Ordering::SeqCst);
        let mut options = from(restored(&collected), options(2));
        options.first_checkpoint = 6;
        let mut job = Job::new(Running::start(counting(&steps, &sink), options), &sink, 6);
        assert!(job.follow().is_some());
        job.running.execution.join().unwrap();
        assert_eq!(sink.visible(), (0..20).map(|k| (k, 4 * BATCHES)).collect::<Vec<_>>());
    }
}

/// One subtask's splits are at their end while those of the other go on.
#[test]
fn checkpoints_complete_after_some_subtasks_have_ended() {
    let on = Arc::new(AtomicBool::new(false));
    let mut steps = Steps::of(vec![vec![batch(0, 0)], vec![batch(1, 0), batch(1, 1)]]);
    steps.splits[1].insert(1, Step::Hold(Arc::clone(&on)));
    let sink = Collect::default();
    let mut job = Job::new(Running::start(counting(&steps, &sink), options(2)), &sink, 1);
    let ended = loop {
        if let ExecutionEvent::Ended(ended) = job.running.next() {
            break ended;
        }
    };
    assert_eq!((ended.last.subtask.to_string().as_str(), ended.stopped), ("source-0/0", false));
    assert!(job.coordinator.ended(ended, 0).is_empty());
    job.snapshot(false);
    let collected = job.follow().unwrap();
    assert_eq!(collected.operators["source-0"].splits["split-0"], "1");
    // The other has read up to where it holds, or not yet so far.
    let read = prefix(&steps, &collected.operators["source-0"].splits);
    assert!(read == 1 || read == 2);
    assert_eq!(counts(&collected), (0..20).map(|key| (key, read)).collect());
    on.store(true, Ordering::SeqCst);
    assert_eq!(job.follow().unwrap().checkpoint, 2);
    job.running.execution.join().unwrap();
    assert_eq!(sink.visible(), (0..20).map(|key| (key, 3)).collect::<Vec<_>>());
}

#[test]
fn readers_and_writers_hear_of_commits_before_and_after_the_end() {
    let on = Arc::new(AtomicBool::new(false));
    let steps = held(2, &on);
    let sink = Collect::default();
    let kinds = vec![source(&steps, None), NodeKind::Sink(Arc::new(sink.clone()))];
    let graph = line(kinds, vec![Exchange::Hash(vec![0])]);
    let mut job = Job::new(Running::start(graph, options(2)), &sink, 7);
    job.snapshot(false);
    let first = job.follow().unwrap();
    eventually("the commit of 7", || {
        let heard = sink.seen().iter().filter(|seen| **seen == Seen::Committed(7)).count();
        heard == 2 && *steps.committed.lock().unwrap() == first.operators["source-0"].splits
    });
    on.store(true, Ordering::SeqCst);
    let last = job.follow().unwrap();
    job.running.execution.join().unwrap();
    assert_eq!(*steps.committed.lock().unwrap(), last.operators["source-0"].splits);
    assert_eq!(sink.seen().iter().filter(|seen| **seen == Seen::Committed(8)).count(), 2);
}

/// Every subtask acknowledges every barrier once, in order.
#[test]
fn each_barrier_is_acknowledged_by_each_subtask() {
    let on = Arc::new(AtomicBool::new(false));
    let steps = held(4, &on);
    let running = Running::start(counting(&steps, &Collect::default()), options(2));
    for id in 1..=5 {
        running.execution.inject(Barrier { id, stop: id == 5 });
    }
    let mut seen = BTreeMap::<_, Vec<u64>>::new();
    loop {
        match running.next() {
            ExecutionEvent::Acknowledged(Acknowledgement { checkpoint, subtask, .. }) => {
                seen.entry(subtask).or_default().push(checkpoint);
            }
            ExecutionEvent::Ended(Ended { last, stopped }) => {
                assert!(stopped && last.committables.is_empty());
                assert_eq!(last.checkpoint, 6);
            }
            ExecutionEvent::AllEnded => break,
            ExecutionEvent::Failed(error) => panic!("{error}"),
        }
    }
    assert_eq!(seen.len(), running.execution.subtasks().len());
    assert!(seen.values().all(|checkpoints| checkpoints == &[1, 2, 3, 4, 5]));
    running.execution.join().unwrap();
}
