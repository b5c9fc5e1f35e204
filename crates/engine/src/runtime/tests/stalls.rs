//! What stands still is noticed, in virtual time.

use super::harness::*;
use crate::graph::{Exchange, NodeKind};
use crate::runtime::ExecutionEvent;
use crate::runtime::coordinator::{Action, Coordinator, CoordinatorSettings};

#[test]
fn a_sink_that_blocks_for_ever_fails_checkpoints_and_then_the_job() {
    let steps = Steps { unbounded: true, ..Steps::of(vec![vec![rows(&[(1, 1, 1)])]]) };
    let (release, slow) = crossbeam_channel::bounded(0);
    let sink = Collect { slow: Some(slow), ..Collect::default() };
    let kinds = vec![source(&steps, None), NodeKind::Sink(std::sync::Arc::new(sink))];
    let running = Running::start(line(kinds, vec![Exchange::Hash(vec![0])]), options(1));
    eventually("the sink blocks", || running.execution.metrics()["sink-1"].records_in == 1);

    let settings = CoordinatorSettings {
        enabled: true,
        interval_ms: 100,
        min_pause_ms: 0,
        timeout_ms: 500,
        tolerated_failures: 2,
    };
    let mut coordinator = Coordinator::new(settings, running.subtasks(), 1, 0);
    let (mut told, mut given_up) = (Vec::new(), None);
    while given_up.is_none() {
        let now_ms = coordinator.next_tick().expect("something is due");
        // The source passes barriers on while there is room; the sink does not come to any.
        for event in running.events.try_iter() {
            let ExecutionEvent::Acknowledged(it) = event else { panic!("{event:?}") };
            assert_eq!(it.subtask.operator_id, "source-0");
            assert!(coordinator.acknowledged(it, now_ms).is_empty());
        }
        for action in coordinator.tick(now_ms) {
            match action {
                Action::Inject(barrier) => running.execution.inject(barrier),
                Action::Failed { checkpoint, message, .. } => {
                    told.push((now_ms, checkpoint.unwrap(), message));
                }
                Action::GiveUp { message } => given_up = Some((now_ms, message)),
                other => panic!("{other:?}"),
            }
        }
    }
    let times: Vec<(i64, u64)> = told.iter().map(|(at, number, _)| (*at, *number)).collect();
    assert_eq!(times, [(600, 1), (1100, 2), (1600, 3)]);
    assert!(told[0].2.contains("500 ms"), "{}", told[0].2);
    let (at, message) = given_up.unwrap();
    assert_eq!(at, 1600);
    assert!(message.contains("checkpoint 3 failed"), "{message}");
    // What cannot be told to end does not keep its owner from ending.
    running.execution.cancel();
    drop(release);
    running.execution.join().unwrap();
}
